"""Every text is stored, comes back as it was, and is stored like no other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, Text, column, select, text

from storage.columns import Json
from storage.compiled import Compiled
from storage.postgres_types import DIALECT, MARK, NUL, escaped, unescaped

TEXTS = st.text(alphabet=st.sampled_from(["a", "0", "1", NUL, MARK, "é", "\\", "'", "%"]))


@given(TEXTS | st.text())
def test_what_is_escaped_has_no_nul_and_comes_back(given_text: str) -> None:
    stored = escaped(given_text)

    assert NUL not in stored
    assert unescaped(stored) == given_text


@given(TEXTS, TEXTS)
def test_no_two_texts_are_stored_alike(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


def test_an_ordinary_text_is_stored_as_it_is() -> None:
    assert escaped("CP-0 \t\n é 😀") == "CP-0 \t\n é 😀"
    assert escaped(7) == 7
    assert escaped(None) is None


def bound(kind: Any, value: object) -> object:
    table = select(column("it", kind)).where(column("it", kind) == value)
    [taken] = Compiled(table, DIALECT).bind({})
    return taken


def read(kind: Any, value: object) -> object:
    [row] = Compiled(select(column("it", kind)), DIALECT).rows([(value,)])
    return row["it"]


def test_the_types_of_our_columns_escape() -> None:
    assert bound(Text, "a\0") == f"a{MARK}0"
    assert read(Text, f"a{MARK}0") == "a\0"
    assert bound(Json, {"a": "\0"}) == '{"a":"\\u0000"}'
    assert read(Json, '{"a":"\\u0000"}') == {"a": "\0"}


def test_bytes_are_bytes() -> None:
    assert read(LargeBinary, memoryview(b"\0\xff")) == b"\0\xff"
    [row] = Compiled(text("SELECT 1").columns(column("it")), DIALECT).rows([(memoryview(b"x"),)])
    assert row == {"it": b"x"}
    assert type(row["it"]) is bytes
