from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.buckets import Bucket, Put, Stored

AT = datetime(2026, 11, 22, tzinfo=UTC)


def bucket(*puts: tuple[str, bytes, bool]) -> Bucket:
    tried = [Put(AT, "lake", name, body, whole) for name, body, whole in puts]
    return Bucket("lake", puts=tried)


@pytest.mark.parametrize(
    ("puts", "changed"),
    [
        ([("a", b"12", True), ("a", b"12", True), ("b", b"3", True)], []),
        ([("a", b"12", True), ("a", b"13", True)], ["a"]),
        ([("a", b"1", False), ("a", b"12", True)], []),
        ([("a", b"2", False), ("a", b"12", True)], ["a"]),
        ([("a", b"123", False), ("a", b"12", True)], ["a"]),
        ([("a", b"1", False)], []),
    ],
)
def test_other_bytes_under_a_name_are_found(
    puts: list[tuple[str, bytes, bool]], changed: list[str]
) -> None:
    assert bucket(*puts).changed() == changed


def test_names_are_listed_in_order_behind_one_below_a_prefix() -> None:
    lake = bucket()
    lake.objects = {name: Stored(b"", "", AT) for name in ("b/3", "b/1", "a", "b/2", "c")}

    assert lake.listed() == (["a", "b/1", "b/2", "b/3", "c"], False)
    assert lake.listed("b/", "b/1", 1) == (["b/2"], True)
    assert lake.listed("b/", "b/3", 1) == ([], False)
