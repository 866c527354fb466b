"""Lists are cut into pages; a cursor is ours or it is refused."""

from __future__ import annotations

import base64

import pytest

from api.errors import Invalid
from api.pages import page, read_cursor, write_cursor


def test_a_page_says_where_the_next_begins() -> None:
    first = page([1, 2, 3], 2, lambda number: number)

    assert first.items == [1, 2]
    assert read_cursor(first.next_cursor, int) == 2


def test_the_last_page_says_that_it_is_the_last() -> None:
    assert page([1, 2], 2, lambda number: number) == ([1, 2], None)
    assert page([], 2, lambda number: number) == ([], None)


def test_a_place_of_several_parts_comes_back_as_it_went() -> None:
    cursor = write_cursor(("2026-11-21", "CP-1"))

    assert read_cursor(cursor, str, str) == ("2026-11-21", "CP-1")
    assert read_cursor(None, str, str) is None
    for foreign in (["a", 1], ["a"], ["a", "b", "c"], ["a", "\x00"]):
        with pytest.raises(Invalid):
            read_cursor(write_cursor(foreign), str, str)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        base64.urlsafe_b64encode(b"not json").decode(),
        write_cursor("a"),
        write_cursor([True]),
        write_cursor([1, 2]),
        write_cursor({"a": 1}),
        write_cursor(None),
        write_cursor(1 << 63),
    ],
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor(cursor, int)

    assert set(refused.value.details["fields_"]) == {"cursor"}
