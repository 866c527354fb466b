"""A history is what our own code would have written, and is the same wherever it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import URL

from bench import history
from bench.cluster import ADMIN, OWNER
from bench.history import BUSY, CHARGERS, CYCLE, History, message_id
from bench.loading import fill_postgres, fill_sqlite
from bench.questions import QUESTIONS, Past, waited
from storage import engines
from storage.clock import EPOCH, SystemClock
from storage.compiled import Compiled
from storage.database import Row
from storage.partitions import SPAN, week_of
from storage.postgres_types import DIALECT
from storage.room import Divided, Whole
from storage.statements import messages as statements
from storage.store import Storage, open_storage
from storage.tenancy import SETTING

END = datetime(2026, 11, 22, tzinfo=UTC)
ROWS = 8_000


def filled(url: URL, past: History) -> None:
    if url.get_backend_name() == "sqlite":
        fill_sqlite(Path(url.database or ""), past)
    else:
        named = url.set(drivername="postgresql", username=ADMIN)
        fill_postgres(named.render_as_string(), past)


def test_answers_name_their_calls_and_copies_what_they_pass_on() -> None:
    [chunk] = History(ROWS, END).chunks(2 * ROWS)
    said = {row[0]: row for row in chunk.messages}

    assert list(said) == list(range(1, len(said) + 1))
    assert ROWS <= len(said) < ROWS + 4
    for (
        seq,
        _,
        organization,
        charger,
        direction,
        _,
        type,
        id,
        _,
        _,
        target,
        call,
        origin,
        _,
    ) in chunk.messages:
        if type == "CallResult":
            assert said[call][7] == id
            assert call < seq
        if direction == "platform_to_target":
            assert said[origin][2:4] == (organization, charger)
            assert target is not None


def test_a_long_history_ends_when_a_short_one_does_and_begins_earlier() -> None:
    short, long = History(ROWS, END), History(10 * ROWS, END)

    assert END - long.begin == 10 * (END - short.begin)
    for past in (short, long):
        *_, last = (row[1] for chunk in past.chunks(1_000) for row in chunk.messages)
        assert END - EPOCH - timedelta(microseconds=last) < timedelta(seconds=5)


def test_frames_come_in_the_order_of_time() -> None:
    moments = [row[1] for chunk in History(ROWS, END).chunks(999) for row in chunk.messages]

    assert moments == sorted(moments)


def test_one_charger_says_as_much_as_twenty_others() -> None:
    [chunk] = History(50_000, END).chunks(100_000)
    calls = [row[3] for row in chunk.messages if row[4] == "charger_to_platform"]

    assert calls.count(BUSY.charge_box_id) / len(calls) == pytest.approx(0.02)
    assert set(calls) == {key.charge_box_id for key in CHARGERS}


def test_a_cycle_is_one_transaction_with_its_readings() -> None:
    [chunk] = History(50_000, END).chunks(100_000)
    ended = [row for row in chunk.transactions if row[11] == "ended" and row[1] == BUSY[1]]
    first = ended[0][2]

    assert len(ended) == 50_000 * 2 // 5 // 50 // CYCLE
    assert len([row for row in chunk.readings if row[2] == first]) == history.METERINGS


def test_a_divided_log_jumps_where_a_week_begins() -> None:
    past = History(2_000, datetime(2026, 11, 23, tzinfo=UTC) + 400 * history.STEP, Divided())
    [chunk] = past.chunks(4_000)

    weeks = {row[0] // SPAN: week_of(row[1]) for row in chunk.messages}
    assert list(weeks) == [0, 1]
    assert weeks[1] - weeks[0] == 7 * 86_400 * 10**6
    assert len(chunk.making) == 4  # the log's and the readings' partitions


def test_ids_are_as_different_as_random_ones() -> None:
    ids = {message_id(number) for number in range(1_000)}

    assert len(ids) == 1_000
    assert {len(id) for id in ids} == {36}
    assert len({id[:2] for id in ids}) > 200


async def test_every_question_finds_something(tmp_path: Path) -> None:
    url = engines.default_url(tmp_path)
    async with open_storage(tmp_path, SystemClock()):
        """Have the tables made."""
    division = Divided() if url.get_backend_name() == "postgresql" else Whole()
    past = History(10_000, END, division)
    filled(url, past)

    async with open_storage(tmp_path, SystemClock()) as storage:
        asked = await Past.of(storage, past.begin, END)
        for make in QUESTIONS.values():
            assert len(await waited(make(asked), BUSY.organization_uuid, 2)) == 2
        await check_ids(storage, asked)


@pytest.mark.postgresql_only("SQLite's plans do not depend on what is there")
async def test_no_page_of_a_divided_log_is_looked_for_in_all_of_it(tmp_path: Path) -> None:
    url = engines.default_url(tmp_path)
    past = History(80_000, datetime(2026, 11, 23, tzinfo=UTC) + 16_000 * history.STEP, Divided())
    filled(url, past)
    bounds = {"after": 0, "through": 2 * SPAN, "limit": 50}
    page = {**BUSY._asdict(), **bounds, "message_id": message_id(1)}
    behind = {**page, "after": SPAN + 39_000}  # by a thousand frames
    call = statements.CALL.format(0)
    asked: Mapping[str, tuple[Any, Row]] = {
        "filed": (statements.filed_page(frozenset()), page),
        "filed by id": (statements.filed_page(frozenset({"message_id"})), page),
        "not filed": (statements.unfiled_page(frozenset()), behind),
        "answers": (statements.answers_to(1), {call: 1, "after": 1}),
        "calls": (statements.calls_after, behind),
    }

    owner = url.set(drivername="postgresql", username=OWNER).render_as_string()
    with closing(psycopg2.connect(owner)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", (SETTING, BUSY.organization_uuid))
        for name, (statement, values) in asked.items():
            compiled = Compiled(statement, DIALECT)
            cursor.execute(f"EXPLAIN {compiled.sql}", tuple(compiled.bind(values)))
            plan = "\n".join(step for (step,) in cursor.fetchall())
            assert "Seq Scan on messages" not in plan, (name, plan)
            assert "Seq Scan on charger_messages" not in plan, (name, plan)


async def check_ids(storage: Storage, asked: Past) -> None:
    """Each id that is looked for is one message of its charger."""
    for key, id in asked.ids:
        [found] = await storage.journal.exchanges(key, message_id=id)
        assert found.answer is not None
