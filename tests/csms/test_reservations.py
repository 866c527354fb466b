"""A reservation is stored before it is asked for, and ends once, by whoever tells it first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from csms import frames
from csms.commands import CancelReservation, Reserve
from csms.errors import AnswerTimeout, BadAnswer, CallRefused, InvalidCommand
from csms.link import Link
from csms.reservations import STATES, state_of
from storage.operation_records import Reservation
from tests.csms.desk import Desk, accepted, answering
from tests.storage.doubles import ALICE, NOON

VERSIONS = ("1.6", "2.0.1", "2.1")
LATER = NOON + timedelta(hours=1)
RESERVE = Reserve(
    reservation_id=7, evse_id=1, id_token="04E91A2B", id_token_type="RFID", expires_at=LATER
)
ACCEPTED = {"status": "Accepted"}


async def kept(desk: Desk, number: int = 7) -> Reservation:
    await desk.storage.group.flush()
    found = await desk.storage.reservations.get(ALICE, number)
    assert found is not None
    assert found.state in STATES
    return found


async def tells_of_use(station: Any, number: int = 7) -> None:
    """Let a transaction begin with a reservation."""
    at = "2026-03-01T12:00:00Z"
    if station.version == "1.6":
        start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": at}
        await accepted(station, "StartTransaction", {**start, "reservationId": number})
        return
    event = {
        "eventType": "Started",
        "timestamp": at,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1},
    }
    await accepted(station, "TransactionEvent", {**event, "reservationId": number})


# ---- asked ----


@pytest.mark.parametrize(
    ("version", "evse_id", "sent"),
    [
        ("1.6", 1, {"connectorId": 1}),
        ("1.6", None, {"connectorId": 0}),  # 1.6 §5.13: any
        ("2.0.1", 1, {"evseId": 1}),
        ("2.1", None, {}),  # H01.FR.04: any
    ],
)
async def test_it_is_said_in_the_words_of_the_version(
    desk: Desk, version: str, evse_id: int | None, sent: dict[str, Any]
) -> None:
    async with desk.connected(version) as (station, talk):
        asking = station.perform(replace(RESERVE, evse_id=evse_id))
        outcome, ((action, told),) = await answering(talk, asking, ACCEPTED)

    until = "2026-03-01T13:00:00.000Z"
    token = {"idToken": "04E91A2B", "type": "ISO14443"}
    said = (
        {"reservationId": 7, "idTag": "04E91A2B", "expiryDate": until}
        if version == "1.6"
        else {"id": 7, "idToken": token, "expiryDateTime": until}
    )
    assert (outcome.status, action, told) == ("Accepted", "ReserveNow", {**said, **sent})
    assert (await kept(desk)).state == "Active"


async def test_it_is_stored_before_it_is_asked_for(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asking = asyncio.ensure_future(station.perform(RESERVE))
        call = await talk.peer.hears()
        assert (await kept(desk)).state == "Asked"
        await talk.peer.says(frames.call_result(call[1], orjson.dumps(ACCEPTED)).text)
        await asking


@pytest.mark.parametrize("answer", ["Occupied", "Rejected", "Faulted", "Unavailable"])
async def test_what_the_charger_does_not_keep_is_refused(desk: Desk, answer: str) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        outcome, _ = await answering(talk, station.perform(RESERVE), {"status": answer})

    assert outcome.status == answer
    assert (await kept(desk)).state == "Refused"


async def test_a_callerror_is_a_refusal(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asking = asyncio.ensure_future(station.perform(RESERVE))
        call = await talk.peer.hears()
        await talk.peer.says(frames.call_error(call[1], "NotSupported", "").text)
        with pytest.raises(CallRefused):
            await asking

    assert (await kept(desk)).state == "Refused"


async def test_after_an_answer_that_makes_no_sense_the_charger_may_keep_it(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(BadAnswer):
            await answering(talk, station.perform(RESERVE), {})

    assert (await kept(desk)).state == "Asked"


async def test_after_silence_the_charger_may_keep_it_until_it_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any, **__: Any) -> Any:
        raise AnswerTimeout

    monkeypatch.setattr(Link, "call", silent)
    with pytest.raises(AnswerTimeout):
        await desk.station("1.6").perform(RESERVE)

    found = await kept(desk)
    assert state_of(found, NOON) == "Asked"
    assert state_of(found, LATER) == "Expired"


@pytest.mark.parametrize(
    ("version", "wrong", "named"),
    [
        ("1.6", {"id_token": "x" * 21}, "idToken"),
        ("1.6", {"group_id_token": "x" * 21}, "groupIdToken"),
        ("1.6", {"connector_type": "cCCS2"}, "connectorType"),
        ("2.0.1", {"id_token": "with space"}, "idToken"),
        ("2.1", {"group_id_token": "Zoë"}, "groupIdToken"),
    ],
)
async def test_what_a_version_cannot_say_is_neither_asked_nor_stored(
    desk: Desk, version: str, wrong: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidCommand) as refusal:
        await desk.station(version).perform(replace(RESERVE, **wrong))

    assert refusal.value.fields.keys() == {named}
    assert await desk.storage.reservations.list(ALICE) == []


# ---- over ----


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_transaction_uses_it_and_it_cannot_end_again(desk: Desk, version: str) -> None:
    async with desk.connected(version) as (station, talk):
        await answering(talk, station.perform(RESERVE), ACCEPTED)
        await tells_of_use(station)
        assert (await kept(desk)).state == "Used"
        await answering(talk, station.perform(CancelReservation(7)), ACCEPTED)

    assert (await kept(desk)).state == "Used"


async def test_it_may_be_used_before_the_answer_has_got_here(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asking = asyncio.ensure_future(station.perform(RESERVE))
        call = await talk.peer.hears()
        await tells_of_use(station)
        await talk.peer.says(frames.call_result(call[1], orjson.dumps(ACCEPTED)).text)
        await asking

    assert (await kept(desk)).state == "Used"


@pytest.mark.parametrize(("answer", "state"), [("Accepted", "Cancelled"), ("Rejected", "Removed")])
@pytest.mark.parametrize("version", VERSIONS)
async def test_it_is_cancelled_where_the_charger_says_so(
    desk: Desk, version: str, answer: str, state: str
) -> None:
    async with desk.connected(version) as (station, talk):
        await answering(talk, station.perform(RESERVE), ACCEPTED)
        asking = station.perform(CancelReservation(7))
        _, heard = await answering(talk, asking, {"status": answer})

    assert heard == [["CancelReservation", {"reservationId": 7}]]
    assert (await kept(desk)).state == state


async def test_a_cancel_on_the_heels_of_a_reservation_comes_behind_it(desk: Desk) -> None:
    async with desk.connected("2.0.1") as (station, talk):
        reserving = asyncio.ensure_future(station.perform(RESERVE))
        call = await talk.peer.hears()
        cancelling = asyncio.ensure_future(station.perform(CancelReservation(7)))
        await talk.peer.says(frames.call_result(call[1], orjson.dumps(ACCEPTED)).text)
        assert (await talk.peer.answers(orjson.dumps(ACCEPTED)))[2] == "CancelReservation"
        await asyncio.gather(reserving, cancelling)

    assert (await kept(desk)).state == "Cancelled"


async def test_of_two_at_once_for_one_evse_the_charger_chooses(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        both = [station.perform(replace(RESERVE, reservation_id=n)) for n in (7, 8)]
        answers = {"status": "Accepted"}, {"status": "Occupied"}
        outcomes, _ = await answering(talk, asyncio.gather(*both), *answers)  # type: ignore[arg-type]  # two outcomes

    assert [one.status for one in outcomes] == ["Accepted", "Occupied"]  # type: ignore[attr-defined]  # as above
    assert [(await kept(desk, n)).state for n in (7, 8)] == ["Active", "Refused"]


@pytest.mark.parametrize(
    ("told", "state"),
    [("Expired", "Expired"), ("Removed", "Removed"), ("NoTransaction", "Expired")],
)
async def test_a_2x_charger_tells_how_it_ended(desk: Desk, told: str, state: str) -> None:
    version = "2.1" if told == "NoTransaction" else "2.0.1"
    async with desk.connected(version) as (station, talk):
        await answering(talk, station.perform(RESERVE), ACCEPTED)
        update = {"reservationId": 7, "reservationUpdateStatus": told}
        await accepted(station, "ReservationStatusUpdate", update)

    assert (await kept(desk)).state == state


async def test_what_a_charger_makes_up_changes_nothing(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        await answering(talk, station.perform(RESERVE), ACCEPTED)
        for made_up in (8, -1, 0):
            await tells_of_use(station, made_up)

    assert (await kept(desk)).state == "Active"
