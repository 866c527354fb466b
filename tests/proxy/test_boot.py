"""How a target gets to know a charger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from csms import frames
from csms.schemas import Schemas
from proxy.boot import boot_answer, boot_payload
from storage.records import Charger, ChargerKey

KEY = ChargerKey("organization", "CP-1")
NOW = datetime(2026, 11, 21, tzinfo=UTC)

BOOT16 = b'{"chargePointVendor": "Acme",  "chargePointModel": "Wall", "vendorField": 6.0}'
BOOT201 = b'{"chargingStation": {"model": "W", "vendorName": "A"}, "reason": "Watchdog"}'


def charger(**fields: Any) -> Charger:
    return Charger(key=KEY, charger_name="CP-1", password_digest=b"", created_at=NOW, **fields)


@pytest.mark.parametrize(
    ("version", "payload"), [("1.6", BOOT16), ("2.0.1", BOOT201), ("2.1", BOOT201)]
)
def test_the_charger_s_own_boot_goes_on_as_it_came(version: str, payload: bytes) -> None:
    assert boot_payload(version, charger(boot_payload=payload)) == payload


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "1.6",
            {
                "chargePointVendor": "Acme",
                "chargePointModel": "Wall",
                "chargePointSerialNumber": "S1",
                "firmwareVersion": "1.0",
            },
        ),
        (
            "2.0.1",
            {
                "reason": "PowerUp",
                "chargingStation": {
                    "vendorName": "Acme",
                    "model": "Wall",
                    "serialNumber": "S1",
                    "firmwareVersion": "1.0",
                },
            },
        ),
    ],
)
def test_a_charger_that_has_not_booted_is_told_as_enrolled(
    version: str, expected: dict[str, Any]
) -> None:
    enrolled = charger(
        vendor_name="Acme", model_name="Wall", serial_number="S1", firmware_version="1.0"
    )

    assert orjson.loads(boot_payload(version, enrolled)) == expected


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
@pytest.mark.parametrize("length", [0, 255])
def test_what_we_make_up_follows_the_schema(version: str, length: int) -> None:
    long = "x" * length
    enrolled = charger(vendor_name=long, model_name=long, serial_number=long, firmware_version=long)

    fields = orjson.loads(boot_payload(version, enrolled))

    assert Schemas(version).request("BootNotification", fields) is None


def test_a_boot_of_another_version_is_not_sent() -> None:
    came_back = charger(boot_payload=BOOT16, vendor_name="Acme", model_name="Wall")

    sent = orjson.loads(boot_payload("2.0.1", came_back))

    assert sent["chargingStation"] == {"vendorName": "Acme", "model": "Wall"}


@pytest.mark.parametrize(
    ("payload", "status", "interval"),
    [
        (b'{"status":"Accepted","interval":60}', "Accepted", 60),
        (b'{"status":"Pending","interval":0}', "Pending", None),
        (b'{"status":"Accepted"}', "Accepted", None),
        (b'{"status":"Accepted","interval":-5}', "Accepted", None),
        (b'{"status":"Accepted","interval":31536000}', "Accepted", 86_400),
        (b'{"status":"Welcome"}', "Rejected", None),
        (b"[]", "Rejected", None),
    ],
)
def test_a_target_s_answer(payload: bytes, status: str, interval: float | None) -> None:
    answer = boot_answer(frames.call_result("1", payload, orjson.loads(payload)), NOW)

    assert (answer.status, answer.interval) == (status, interval)


@pytest.mark.parametrize(
    ("told", "skew"),
    [
        ("2026-11-21T00:01:30Z", 90),
        ("2026-11-20T23:00:00", -3600),
        ("2026-11-21T01:00:00+01:00", 0),
        ("yesterday", None),
        (None, None),
        ([], None),
    ],
)
def test_how_far_the_target_s_clock_is_off(told: Any, skew: float | None) -> None:
    fields = {"status": "Accepted", "currentTime": told}

    assert boot_answer(frames.call_result("1", b"{}", fields), NOW).skew == skew
