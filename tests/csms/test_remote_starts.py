"""A start is noted before it goes out, with what belongs to the session that comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from csms.commands import RemoteStart, RemoteStop
from csms.errors import CallRefused, InvalidCommand, LinkClosed
from csms.station import Station
from storage.operation_records import AskedStart
from storage.records import ChargingProfile, Transaction
from tests.csms.desk import Desk, accepted, answering
from tests.storage.doubles import ALICE, NOON

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
DETAILS = {"authorizationReference": "ref", "vehicleIdentification": {"mac": "00:11"}}
START = RemoteStart(2, "TAG", remote_start_id=7, contract_id="DE-8AA-C1", details=DETAILS)
PROFILE: dict[str, Any] = {
    "id": 6000,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20.0}],
        }
    ],
}
WITH_PROFILE = replace(START, profile=PROFILE, meta={"comment": "slowly"})
OURS = {"connectorId": 2, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
LIMIT = ChargingProfile(
    key=ALICE,
    owner=0,
    profile_id=3012,
    evse_id=2,
    purpose="TxDefaultProfile",
    stack_level=0,
    profile={
        "id": 3012,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 3012,
                "startSchedule": "2026-03-01T11:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.0}],
            }
        ],
    },
    meta={"limit": {"acMaxPowerA": 8}},
    created_at=NOON,
)


async def waiting(desk: Desk) -> AskedStart | None:
    await desk.storage.group.flush()
    return await desk.storage.remote_starts.named(ALICE, 7)


async def wishes(desk: Desk) -> list[ChargingProfile]:
    await desk.storage.group.flush()
    return await desk.storage.charging_profiles.of_owners(ALICE)


# ---- without a profile ----


async def test_a_start_is_noted_and_its_token_accepted_before_it_goes_out(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.create_task(station.perform(START))
        id = (await talk.peer.hears())[1]
        found = await waiting(desk)
        since = desk.clock.now()
        assert await desk.storage.id_tokens.accepted_since(ALICE, "TAG", since, "platform")
        await talk.peer.says(orjson.dumps([3, id, ACCEPTED]))
        await asked

    assert found == AskedStart(
        key=ALICE,
        remote_start_id=7,
        evse_id=2,
        id_token="TAG",
        details=DETAILS,
        created_at=NOON,
    )


async def test_a_start_that_the_charger_rejects_is_forgotten(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        outcome, _ = await answering(talk, station.perform(START), REJECTED)

    assert outcome.status == "Rejected"
    assert await waiting(desk) is None


async def test_a_start_that_the_charger_refuses_is_forgotten(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.create_task(station.perform(START))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(orjson.dumps([4, id, "NotSupported", "", {}]))
        with pytest.raises(CallRefused):
            await asked

    assert await waiting(desk) is None


async def test_a_start_that_is_not_answered_may_begin_all_the_same(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.create_task(station.perform(START))
        await talk.peer.hears()
        await talk.link.close()
        with pytest.raises(LinkClosed):
            await asked

    assert await waiting(desk) is not None


@pytest.mark.parametrize(("version", "longest"), [("1.6", 20), ("2.0.1", 36), ("2.1", 255)])
async def test_a_token_has_its_length(desk: Desk, version: str, longest: int) -> None:
    async with desk.connected(version) as (station, talk):
        fits = replace(START, id_token="x" * longest)
        await answering(talk, station.perform(fits), ACCEPTED)
        with pytest.raises(InvalidCommand):
            await station.perform(replace(START, id_token="x" * (longest + 1)))
        assert talk.peer.socket.unread == 0


# ---- what came along is attached to the session ----


async def session(desk: Desk) -> Transaction:
    [found] = await desk.transactions()
    return found


async def test_a_1_6_session_has_what_came_along_with_its_start(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await answering(talk, station.perform(START), ACCEPTED)
        await desk.storage.group.flush()  # a link with a journal sends nothing before
        await accepted(station, "StartTransaction", OURS)

    found = await session(desk)
    assert (found.remote_start, found.remote_start_id) == (DETAILS, 7)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_2_x_session_has_what_came_along_by_its_number(desk: Desk, version: str) -> None:
    async with desk.connected(version) as (station, talk):
        await answering(talk, station.perform(START), ACCEPTED)
        await desk.storage.group.flush()  # as above
        await begins(station, remoteStartId=7)

    assert (await session(desk)).remote_start == DETAILS


async def begins(station: Station, **info: Any) -> None:
    event = {
        "eventType": "Started",
        "timestamp": "2026-03-01T12:00:00Z",
        "triggerReason": "RemoteStart",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T-1", **info},
        "evse": {"id": 2},
        "idToken": {"idToken": "TAG", "type": "Central"},
    }
    await accepted(station, "TransactionEvent", event)


# ---- with a profile ----


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_start_s_profile_is_no_higher_than_the_connector_s_limit(
    desk: Desk, version: str
) -> None:
    """Item 1: every TxProfile that we send is the minimum with the connector's limit."""
    await desk.storage.charging_profiles.note_put(LIMIT)
    async with desk.connected(version) as (station, talk):
        asked = asyncio.create_task(station.perform(WITH_PROFILE))
        await talk.peer.answers(b"{}")  # what schedules it takes
        heard = await talk.peer.answers(orjson.dumps(ACCEPTED))
        outcome = await asked

    assert outcome.status == "Accepted"
    sent = heard[3]["chargingProfile"]
    schedule = sent["chargingSchedule"]
    [period] = (schedule if isinstance(schedule, dict) else schedule[0])["chargingSchedulePeriod"]
    assert period["limit"] == 8
    assert "transactionId" not in sent
    assert sent["chargingProfilePurpose"] == "TxProfile"
    [_, wish] = await wishes(desk)
    assert (wish.owner, wish.profile_id, wish.transaction_id) == (0, 6000, None)
    assert (wish.meta["comment"], wish.meta["id_token"]) == ("slowly", "TAG")


@pytest.mark.parametrize("answer", [ACCEPTED, REJECTED])
async def test_a_profile_waits_only_for_a_start_that_the_charger_tries(
    desk: Desk, answer: dict[str, str]
) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        asked = station.perform(WITH_PROFILE)
        await answering(talk, asked, {"getVariableResult": []}, answer)

    assert bool(await wishes(desk)) is (answer is ACCEPTED)


async def test_what_1_6_cannot_say_of_a_profile_is_named(desk: Desk) -> None:
    period = {"startPeriod": 0, "limit": 8.0, "numberPhases": 1, "phaseToUse": 2}
    schedule = {**PROFILE["chargingSchedule"][0], "chargingSchedulePeriod": [period]}
    cannot = replace(START, profile={**PROFILE, "chargingSchedule": [schedule]})
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(InvalidCommand) as refused:
            await answering(talk, station.perform(cannot), {})

    place = "chargingProfile.chargingSchedule.0.chargingSchedulePeriod.0.phaseToUse"
    assert set(refused.value.fields) == {place}
    assert await waiting(desk) is None


# ---- stop ----


@pytest.mark.parametrize(("answer", "ended_by"), [(ACCEPTED, "operator"), (REJECTED, "charger")])
async def test_who_ended_a_session_is_known(
    desk: Desk, answer: dict[str, str], ended_by: str
) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, "StartTransaction", OURS)
        _, heard = await answering(talk, station.perform(RemoteStop("1")), answer)
        stop = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-03-01T12:30:00Z"}
        await accepted(station, "StopTransaction", {**stop, "reason": "Remote"})

    assert heard == [["RemoteStopTransaction", {"transactionId": 1}]]
    assert (await session(desk)).ended_by == ended_by


async def test_a_stop_that_the_charger_refuses_was_none(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, "StartTransaction", OURS)
        asked = asyncio.create_task(station.perform(RemoteStop("1")))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(orjson.dumps([4, id, "InternalError", "", {}]))
        with pytest.raises(CallRefused):
            await asked

    assert (await session(desk)).stop_asked_at is None


async def test_a_second_stop_that_is_refused_takes_nothing_from_the_first(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, "StartTransaction", OURS)
        await answering(talk, station.perform(RemoteStop("1")), ACCEPTED)
        desk.clock.pass_time(seconds=5)
        await answering(talk, station.perform(RemoteStop("1")), REJECTED)
        stop = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-03-01T12:00:10Z"}
        await accepted(station, "StopTransaction", stop)

    assert (await session(desk)).ended_by == "operator"


async def test_a_second_stop_that_waits_loses_nothing_by_the_first_being_refused(
    desk: Desk,
) -> None:
    async with desk.connected("1.6") as (station, talk):
        await accepted(station, "StartTransaction", OURS)
        stops = asyncio.gather(*(station.perform(RemoteStop("1")) for _ in range(2)))
        for answer in (REJECTED, ACCEPTED):
            await talk.peer.answers(orjson.dumps(answer))
        await stops
        stop = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-03-01T12:00:10Z"}
        await accepted(station, "StopTransaction", stop)

    assert (await session(desk)).ended_by == "operator"
