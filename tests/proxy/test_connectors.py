"""How the connectors are shown to a target that has just accepted us."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from csms.schemas import Schemas
from proxy.connectors import Shown, shown
from storage.records import ChargerKey, ConnectorStatus

KEY = ChargerKey("organization", "CP-1")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATUS16 = b'{"connectorId": 1,"errorCode":"NoError","status":"Available", "timestamp":"2026"}'
STATUS201 = b'{"connectorId":1,"connectorStatus":"Available", "evseId":1, "x": 6.0}'


def status(payload: bytes, evse_id: int = 1, connector_id: int = 1) -> ConnectorStatus:
    return ConnectorStatus(
        key=KEY,
        evse_id=evse_id,
        connector_id=connector_id,
        status="Available",
        payload=payload,
        updated_at=NOW,
    )


def event(value: str, evse_id: int = 1, connector_id: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "eventId": 1,
        "timestamp": "2026-11-21T10:00:00.000Z",
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": evse_id, "connectorId": connector_id}},
        "variable": {"name": "AvailabilityState"},
        **more,
    }


def notify(*events: Any) -> bytes:
    said = {"generatedAt": "2026-11-21T10:00:00.000Z", "tbc": True, "seqNo": 7}
    return orjson.dumps({**said, "eventData": list(events)})


@pytest.mark.parametrize(
    ("version", "payload"), [("1.6", STATUS16), ("2.0.1", STATUS201), ("2.1", STATUS201)]
)
def test_a_status_is_shown_as_it_was_received(version: str, payload: bytes) -> None:
    assert list(shown(version, [status(payload)])) == [Shown("StatusNotification", payload)]


@pytest.mark.parametrize(("version", "payload"), [("1.6", STATUS201), ("2.0.1", STATUS16)])
def test_a_status_of_another_version_is_not_shown(version: str, payload: bytes) -> None:
    assert list(shown(version, [status(payload)])) == []


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_an_event_that_tells_one_status_is_shown_as_it_was_received(version: str) -> None:
    payload = notify(event("Available"))

    assert list(shown(version, [status(payload)])) == [Shown("NotifyEvent", payload)]


def test_of_several_events_only_the_connector_s_latest_is_shown() -> None:
    other = event("Faulted", connector_id=2)
    alarm = event("1", variable={"name": "Problem"})
    both = notify(alarm, event("Occupied"), other, event("Available"))

    [told] = shown("2.0.1", [status(both)])
    fields = orjson.loads(told.payload)

    assert told.action == "NotifyEvent"
    assert fields["eventData"] == [event("Available")]
    assert (fields["seqNo"], fields["tbc"]) == (0, False)
    assert Schemas("2.0.1").request("NotifyEvent", fields) is None


@pytest.mark.parametrize("payload", [notify(), notify(event("Available", 2)), b'{"eventData":1}'])
def test_an_event_that_tells_nothing_of_the_connector_is_not_shown(payload: bytes) -> None:
    assert list(shown("2.0.1", [status(payload)])) == []
