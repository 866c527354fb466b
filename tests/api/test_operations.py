"""Start, stop and restart, as frames at the charger and as answers to the caller."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from storage.records import Transaction
from tests.api.conftest import Answer, Api, Connect, LiveCharger

STATION = "/api/chargingStations/CP-1"
# The first new id of a start makes its numbers, the second is its record's.
SECOND = "00000000-0000-4000-8000-000000000002"
START = f"{STATION}/evses/2/transactions"


async def answered(
    api: Api, charger: LiveCharger, path: str, body: Any, answer: dict[str, Any]
) -> tuple[Answer, list[Any]]:
    """Return what the caller got, and the CALL that the charger heard."""
    got, call = await asyncio.gather(
        api("POST", path, body), charger.peer.answers(orjson.dumps(answer))
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


async def test_a_start_on_2_0_1(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = {"idToken": "04A1B2C3", "contractId": "DE-8AA-C1"}
    charger = await connect(version="2.0.1")
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
        ({"chargingProfile": {"id": 1}}, "chargingProfile"),
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


async def test_evse_0_is_no_place_to_start(api: Api) -> None:
    await api.enrol()

    got = await api("POST", f"{STATION}/evses/0/transactions", {})
    assert got.error == (404, "not_found")


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
    path, body = f"{STATION}/reset{query}", {"type": kind}
    got, call = await answered(api, charger, path, body, {"status": "Accepted"})

    assert got.body == {"responseFromStation": "Accepted"}
    assert call == ["Reset", {"type": sent}]


async def test_a_busy_1_6_charger_cannot_wait(api: Api, connect: Connect) -> None:
    await api.enrol()
    await running(api, "1")
    await connect()

    assert (await api("POST", f"{STATION}/reset", {"type": "OnIdle"})).fields == {"type"}


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [("", {}, "type"), ("", {"type": "Soft"}, "type"), ("?hard=1", {"type": "Immediate"}, "hard")],
)
async def test_a_reset_that_cannot_be_is_named(api: Api, query: str, body: Any, field: str) -> None:
    await api.enrol()

    assert (await api("POST", f"{STATION}/reset{query}", body)).fields == {field}
