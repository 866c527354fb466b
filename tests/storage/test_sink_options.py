"""What a configuration leaves out is as we think best."""

from __future__ import annotations

from storage.sink_options import SinkOptions


def test_what_is_not_said_is_filled_in() -> None:
    options = SinkOptions.of({"bucket": "lake", "region": "eu-1", "flush_seconds": 5})

    assert options == SinkOptions(flush_seconds=5)
    assert (options.flush_bytes, options.start, options.hash_id_tags) == (8 << 20, "now", False)


def test_there_is_no_slash_without_a_prefix() -> None:
    assert SinkOptions.of({}).place("a/b") == "a/b"
    assert SinkOptions.of({"prefix": "lake"}).place("a/b") == "lake/a/b"
