"""Who is let in and who may charge, in the words of every version."""

from __future__ import annotations

from typing import Any

import pytest

from storage.operation_records import KnownToken
from tests.csms.desk import Desk, accepted
from tests.storage.doubles import ALICE, NOON, ORGANIZATION

VERSIONS = ("1.6", "2.0.1", "2.1")
BOOTS: dict[str, Any] = {
    "1.6": {"chargePointVendor": "Volt", "chargePointModel": "One"},
    "2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "Volt", "model": "Two"}},
}
AVAILABLE: dict[str, Any] = {
    "1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "2.0.1": {
        "timestamp": "2026-03-01T12:00:00Z",
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    },
}
STARTS: dict[str, Any] = {
    "1.6": (
        "StartTransaction",
        {"connectorId": 1, "idTag": "TAG", "meterStart": 10, "timestamp": "2026-03-01T11:00:00Z"},
    ),
    "2.0.1": (
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": "2026-03-01T11:00:00Z",
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "tx-1"},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": {"idToken": "TAG", "type": "Central"},
        },
    ),
}
NAMES: dict[str, Any] = {"1.6": "idTagInfo", "2.0.1": "idTokenInfo"}
for table in (BOOTS, AVAILABLE, STARTS, NAMES):
    table["2.1"] = table["2.0.1"]


def authorize(version: str, token: str) -> dict[str, Any]:
    if version == "1.6":
        return {"idTag": token}
    return {"idToken": {"idToken": token, "type": "ISO14443"}}


async def verdict(desk: Desk, version: str, token: str) -> Any:
    station = desk.station(version)
    answer = await accepted(station, "Authorize", authorize(version, token))
    return answer[NAMES[version]]


async def know(desk: Desk, id_token: str, **more: Any) -> None:
    token = KnownToken(organization_uuid=ORGANIZATION, id_token=id_token, created_at=NOON, **more)
    await desk.storage.known_tokens.add(token)


# ---- held back ----


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_charger_that_is_held_back_is_pending_until_it_is_let_in(
    desk: Desk, version: str
) -> None:
    """1.6 §4.2, 2.0.1 B02."""
    station = desk.station(version)
    await desk.storage.chargers.update(ALICE, boot_policy="pending")

    held = await accepted(station, "BootNotification", BOOTS[version])
    await accepted(station, "StatusNotification", AVAILABLE[version])
    await desk.storage.chargers.update(ALICE, boot_policy="accept")
    let_in = await accepted(station, "BootNotification", BOOTS[version])

    assert (held["status"], held["interval"]) == ("Pending", 60)
    assert (let_in["status"], let_in["interval"]) == ("Accepted", 300)
    assert (await desk.charger()).vendor_name == "Volt"
    assert len(await desk.connectors()) == 1


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_it_may_not_do_yet_is_recorded_all_the_same(desk: Desk, version: str) -> None:
    station = desk.station(version)
    await desk.storage.chargers.update(ALICE, boot_policy="pending")
    await accepted(station, "BootNotification", BOOTS[version])

    action, start = STARTS[version]
    await accepted(station, action, start)

    assert [one.state for one in await desk.transactions()] == ["running"]


@pytest.mark.parametrize(("policy", "state"), [("accept", "ended"), ("pending", "running")])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_boot_that_is_not_accepted_ends_nothing(
    desk: Desk, version: str, policy: str, state: str
) -> None:
    station = desk.station(version)
    action, start = STARTS[version]
    await accepted(station, action, start)
    await desk.storage.chargers.update(ALICE, boot_policy=policy)

    await accepted(station, "BootNotification", BOOTS[version])
    await accepted(station, "StatusNotification", AVAILABLE[version])

    assert [one.state for one in await desk.transactions()] == [state]


async def test_a_connector_that_tells_its_state_as_an_event_is_idle_too(desk: Desk) -> None:
    station = desk.station("2.0.1")
    action, start = STARTS["2.0.1"]
    await accepted(station, action, start)
    await accepted(station, "BootNotification", BOOTS["2.0.1"])
    told = {
        "eventId": 1,
        "timestamp": "2026-03-01T12:00:00Z",
        "trigger": "Delta",
        "actualValue": "Available",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }

    await accepted(
        station,
        "NotifyEvent",
        {"generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0, "eventData": [told]},
    )

    assert [one.ended_by for one in await desk.transactions()] == ["boot"]


# ---- who may charge ----


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_token_is_accepted_unless_the_organization_says_otherwise(
    desk: Desk, version: str
) -> None:
    assert await verdict(desk, version, "ANY") == {"status": "Accepted"}


@pytest.mark.parametrize(("version", "word"), [("1.6", "Invalid"), ("2.0.1", "Unknown")])
async def test_where_only_known_tokens_charge(desk: Desk, version: str, word: str) -> None:
    await desk.storage.organizations.authorize(ORGANIZATION, "known")
    await know(desk, "Known", group_id_token="Fleet", expires_at=NOON.replace(hour=13))
    await know(desk, "Gone", status="Blocked")

    assert (await verdict(desk, version, "ANY"))["status"] == word
    assert (await verdict(desk, version, "GONE"))["status"] == "Blocked"
    known = await verdict(desk, version, "KNOWN")
    assert known["status"] == "Accepted"
    assert "Fleet" in str(known)
    assert "2026-03-01T13:00:00.000Z" in known.values()


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_start_is_recorded_whatever_the_verdict(desk: Desk, version: str) -> None:
    await desk.storage.organizations.authorize(ORGANIZATION, "reject")

    action, start = STARTS[version]
    answer = await accepted(desk.station(version), action, start)

    assert answer[NAMES[version]]["status"] in ("Invalid", "Unknown")
    assert answer.get("transactionId", 1) > 0
    assert [one.state for one in await desk.transactions()] == ["running"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_token_that_we_started_with_is_accepted_where_none_is(
    desk: Desk, version: str
) -> None:
    await desk.storage.organizations.authorize(ORGANIZATION, "reject")
    await desk.storage.id_tokens.note_accepted(ALICE, "AdHoc", "platform", NOON)

    assert await verdict(desk, version, "ADHOC") == {"status": "Accepted"}


async def test_a_stop_gets_a_verdict_on_its_tag(desk: Desk) -> None:
    await desk.storage.organizations.authorize(ORGANIZATION, "known")
    stop = {"transactionId": 9, "meterStop": 60, "timestamp": "2026-03-01T11:30:00Z"}

    answer = await accepted(desk.station("1.6"), "StopTransaction", stop | {"idTag": "ANY"})

    assert answer == {"idTagInfo": {"status": "Invalid"}}


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_where_nobody_is_asked_for_a_token_it_is_accepted(desk: Desk, version: str) -> None:
    """C02: started with a button, the token is empty."""
    await desk.storage.organizations.authorize(ORGANIZATION, "reject")
    action, start = STARTS[version]
    nobody = {"idToken": "", "type": "NoAuthorization"}

    answer = await accepted(desk.station(version), action, start | {"idToken": nobody})

    assert answer == {"idTokenInfo": {"status": "Accepted"}}
