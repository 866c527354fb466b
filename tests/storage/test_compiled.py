"""A statement is compiled once; binding and reading a row is all that is left to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Dialect, bindparam, select

from storage import postgres_types, sqlite
from storage.columns import UtcTime
from storage.compiled import AT_ONCE, Compiled
from storage.errors import StorageError
from storage.schema import audit, messages, organizations
from storage.schema import chargers as chargers_table
from storage.sqlite import DIALECT
from storage.statements import chargers
from storage.statements.parts import insert_into
from storage.statements.spoken import file_messages

TIMES = select(messages.c.seq, messages.c.timestamp)


def test_values_are_bound_in_the_order_of_the_sql() -> None:
    named = select(organizations.c.name).where(
        organizations.c.name > bindparam("low"), organizations.c.name < bindparam("high")
    )

    compiled = Compiled(named, DIALECT)

    assert compiled.sql.count("?") == 2
    assert list(compiled.bind({"high": "z", "low": "a"})) == ["a", "z"]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_any_number_of_values_is_bound(count: int) -> None:
    names = [f"name_{n}" for n in range(count)]
    statement = select(organizations.c.name).where(
        *(organizations.c.name != bindparam(name) for name in names)
    )

    bound = Compiled(statement, DIALECT).bind({name: name for name in names})

    assert list(bound) == names


def test_values_are_bound_by_their_type() -> None:
    since = TIMES.where(messages.c.timestamp > bindparam("since", type_=UtcTime))

    bound = Compiled(since, DIALECT).bind({"since": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)})

    assert list(bound) == [1_000_000]


@pytest.mark.parametrize("document", ["\udc80", 2**64, object()], ids=["text", "number", "type"])
@pytest.mark.parametrize("dialect", [sqlite.DIALECT, postgres_types.DIALECT])
def test_a_document_that_cannot_be_written_is_refused(dialect: Dialect, document: object) -> None:
    put = Compiled(insert_into(chargers_table), dialect)
    row = dict.fromkeys(chargers_table.c.keys())

    with pytest.raises(StorageError, match="cannot take a value"):
        put.bind({**row, "allowed_versions": document})


def test_values_of_the_statement_itself_need_not_be_given() -> None:
    named = select(organizations.c.name).where(organizations.c.name == bindparam("name")).limit(7)

    assert set(Compiled(named, DIALECT).bind({"name": "one"})) >= {"one", 7}


def test_a_missing_value_is_named() -> None:
    named = select(organizations.c.name).where(organizations.c.name == bindparam("name"))

    with pytest.raises(KeyError, match="name"):
        Compiled(named, DIALECT).bind({})


def test_rows_are_read_by_name_and_type() -> None:
    rows = Compiled(TIMES, DIALECT).rows([(1, 0), (2, 1_000_000)])

    assert rows == [
        {"seq": 1, "timestamp": datetime(1970, 1, 1, tzinfo=UTC)},
        {"seq": 2, "timestamp": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)},
    ]


def test_values_in_the_order_of_the_sql_are_what_the_driver_takes() -> None:
    added = Compiled(insert_into(organizations), DIALECT)

    assert added.bind(("uuid", None, 1_000_000)) == ("uuid", None, 1_000_000)


@pytest.mark.parametrize("dialect", [sqlite.DIALECT, postgres_types.DIALECT])
def test_an_insert_returns_what_it_is_asked_for(dialect: Dialect) -> None:
    entry = insert_into(audit, without=("id",))

    assert "RETURNING" not in Compiled(entry, dialect).sql
    assert "RETURNING" in Compiled(entry.returning(audit.c.id), dialect).sql


def test_what_only_adds_rows_can_add_many_at_once() -> None:
    added = Compiled(insert_into(organizations), DIALECT)

    assert added.many is not None
    assert added.many.count("?)") == AT_ONCE
    assert Compiled(chargers.note_status, DIALECT).many is None
    assert Compiled(file_messages, DIALECT).many is None
