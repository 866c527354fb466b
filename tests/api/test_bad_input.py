"""What cannot be asked of a charger: it hears nothing of it, and whoever asks is told the field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.records import Transaction
from tests.api.conftest import Api, Connect
from tests.api.robot import Robot, robot

pytestmark = pytest.mark.one_of_each("many ways to ask the same")

STATION = "/api/chargingStations/CP-1"
LIMIT = {"limit": {"acMaxPowerKw": 11}}
PERIOD = {"startPeriod": 0, "limit": 16}
TOO_MANY = [{"startPeriod": n, "limit": 16} for n in range(10_000)]


def profile(**more: Any) -> Any:
    schedule = {
        "id": 1,
        "startSchedule": "2026-11-21T10:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": more.pop("periods", [PERIOD]),
        **more.pop("schedule", {}),
    }
    return {
        "chargingProfile": {
            "id": 7,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [schedule],
            **more,
        }
    }


@pytest.fixture
async def charger(api: Api, connect: Connect) -> AsyncIterator[Robot]:
    """Connect a charger that has told of EVSE 1, with a transaction, one that ended, one afar."""
    await api.enrol()
    await api.enrol("CP-2")
    key, now = api.charger_key("CP-1"), api.clock.now()
    api.storage.chargers.note_status(key, 1, 1, "Charging", b"{}")
    running = Transaction(
        key=key,
        transaction_id="41",
        evse_id=1,
        started_at=now,
        start_timestamp="2026-11-21T10:00:00Z",
    )
    ended = replace(
        running, transaction_id="42", state="ended", stopped_at=now + timedelta(hours=1)
    )
    afar = replace(running, transaction_id="43", key=api.charger_key("CP-2"))
    for one in (running, ended, afar):
        await api.storage.transactions.note_started(one)
    async with robot((await connect()).peer) as answering:
        yield answering


def heard(charger: Robot) -> list[str]:
    """Name what the charger was told to do; what it can may be asked."""
    return [action for action, _ in charger.asked if action != "GetConfiguration"]


def on_transaction(id: str) -> str:
    return f"/transactions/{id}/powerLimit"


BAD_LIMITS: dict[str, tuple[str, Any, int, str | None]] = {
    "none": ("/powerLimit", {"limit": {}}, 422, "limit"),
    "two": ("/powerLimit", {"limit": {"acMaxPowerA": 6, "acMaxPowerKw": 3}}, 422, "limit"),
    "negative": ("/powerLimit", {"limit": {"acMaxPowerA": -1}}, 422, "limit.acMaxPowerA"),
    "text": ("/powerLimit", {"limit": {"acMaxPowerA": "6"}}, 422, "limit.acMaxPowerA"),
    "true": ("/powerLimit", {"limit": {"acMaxPowerA": True}}, 422, "limit.acMaxPowerA"),
    "too high": ("/powerLimit", {"limit": {"acMaxPowerKw": 1e9}}, 422, "limit.acMaxPowerKw"),
    "unknown condition": ("/powerLimit?condition=always", LIMIT, 422, "condition"),
    "both conditions": (
        "/powerLimit?condition=whenNoCloudConnection,whenSessionNotAuthorized",
        LIMIT,
        422,
        "condition",
    ),
    "delay below 0": ("/powerLimit?relativeDelay=-1", LIMIT, 422, "relativeDelay"),
    "stack level below 0": ("/powerLimit?stackLevel=-1", LIMIT, 422, "stackLevel"),
    "id 0": ("/powerLimit?chargingProfileId=0", LIMIT, 422, "chargingProfileId"),
    "id beyond 31 bits": (
        "/powerLimit?chargingProfileId=2147483648",
        LIMIT,
        422,
        "chargingProfileId",
    ),
    "id of another scope": ("/powerLimit?chargingProfileId=3006", LIMIT, 422, "chargingProfileId"),
    "id of targets": ("/powerLimit?chargingProfileId=1000000", LIMIT, 422, "chargingProfileId"),
    "evse unheard of": ("/evses/2/powerLimit", LIMIT, 404, None),
    "evse 0": ("/evses/0/powerLimit", LIMIT, 404, None),
    "evse beyond our ids": ("/evses/190/powerLimit", LIMIT, 404, None),
    "transaction unheard of": (on_transaction("99"), LIMIT, 404, None),
    "transaction of another": (on_transaction("43"), LIMIT, 404, None),
    "transaction that ended": (on_transaction("42"), LIMIT, 422, "transactionId"),
}


@pytest.mark.parametrize("case", BAD_LIMITS.values(), ids=BAD_LIMITS)
async def test_a_limit_that_cannot_be(
    api: Api, charger: Robot, case: tuple[str, Any, int, str | None]
) -> None:
    path, body, status, named = case
    got = await api("PUT", STATION + path, body)

    assert got.status == status, got.text
    if named is not None:
        assert named in got.fields
    assert heard(charger) == []


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "0x10"])
async def test_what_is_no_number_of_json(api: Api, charger: Robot, text: str) -> None:
    body = f'{{"limit": {{"acMaxPowerA": {text}}}}}'
    got = await api("PUT", f"{STATION}/powerLimit", text=body)

    assert got.status in {400, 422}, got.text
    assert heard(charger) == []


PERIODS = "chargingProfile.chargingSchedule.0.chargingSchedulePeriod"
BAD_PROFILES: dict[str, tuple[Any, str]] = {
    "no periods": (profile(periods=[]), PERIODS),
    "10,000 periods": (profile(periods=TOO_MANY), PERIODS),
    "late first period": (profile(periods=[{**PERIOD, "startPeriod": 5}]), f"{PERIODS}.0"),
    "periods that go back": (
        profile(periods=[PERIOD, {"startPeriod": 60, "limit": 1}, {"startPeriod": 30, "limit": 1}]),
        f"{PERIODS}.2",
    ),
    "a period after the end": (
        profile(periods=[PERIOD, {"startPeriod": 60, "limit": 1}], schedule={"duration": 60}),
        f"{PERIODS}.1",
    ),
    "a negative limit": (profile(periods=[{**PERIOD, "limit": -1}]), f"{PERIODS}.0"),
    "an unknown unit": (
        profile(schedule={"chargingRateUnit": "kW"}),
        "chargingProfile.chargingSchedule.0.chargingRateUnit",
    ),
    "id 0": (profile(id=0), "chargingProfile.id"),
    "id beyond 31 bits": (profile(id=2**31), "chargingProfile.id"),
    "id of a power limit": (profile(id=3000), "chargingProfile.id"),
    "id of targets": (profile(id=1_000_000), "chargingProfile.id"),
    "an unknown purpose": (
        profile(chargingProfilePurpose="Max"),
        "chargingProfile.chargingProfilePurpose",
    ),
    "an unknown kind": (
        profile(chargingProfileKind="Hourly"),
        "chargingProfile.chargingProfileKind",
    ),
    "recurring without a cycle": (
        profile(chargingProfileKind="Recurring"),
        "chargingProfile.recurrencyKind",
    ),
    "a transaction of another": (
        profile(chargingProfilePurpose="TxProfile", transactionId="43"),
        "chargingProfile.transactionId",
    ),
    "a transaction that ended": (
        profile(chargingProfilePurpose="TxProfile", transactionId="42"),
        "chargingProfile.transactionId",
    ),
}


@pytest.mark.parametrize("case", BAD_PROFILES.values(), ids=BAD_PROFILES)
async def test_a_profile_that_cannot_be(api: Api, charger: Robot, case: tuple[Any, str]) -> None:
    body, named = case
    got = await api("PUT", f"{STATION}/evses/1/chargingProfile", body)

    assert got.status == 422, got.text
    assert any(field.startswith(named) for field in got.fields), got.fields
    assert heard(charger) == []


async def test_a_stop_of_what_does_not_run(api: Api, charger: Robot) -> None:
    assert (await api("POST", f"{STATION}/transactions/42/stop")).error == (409, "conflict")
    for unknown in ("43", "99"):
        got = await api("POST", f"{STATION}/transactions/{unknown}/stop")
        assert got.error == (404, "not_found")
    assert heard(charger) == []


async def test_what_a_charger_has_not_told_of_yet_is_sent(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    await live.link.close()

    got = await api("PUT", f"{STATION}/evses/7/powerLimit", LIMIT)
    assert got.error == (409, "charger_offline")
