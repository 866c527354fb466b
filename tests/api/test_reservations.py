"""An EVSE is kept for a token, in the words of the charger's version."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from csms.numbers import OF_THE_PLATFORM
from tests.api.conftest import Answer, Api, Connect, LiveCharger

STATION = "/api/chargingStations/CP-1"
UNTIL = "2026-11-21T12:00:00.000Z"
BODY = {"idToken": "04E91A2B", "expiresAt": UNTIL}


async def asked(
    live: LiveCharger, call: asyncio.Task[Answer], answer: dict[str, Any]
) -> tuple[Any, Answer]:
    """Answer what the charger is asked; return the CALL and what the API answered."""
    told = await live.peer.answers(orjson.dumps(answer))
    return told, await call


def post(api: Api, path: str, body: Any = BODY) -> asyncio.Task[Answer]:
    return asyncio.create_task(api("POST", f"{STATION}{path}", body))


async def reserved(api: Api, live: LiveCharger, path: str = "/evses/1/reservations") -> Any:
    told, got = await asked(live, post(api, path), {"status": "Accepted"})
    assert got.status == 200, got.text
    return got.body["reservationId"], told


async def shown(api: Api, reservation_id: int) -> Any:
    return (await api.get(f"{STATION}/reservations/{reservation_id}"))["reservation"]


async def test_a_connector_of_16_is_reserved(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    number, told = await reserved(api, live)

    assert number in OF_THE_PLATFORM
    assert told[2:] == [
        "ReserveNow",
        {"connectorId": 1, "expiryDate": UNTIL, "idTag": "04E91A2B", "reservationId": number},
    ]
    kept = await shown(api, number)
    assert (kept["state"], kept["evseId"], kept["expiresAt"]) == ("Active", 1, UNTIL)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_an_evse_of_2x_is_reserved_with_a_typed_token(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol()
    live = await connect(version=version)
    number, told = await reserved(api, live)

    assert told[2:] == [
        "ReserveNow",
        {
            "id": number,
            "expiryDateTime": UNTIL,
            "idToken": {"idToken": "04E91A2B", "type": "ISO14443"},
            "evseId": 1,
        },
    ]


async def test_any_evse_is_connector_0_of_16_and_none_of_2x(api: Api, connect: Connect) -> None:
    await api.enrol()
    _, told = await reserved(api, await connect(), "/reservations")
    assert told[3]["connectorId"] == 0
    _, told = await reserved(api, await connect(version="2.0.1"), "/reservations")
    assert "evseId" not in told[3]


async def test_what_the_charger_does_not_accept_is_not_kept(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    _, got = await asked(live, post(api, "/evses/1/reservations"), {"status": "Occupied"})

    assert got.body["response"] == "Occupied"
    assert (await shown(api, got.body["reservationId"]))["state"] == "Refused"
    path = f"{STATION}/reservations/{got.body['reservationId']}"
    cancelled = await api("DELETE", path)
    assert cancelled.error == (409, "conflict")
    assert "refused" in cancelled.body["message"]


async def test_a_silent_charger_may_have_kept_it(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    call = post(api, "/evses/1/reservations")
    number = (await live.peer.hears())[3]["reservationId"]
    assert (await shown(api, number))["state"] == "Asked"
    await live.link.close()

    assert (await call).error == (409, "charger_offline")
    assert (await shown(api, number))["state"] == "Asked"


async def test_it_is_cancelled_once(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    number, _ = await reserved(api, live)
    path = f"{STATION}/reservations/{number}"
    told, got = await asked(live, asyncio.create_task(api("DELETE", path)), {"status": "Accepted"})

    assert told[2:] == ["CancelReservation", {"reservationId": number}]
    assert got.body == {"response": "Accepted"}
    assert (await shown(api, number))["state"] == "Cancelled"
    assert (await api("DELETE", path)).error == (409, "conflict")


async def test_it_expires_by_itself(api: Api, connect: Connect) -> None:
    await api.enrol()
    number, _ = await reserved(api, await connect())
    api.clock.forward(hours=2)

    assert (await shown(api, number))["state"] == "Expired"


async def test_a_transaction_uses_it(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    number, _ = await reserved(api, live)
    start = {"connectorId": 1, "idTag": "04E91A2B", "meterStart": 0, "reservationId": number}
    timestamp = {"timestamp": "2026-11-21T10:00:00Z"}
    await live.peer.calls("StartTransaction", orjson.dumps({**start, **timestamp}))
    await live.peer.hears()

    assert (await shown(api, number))["state"] == "Used"


@pytest.mark.parametrize(("told", "state"), [("Expired", "Expired"), ("Removed", "Removed")])
async def test_a_station_of_2x_tells_how_it_ends(
    api: Api, connect: Connect, told: str, state: str
) -> None:
    await api.enrol()
    live = await connect(version="2.0.1")
    number, _ = await reserved(api, live)
    update = {"reservationId": number, "reservationUpdateStatus": told}
    await live.peer.calls("ReservationStatusUpdate", orjson.dumps(update))
    await live.peer.hears()

    assert (await shown(api, number))["state"] == state


async def test_they_are_listed_newest_first_by_page(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    numbers = []
    for _ in range(3):
        numbers.append((await reserved(api, live))[0])
        api.clock.forward(seconds=1)
    first = await api.get(f"{STATION}/reservations?limit=2")
    rest = await api.get(f"{STATION}/reservations?limit=2&cursor={first['nextCursor']}")

    found = [one["reservationId"] for one in first["reservations"] + rest["reservations"]]
    assert found == numbers[::-1]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"idToken": ""}, "idToken"),
        ({"idToken": "x" * 37}, "idToken"),
        ({"expiresAt": "2026-11-21T09:59:59Z"}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"idTokenType": "Central"}, "idTokenType"),
        ({"connectorType": "schuko"}, "connectorType"),
        ({"evse": 1}, "evse"),
    ],
)
async def test_what_cannot_be_is_named(api: Api, wrong: dict[str, Any], named: str) -> None:
    await api.enrol()
    got = await api("POST", f"{STATION}/evses/1/reservations", {**BODY, **wrong})
    assert got.fields == {named}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"idToken": "x" * 21}, "idToken"),
        ({"groupIdToken": "x" * 21}, "groupIdToken"),
        ({"connectorType": "cType2"}, "connectorType"),
    ],
)
async def test_what_16_cannot_say_is_named(
    api: Api, connect: Connect, wrong: dict[str, Any], named: str
) -> None:
    await api.enrol()
    await connect()
    got = await api("POST", f"{STATION}/reservations", {**BODY, **wrong})
    assert got.fields == {named}


async def test_an_unknown_reservation_or_evse_is_not_found(api: Api) -> None:
    await api.enrol()
    status = api.storage.chargers.note_status
    status(api.charger_key("CP-1"), 1, 1, "Available", b"{}")
    await api.storage.group.flush()

    assert (await api("GET", f"{STATION}/reservations/7")).error == (404, "not_found")
    assert (await api("DELETE", f"{STATION}/reservations/7")).error == (404, "not_found")
    got = await api("POST", f"{STATION}/evses/2/reservations", BODY)
    assert got.error == (404, "not_found")
