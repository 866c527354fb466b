"""Each command has its record, and each failure its answer."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from api.commands import ENDINGS, Asker, performed
from csms import errors
from csms.commands import Command, Outcome, Reset
from csms.errors import AnswerTimeout, CommandError, LinkBusy, LinkError, NotStored
from csms.station import Station
from csms.station16 import Station16
from storage import records
from storage.repositories.commands import Before
from tests.api.conftest import Answer, Api, Connect

STATION = "/api/chargingStations/CP-1"
FIRST = "00000000-0000-4000-8000-000000000001"


async def reset(api: Api) -> Answer:
    return await api("POST", f"{STATION}/reset", {"type": "Immediate"})


LATEST = Before(datetime.max.replace(tzinfo=UTC), "")


async def record(api: Api, command_id: str = FIRST) -> Any:
    return (await api.get(f"{STATION}/commands/{command_id}"))["command"]


async def test_a_command_is_recorded_before_it_is_sent_and_after(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect()).peer
    call = asyncio.create_task(reset(api))
    id = (await peer.hears())[1]
    assert (await record(api))["state"] == "sent"

    api.clock.forward(seconds=2)
    await peer.says(orjson.dumps([3, id, {"status": "Accepted"}]))
    assert (await call).status == 200
    ended = await record(api)
    assert len(ended.pop("requestedBy")) == 36
    assert ended == {
        "commandId": FIRST,
        "action": "Reset",
        "request": {"type": "Immediate", "hard": False},
        "state": "answered",
        "response": {"status": "Accepted"},
        "createdAt": "2026-11-21T10:00:00.000Z",
        "finishedAt": "2026-11-21T10:00:02.000Z",
        "batchId": None,
        "requestId": None,
        "progress": None,
        "parts": [],
        "nextCursor": None,
    }


async def test_an_offline_charger_says_since_when(api: Api) -> None:
    await api.enrol()
    chargers, key = api.storage.chargers, api.charger_key("CP-1")
    await chargers.note_disconnected(key, api.clock.now(), 1001, "")
    got = await reset(api)

    assert got.error == (409, "charger_offline")
    assert got.body["last_seen"] == got.body["last_disconnect"] == "2026-11-21T10:00:00.000Z"
    assert got.body["command_id"] == FIRST
    assert (await record(api))["state"] == "offline"


async def test_a_charger_that_leaves_before_it_answers_is_offline(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect()).peer
    call = asyncio.create_task(reset(api))
    await peer.hears()
    await peer.socket.close(1001, "rebooting")

    assert (await call).error == (409, "charger_offline")
    assert (await record(api))["state"] == "offline"


async def test_a_callerror_is_told_with_its_code_and_text(api: Api, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    call = asyncio.create_task(reset(api))
    id = (await peer.hears())[1]
    await peer.says(orjson.dumps([4, id, "NotImplemented", "no such thing", {}]))
    got = await call

    assert got.error == (502, "charger_error")
    assert got.body["charger_error"] == {
        "code": "NotImplemented",
        "description": "no such thing",
    }
    assert (await record(api))["state"] == "failed"


async def test_an_answer_without_a_status_is_a_charger_error(api: Api, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    got, _ = await asyncio.gather(reset(api), peer.answers(b'{"mood": "good"}'))

    assert got.error == (502, "charger_error")
    assert got.body["charger_error"]["code"] == "BadAnswer"


class Unable(Station16):
    """A station whose commands end in one way."""

    def __init__(self, station: Station, failure: BaseException) -> None:
        super().__init__(station.key, station.books, station.link)
        self.failure = failure

    async def perform(self, command: Command) -> Outcome:
        raise self.failure


async def unable_to(failure: BaseException, api: Api, connect: Connect) -> None:
    """Have a charger there whose commands end so."""
    await api.enrol()
    await connect()
    connection = api.parts.registry.find(api.charger_key("CP-1"))
    assert connection is not None
    unable = replace(connection, station=Unable(connection.station, failure))
    api.parts.registry.replace(unable)


@pytest.mark.parametrize(
    ("failure", "error", "state"),
    [
        (AnswerTimeout(), (504, "charger_timeout"), "timeout"),
        (LinkBusy(), (503, "unavailable"), "failed"),
        (NotStored(), (503, "unavailable"), "failed"),
    ],
    ids=["silent", "busy", "not stored"],
)
async def test_what_did_not_happen_is_told_with_its_record(
    api: Api, connect: Connect, failure: Exception, error: tuple[int, str], state: str
) -> None:
    await unable_to(failure, api, connect)
    got = await reset(api)

    assert got.error == error
    assert got.body["command_id"] == FIRST
    assert (await record(api))["state"] == state


@pytest.mark.parametrize("fault", [KeyError("x"), asyncio.CancelledError()])
async def test_what_is_interrupted_has_ended_too(
    api: Api, connect: Connect, fault: BaseException
) -> None:
    await unable_to(fault, api, connect)
    key = api.charger_key("CP-1")
    with pytest.raises(type(fault)):
        await performed(Asker(api.parts, "key"), key, Reset(), {})

    await api.storage.group.flush()
    (ended,) = await api.storage.commands.page(key, LATEST, 10)
    assert (ended.state, "interrupted" in str(ended.response)) == ("failed", True)
    assert ended.finished_at is not None


async def test_what_the_charger_did_is_told_even_if_it_cannot_be_recorded(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect()).peer
    call = asyncio.create_task(api("POST", f"{STATION}/commands/ClearCache"))
    id = (await peer.hears())[1]
    await api.storage.database.close()
    await peer.says(orjson.dumps([3, id, {"status": "Accepted"}]))

    assert (await call).body == {"status": "Accepted"}


async def test_nothing_is_sent_whose_record_is_lost(api: Api, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    await api.storage.commands.note_begun(taken(api))
    got = await reset(api)

    assert got.error == (409, "conflict")
    assert peer.socket.unread == 0


def taken(api: Api) -> records.Command:
    """Return a record with the id of the next one."""
    return records.Command(
        command_id=FIRST,
        key=api.charger_key("CP-2"),
        action="",
        request={},
        requested_by="",
        created_at=api.clock.now(),
    )


async def test_a_record_is_told_under_its_own_station_only(api: Api) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    await reset(api)

    assert (await record(api))["commandId"] == FIRST
    got = await api("GET", f"/api/chargingStations/CP-2/commands/{FIRST}")
    assert got.error == (404, "not_found")


def test_every_way_a_command_can_fail_has_its_ending() -> None:
    ways = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, LinkError | CommandError) and kind not in {LinkError, CommandError}
    }

    assert ways == set(ENDINGS)
