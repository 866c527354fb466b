"""What is asked of a station, as frames at the charger and as answers to the caller."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from storage.records import Transaction
from storage.repositories.availability import AvailabilityWish
from tests.api.conftest import Answer, Api, Connect, LiveCharger
from tests.doubles import PATIENCE, settled

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
# The first new id of a start makes its numbers, the second is its record's.
SECOND = "00000000-0000-4000-8000-000000000002"
START = f"{STATION}/evses/2/transactions"
RESET = f"{STATION}/reset"
AN_OPEN_START: dict[str, Any] = {
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
        }
    ],
}


async def answered(
    api: Api,
    charger: LiveCharger,
    path: str,
    body: Any,
    answer: dict[str, Any],
    method: str = "POST",
) -> tuple[Answer, list[Any]]:
    """Return what the caller got, and the CALL that the charger heard."""
    got, call = await asyncio.gather(
        api(method, path, body), charger.peer.answers(orjson.dumps(answer))
    )
    return got, call[2:]


async def running(api: Api, transaction_id: str) -> None:
    now = api.clock.now()
    await api.storage.transactions.note_started(
        Transaction(
            key=api.charger_key("CP-1"),
            transaction_id=transaction_id,
            evse_id=1,
            started_at=now,
            start_timestamp=now.isoformat(),
        )
    )


# ---- start ----


async def test_a_start_on_1_6(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = {"idToken": "T-1", "idTokenType": "RFID", "contractId": "DE-8AA-C1"}
    got, call = await answered(api, await connect(), START, body, {"status": "Accepted"})

    assert got.status == 200
    assert got.body == {"transactionStartResponse": {"status": "Accepted"}}
    assert call == ["RemoteStartTransaction", {"idTag": "T-1", "connectorId": 2}]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_start_on_2_x(api: Api, connect: Connect, version: str) -> None:
    await api.enrol()
    body = {"idToken": "04A1B2C3", "contractId": "DE-8AA-C1"}
    charger = await connect(version=version)
    got, (action, fields) = await answered(api, charger, START, body, {"status": "Rejected"})

    assert got.body == {"transactionStartResponse": {"status": "Rejected"}}
    assert action == "RequestStartTransaction"
    assert fields.pop("remoteStartId") > 0
    assert fields == {
        "evseId": 2,
        "idToken": {
            "idToken": "04A1B2C3",
            "type": "ISO14443",
            "additionalInfo": [{"additionalIdToken": "DE-8AA-C1", "type": "eMAID"}],
        },
    }


async def test_without_a_token_one_is_made(api: Api, connect: Connect) -> None:
    await api.enrol()
    got, (_, fields) = await answered(api, await connect(), START, {}, {"status": "Accepted"})

    assert got.status == 200
    assert 0 < len(fields["idTag"]) <= 20


async def test_a_token_that_we_start_with_is_accepted_before_the_charger_asks(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    charger = await connect()
    call = asyncio.create_task(api("POST", START, {"idToken": "T-1"}))
    id = (await charger.peer.hears())[1]
    key = api.charger_key("CP-1")
    assert await api.storage.id_tokens.accepted_since(key, "T-1", api.clock.now(), "platform")

    await charger.peer.says(orjson.dumps([3, id, {"status": "Accepted"}]))
    assert (await call).status == 200


async def test_the_whole_body_of_the_seed_is_taken_and_kept(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = {
        "authorizationReference": "ref",
        "chargingProfile": None,
        "contractId": "DE-8AA-C1",
        "emspCountryCode": "DE",
        "emspPartyId": "8AA",
        "idToken": "T-1",
        "idTokenIssuer": "issuer",
        "idTokenType": "APP_USER",
        "ocpiConnectionProfileId": "p-1",
        "vehicleIdentification": {"macAddress": "00:11", "nested": {"x": [1]}},
    }
    await answered(api, await connect(), START, body, {"status": "Accepted"})
    command = (await api.get(f"{STATION}/commands/{SECOND}"))["command"]

    assert command["request"] == {**body, "evseId": 2}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"idToken": 7}, "idToken"),
        ({"idToken": "x" * 37}, "idToken"),
        ({"idTokenType": "NFC"}, "idTokenType"),
        ({"id_token": "x"}, "id_token"),
    ],
)
async def test_a_start_that_cannot_be_is_named(api: Api, body: Any, field: str) -> None:
    await api.enrol()

    assert (await api("POST", START, body)).fields == {field}


async def test_a_token_too_long_for_1_6_is_refused_unsent(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()

    assert (await api("POST", START, {"idToken": "x" * 21})).fields == {"idToken"}
    assert charger.peer.socket.unread == 0


@pytest.mark.parametrize(
    ("method", "of_evse", "body"),
    [
        ("POST", "transactions", {}),
        ("POST", "unlock", {}),
        ("PUT", "availability", {"type": "Operative"}),
    ],
)
async def test_an_evse_that_cannot_be_is_not_found(
    api: Api, connect: Connect, method: str, of_evse: str, body: Any
) -> None:
    await api.enrol()
    charger = await connect()
    await tells(charger, BUSY)

    for evse_id in (0, 2, 99_999):  # the charger has told of EVSE 1
        got = await api(method, f"{STATION}/evses/{evse_id}/{of_evse}", body)
        assert got.error == (404, "not_found")
    assert charger.peer.socket.unread == 0


# ---- the profile of a start ----


async def test_the_profile_of_a_start_goes_along_for_a_transaction_to_come(
    api: Api, connect: Connect
) -> None:
    """Item 13: TxProfile without a transaction, whatever it was (K05.FR.02, F01.FR.11)."""
    await api.enrol()
    charger = await connect(version="2.0.1")
    profile = {
        **AN_OPEN_START,
        "chargingProfilePurpose": "TxDefaultProfile",
        "id": 77,
        "transactionId": "T-1",
    }
    call = asyncio.create_task(api("POST", START, {"idToken": "T", "chargingProfile": profile}))
    asked = await charger.peer.answers(b'{"getVariableResult":[]}')
    assert asked[2] == "GetVariables"
    fields = (await charger.peer.answers(b'{"status":"Accepted"}'))[3]
    got = await call

    assert fields["chargingProfile"]["chargingProfilePurpose"] == "TxProfile"
    assert "transactionId" not in fields["chargingProfile"]
    answer = got.body["transactionStartResponse"]
    assert answer["status"] == "Accepted"
    assert answer["statusInfo"]["reasonCode"] == "PurposeChanged"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"chargingProfilePurpose": "Nothing"}, "chargingProfile.chargingProfilePurpose"),
        ({"chargingProfileKind": "Dynamic"}, "chargingProfile.chargingProfileKind"),
        ({"chargingSchedule": []}, "chargingProfile.chargingSchedule"),
        ({"recurrencyKind": "Daily"}, "chargingProfile.recurrencyKind"),
    ],
)
async def test_what_no_start_may_bring_along_is_named(
    api: Api, connect: Connect, change: dict[str, Any], field: str
) -> None:
    await api.enrol()
    charger = await connect()
    body = {"idToken": "T", "chargingProfile": AN_OPEN_START | change}
    call = asyncio.create_task(api("POST", START, body))
    if "Nothing" not in change.values() and [] not in change.values():
        await charger.peer.answers(b"{}")  # what schedules it takes

    assert (await call).fields == {field}
    assert charger.peer.socket.unread == 0


# ---- availability and unlock ----


@pytest.mark.parametrize(
    ("version", "place", "sent"),
    [
        ("1.6", "/evses/2", {"connectorId": 2, "type": "Inoperative"}),
        ("1.6", "", {"connectorId": 0, "type": "Inoperative"}),
        ("2.0.1", "/evses/2", {"evse": {"id": 2}, "operationalStatus": "Inoperative"}),
        ("2.0.1", "", {"operationalStatus": "Inoperative"}),
    ],
)
async def test_a_place_is_closed_with_a_reason(
    api: Api, connect: Connect, version: str, place: str, sent: dict[str, Any]
) -> None:
    await api.enrol()
    charger = await connect(version=version)
    body = {"type": "Inoperative", "disableTextReason": "Wet"}
    path, answer = f"{STATION}{place}/availability", {"status": "Scheduled"}
    got, call = await answered(api, charger, path, body, answer, method="PUT")

    assert call == ["ChangeAvailability", sent]
    assert got.body == {"responseFromStation": "Scheduled"}
    [wish] = await api.storage.availability.of(api.charger_key("CP-1"))
    assert (wish.owner, wish.type, wish.reason) == (0, "Inoperative", "Wet")


async def test_who_keeps_what_closed_is_shown_with_the_reason(api: Api, connect: Connect) -> None:
    enrolled = await api.enrol_with_proxy()
    theirs = AvailabilityWish(enrolled["proxy_configuration"]["id"], 2, 0, "Inoperative")
    await api.storage.availability.note(api.charger_key("CP-1"), theirs)
    body = {"type": "Inoperative", "disableTextReason": "Wet"}
    path = f"{STATION}/evses/1/availability"
    await answered(api, await connect(), path, body, {"status": "Accepted"}, method="PUT")

    closed = {"connectorId": 0, "type": "Inoperative"}
    assert (await api.get(f"{STATION}/availability"))["availability"] == [
        {**closed, "evseId": 1, "owner": "platform", "disableTextReason": "Wet"},
        {**closed, "evseId": 2, "owner": "target", "disableTextReason": None},
    ]


async def test_what_a_target_keeps_closed_is_told(api: Api, connect: Connect) -> None:
    enrolled = await api.enrol_with_proxy()
    theirs = AvailabilityWish(enrolled["proxy_configuration"]["id"], 1, 0, "Inoperative")
    await api.storage.availability.note(api.charger_key("CP-1"), theirs)
    charger = await connect()
    got = await api("PUT", f"{STATION}/evses/1/availability", {"type": "Operative"})

    assert got.body == {
        "responseFromStation": "Accepted",
        "statusInfo": {
            "reasonCode": "HeldByTarget",
            "additionalInfo": "The third-party CSMS of this charger keeps closed: EVSE 1.",
        },
    }
    assert charger.peer.socket.unread == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "Closed"}, "type"),
        ({"type": "Operative", "disableTextReason": "x" * 256}, "disableTextReason"),
        ({"type": "Operative", "reason": "x"}, "reason"),
    ],
)
async def test_an_availability_that_cannot_be_is_named(api: Api, body: Any, field: str) -> None:
    await api.enrol()

    assert (await api("PUT", f"{STATION}/availability", body)).fields == {field}


@pytest.mark.parametrize(
    ("version", "body", "sent", "status"),
    [
        ("1.6", None, {"connectorId": 2}, "NotSupported"),
        ("1.6", {}, {"connectorId": 2}, "Unlocked"),
        ("2.0.1", None, {"evseId": 2, "connectorId": 1}, "OngoingAuthorizedTransaction"),
        ("2.0.1", {"connectorId": 2}, {"evseId": 2, "connectorId": 2}, "UnknownConnector"),
    ],
)
async def test_an_unlock_is_answered_as_the_charger_says(
    api: Api, connect: Connect, version: str, body: Any, sent: dict[str, Any], status: str
) -> None:
    await api.enrol()
    charger, path = await connect(version=version), f"{STATION}/evses/2/unlock"
    got, call = await answered(api, charger, path, body, {"status": status})

    assert call == ["UnlockConnector", sent]
    assert (got.status, got.body) == (200, {"responseFromStation": status})


# ---- stop ----


async def test_a_stop_on_1_6(api: Api, connect: Connect) -> None:
    await api.enrol()
    await running(api, "4711")
    path = f"{STATION}/transactions/4711/stop"
    got, call = await answered(api, await connect(), path, None, {"status": "Accepted"})

    assert got.body == {"transactionStopResponse": {"status": "Accepted"}}
    assert call == ["RemoteStopTransaction", {"transactionId": 4711}]


async def test_a_stop_on_2_0_1(api: Api, connect: Connect) -> None:
    await api.enrol()
    await running(api, "T 1/2")
    path = f"{STATION}/transactions/T%201%2F2/stop"
    charger = await connect(version="2.0.1")
    got, call = await answered(api, charger, path, None, {"status": "Accepted"})

    assert got.status == 200
    assert call == ["RequestStopTransaction", {"transactionId": "T 1/2"}]


async def test_a_transaction_that_has_ended_cannot_be_stopped(api: Api, connect: Connect) -> None:
    await api.enrol()
    await running(api, "4711")
    transactions, key = api.storage.transactions, api.charger_key("CP-1")
    found = await transactions.get(key, "4711")
    assert found is not None
    await transactions.note_changed(replace(found, state="ended", stopped_at=api.clock.now()))
    charger = await connect()
    got = await api("POST", f"{STATION}/transactions/4711/stop")

    assert got.error == (409, "conflict")
    assert got.body["message"] == "The transaction has ended already."
    assert charger.peer.socket.unread == 0


async def test_a_transaction_that_nobody_knows_is_not_found(api: Api) -> None:
    await api.enrol()

    assert (await api("POST", f"{STATION}/transactions/1/stop")).error == (404, "not_found")


@pytest.mark.parametrize(("answer", "asked"), [("Accepted", True), ("Rejected", False)])
async def test_that_a_stop_was_asked_for_is_remembered(
    api: Api,
    connect: Connect,
    answer: str,
    asked: bool,  # noqa: FBT001 - a column of the table
) -> None:
    await api.enrol()
    await running(api, "4711")
    path = f"{STATION}/transactions/4711/stop"
    await answered(api, await connect(), path, None, {"status": answer})
    await api.storage.group.flush()

    found = await api.storage.transactions.get(api.charger_key("CP-1"), "4711")
    assert found is not None
    assert (found.stop_asked_at is not None) is asked


async def test_a_transaction_of_another_charger_is_not_found(api: Api, connect: Connect) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    await running(api, "4711")
    charger = await connect("CP-2")
    got = await api("POST", "/api/chargingStations/CP-2/transactions/4711/stop")

    assert got.error == (404, "not_found")
    assert charger.peer.socket.unread == 0


# ---- reset ----


@pytest.mark.parametrize(
    ("version", "query", "kind", "sent"),
    [
        ("1.6", "", "Immediate", "Soft"),
        ("1.6", "?hard=true", "Immediate", "Hard"),
        ("1.6", "?hard=false", "OnIdle", "Soft"),
        ("2.0.1", "", "Immediate", "Immediate"),
        ("2.0.1", "", "OnIdle", "OnIdle"),
    ],
)
async def test_a_reset(
    api: Api, connect: Connect, version: str, query: str, kind: str, sent: str
) -> None:
    await api.enrol()
    charger = await connect(version=version)
    path, body = f"{RESET}{query}", {"type": kind}
    got, call = await answered(api, charger, path, body, {"status": "Accepted"})

    assert got.body == {"responseFromStation": "Accepted"}
    assert call == ["Reset", {"type": sent}]


async def test_one_evse_of_2_x_can_be_restarted(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger, path = await connect(version="2.0.1"), f"{RESET}?evseId=2"
    _, call = await answered(api, charger, path, {"type": "OnIdle"}, {"status": "Scheduled"})

    assert call == ["Reset", {"type": "OnIdle", "evseId": 2}]


async def test_one_evse_of_1_6_cannot(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()

    assert (await api("POST", f"{RESET}?evseId=2", {"type": "Immediate"})).fields == {"evseId"}
    assert charger.peer.socket.unread == 0


# ---- a reset that waits ----

BUSY = {"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV"}
RECORD = f"{STATION}/commands/00000000-0000-4000-8000-000000000001"


async def scheduled(api: Api, connect: Connect) -> LiveCharger:
    """Have a 1.6 charger restarted that has a plug in."""
    await api.enrol()
    charger = await connect()
    await tells(charger, BUSY)
    got = await api("POST", RESET, {"type": "OnIdle"})
    assert (got.status, got.body) == (200, {"responseFromStation": "Scheduled"})
    return charger


async def tells(charger: LiveCharger, status: dict[str, Any]) -> None:
    await charger.peer.calls("StatusNotification", orjson.dumps(status))
    assert (await charger.peer.hears())[0] == 3


async def record_of(api: Api) -> tuple[Any, ...]:
    command = (await api.get(RECORD))["command"]
    return command["state"], command["response"], command["finishedAt"]


async def test_a_busy_1_6_charger_is_restarted_when_it_is_idle(api: Api, connect: Connect) -> None:
    charger = await scheduled(api, connect)
    assert await record_of(api) == ("collecting", {"status": "Scheduled"}, None)
    assert (await api.get(RESET))["reset"] == {
        "type": "OnIdle",
        "hard": False,
        "askedAt": "2026-11-21T10:00:00.000Z",
        "commandId": RECORD[-36:],
    }

    await tells(charger, BUSY | {"status": "Available"})
    assert (await charger.peer.answers(b'{"status":"Accepted"}'))[2:] == ["Reset", {"type": "Soft"}]

    async with asyncio.timeout(PATIENCE):
        while (await record_of(api))[0] == "collecting":
            await settled()
    assert await record_of(api) == ("answered", {"status": "Accepted"}, "2026-11-21T10:00:00.000Z")
    assert (await api("GET", RESET)).error == (404, "not_found")


async def test_a_reset_that_waits_can_be_cancelled(api: Api, connect: Connect) -> None:
    charger = await scheduled(api, connect)
    got = await api("DELETE", RESET)

    assert got.body == {"success": True, "message": "The restart is cancelled."}
    state, response, finished_at = await record_of(api)
    assert (state, response) == ("failed", {"error": "It was cancelled before it went out."})
    assert finished_at is not None
    assert (await api("DELETE", RESET)).error == (404, "not_found")
    await tells(charger, BUSY | {"status": "Available"})
    await settled()
    assert charger.peer.socket.unread == 0


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [
        ("", {}, "type"),
        ("", {"type": "Soft"}, "type"),
        ("?hard=1", {"type": "Immediate"}, "hard"),
        ("?evseId=0", {"type": "Immediate"}, "evseId"),
    ],
)
async def test_a_reset_that_cannot_be_is_named(api: Api, query: str, body: Any, field: str) -> None:
    await api.enrol()

    assert (await api("POST", f"{RESET}{query}", body)).fields == {field}
