"""A batch is one string: in order, all or nothing, and every value as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Double,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from storage import postgres_batches
from storage.columns import Json, Serial
from storage.database import Row, Write
from storage.errors import Conflict, StorageError
from storage.postgres import PostgresDatabase
from storage.postgres_types import MARK
from storage.statements.parts import given as parameter
from storage.statements.parts import insert_into, values

pytestmark = pytest.mark.postgresql_only("about its batches")

things = Table(
    "things",
    MetaData(),
    Column("place", Serial, primary_key=True),
    Column("words", Text),
    Column("document", Json),
    Column("content", LargeBinary),
    Column("count", BigInteger),
    Column("measure", Double),
    Column("so", Boolean),
)
MADE = text(
    "CREATE TABLE things (place bigserial PRIMARY KEY, words text, document text,"
    " content bytea, count bigint, measure double precision, so boolean)"
)
ADD = insert_into(things, without=("place",))
ADD_AT = insert_into(things)
ADD_NEW = upsert(things).values(values(things.c)).on_conflict_do_nothing()
RECOUNT = (
    update(things)
    .where(things.c.place == parameter(things.c.place, "of_place"))
    .values(count=parameter(things.c.count))
)
ALL = select(things).order_by(things.c.place)
EMPTY: Row = dict.fromkeys(column.key for column in things.c)


def thing(place: int, **given_values: object) -> Row:
    return {**EMPTY, "place": place, **given_values}


class Driven:
    """A database with things in it, asked from outside of a loop: hypothesis knows no loops."""

    def __init__(self, runner: asyncio.Runner, database: PostgresDatabase) -> None:
        self._run = runner.run
        self._database = database

    def write(self, *writes: Write) -> None:
        self._run(self._database.write(writes))

    def execute(self, statement: Any, row: Row) -> None:
        self._run(self._database.execute(statement, row))

    def empty(self) -> None:
        self._run(self._database.execute(delete(things)))

    @property
    def rows(self) -> Sequence[Row]:
        return self._run(self._database.fetch(ALL))

    def all(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


@pytest.fixture
def driven(url: URL) -> Iterator[Driven]:
    with asyncio.Runner() as runner:
        database = runner.run(PostgresDatabase.open(url))
        runner.run(database.execute(MADE))
        yield Driven(runner, database)
        runner.run(database.close())


# ---- values ----

TEXTS = st.text() | st.text(alphabet=st.sampled_from(["\0", MARK, "0", "$", "\\", "'", "%", '"']))
COUNTS = st.integers(-(2**63), 2**63 - 1)
MEASURES = st.floats(allow_nan=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | COUNTS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {
        "words": st.none() | TEXTS,
        "document": st.none() | DOCUMENTS,
        "content": st.none() | st.binary(),
        "count": st.none() | COUNTS,
        "measure": st.none() | MEASURES,
        "so": st.none() | st.booleans(),
    }
)


emptied_by_itself = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def without_place(rows: Sequence[Row]) -> list[Row]:
    return [{name: row[name] for name in row if name != "place"} for row in rows]


@emptied_by_itself
@given(st.lists(ROWS, min_size=1, max_size=5))
def test_what_is_written_comes_back(driven: Driven, rows: list[Row]) -> None:
    driven.empty()

    driven.write(Write(ADD, rows))
    for row in rows:
        driven.execute(ADD, row)

    assert without_place(driven.rows) == [*rows, *rows]


@emptied_by_itself
@given(st.lists(st.tuples(TEXTS, st.binary(), COUNTS, st.sampled_from([0, 1])), max_size=4))
def test_rows_in_the_order_of_the_sql_come_back(
    driven: Driven, rows: list[tuple[str, bytes, int, int]]
) -> None:
    driven.empty()
    ordered = [
        (place, words, "null", content, count, None, so)
        for place, (words, content, count, so) in enumerate(rows)
    ]

    driven.write(Write(ADD_AT, ordered))

    seen = [(row["words"], row["content"], row["count"], row["so"]) for row in driven.rows]
    assert seen == rows


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    "bad",
    [
        {"words": "\udc80"},
        {"document": {"a": "\udc80"}},
        {"document": 2**64},
        {"count": 2**63},
        {"count": 2**70},
        {"words": object()},
    ],
    ids=["text", "document", "number in a document", "number", "large number", "type"],
)
def test_what_nothing_can_keep_is_refused(driven: Driven, bad: Row, count: int) -> None:
    rows = [thing(place, **bad) for place in range(count)]

    with pytest.raises(StorageError) as refused:
        driven.write(Write(ADD_AT, rows))

    assert type(refused.value) is StorageError
    assert driven.rows == []


def test_a_text_that_looks_like_a_quote_is_none(driven: Driven) -> None:
    rows = [thing(place, words="$$ $rows$ $rows1$") for place in range(2)]

    driven.write(Write(ADD_AT, rows))

    assert driven.all("words") == ["$$ $rows$ $rows1$"] * 2


# ---- order, and all or nothing ----


def test_rows_are_stored_in_their_order(driven: Driven) -> None:
    driven.write(Write(ADD, [thing(0, count=number) for number in range(1000)]))

    assert driven.all("count") == list(range(1000))


def test_statements_are_executed_in_their_order(driven: Driven) -> None:
    driven.write(
        Write(ADD_AT, [thing(1, count=1), thing(2, count=1)]),
        Write(RECOUNT, [{"of_place": 1, "count": 2}, {"of_place": 1, "count": 3}]),
        Write(ADD_AT, [thing(3, count=9)]),
        Write(RECOUNT, [{"of_place": 3, "count": 4}]),
    )

    assert driven.all("count") == [3, 1, 4]


def test_what_is_there_already_may_be_passed_over(driven: Driven) -> None:
    driven.write(Write(ADD_AT, [thing(1, count=1)]))

    driven.write(Write(ADD_NEW, [thing(1, count=2), thing(2, count=3), thing(2, count=4)]))

    assert driven.all("count") == [1, 3]


def test_one_row_that_is_refused_takes_all_with_it(driven: Driven) -> None:
    driven.write(Write(ADD_AT, [thing(7)]))

    with pytest.raises(Conflict):
        driven.write(
            Write(ADD_AT, [thing(1), thing(2)]),
            Write(RECOUNT, [{"of_place": 7, "count": 1}]),
            Write(ADD_AT, [thing(3), thing(7)]),
        )

    assert driven.all("count") == [None]
    driven.write(Write(ADD_AT, [thing(8)]))


def test_nothing_to_write_is_written(driven: Driven) -> None:
    driven.write()
    driven.write(Write(ADD_AT, []))

    assert driven.rows == []


# ---- what is too long for one string ----


@pytest.fixture
def short_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_batches, "MAX_BYTES", 2000)
    monkeypatch.setattr(postgres_batches, "MAX_STATEMENTS", 3)


@pytest.mark.usefixtures("short_strings")
def test_a_long_batch_is_still_in_order(driven: Driven) -> None:
    rows = [thing(place, count=0, content=b"x" * 500) for place in range(20)]
    counts = [{"of_place": place, "count": place} for place in range(20)]

    driven.write(Write(ADD_AT, rows), Write(RECOUNT, counts))

    assert driven.all("count") == list(range(20))


@pytest.mark.usefixtures("short_strings")
def test_a_long_batch_is_still_all_or_nothing(driven: Driven) -> None:
    rows = [thing(place, content=b"x" * 500) for place in [*range(20), 0]]

    with pytest.raises(Conflict):
        driven.write(Write(ADD_AT, rows))

    assert driven.rows == []
    driven.write(Write(ADD_AT, rows[:2]))
    assert driven.all("place") == [0, 1]
