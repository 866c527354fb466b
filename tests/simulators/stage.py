"""Chargers on a stage: connected to a target, their clock in hand, their words checked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jsonschema_rs

from simulators.charger import Charger, Habits
from simulators.connections import Received
from simulators.target import Target
from simulators.watched import Fields
from tests.schema_payloads import schema

SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}
VERSIONS = {subprotocol: version for version, subprotocol in SUBPROTOCOLS.items()}
# One second of the wall is an hour at the charger.
HURRY = 3600.0
BRISK = Habits(restart_s=0.01, job_step_s=0.001)
TOKEN = "04A1B2C3"
NAME = "CP-1"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextlib.asynccontextmanager
async def playing(target: Target, version: str = "1.6", **options: Any) -> AsyncIterator[Charger]:
    """Play a charger that the target has accepted."""
    hurried: dict[str, Any] = {"back_off": (0.01, 0.02), "habits": BRISK}
    charger = Charger(target.url, NAME, version=version, **{**hurried, **options})
    async with charger.running():
        await charger.wait_connected()
        yield charger


def limit(
    value: float, unit: str = "W", *, purpose: str = "TxDefaultProfile", **more: Any
) -> Fields:
    """Return a 2.0.1 profile with one period."""
    period = {"startPeriod": 0, "limit": value}
    schedule = {"id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": [period]}
    return {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }


def limit16(
    value: float, unit: str = "W", *, purpose: str = "TxDefaultProfile", **more: Any
) -> Fields:
    """Return a 1.6 profile with one period."""
    profile = limit(value, unit, purpose=purpose, **more)
    schedule = {name: v for name, v in profile.pop("chargingSchedule")[0].items() if name != "id"}
    return {"chargingProfileId": profile.pop("id"), **profile, "chargingSchedule": schedule}


def broken_rules(target: Target, version: str) -> list[str]:
    """Return what was sent to the target against its schema."""
    return [
        f"{one.action}: {error.message}"
        for one in target.received
        for error in _errors(one, version)
    ]


def _errors(one: Received, version: str) -> list[Any]:
    return list(validator(version, one.action, "request").iter_errors(one.fields))


@cache
def validator(version: str, action: str, side: str) -> Any:
    """Return a compiled schema."""
    return jsonschema_rs.validator_for(schema(version, action, side))
