"""Introduce a charger to its target: the Boot that the target gets is its own hop's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from csms.frames import CallResult
from csms.readings import mapping, number, word
from storage.records import Charger

LONGEST_INTERVAL = 86_400.0

# A charger may come back with another OCPP version; 1.6 and 2.x have members of their own.
_BOOT_MARK = {"1.6": "chargePointVendor", "2.0.1": "chargingStation", "2.1": "chargingStation"}
_UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """What the target said to a Boot.

    ``interval`` in s, None where it left that to us; ``skew`` is how many s its clock is ahead of
    ours, None where it did not tell the time.
    """

    status: str
    interval: float | None
    skew: float | None = None


def boot_answer(result: CallResult, now: datetime) -> BootAnswer:
    """Read a target's answer; what is no known status counts as Rejected."""
    fields = mapping(result.fields)
    status = word(fields.get("status"))
    interval = number(fields.get("interval"))
    return BootAnswer(
        status if status in ("Accepted", "Pending") else "Rejected",
        min(interval, LONGEST_INTERVAL) if interval and interval > 0 else None,
        _skew(fields.get("currentTime"), now),
    )


def _skew(told: Any, now: datetime) -> float | None:
    try:
        there = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return None
    return (there.replace(tzinfo=there.tzinfo or UTC) - now).total_seconds()


def boot_payload(version: str, charger: Charger) -> bytes:
    """Return the charger's own Boot as received, or one made of what was enrolled."""
    if charger.boot_payload and _speaks(version, charger.boot_payload):
        return charger.boot_payload
    return orjson.dumps(_BUILD[version](charger))


def _speaks(version: str, payload: bytes) -> bool:
    return _BOOT_MARK[version] in mapping(orjson.loads(payload))


def _boot16(charger: Charger) -> dict[str, Any]:
    return _present(
        chargePointVendor=_cut(charger.vendor_name, 20) or _UNKNOWN,
        chargePointModel=_cut(charger.model_name, 20) or _UNKNOWN,
        chargePointSerialNumber=_cut(charger.serial_number, 25),
        firmwareVersion=_cut(charger.firmware_version, 50),
    )


def _boot201(charger: Charger) -> dict[str, Any]:
    station = _present(
        vendorName=_cut(charger.vendor_name, 50) or _UNKNOWN,
        model=_cut(charger.model_name, 20) or _UNKNOWN,
        serialNumber=_cut(charger.serial_number, 25),
        firmwareVersion=_cut(charger.firmware_version, 50),
    )
    return {"reason": "PowerUp", "chargingStation": station}


_BUILD: Mapping[str, Callable[[Charger], dict[str, Any]]] = {
    "1.6": _boot16,
    "2.0.1": _boot201,
    "2.1": _boot201,
}


def _present(**fields: str | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _cut(text: str | None, longest: int) -> str:
    return (text or "")[:longest]
