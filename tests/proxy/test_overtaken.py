"""Of what is told late, only statuses go that a later one has overtaken."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms.schemas import Schemas
from proxy.overtaken import told_since


def event(component: str, variable: str, value: Any, **evse: int) -> dict[str, Any]:
    where = {"evse": evse} if evse else {}
    return {
        "eventId": 1,
        "timestamp": "2026-11-21T10:00:00Z",
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, **where},
        "variable": {"name": variable},
    }


def status(value: Any, connector_id: int = 1) -> dict[str, Any]:
    return event("Connector", "AvailabilityState", value, id=1, connectorId=connector_id)


def events(*told: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"generatedAt": "2026-11-21T10:00:00Z", "seqNo": 0, "eventData": list(told), **more}


PROBLEM = event("Connector", "Problem", "true", id=1, connectorId=1)
# Of these no latest status is shown: only connectors that can be told apart have one.
LASTING = [
    PROBLEM,
    event("EVSE", "AvailabilityState", "Occupied", id=1),
    event("ChargingStation", "AvailabilityState", "Available"),
    event("Connector", "AvailabilityState", "Occupied", id=1),
    event("Connector", "AvailabilityState", "Occupied"),
    event("Connector", "AvailabilityState", "", id=1, connectorId=1),
    event("Connector", "AvailabilityState", "Occupied", id=-1, connectorId=1),
]


@pytest.mark.parametrize("lasting", LASTING)
def test_what_is_not_shown_otherwise_stays_as_it_is(lasting: dict[str, Any]) -> None:
    payload = orjson.dumps(events(lasting, PROBLEM))

    assert told_since("2.0.1", "NotifyEvent", payload) == payload


def test_what_2_1_says_besides_is_no_reason_to_tell_it_all() -> None:
    occupied = status("Occupied") | {"severity": 9}
    payload = orjson.dumps(events(occupied, PROBLEM))

    left = told_since("2.1", "NotifyEvent", payload)

    assert left is not None
    assert orjson.loads(left) == events(PROBLEM)


def test_a_message_of_statuses_only_is_nothing() -> None:
    lower = event("connector", "availabilitystate", "Occupied", id=2, connectorId=1)

    assert (
        told_since("2.0.1", "NotifyEvent", orjson.dumps(events(status("Occupied"), lower))) is None
    )


def test_every_byte_of_the_other_events_stays() -> None:
    occupied, problem = orjson.dumps(status("Occupied")), orjson.dumps(PROBLEM)
    spaced = problem.replace(b":1,", b" : 1.0,")
    payload = (
        b'{"tbc" : false,"eventData":[ %b ,%b,%b , %b ], "seqNo":3,"generatedAt":"\\u0032026"}'
    )

    left = told_since("2.0.1", "NotifyEvent", payload % (occupied, spaced, occupied, problem))

    assert left is not None
    assert left == payload.replace(b"%b ,%b,%b , %b", b"%b , %b") % (spaced, problem)
    assert Schemas("2.0.1").request("NotifyEvent", orjson.loads(left)) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[]",
        b'{"eventData":[]}',
        b'{"eventData":{"component":{"name":"Connector"}}}',
        orjson.dumps({"eventData": [status("Occupied")]}),  # no generatedAt: we refused it
        orjson.dumps(events(status("Occupied"))).replace(
            b'"eventData"', b'"eventData":[1],"eventData"'
        ),
    ],
)
def test_what_we_did_not_note_stays(payload: bytes) -> None:
    assert told_since("2.0.1", "NotifyEvent", payload) is payload


def test_what_tells_no_events_stays() -> None:
    payload = orjson.dumps(events(status("Occupied")))

    assert told_since("2.0.1", "StatusNotification", payload) is payload
