"""What a target may set, and which of its own profiles it names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.limits import Abilities
from csms.profile_lint import Place
from csms.profile_words import Words
from csms.schedules import STATION_MAX, TX, TX_DEFAULT
from proxy.profile_rules import chosen_by, flaw_of
from storage.records import ChargerKey, ChargingProfile, Transaction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")
RUNNING = Transaction(key=KEY, transaction_id="T", evse_id=1, started_at=NOW, start_timestamp="")
OLD, NEW = Words.of("1.6"), Words.of("2.0.1")


def profile(purpose: str = TX_DEFAULT, kind: str = "Absolute", **more: Any) -> dict[str, Any]:
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": more.pop("periods", [{"startPeriod": 0, "limit": 16}]),
    }
    return {
        "id": more.pop("id", 1),
        "stackLevel": more.pop("level", 0),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": more.pop("schedules", [schedule]),
        **more,
    }


def place(evse_id: int, own: dict[str, Any], transaction: Transaction | None = None) -> Place:
    return Place(evse_id, own, transaction, Abilities(max_periods=3))


def kept(
    id: int = 1, evse_id: int = 1, purpose: str = TX_DEFAULT, level: int = 0, **more: Any
) -> ChargingProfile:
    return ChargingProfile(
        key=KEY,
        owner=1,
        profile_id=id,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=level,
        profile=profile(purpose, id=id, level=level, **more),
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("at", "own", "running", "flaw"),
    [
        (1, profile(), None, None),
        (0, profile(), None, None),
        (0, profile(STATION_MAX), None, None),
        (1, profile(TX), RUNNING, None),
        (1, profile(STATION_MAX), None, "InvalidProfile"),
        (0, profile(STATION_MAX, "Relative"), None, "InvalidProfile"),
        (0, profile("ChargingStationExternalConstraints"), None, "InvalidProfile"),
        (1, profile(TX), None, "TxNotFound"),
        (1, profile(kind="Recurring"), None, "InvalidSchedule"),
        (1, profile(kind="Recurring", recurrencyKind="Daily"), None, None),
        (1, profile(validTo="soon"), None, "InvalidSchedule"),
        (1, profile(periods=[{"startPeriod": 5, "limit": 1}]), None, "InvalidSchedule"),
        (1, profile(periods=[{"startPeriod": 0, "limit": -1}]), None, "InvalidSchedule"),
        (
            1,
            profile(periods=[{"startPeriod": n, "limit": 1} for n in range(4)]),
            None,
            "InvalidSchedule",
        ),
        (1, profile(schedules=profile()["chargingSchedule"] * 2), None, "InvalidSchedule"),
        (1, profile(TX, schedules=profile()["chargingSchedule"] * 2), RUNNING, None),
    ],
)
def test_flaws(at: int, own: dict[str, Any], running: Transaction | None, flaw: str | None) -> None:
    assert flaw_of(place(at, own, running)) == flaw


def test_a_target_sets_no_profile_that_overrules_or_adds_to_limits() -> None:
    # Item 5 of the rules of smart charging: what 2.1 has beyond 2.0.1.
    for purpose in ("PriorityCharging", "LocalGeneration"):
        assert flaw_of(place(0, profile(purpose))) == "InvalidProfile"
    assert flaw_of(place(1, profile(kind="Dynamic"))) == "InvalidProfile"
    assert flaw_of(place(1, profile(TX, "Dynamic"))._replace(starting=True)) == "InvalidProfile"


PERIOD = {"startPeriod": 0, "limit": 16}


@pytest.mark.parametrize(
    ("own", "flaw"),
    [
        (profile(periods=[{**PERIOD, "limit_L2": 0}]), "UnsupportedParam"),
        (profile(periods=[{**PERIOD, "setpoint": 16}]), "UnsupportedParam"),
        (profile(periods=[{**PERIOD, "operationMode": "CentralSetpoint"}]), "UnsupportedParam"),
        (profile(maxOfflineDuration=60), "UnsupportedParam"),
        (
            profile(schedules=[{**profile()["chargingSchedule"][0], "useLocalTime": True}]),
            "UnsupportedParam",
        ),
        (profile(periods=[{"startPeriod": 0}]), "InvalidSchedule"),  # 2.1 may leave the limit out
        (profile(periods=[{**PERIOD, "operationMode": "ChargingOnly"}]), None),
        (profile(periods=[{**PERIOD, "evseSleep": False}], invalidAfterOfflineDuration=None), None),
    ],
)
def test_what_a_merged_schedule_of_2_1_cannot_say_is_refused(
    own: dict[str, Any], flaw: str | None
) -> None:
    assert flaw_of(place(1, own)) == flaw


def test_a_unit_that_the_charger_does_not_take() -> None:
    only = Place(1, profile(), None, Abilities(frozenset({"W"})))
    assert flaw_of(only) == "UnsupportedRateUnit"


def test_a_start_has_no_transaction_yet() -> None:
    assert flaw_of(place(1, profile(TX))._replace(starting=True)) is None


# ---- which ones ----

STACK = [
    kept(1, 0, STATION_MAX),
    kept(2, 1, TX_DEFAULT, 4),
    kept(3, 2, TX_DEFAULT, 4),
    kept(4, 2, TX, 0),
]


@pytest.mark.parametrize(
    ("words", "fields", "ids"),
    [
        (OLD, {}, [1, 2, 3, 4]),
        (OLD, {"id": 2, "connectorId": 2}, [2]),
        (OLD, {"connectorId": 0}, [1]),
        (OLD, {"connectorId": 2}, [3, 4]),
        (OLD, {"chargingProfilePurpose": "ChargePointMaxProfile"}, [1]),
        (OLD, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 4}, [2, 3]),
        (OLD, {"id": 3006}, []),
        (NEW, {}, [1, 2, 3, 4]),
        (NEW, {"chargingProfileId": 3}, [3]),
        (NEW, {"chargingProfileCriteria": {"evseId": 2}}, [3, 4]),
        (NEW, {"chargingProfileCriteria": {"evseId": 2, "stackLevel": 4}}, [3]),
        (NEW, {"chargingProfileCriteria": {"chargingProfilePurpose": "TxProfile"}}, [4]),
        (NEW, None, [1, 2, 3, 4]),
    ],
)
def test_criteria(words: Words, fields: Any, ids: list[int]) -> None:
    chosen = chosen_by(words, fields)

    assert [one.profile_id for one in STACK if chosen(one)] == ids
