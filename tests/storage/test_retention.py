"""Meter values, commands, files and the audit are kept as long as each organization wants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from storage.history_records import LimitRecord, Visit
from storage.operation_records import CommandBatch, Job
from storage.operations_schema import command_batches, command_parts, commands, jobs
from storage.partitions import partitions_of
from storage.records import AuditEntry, ChargerKey, Command, MeterValue
from storage.repositories.commands import Awaited
from storage.repositories.jobs import ReceivedFile
from storage.schema import audit, meter_readings, transactions
from tests.storage.past import Past, past
from tests.storage.records import transaction

__all__ = ["past"]


async def count(past: Past, table: object) -> int:
    [row] = await past.rows(select(func.count().label("rows")).select_from(table))  # type: ignore[arg-type] # a table
    return int(row["rows"])


# ---- meter values ----


def measures(past: Past, key: ChargerKey, number: int = 1) -> None:
    for _ in range(number):
        value = MeterValue(
            key=key,
            transaction_id="4711",
            evse_id=1,
            taken_at=past.clock.now(),
            measurand="Energy.Active.Import.Register",
            value=1.0,
            unit="Wh",
        )
        past.storage.transactions.note_meter_values([value])


async def test_meter_values_go_and_their_transaction_stays(past: Past) -> None:
    key = await past.charger(await past.organization())
    other = await past.charger(await past.organization(keep_meter_values=30))
    for each in (key, other):
        await past.storage.transactions.note_started(transaction(each))
        measures(past, each, 25)

    removed = await past.days(8)

    assert removed == {(key.organization_uuid, "meter_values"): 25}
    assert await past.storage.transactions.meter_values(key, "4711") == []
    assert len(await past.storage.transactions.meter_values(other, "4711")) == 25
    assert await count(past, transactions) == 2


@pytest.mark.postgresql_only("only there is anything divided")
async def test_weeks_of_meter_values_that_nobody_keeps_are_dropped_as_a_whole(past: Past) -> None:
    await past.storage.organizations.change(past.archive, keep_meter_values=1)
    key = await past.charger(await past.organization(keep_meter_values=30))
    await past.storage.transactions.note_started(transaction(key))
    measures(past, key, 3)
    assert await count(past, meter_readings) == 3
    before = len(await partitions_of(past.storage.database, "meter_readings"))

    await past.leap(30)
    removed = await past.days(2)

    assert removed == {(key.organization_uuid, "meter_values"): 3}
    assert len(await partitions_of(past.storage.database, "meter_readings")) == before - 1


# ---- commands ----


def command(past: Past, key: ChargerKey, command_id: str) -> Command:
    return Command(
        command_id=command_id,
        key=key,
        action="GetReport",
        request={},
        requested_by="key:1",
        created_at=past.clock.now(),
        request_id=7,
        progress={"complete": False},
    )


async def test_commands_go_with_what_came_of_them_and_their_batch(past: Past) -> None:
    key = await past.charger(await past.organization())
    now = past.clock.now()
    batch = CommandBatch(
        batch_id="b",
        organization_uuid=key.organization_uuid,
        action="GetReport",
        request={},
        stations=["CP-1"],
        requested_by="key:1",
        created_at=now,
    )
    await past.storage.commands.note_batch(batch)
    await past.storage.commands.note_begun(replace(command(past, key, "c"), batch_id="b"))
    for number in range(25):
        awaited = Awaited(key, 7)
        past.storage.commands.note_part(awaited, "NotifyReport", b"%d" % number, now)
    await past.days(8)
    assert await count(past, commands) == 1  # its answer may still come

    await past.storage.commands.note_ended("c", "answered", {}, now)
    await past.storage.commands.note_batch_ended("b", now)
    removed = await past.day()

    of = key.organization_uuid
    assert removed == {(of, "commands"): 1, (of, "command_parts"): 25, (of, "command_batches"): 1}
    for table in (commands, command_parts, command_batches):
        assert await count(past, table) == 0


async def test_commands_are_kept_as_long_as_their_organization_wants(past: Past) -> None:
    key = await past.charger(await past.organization(keep_commands=9))
    for number in range(25):
        await past.storage.commands.note_begun(command(past, key, f"c{number}"))
        await past.storage.commands.note_ended(f"c{number}", "answered", {}, past.clock.now())
    await past.days(9)
    assert await count(past, commands) == 25

    await past.storage.chargers.delete(key)
    await past.day()

    assert await count(past, commands) == 0


# ---- files ----


async def test_a_job_goes_with_its_file_once_nobody_can_send_it_any_more(past: Past) -> None:
    key = await past.charger(await past.organization())
    now = past.clock.now()
    for job_id, days in (("job-1", 1), ("job-2", 30)):
        job = Job(job_id=job_id, key=key, kind="log", created_at=now)
        await past.storage.jobs.add(replace(job, expires_at=now + timedelta(days=days)))
    files = past.storage.files
    path = files.path("job-1")
    path.parent.mkdir()
    path.write_bytes(b"log")
    await past.storage.jobs.note_uploaded("job-1", ReceivedFile("a.log", 3, "abc"), now)
    await past.days(7)
    assert path.exists()

    assert await past.day() == {(key.organization_uuid, "jobs"): 1}

    assert not path.exists()
    assert [row["job_id"] for row in await past.rows(select(jobs.c.job_id))] == ["job-2"]


async def test_a_job_that_goes_on_stays(past: Past) -> None:
    key = await past.charger(await past.organization())
    await past.storage.commands.note_begun(command(past, key, "job-1"))
    job = Job(job_id="job-1", key=key, kind="firmware", created_at=past.clock.now())
    await past.storage.jobs.add(job)

    await past.days(9)

    assert await count(past, jobs) == 1


# ---- audit ----


def audited(past: Past, organization_uuid: str, action: str = "reset") -> None:
    entry = AuditEntry(
        timestamp=past.clock.now(),
        organization_uuid=organization_uuid,
        actor="key:1",
        action=action,
        result="done",
    )
    past.storage.audit.note(entry)


async def test_the_audit_is_kept_as_long_as_its_organization_wants(past: Past) -> None:
    short, long = await past.organization(), await past.organization(keep_audit=30)
    for _ in range(25):
        audited(past, short)
        audited(past, long)
    await past.days(7)
    audited(past, short, "later")

    removed = await past.day()

    assert removed == {(short, "audit"): 25}
    assert [entry.action for entry in await past.storage.audit.list(short)] == ["later"]
    assert len(await past.storage.audit.list(long)) == 25


async def test_an_audit_of_the_future_goes_with_what_came_behind_it(past: Past) -> None:
    organization = await past.organization()
    past.clock.pass_time(days=3650)
    for _ in range(15):
        audited(past, organization, "of the future")
    past.clock.pass_time(days=-3650)
    await past.days(8)
    assert await count(past, audit) == 15
    audited(past, organization)

    await past.days(8)

    assert await count(past, audit) == 0


# ---- passes ----


async def test_a_pass_that_is_given_up_is_made_good_by_the_next(past: Past) -> None:
    key = await past.charger(await past.organization())
    for _ in range(50):
        past.says(key)
    await past.days(7)
    past.clock.pass_time(days=1)
    steps = past.retention.sweep()
    while not (await anext(steps)).rows:
        pass
    assert 0 < len(await past.positions()) < 100

    await past.sweep()

    assert await past.positions() == []


async def test_nothing_is_removed_where_nothing_is_old(past: Past) -> None:
    key = await past.charger(await past.organization())
    past.says(key)
    audited(past, key.organization_uuid)

    assert await past.day() == {}
    assert await past.day() == {}


# ---- what was ----


async def test_connections_are_kept_as_long_as_messages(past: Past) -> None:
    key = await past.charger(await past.organization(keep_messages=7))
    first = Visit(
        key=key,
        since=past.clock.now(),
        remote_address="192.0.2.7",
        subprotocol="ocpp1.6",
        security_profile=1,
    )
    lasting = replace(first, since=first.since + timedelta(seconds=1))
    for visit in (replace(first, until=past.clock.now()), lasting):
        past.storage.visits.note(visit)

    assert await past.days(7) == {}
    assert await past.day() == {(key.organization_uuid, "charger_connections"): 1}
    assert await past.storage.visits.page(key, 9) == [lasting]  # however long it lasts


async def test_limits_are_kept_as_long_as_meter_values_and_while_they_hold(past: Past) -> None:
    key = await past.charger(await past.organization(keep_meter_values=7))
    for _ in range(3):
        past.storage.limit_records.note(
            LimitRecord(key=key, evse_id=1, at=past.clock.now(), steps=())
        )
        past.clock.pass_time(seconds=1)

    assert await past.days(7) == {(key.organization_uuid, "limit_history"): 2}
    assert len(await past.storage.limit_records.at(key)) == 1
