"""What OCPP's words ask for is done by the platform's own commands, where there is one."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.commands import (
    Ask,
    CancelReservation,
    ChangeAvailability,
    Command,
    PutProfile,
    RemoteStart,
    RemoteStop,
    RemoveProfiles,
    Reserve,
    Reset,
)
from csms.errors import InvalidCommand
from csms.requests import actions_of
from csms.stations import STATIONS
from csms.typed import command_of
from tests.schema_payloads import full, minimal

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CARD = {"idToken": "04A1B2C3", "type": "ISO14443"}
EVERY = sorted((kind.version, action) for kind in STATIONS.values() for action in actions_of(kind))


@pytest.mark.parametrize(
    ("version", "action", "fields", "command"),
    [
        ("1.6", "Reset", {"type": "Soft"}, Reset("Immediate")),
        ("1.6", "Reset", {"type": "Hard"}, Reset("Immediate", hard=True)),
        ("2.0.1", "Reset", {"type": "OnIdle", "evseId": 2}, Reset("OnIdle", evse_id=2)),
        ("1.6", "RemoteStopTransaction", {"transactionId": 7}, RemoteStop("7")),
        ("2.0.1", "RequestStopTransaction", {"transactionId": "t-7"}, RemoteStop("t-7")),
        (
            "1.6",
            "ChangeAvailability",
            {"connectorId": 0, "type": "Inoperative"},
            ChangeAvailability(0, "Inoperative"),
        ),
        (
            "2.0.1",
            "ChangeAvailability",
            {"operationalStatus": "Operative", "evse": {"id": 1, "connectorId": 2}},
            ChangeAvailability(1, "Operative", connector_id=2),
        ),
        ("2.0.1", "CancelReservation", {"reservationId": 9}, CancelReservation(9)),
        (
            "1.6",
            "ReserveNow",
            {
                "connectorId": 0,
                "expiryDate": "2026-11-21T13:00:00+01:00",
                "idTag": "CARD",
                "parentIdTag": "GROUP",
                "reservationId": 9,
            },
            Reserve(9, None, "CARD", NOON, "OTHER", "GROUP"),
        ),
        (
            "2.0.1",
            "ReserveNow",
            {"id": 9, "expiryDateTime": "2026-11-21T12:00:00Z", "idToken": CARD, "evseId": 1},
            Reserve(9, 1, "04A1B2C3", NOON, "RFID"),
        ),
        (
            "2.0.1",
            "RequestStartTransaction",
            {"idToken": CARD, "remoteStartId": 5, "evseId": 1},
            RemoteStart(1, "04A1B2C3", "RFID", 5),
        ),
        ("1.6", "ClearChargingProfile", {"id": 3}, RemoveProfiles(profile_id=3)),
        (
            "2.0.1",
            "SetChargingProfile",
            {"evseId": 1, "chargingProfile": {"id": 3}},
            PutProfile(1, {"id": 3}),
        ),
    ],
)
def test_it_is_read_as_the_command_that_it_asks_for(
    version: str, action: str, fields: Any, command: Command
) -> None:
    assert command_of(version, action, fields) == command


def test_a_start_of_1_6_has_a_number_all_the_same() -> None:
    first, second = (
        command_of("1.6", "RemoteStartTransaction", {"idTag": "CARD", "connectorId": 1})
        for _ in range(2)
    )

    assert isinstance(first, RemoteStart)
    assert isinstance(second, RemoteStart)
    assert first.remote_start_id != second.remote_start_id
    assert replace(first, remote_start_id=0) == RemoteStart(1, "CARD", "OTHER")


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Reset", {"type": "ImmediateAndResume"}),
        ("RequestStartTransaction", {"idToken": {"idToken": "", "type": "NoAuthorization"}}),
        ("RequestStartTransaction", {"idToken": CARD, "groupIdToken": CARD}),
        (
            "RequestStartTransaction",
            {"idToken": {**CARD, "additionalInfo": [{"additionalIdToken": "x", "type": "y"}]}},
        ),
        ("ReserveNow", {"id": 1, "expiryDateTime": "soon", "idToken": CARD}),
        ("ReserveNow", {"id": 1, "expiryDateTime": "2026-11-21T12:00:00", "idToken": CARD}),
        ("ClearCache", {}),
    ],
)
def test_what_no_command_can_say_goes_out_as_it_is(action: str, fields: Any) -> None:
    assert command_of("2.1", action, fields) == Ask(action, fields)


def test_a_profile_goes_along_with_no_start_that_goes_out_as_it_is() -> None:
    fields = {"idToken": {"idToken": "x", "type": "eMAID"}, "chargingProfile": {}}
    with pytest.raises(InvalidCommand) as failure:
        command_of("2.0.1", "RequestStartTransaction", fields)

    assert set(failure.value.fields) == {"chargingProfile"}


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_every_request_that_follows_its_schema_is_read(version: str, action: str) -> None:
    for fields in (minimal(version, action), full(version, action)):
        with contextlib.suppress(InvalidCommand):
            assert command_of(version, action, fields)
