"""A reset that waits goes out once, when nothing goes on at the charger, and not again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms.commands import Reset
from csms.frames import OCPP16
from csms.resets import Resets
from csms.station import Station
from csms.station16 import Station16
from storage.errors import StorageUnavailable
from storage.records import ChargerKey, Command
from storage.repositories.availability import DeferredReset
from storage.store import Storage
from tests.csms.desk import Desk, accepted, answering, open_desk
from tests.doubles import PATIENCE, Conversation, Held, conversation, settled, until
from tests.storage.doubles import ALICE, NOON
from tests.storage.records import proxy

ACCEPTED, SCHEDULED = {"status": "Accepted"}, {"status": "Scheduled"}
ON_IDLE = Reset("OnIdle", command_id="c-1")
SOFT = DeferredReset(ALICE, 0, b'{"type":"Soft"}', NOON, "c-1")
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T11:00:00Z"}


async def status(station: Station, status: str, connector_id: int = 1) -> None:
    told = {"connectorId": connector_id, "errorCode": "NoError", "status": status}
    await accepted(station, "StatusNotification", told)


async def begun(storage: Storage) -> None:
    """Have the command on record that a reset belongs to."""
    command = Command(
        command_id="c-1",
        key=ALICE,
        action="Reset",
        request={},
        requested_by="key",
        created_at=NOON,
    )
    await storage.commands.note_begun(command)


async def ended(desk: Desk) -> Command:
    """Wait until the record of the reset has ended, and return it."""
    async with asyncio.timeout(PATIENCE):
        while (found := await desk.storage.commands.get(ALICE, "c-1")) is not None:
            if found.finished_at is not None:
                return found
            await settled()
    raise AssertionError("there is no record")


async def hears_reset(talk: Conversation, answer: Any = ACCEPTED) -> Any:
    asked = await talk.peer.answers(orjson.dumps(answer))
    assert asked[2] == "Reset"
    return asked[3]


async def looked(desk: Desk, station: Station) -> None:
    """Let the station see whether a reset is due, to the end."""
    station.resets.look()
    async with asyncio.timeout(PATIENCE):
        while not _idle(station.resets):
            await settled()
    await desk.storage.group.flush()


def _idle(resets: Resets) -> bool:
    return resets._task is None or resets._task.done()


# ---- what a 1.6 charger is busy with ----


@pytest.mark.parametrize(
    "told", ["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved"]
)
async def test_on_idle_waits_for_what_goes_on_at_a_connector(desk: Desk, told: str) -> None:
    async with desk.connected("1.6") as (station, talk):
        await status(station, "Available")
        await status(station, told, 2)
        outcome = await station.perform(ON_IDLE)
        assert (outcome.status, outcome.response, outcome.pending) == ("Scheduled", SCHEDULED, True)
        await looked(desk, station)
        assert talk.peer.socket.unread == 0

        await status(station, "Available", 2)
        assert await hears_reset(talk) == {"type": "Soft"}
        await station.close()


@pytest.mark.parametrize("told", ["Available", "Unavailable", "Faulted"])
async def test_an_idle_charger_is_restarted_at_once(desk: Desk, told: str) -> None:
    async with desk.connected("1.6") as (station, talk):
        await status(station, told)
        outcome, heard = await answering(talk, station.perform(ON_IDLE), ACCEPTED)

    assert (outcome.status, outcome.pending) == ("Accepted", False)
    assert heard == [["Reset", {"type": "Soft"}]]


async def test_on_idle_waits_for_a_transaction_without_a_status(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        started = await accepted(station, "StartTransaction", START)
        assert (await station.perform(ON_IDLE)).pending

        stop = {"meterStop": 1, "timestamp": "2026-03-01T11:30:00Z"}
        await accepted(station, "StopTransaction", {**started, **stop})
        assert await hears_reset(talk) == {"type": "Soft"}
        await station.close()


@pytest.mark.parametrize(
    ("action", "working", "done"),
    [
        ("FirmwareStatusNotification", "Downloading", "DownloadFailed"),
        ("DiagnosticsStatusNotification", "Uploading", "Uploaded"),
    ],
)
async def test_on_idle_waits_for_a_job(desk: Desk, action: str, working: str, done: str) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, action, {"status": working})
        assert (await station.perform(ON_IDLE)).pending
        await looked(desk, station)
        assert talk.peer.socket.unread == 0

        await accepted(station, action, {"status": done})
        assert await hears_reset(talk) == {"type": "Soft"}
        await station.close()


async def test_on_idle_waits_for_a_job_that_the_charger_has_not_told_of_yet(desk: Desk) -> None:
    update = Command(
        command_id="c-0",
        key=ALICE,
        action="UpdateFirmware",
        request={},
        requested_by="key",
        state="collecting",
        created_at=NOON,
    )
    await desk.storage.commands.note_begun(update)
    async with desk.connected("1.6") as (station, _):
        assert (await station.perform(ON_IDLE)).pending
        await station.close()


async def test_immediate_is_held_back_by_nothing(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, "StartTransaction", START)
        _, heard = await answering(talk, station.perform(Reset()), ACCEPTED)
        _, harder = await answering(talk, station.perform(Reset(hard=True)), ACCEPTED)

    assert heard + harder == [["Reset", {"type": "Soft"}], ["Reset", {"type": "Hard"}]]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_in_2_x_on_idle_is_the_charger_s_own_business(desk: Desk, version: str) -> None:
    async with desk.connected(version) as (station, talk):
        outcome, heard = await answering(talk, station.perform(ON_IDLE), SCHEDULED)

    assert (outcome.status, outcome.pending) == ("Scheduled", False)
    assert heard == [["Reset", {"type": "OnIdle"}]]


# ---- how it ends ----


@pytest.mark.parametrize("answer", ["Accepted", "Rejected"])
async def test_its_record_ends_with_the_charger_s_answer(desk: Desk, answer: str) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        await hears_reset(talk, {"status": answer})

        found = await ended(desk)
        await station.close()
    assert (found.state, found.response) == ("answered", {"status": answer})
    assert await desk.storage.deferred_resets.of(ALICE) == []


async def test_a_refusal_is_an_answer_as_well(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        id = (await talk.peer.hears())[1]
        await talk.peer.says(orjson.dumps([4, id, "NotSupported", "no", {}]))

        found = await ended(desk)
        await station.close()
    assert found.state == "failed"
    assert "NotSupported" in str(found.response)


async def test_a_later_one_takes_the_place_of_the_first(desk: Desk) -> None:
    await begun(desk.storage)
    async with desk.connected("1.6") as (station, _):
        await status(station, "Charging")
        await station.perform(ON_IDLE)
        await station.perform(Reset("OnIdle", hard=True, command_id="c-2"))

        found = await ended(desk)
        await station.close()
    assert (found.state, found.response) == (
        "failed",
        {"error": "A later reset has taken its place."},
    )
    [waiting] = await desk.storage.deferred_resets.of(ALICE)
    assert (waiting.payload, waiting.command_id) == (b'{"type":"Hard"}', "c-2")


async def test_of_two_that_come_at_the_same_time_one_waits_and_the_other_has_ended(
    desk: Desk,
) -> None:
    await begun(desk.storage)
    async with desk.connected("1.6") as (station, _):
        await status(station, "Charging")
        ids = ("c-1", "c-2")
        await asyncio.gather(*(station.resets.schedule(SOFT.payload, id) for id in ids))

        assert (await ended(desk)).state == "failed"
        [waiting] = await desk.storage.deferred_resets.of(ALICE)
        await station.close()
    assert waiting.command_id == "c-2"


@pytest.mark.parametrize("status_told", ["Accepted", "Scheduled"])
async def test_a_restart_at_once_does_what_all_wait_for(desk: Desk, status_told: str) -> None:
    await begun(desk.storage)
    target = await desk.storage.proxy_configurations.create(proxy(ALICE))
    desk.storage.deferred_resets.note(SOFT)
    await desk.storage.deferred_resets.note(SOFT._replace(owner=target.id, command_id=None))
    async with desk.connected("2.0.1") as (station, talk):
        await answering(talk, station.perform(Reset()), {"status": status_told})

    assert await desk.storage.deferred_resets.of(ALICE) == []
    assert (await ended(desk)).state == "answered"


@pytest.mark.parametrize(
    ("reset", "answer"), [(Reset(), "Rejected"), (Reset(evse_id=1), "Accepted")]
)
async def test_what_restarts_nothing_or_an_evse_alone_does_not(
    desk: Desk, reset: Reset, answer: str
) -> None:
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("2.0.1") as (station, talk):
        await answering(talk, station.perform(reset), {"status": answer})

    assert await desk.storage.deferred_resets.of(ALICE) == [SOFT]


@pytest.mark.parametrize(
    ("version", "waits", "sent"),
    [("2.0.1", "Soft", "Immediate"), ("2.1", "Hard", "Immediate"), ("1.6", "OnIdle", "Soft")],
)
async def test_a_charger_that_is_back_with_another_version_is_told_in_its_words(
    desk: Desk, version: str, waits: str, sent: str
) -> None:
    await desk.storage.deferred_resets.note(
        SOFT._replace(payload=b'{"type":"%b"}' % waits.encode())
    )
    async with desk.connected(version) as (station, talk):
        station.resets.look()
        assert await hears_reset(talk) == {"type": sent}
        await station.close()


async def test_one_reset_goes_out_for_all_that_wait(desk: Desk) -> None:
    target = await desk.storage.proxy_configurations.create(proxy(ALICE))
    desk.storage.deferred_resets.note(SOFT._replace(command_id=None))
    await desk.storage.deferred_resets.note(SOFT._replace(owner=target.id, command_id=None))
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        await hears_reset(talk)
        await looked(desk, station)
        assert talk.peer.socket.unread == 0

    assert await desk.storage.deferred_resets.of(ALICE) == []


# ---- a charger that restarts without a word ----


async def test_who_restarts_without_answering_is_not_asked_again(desk: Desk) -> None:
    """Many close the link instead of an answer: they must not be restarted for ever."""
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        await talk.peer.hears()
        await talk.link.close()
        await station.close()
    async with desk.connected("1.6") as (station, talk):
        await looked(desk, station)  # the first that it says may be its boot
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        await accepted(station, "BootNotification", boot)

        found = await ended(desk)
        assert talk.peer.socket.unread == 0
        await station.close()
    assert found.state == "timeout"
    assert found.response == {"error": "The charger has restarted without answering."}


async def test_who_restarts_while_it_is_about_to_be_asked_again_is_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT._replace(attempts=1))
    async with desk.connected("1.6") as (station, talk):

        async def meanwhile(_: Resets) -> bool:
            await accepted(station, "BootNotification", boot)
            return False

        monkeypatch.setattr(Resets, "busy", meanwhile)
        await status(station, "Available")
        await until(lambda: talk.peer.socket.unread or _idle(station.resets))

        assert talk.peer.socket.unread == 0
        assert (await ended(desk)).state == "timeout"
        await station.close()


async def test_who_restarts_without_answering_on_the_same_link_is_not_asked_again(
    desk: Desk,
) -> None:
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with conversation(dialect=OCPP16, answer_seconds=0.5) as talk:
        station = Station16(ALICE, desk.books, talk.link)
        station.resets.look()
        await talk.peer.hears()
        await accepted(station, "BootNotification", boot)  # long before the answer is missed

        assert (await ended(desk)).state == "timeout"
        assert talk.peer.socket.unread == 0
        await station.close()


async def test_what_storage_kept_waiting_goes_out_without_another_word(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets, faults = desk.storage.deferred_resets, [StorageUnavailable()]
    of = resets.of

    async def failing(key: ChargerKey) -> list[DeferredReset]:
        if faults:
            raise faults.pop()
        return await of(key)

    await resets.note(SOFT)
    monkeypatch.setattr(resets, "of", failing)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        assert await hears_reset(talk) == {"type": "Soft"}
        await station.close()


async def test_who_only_lost_its_link_is_asked_again_but_not_for_ever(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    for _ in range(3):
        async with desk.connected("1.6") as (station, talk):
            station.resets.look()
            await status(station, "Available")
            await talk.peer.hears()
            await talk.link.close()
            await station.close()
    async with desk.connected("1.6") as (station, talk):
        await status(station, "Available")
        found = await ended(desk)
        assert talk.peer.socket.unread == 0
        await station.close()

    assert found.state == "timeout"
    assert found.response == {"error": "The charger does not answer."}


async def test_what_waits_outlives_the_link_and_the_server(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await begun(desk.storage)
        async with desk.connected("1.6") as (station, talk):
            await status(station, "Charging")
            assert (await station.perform(ON_IDLE)).pending
            await looked(desk, station)
            await talk.link.close()
            await status(station, "Available")
            assert _idle(station.resets)  # on a link that has ended nothing is begun
            await station.close()
    async with open_desk(tmp_path) as desk, desk.connected("1.6") as (station, talk):
        station.resets.look()
        assert await hears_reset(talk) == {"type": "Soft"}

        assert (await ended(desk)).response == ACCEPTED
        await station.close()


async def test_what_was_cancelled_while_it_went_out_ends_as_cancelled(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        asked = await talk.peer.hears()
        assert await desk.storage.deferred_resets.take(ALICE, 0) is not None
        await desk.storage.commands.note_ended("c-1", "failed", {"error": "cancelled"}, NOON)
        await talk.peer.says(orjson.dumps([3, asked[1], ACCEPTED]))
        await looked(desk, station)
        await station.close()

    assert (await ended(desk)).response == {"error": "cancelled"}


# ---- what happens while it is on its way ----


@contextlib.asynccontextmanager
async def busy_link(talk: Conversation) -> AsyncIterator[None]:
    """Have another CALL out, which the charger answers in the end."""
    other = asyncio.create_task(talk.link.call("ClearCache", b"{}"))
    id = (await talk.peer.hears())[1]
    yield
    await talk.peer.says(orjson.dumps([3, id, ACCEPTED]))
    await other


async def test_what_is_cancelled_behind_another_call_does_not_go_out(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        async with busy_link(talk):
            station.resets.look()
            await until(lambda: station.resets._heard is False)
            for _ in range(20):
                await desk.storage.group.flush()
            assert await desk.storage.deferred_resets.take(ALICE, 0) is not None
        await looked(desk, station)

        assert talk.peer.socket.unread == 0
        await station.close()


async def test_what_found_the_link_busy_goes_out_without_another_word(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        async with busy_link(talk):
            station.resets.look()
            for _ in range(20):
                await desk.storage.group.flush()
                await settled()

        assert await hears_reset(talk) == {"type": "Soft"}
        assert (await ended(desk)).response == ACCEPTED
        await station.close()


async def test_the_answer_to_one_is_not_taken_for_that_to_its_successor(desk: Desk) -> None:
    await begun(desk.storage)
    await desk.storage.deferred_resets.note(SOFT)
    async with desk.connected("1.6") as (station, talk):
        station.resets.look()
        asked = await talk.peer.hears()
        await status(station, "Preparing")
        desk.clock.pass_time(seconds=1)
        assert (await station.perform(Reset("OnIdle", command_id="c-2"))).pending
        await talk.peer.says(orjson.dumps([3, asked[1], {"status": "Rejected"}]))
        await looked(desk, station)

        [waiting] = await desk.storage.deferred_resets.of(ALICE)
        assert (waiting.command_id, waiting.attempts) == ("c-2", 0)
        await station.close()


async def test_on_idle_waits_behind_no_call_for_which_a_session_may_begin(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        async with busy_link(talk):
            asking = asyncio.create_task(station.perform(ON_IDLE))
            for _ in range(20):
                await desk.storage.group.flush()
                await settled()
            await accepted(station, "StartTransaction", START)
        await until(lambda: talk.peer.socket.unread or asking.done())

        assert talk.peer.socket.unread == 0
        assert (await asking).pending
        await station.close()


async def test_on_idle_waits_where_a_session_begins_while_the_books_are_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk.connected("1.6") as (station, talk):
        read = Held(desk.books.chargers.connectors)
        monkeypatch.setattr(desk.books.chargers, "connectors", read)
        asking = asyncio.create_task(station.perform(ON_IDLE))
        await read.done.wait()
        await accepted(station, "StartTransaction", START)
        read.release.set()

        assert (await asking).pending
        assert talk.peer.socket.unread == 0
        await station.close()
