"""A statement that forgot its condition shows and changes an organization's own rows only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import URL, Table, delete, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from bench.cluster import OWNER
from storage.database import Database
from storage.errors import StorageError
from storage.journal import Journal
from storage.records import ChargerKey
from storage.schema import charger_messages, messages
from storage.statements.messages import last_position
from storage.statements.spoken import file_messages
from storage.tables import metadata
from storage.target_schema import proxy_configurations
from storage.tenancy import EVERYBODY, acting_for, on_behalf_of
from tests.storage.postgres import Admin

OURS, THEIRS = "organization-a", "organization-b"
TABLES = metadata.sorted_tables
postgresql = pytest.mark.postgresql_only("SQLite has one wall between organizations, not two")


# ---- on whose behalf ----


def test_what_is_said_of_nobody_is_everybody_s() -> None:
    assert acting_for() == EVERYBODY


async def test_tasks_act_for_whom_they_were_begun_for() -> None:
    with on_behalf_of(OURS):
        task = asyncio.create_task(asyncio.to_thread(acting_for))
    beside = asyncio.create_task(asyncio.to_thread(acting_for))

    assert [await task, await beside] == [OURS, EVERYBODY]


def test_an_organization_s_work_may_hold_a_part_that_is_everybody_s() -> None:
    with on_behalf_of(OURS):
        with on_behalf_of(EVERYBODY):
            assert acting_for() == EVERYBODY
        assert acting_for() == OURS


# ---- the second wall ----


@pytest.fixture
def admin(url: URL) -> Iterator[Admin]:
    with Admin.of(url) as admin:
        yield admin


def a_row(table: Table, organization: str, number: int) -> dict[str, Any]:
    """Return a row of an organization, of whatever; what belongs together has one number."""
    by_name = {
        "organization_uuid": organization,
        "charge_box_id": "CP-1",
        "command_id": f"command {number}",
        "proxy_configuration_id": number,
        "id": number,
        "seq": number,
    }
    made = {bool: True, bytes: b"%d" % number, int: number, float: 1.0, str: f"{number}"}
    return {
        column.key: by_name.get(column.key, made[_kind(column)])
        for column in table.columns
        if not column.nullable
    }


def _kind(column: ColumnElement[Any]) -> type:
    implementation = getattr(column.type, "impl", column.type)
    return implementation.python_type


def fill(admin: Admin) -> None:
    """Give each organization a row in every table, each belonging to those before it."""
    admin.does(
        "CREATE TABLE IF NOT EXISTS messages_0 PARTITION OF messages FOR VALUES FROM (0) TO (99)",
        "CREATE TABLE IF NOT EXISTS charger_messages_0 PARTITION OF charger_messages"
        " FOR VALUES FROM (0) TO (99)",
        "CREATE TABLE IF NOT EXISTS meter_readings_0 PARTITION OF meter_readings"
        " FOR VALUES FROM (0) TO (99)",
    )
    for number, organization in enumerate((OURS, THEIRS), 1):
        for table in TABLES:
            admin.insert(table.name, a_row(table, organization, number))


@postgresql
def test_every_table_has_a_policy_that_binds_its_owner_too(admin: Admin) -> None:
    bound = admin.asked(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
        " AND oid IN (SELECT polrelid FROM pg_policy)"
    )

    assert {table.name for table in TABLES} - {name for (name,) in bound} == set()


@postgresql
async def test_rows_are_seen_by_their_own_organization_alone(
    database: Database, admin: Admin
) -> None:
    fill(admin)

    for table in TABLES:
        seen = {}
        for organization in (EVERYBODY, OURS, THEIRS, "organization-c", ""):
            with on_behalf_of(organization):
                counted = select(func.count().label("rows")).select_from(table)
                [row] = await database.fetch(counted)
            seen[organization] = row["rows"]
        assert seen == {EVERYBODY: 2, OURS: 1, THEIRS: 1, "organization-c": 0, "": 0}, table


@postgresql
async def test_rows_of_others_are_neither_changed_nor_deleted(
    database: Database, admin: Admin
) -> None:
    fill(admin)

    for table in reversed(TABLES):
        first, *_, last = table.columns
        with on_behalf_of("organization-c"):
            changed = await database.execute(update(table).values({last: last}).returning(first))
            deleted = await database.execute(delete(table).returning(first))
        assert (changed, deleted) == ([], []), table


@postgresql
def test_a_row_of_others_is_not_added(url: URL, admin: Admin) -> None:
    fill(admin)

    with Admin.of(url, OWNER) as owner:
        owner.does(f"SELECT set_config('ringmain.organization', '{OURS}', false)")
        for table in TABLES:
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                owner.insert(table.name, a_row(table, THEIRS, 2))


@postgresql
async def test_a_row_is_not_given_to_others(database: Database, admin: Admin) -> None:
    fill(admin)

    with on_behalf_of(OURS), pytest.raises(StorageError, match="row-level security"):
        await database.execute(update(messages).values(organization_uuid=THEIRS))


@postgresql
def test_where_nothing_is_said_nothing_is_seen(url: URL, admin: Admin) -> None:
    fill(admin)

    with Admin.of(url, OWNER) as owner:
        for _ in range(2):
            for table in TABLES:
                assert owner.asked(f"SELECT count(*) FROM {table.name}") == [(0,)], table
            # The setting of a transaction that is over is not NULL, but empty.
            owner.does("BEGIN", "SELECT set_config('ringmain.organization', '*', true)", "COMMIT")


# ---- what an organization sees is enough for what it does ----


@postgresql
async def test_deleting_takes_along_what_belongs_to_it(database: Database, admin: Admin) -> None:
    fill(admin)

    with on_behalf_of(OURS):
        await database.execute(delete(proxy_configurations))

    assert admin.asked("SELECT proxy_configuration_id FROM cursors") == [(2,)]


@postgresql
async def test_how_far_the_log_goes_is_seen_whoever_asks(
    database: Database, journal: Journal
) -> None:
    def say(organization: str) -> int:
        key = ChargerKey(organization, "CP-1")
        frame = (key, "charger_to_platform", "1.6", "Call", "id", "Heartbeat", b"[2]")
        return journal.append(*frame).position  # type: ignore[arg-type] # as they are declared

    ours = [say(OURS), say(THEIRS), say(OURS), say(THEIRS)][::2]
    await journal.flush()
    await database.execute(file_messages)
    ours.append(say(OURS))
    newest = say(THEIRS)
    await journal.flush()

    with on_behalf_of(OURS):
        [last] = await database.fetch(last_position)
        calls = await journal.read_calls(ChargerKey(OURS, "CP-1"), 0, 10)

    assert [call.seq for call in calls] == ours
    assert last["filed"] == newest - 2
    assert last["position"] == newest - 1  # its own: nothing it can be told of comes later


@postgresql
async def test_an_organization_does_not_file(database: Database, admin: Admin) -> None:
    fill(admin)
    entry = {"organization_uuid": "", "charge_box_id": "", "seq": 1}

    with on_behalf_of(OURS), pytest.raises(StorageError, match="row-level security"):
        await database.execute(insert(charger_messages).values(entry))
