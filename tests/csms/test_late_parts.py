"""What comes after the answer is collected by its number until nothing more will come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from csms.late_parts import LATE_PARTS, collects, is_overdue
from csms.numbers import OF_TARGETS
from csms.requests import actions_of
from csms.stations import STATIONS
from storage.records import Command
from storage.repositories.commands import STILL_TO_COME
from tests.csms.desk import Desk, accepted
from tests.schema_payloads import minimal
from tests.storage.doubles import ALICE, NOON

REPORT = {"requestId": 7, "generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0}


async def begun(desk: Desk, action: str, request_id: int | None = 7, **more: Any) -> Command:
    command = Command(
        command_id=f"{action} {request_id}",
        key=ALICE,
        action=action,
        request={},
        requested_by="key-1",
        created_at=NOON,
        request_id=request_id,
        progress=STILL_TO_COME,
        **more,
    )
    await desk.storage.commands.note_begun(command)
    await desk.storage.commands.note_ended(command.command_id, "collecting", {}, NOON)
    return command


async def state(desk: Desk, command: Command) -> tuple[str, int]:
    await desk.storage.group.flush()
    found = await desk.storage.commands.get(ALICE, command.command_id)
    assert found is not None
    return found.state, (await desk.storage.commands.so_far(command.command_id)).parts


def test_the_table_is_of_actions_that_there_are() -> None:
    asked = set().union(*map(actions_of, STATIONS.values()))
    told = {action for kind in STATIONS.values() for action in kind.handlers}

    assert set(LATE_PARTS) <= asked
    assert set(LATE_PARTS.values()) <= told


def test_what_carries_tbc_and_a_number_is_in_the_table() -> None:
    """Of the schemas: whatever is to be continued answers something in the table."""
    continued = {
        action
        for kind in STATIONS.values()
        for action in kind.handlers
        if kind.schemas.names(action, "tbc") and kind.schemas.names(action, "requestId")
    }

    assert continued <= set(LATE_PARTS.values())


async def test_a_report_is_complete_with_the_part_that_is_not_to_be_continued(desk: Desk) -> None:
    command, station = await begun(desk, "GetReport"), desk.station("2.0.1")
    await accepted(station, "NotifyReport", {**REPORT, "tbc": True})
    await accepted(station, "NotifyReport", {**REPORT, "tbc": True})  # sent again
    await accepted(station, "NotifyReport", {**REPORT, "seqNo": 1, "tbc": True})
    assert await state(desk, command) == ("collecting", 2)

    await accepted(station, "NotifyReport", {**REPORT, "seqNo": 2})
    assert await state(desk, command) == ("complete", 3)
    parts = await desk.storage.commands.parts(command.command_id, 0, 9)
    assert [orjson.loads(part.payload)["seqNo"] for part in parts] == [0, 1, 2]


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("2.0.1", "CustomerInformation"),
        ("2.0.1", "GetBaseReport"),
        ("2.0.1", "GetChargingProfiles"),
        ("2.0.1", "GetDisplayMessages"),
        ("2.0.1", "GetMonitoringReport"),
        ("2.1", "GetDERControl"),
    ],
)
async def test_every_kind_of_report_is_collected(desk: Desk, version: str, asked: str) -> None:
    command, told = await begun(desk, asked), LATE_PARTS[asked]
    payload = {**minimal(version, told), "requestId": 7}
    station = desk.station(version)
    await accepted(station, told, {**payload, "tbc": True})
    assert await state(desk, command) == ("collecting", 1)

    await accepted(station, told, {**payload, "tbc": False})
    assert await state(desk, command) == ("complete", 2)


@pytest.mark.parametrize(
    ("version", "asked", "on_the_way", "last"),
    [
        ("2.0.1", "GetLog", "Uploading", "Uploaded"),
        ("2.0.1", "UpdateFirmware", "Downloading", "Installed"),
        ("2.0.1", "UpdateFirmware", "SignatureVerified", "InvalidSignature"),
        ("2.0.1", "PublishFirmware", "Downloading", "PublishFailed"),
        ("1.6", "GetLog", "Uploading", "UploadFailure"),
        ("1.6", "SignedUpdateFirmware", "Installing", "InstallationFailed"),
    ],
)
async def test_a_job_tells_how_it_gets_on(
    desk: Desk, version: str, asked: str, on_the_way: str, last: str
) -> None:
    command, station, told = await begun(desk, asked), desk.station(version), LATE_PARTS[asked]
    await accepted(station, told, {"requestId": 7, "status": on_the_way})
    assert await state(desk, command) == ("collecting", 1)

    more = {"location": ["https://x"]} if last == "Published" else {}
    await accepted(station, told, {"requestId": 7, "status": last, **more})
    assert await state(desk, command) == ("complete", 2)


@pytest.mark.parametrize(
    ("asked", "last"), [("UpdateFirmware", "Installed"), ("GetDiagnostics", "Uploaded")]
)
async def test_what_1_6_sends_without_a_number_is_of_the_newest_such_command(
    desk: Desk, asked: str, last: str
) -> None:
    command, other = await begun(desk, asked, None), await begun(desk, "GetLog")
    await accepted(desk.station("1.6"), LATE_PARTS[asked], {"status": last})

    assert await state(desk, command) == ("complete", 1)
    assert await state(desk, other) == ("collecting", 0)


@pytest.mark.parametrize("request_id", [8, OF_TARGETS[0], -7])
async def test_what_answers_others_is_not_ours(desk: Desk, request_id: int) -> None:
    command = await begun(desk, "GetReport")
    await accepted(desk.station("2.0.1"), "NotifyReport", {**REPORT, "requestId": request_id})

    assert await state(desk, command) == ("collecting", 0)


async def test_a_password_that_a_charger_reports_is_not_kept(desk: Desk) -> None:
    command = await begun(desk, "GetReport")
    secret = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "variableAttribute": [{"type": "Actual", "value": "hunter2hunter2hunter2"}],
    }
    await accepted(desk.station("2.0.1"), "NotifyReport", {**REPORT, "reportData": [secret]})
    await desk.storage.group.flush()

    (part,) = await desk.storage.commands.parts(command.command_id, 0, 9)
    assert b"hunter2" not in part.payload
    assert b"BasicAuthPassword" in part.payload


@pytest.mark.parametrize(
    ("action", "response", "more"),
    [
        ("GetReport", {"status": "Accepted"}, True),
        ("GetReport", {"status": "EmptyResultSet"}, False),
        ("GetReport", {"status": "Rejected"}, False),
        ("GetChargingProfiles", {"status": "NoProfiles"}, False),
        ("GetLog", {"status": "AcceptedCanceled"}, True),
        ("UpdateFirmware", {}, True),
        ("GetDiagnostics", {}, False),
        ("GetDiagnostics", {"fileName": "log.zip"}, True),
        ("ClearCache", {"status": "Accepted"}, False),
    ],
)
def test_parts_come_where_the_charger_has_said_so(
    action: str, response: dict[str, Any], more: object
) -> None:
    assert collects(action, response) is more


@pytest.mark.parametrize(("action", "hours"), [("GetReport", 1), ("UpdateFirmware", 24)])
def test_nobody_waits_for_ever(action: str, hours: int) -> None:
    command = Command(
        command_id="c-1",
        key=ALICE,
        action=action,
        request={},
        requested_by="",
        created_at=NOON,
        state="collecting",
    )
    late = NOON + timedelta(hours=hours)

    assert not is_overdue(command, late)
    assert is_overdue(command, late + timedelta(seconds=1))
    assert not is_overdue(replace(command, state="complete"), late + timedelta(days=9))
    assert not is_overdue(replace(command, action="Reset"), late + timedelta(days=9))
