"""What users asked of chargers: before it is sent, after it has ended, and what comes late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from storage.operation_records import CommandBatch
from storage.records import Command
from storage.repositories.commands import STILL_TO_COME, Awaited, Before, SoFar
from storage.statements import commands as statements
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

LATER = NOON + timedelta(seconds=30)
NEWEST = Before(NOON + timedelta(days=999), "")
AWAITED = Awaited(ALICE, request_id=7)


def command(command_id: str = "c-1", **more: Any) -> Command:
    values: dict[str, Any] = {
        "command_id": command_id,
        "key": ALICE,
        "action": "Reset",
        "request": {"type": "OnIdle", "nested": [1, 2.5, None]},
        "requested_by": "key-1",
        "created_at": NOON,
    }
    return Command(**{**values, **more})


def report(command_id: str = "c-1", **more: Any) -> Command:
    values = {"action": "GetReport", "request_id": 7, "progress": STILL_TO_COME, **more}
    return command(command_id, **values)


async def test_a_command_is_recorded_before_it_is_sent(storage: Storage) -> None:
    await storage.commands.note_begun(command())

    assert await storage.commands.get(ALICE, "c-1") == command()
    assert await storage.commands.get(BOB, "c-1") is None
    assert await storage.commands.get(ALICE, "c-2") is None


async def test_what_became_of_it_is_recorded(storage: Storage) -> None:
    await storage.commands.note_begun(command())

    await storage.commands.note_ended("c-1", "answered", {"status": "Accepted"}, LATER)

    assert await storage.commands.get(ALICE, "c-1") == replace(
        command(), state="answered", response={"status": "Accepted"}, finished_at=LATER
    )


async def test_the_first_ending_stays(storage: Storage) -> None:
    await storage.commands.note_begun(command())
    await storage.commands.note_ended("c-1", "collecting", {"status": "Scheduled"}, NOON)
    await storage.commands.note_ended("c-1", "answered", {"status": "Accepted"}, NOON)

    await storage.commands.note_ended("c-1", "collecting", {"status": "Scheduled"}, LATER)

    assert await storage.commands.get(ALICE, "c-1") == replace(
        command(), state="answered", response={"status": "Accepted"}, finished_at=NOON
    )


async def test_commands_are_listed_newest_first_by_action_and_state(storage: Storage) -> None:
    for number in range(3):
        created_at = NOON + timedelta(seconds=number)
        await storage.commands.note_begun(command(f"c-{number}", created_at=created_at))
    await storage.commands.note_begun(command("c-3", action="ClearCache"))
    await storage.commands.note_begun(command("of-bob", key=BOB))
    await storage.commands.note_ended("c-1", "failed", None, LATER)

    async def ids(limit: int = 9, before: Before = NEWEST, **narrower: str) -> list[str]:
        found = await storage.commands.page(ALICE, before, limit, **narrower)
        return [one.command_id for one in found]

    assert await ids() == ["c-2", "c-1", "c-3", "c-0"]
    assert await ids(limit=2) == ["c-2", "c-1"]
    assert await ids(before=Before(NOON, "c-3")) == ["c-0"]
    assert await ids(action="ClearCache") == ["c-3"]
    assert await ids(state="failed") == ["c-1"]
    assert await ids(state="sent", action="Reset") == ["c-2", "c-0"]


async def test_what_was_out_when_the_server_ended_has_failed(storage: Storage) -> None:
    await storage.commands.note_begun(command("c-1"))
    await storage.commands.note_begun(report("c-2"))
    await storage.commands.note_ended("c-2", "collecting", {"status": "Accepted"}, NOON)
    await storage.commands.note_begun(command("c-3"))
    await storage.commands.note_ended("c-3", "offline", {}, NOON)

    await storage.commands.end_interrupted(LATER, "The server was restarted.")

    ended = await storage.commands.get(ALICE, "c-1")
    assert ended == replace(
        command("c-1"),
        state="failed",
        response={"error": "The server was restarted."},
        finished_at=LATER,
    )
    states = [one.state for one in await storage.commands.page(ALICE, NEWEST, 9)]
    assert states == ["offline", "collecting", "failed"]


# ---- late parts ----


async def test_parts_are_collected_by_number_until_the_last(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    await storage.commands.note_ended("c-1", "collecting", {"status": "Accepted"}, NOON)
    collecting = await storage.commands.get(ALICE, "c-1")
    assert collecting is not None
    assert (collecting.state, collecting.finished_at) == ("collecting", None)

    storage.commands.note_part(AWAITED, "NotifyReport", b'{"seqNo":0}', NOON)
    storage.commands.note_part(AWAITED, "NotifyReport", b'{"seqNo":1}', LATER)
    storage.commands.note_last_part(AWAITED, LATER)
    await storage.group.flush()

    ended = await storage.commands.get(ALICE, "c-1")
    assert ended is not None
    assert (ended.state, ended.finished_at) == ("complete", LATER)
    first, second = await storage.commands.parts("c-1", 0, 9)
    assert (first.payload, first.action, first.received_at) == (
        b'{"seqNo":0}',
        "NotifyReport",
        NOON,
    )
    assert await storage.commands.parts("c-1", first.id, 1) == [second]
    assert await storage.commands.so_far("c-1") == SoFar(2, LATER)
    assert await storage.commands.so_far("c-2") == SoFar(0, None)


async def test_parts_that_come_before_the_answer_is_stored_count_as_well(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    storage.commands.note_part(AWAITED, "NotifyReport", b"{}", NOON)
    storage.commands.note_last_part(AWAITED, NOON)
    await storage.commands.note_ended("c-1", "collecting", {"status": "Accepted"}, LATER)

    ended = await storage.commands.get(ALICE, "c-1")
    assert ended is not None
    assert (ended.state, ended.finished_at) == ("complete", LATER)


async def test_what_a_charger_sends_again_is_one_part(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    for _ in range(3):
        storage.commands.note_part(AWAITED, "NotifyReport", b'{"seqNo":0}', NOON)
    await storage.group.flush()

    assert (await storage.commands.so_far("c-1")).parts == 1


async def test_a_part_is_of_no_other_charger_number_or_finished_command(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    storage.commands.note_part(Awaited(BOB, request_id=7), "NotifyReport", b"1", NOON)
    storage.commands.note_part(Awaited(ALICE, request_id=8), "NotifyReport", b"2", NOON)
    await storage.commands.note_ended("c-1", "answered", {"status": "Rejected"}, NOON)
    storage.commands.note_part(AWAITED, "NotifyReport", b"3", NOON)
    storage.commands.note_last_part(AWAITED, NOON)
    await storage.group.flush()

    assert (await storage.commands.so_far("c-1")).parts == 0
    ended = await storage.commands.get(ALICE, "c-1")
    assert ended is not None
    assert ended.state == "answered"


async def test_what_carries_no_number_is_of_the_newest_of_its_action(storage: Storage) -> None:
    awaited = Awaited(ALICE, action="UpdateFirmware")
    for number, action in enumerate(("UpdateFirmware", "UpdateFirmware", "GetDiagnostics")):
        created_at = NOON + timedelta(seconds=number)
        asked = report(f"c-{number}", action=action, request_id=None, created_at=created_at)
        await storage.commands.note_begun(asked)
    storage.commands.note_part(awaited, "FirmwareStatusNotification", b"1", LATER)
    await storage.commands.note_ended("c-1", "collecting", {}, NOON)
    storage.commands.note_last_part(awaited, LATER)
    await storage.group.flush()

    found = await storage.commands.page(ALICE, NEWEST, 9)
    assert [one.state for one in found] == ["sent", "complete", "sent"]
    assert (await storage.commands.so_far("c-1")).parts == 1


async def test_no_charger_fills_the_disk_with_parts(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    for number in range(statements.MOST_PARTS + 1):
        storage.commands.note_part(AWAITED, "NotifyReport", str(number).encode(), NOON)
    await storage.group.flush()

    assert (await storage.commands.so_far("c-1")).parts == statements.MOST_PARTS


async def test_what_never_completes_ends_as_overdue(storage: Storage) -> None:
    await storage.commands.note_begun(report())
    await storage.commands.note_ended("c-1", "collecting", {"status": "Accepted"}, NOON)
    assert await storage.commands.collecting(BOB) == []
    (overdue,) = await storage.commands.collecting(ALICE)
    await storage.commands.note_overdue(overdue.command_id, LATER)

    ended = await storage.commands.get(ALICE, "c-1")
    assert ended is not None
    assert (ended.state, ended.finished_at) == ("timeout", LATER)
    assert ended.response == {"status": "Accepted"}
    assert await storage.commands.collecting(ALICE) == []


# ---- batches ----


def batch(batch_id: str = "b-1", **more: Any) -> CommandBatch:
    values: dict[str, Any] = {
        "batch_id": batch_id,
        "organization_uuid": ALICE.organization_uuid,
        "action": "Reset",
        "request": {"type": "Soft"},
        "stations": ["CP-1", "CP-2"],
        "requested_by": "key-1",
        "created_at": NOON,
    }
    return CommandBatch(**{**values, **more})


async def test_a_batch_is_unfinished_until_it_has_ended(storage: Storage) -> None:
    await storage.commands.note_batch(batch())
    assert await storage.commands.unfinished_batches() == [batch()]
    await storage.commands.note_begun(command(batch_id="b-1"))
    await storage.commands.note_begun(command("c-2"))
    await storage.commands.note_batch_ended("b-1", LATER)

    organization = ALICE.organization_uuid
    assert await storage.commands.unfinished_batches() == []
    assert await storage.commands.batch(organization, "b-1") == batch(finished_at=LATER)
    assert await storage.commands.batch("somebody else's", "b-1") is None
    assert [one.command_id for one in await storage.commands.of_batch("b-1")] == ["c-1"]
    assert await storage.commands.states_of_batch("b-1") == {"sent": 1}


async def test_batches_are_listed_newest_first(storage: Storage) -> None:
    organization = ALICE.organization_uuid
    for number in range(3):
        await storage.commands.note_batch(
            batch(f"b-{number}", created_at=NOON + timedelta(seconds=number))
        )
    await storage.commands.note_batch(batch("x", organization_uuid="somebody else's"))

    first, second = await storage.commands.batches(organization, NEWEST, 2)
    assert (first.batch_id, second.batch_id) == ("b-2", "b-1")
    before = Before(second.created_at, second.batch_id)
    (last,) = await storage.commands.batches(organization, before, 2)
    assert last.batch_id == "b-0"
