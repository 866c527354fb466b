"""Firmware and logs in the words of each version, as its schemas want them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms.errors import InvalidCommand
from csms.jobs import (
    DIAGNOSTICS,
    KINDS,
    SECURITY,
    Firmware,
    Log,
    Retries,
    firmware_request,
    log_request,
)
from csms.stations import STATIONS
from tests.storage.doubles import NOON

SCHEMAS = {kind.version: kind.schemas for kind in STATIONS.values()}
VERSIONS = ("1.6", "2.0.1", "2.1")
URL = "https://files.example.com/1"
AT, LATER = "2026-03-01T12:00:00.000Z", "2026-03-01T13:00:00.000Z"
FIRMWARE = Firmware(URL, NOON, retries=Retries(3, 60))
SIGNED = replace(
    FIRMWARE, install_at=NOON + timedelta(hours=1), signature="c2ln", certificate="PEM"
)
LOG = Log(DIAGNOSTICS, URL, NOON, NOON + timedelta(hours=1), Retries(0))


def faults(version: str, action: str, fields: dict[str, Any]) -> Any:
    """Hold a request against its schema, numbered where it has to be."""
    numbered = (version, action) not in {("1.6", "GetDiagnostics"), ("1.6", "UpdateFirmware")}
    return SCHEMAS[version].faults(action, {**fields, **({"requestId": 1} if numbered else {})})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("firmware", [FIRMWARE, SIGNED])
def test_firmware_is_asked_for_as_the_schema_wants_it(version: str, firmware: Firmware) -> None:
    asked = firmware_request(version, firmware)

    assert KINDS[asked.action] == "firmware"
    assert not faults(version, asked.action, dict(asked.fields))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("log", [LOG, replace(LOG, type=SECURITY), Log(DIAGNOSTICS, URL)])
def test_a_log_is_asked_for_as_the_schema_wants_it(version: str, log: Log) -> None:
    asked = log_request(version, log)

    assert KINDS[asked.action] == "log"
    assert not faults(version, asked.action, dict(asked.fields))


def test_diagnostics_of_1_6_have_times_of_their_own() -> None:  # 1.6 §5.9
    assert log_request("1.6", LOG).fields == {
        "location": URL,
        "startTime": AT,
        "stopTime": LATER,
        "retries": 0,
    }


def test_signed_firmware_has_its_signature_and_when_to_install_it() -> None:  # L01.FR.11
    asked = firmware_request("1.6", SIGNED)

    assert asked.action == "SignedUpdateFirmware"
    assert asked.fields["firmware"] == {
        "location": URL,
        "retrieveDateTime": AT,
        "installDateTime": LATER,
        "signature": "c2ln",
        "signingCertificate": "PEM",
    }


def test_1_6_cannot_say_when_to_install_what_is_not_signed() -> None:
    with pytest.raises(InvalidCommand) as wrong:
        firmware_request("1.6", replace(FIRMWARE, install_at=NOON))
    assert wrong.value.fields.keys() == {"installAt"}
