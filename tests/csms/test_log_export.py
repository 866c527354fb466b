"""What an export writes, where, and what is left of it when it fails."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from csms.lines import render
from csms.log_export import NotWritten, Span, export, into, span_of
from storage.clock import SystemClock
from storage.repositories.log import END, Log, Wanted
from storage.store import Storage, open_storage
from tests.csms.test_log_tail import say

pytestmark = pytest.mark.sqlite_only("how the log is read is tried on both beside the repository")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path / "data", SystemClock()) as storage:
        yield storage


async def test_each_frame_is_a_line_as_connectors_write_it(storage: Storage) -> None:
    await say(storage, *(str(number) for number in range(9)))
    log, to, told = Log(storage.database, span=4), BytesIO(), list[float]()
    span = await span_of(log, Wanted())

    written = await export(log, Wanted(), span, to, lambda done, _told: told.append(done))

    entries = [entry async for page in log.forwards(Wanted(), 0, END) for entry in page.entries]
    assert to.getvalue().splitlines() == [render(entry.message) for entry in entries]
    assert written == 9
    assert sum(told) == span.through - span.after


async def test_only_lines_with_the_pattern_are_written(storage: Storage) -> None:
    await say(storage, "one", "two")
    to = BytesIO()

    await export(
        Log(storage.database), Wanted(), Span(0, END), to, lambda *_: None, re.compile("tw.")
    )

    assert [json.loads(line)["message_id"] for line in to.getvalue().splitlines()] == ["two"]


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with into(path) as to:
        to.write(b"line\n")
        assert not path.exists()

    assert path.read_bytes() == b"line\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_exported_is_its_owners_alone(tmp_path: Path) -> None:
    with into(tmp_path / "log.jsonl") as file:
        file.write(b"{}\n")

    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_was_there_stays_where_an_export_fails(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("before")

    with contextlib.suppress(ZeroDivisionError), into(path) as to:
        to.write(b"half")
        raise ZeroDivisionError

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_gz_is_compressed_and_always_the_same_for_the_same(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"]
    for path in paths:
        with into(path) as to:
            to.write(b"line\n" * 100)

    assert gzip.decompress(paths[0].read_bytes()) == b"line\n" * 100
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_place_that_takes_no_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    nowhere = into(tmp_path / "nowhere" / "log.jsonl")

    with pytest.raises(NotWritten, match="cannot be written: No such file or directory"):
        nowhere.__enter__()
