"""What is wrong with a charging profile, and at which place in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.limits import Abilities
from csms.profile_lint import HIGHEST, LARGEST, Place, flaws_of_any, flaws_of_ours, rivals
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Unit
from storage.records import ChargerKey, ChargingProfile, Transaction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")
RUNNING = Transaction(key=KEY, transaction_id="T", evse_id=1, started_at=NOW, start_timestamp="")
FIRST = "chargingSchedule.0"
PERIOD = f"{FIRST}.chargingSchedulePeriod"


def schedule(*starts: float, **more: Any) -> dict[str, Any]:
    periods = [{"startPeriod": start, "limit": 16} for start in starts or (0,)]
    return {"chargingRateUnit": "A", "chargingSchedulePeriod": periods, **more}


def period(**more: Any) -> dict[str, Any]:
    return schedule(chargingSchedulePeriod=[{"startPeriod": 0, "limit": 16, **more}])


def profile(
    purpose: str = TX_DEFAULT, kind: str = "Absolute", *schedules: Any, **more: Any
) -> dict[str, Any]:
    return {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": list(schedules) or [schedule()],
        **more,
    }


def place(
    own: dict[str, Any], evse_id: int = 1, units: frozenset[Unit] = frozenset({"A", "W"})
) -> Place:
    running = RUNNING if own["chargingProfilePurpose"] == TX else None
    return Place(evse_id, own, running, Abilities(units=units, max_periods=3))


def found(own: dict[str, Any], evse_id: int = 1) -> list[str]:
    """Return where something is wrong, and that each flaw says what."""
    at = place(own, evse_id)
    flaws = list(flaws_of_any(at)) or list(flaws_of_ours(at, NOW))
    assert all(flaw.sentence.endswith(".") and len(flaw.code) <= 20 for flaw in flaws)
    return [flaw.path for flaw in flaws]


DAILY = {"recurrencyKind": "Daily"}
BEGAN = {"startSchedule": "2026-11-21T00:00:00Z"}


@pytest.mark.parametrize(
    ("own", "evse_id"),
    [
        (profile(), 1),
        (profile(), 0),
        (profile(STATION_MAX), 0),
        (profile(TX), 1),
        (profile(TX, "Relative", schedule(), schedule(0, 60), schedule()), 1),
        (profile(TX_DEFAULT, "Recurring", schedule(0, 60, **BEGAN), **DAILY), 1),
        (profile(TX_DEFAULT, "Absolute", schedule(0, 60, duration=61)), 1),
        (profile(TX_DEFAULT, "Absolute", period(numberPhases=1, phaseToUse=3)), 1),
        (profile(validFrom="2026-11-21T11:00:00Z", validTo="2026-11-21T12:00:01Z"), 1),
        (profile(validTo="9999-12-31T23:59:59Z"), 1),
        (profile(TX_DEFAULT, "Absolute", schedule(duration=1)), 1),
        (profile(TX_DEFAULT, "Absolute", schedule(0, LARGEST)), 1),
        (profile(TX_DEFAULT, "Absolute", schedule(0, LARGEST - 1, duration=LARGEST)), 1),
        (profile(TX_DEFAULT, "Absolute", period(limit=0)), 1),
        (profile(TX_DEFAULT, "Absolute", period(limit=HIGHEST)), 1),
        (profile(id=LARGEST, stackLevel=LARGEST), 1),
        (profile(TX_DEFAULT, "Absolute", period(operationMode="ChargingOnly", evseSleep=False)), 1),
    ],
)
def test_what_is_right(own: dict[str, Any], evse_id: int) -> None:
    assert found(own, evse_id) == []


@pytest.mark.parametrize(
    ("own", "paths"),
    [
        # purposes and kinds: K01.FR.22, .38, .16
        (profile("ChargingStationExternalConstraints"), ["chargingProfilePurpose"]),
        (profile("PriorityCharging"), ["chargingProfilePurpose"]),
        (profile("LocalGeneration"), ["chargingProfilePurpose"]),
        (profile(STATION_MAX), ["chargingProfilePurpose"]),
        (profile(kind="Dynamic"), ["chargingProfileKind"]),
        (profile(kind="Recurring"), ["recurrencyKind"]),
        (profile(**DAILY), ["recurrencyKind"]),
        (profile(transactionId="T"), ["transactionId"]),
        (profile(TX_DEFAULT, "Absolute", schedule(), schedule()), ["chargingSchedule"]),
        (profile(TX, "Absolute", *[schedule()] * 4), ["chargingSchedule"]),
        # when it begins and ends: K01.FR.40, .41
        (profile(TX_DEFAULT, "Recurring", **DAILY), [f"{FIRST}.startSchedule"]),
        (profile(TX_DEFAULT, "Relative", schedule(**BEGAN)), [f"{FIRST}.startSchedule"]),
        (
            profile(TX_DEFAULT, "Absolute", schedule(startSchedule="soon")),
            [f"{FIRST}.startSchedule"],
        ),
        (
            profile(TX_DEFAULT, "Absolute", schedule(startSchedule="9999-12-31T00:00:00Z")),
            [f"{FIRST}.startSchedule"],
        ),
        (profile(validFrom="soon"), ["validFrom"]),
        (profile(validTo="2026-11-21T12:00:00Z"), ["validTo"]),
        (profile(validFrom="2026-11-22T00:00:00Z", validTo="2026-11-22T00:00:00Z"), ["validTo"]),
        # duration against startPeriod
        (profile(TX_DEFAULT, "Absolute", schedule(duration=0)), [f"{FIRST}.duration"]),
        (profile(TX_DEFAULT, "Absolute", schedule(duration=-5)), [f"{FIRST}.duration"]),
        (profile(TX_DEFAULT, "Absolute", schedule(duration=10**18)), [f"{FIRST}.duration"]),
        (
            profile(TX_DEFAULT, "Absolute", schedule(0, 60, 90, duration=60)),
            [f"{PERIOD}.1.startPeriod", f"{PERIOD}.2.startPeriod"],
        ),
        # order of periods: K01.FR.31, .35
        (profile(TX_DEFAULT, "Absolute", schedule(5)), [f"{PERIOD}.0.startPeriod"]),
        (
            profile(TX, "Absolute", schedule(), schedule(0, 60, 60)),
            ["chargingSchedule.1.chargingSchedulePeriod.2.startPeriod"],
        ),
        (profile(TX_DEFAULT, "Absolute", schedule(0, 9, 8)), [f"{PERIOD}.2.startPeriod"]),
        (profile(TX_DEFAULT, "Absolute", schedule(0, LARGEST + 1)), [f"{PERIOD}.1.startPeriod"]),
        (profile(TX_DEFAULT, "Absolute", schedule(0, 1, 2, 3)), [PERIOD]),
        (
            profile(TX_DEFAULT, "Absolute", schedule(chargingSchedulePeriod=[])),
            [f"{PERIOD}.0.startPeriod"],
        ),
        # amounts and phases
        (profile(TX_DEFAULT, "Absolute", period(limit=-0.1)), [f"{PERIOD}.0.limit"]),
        (profile(TX_DEFAULT, "Absolute", period(limit=None)), [f"{PERIOD}.0.limit"]),
        (profile(TX_DEFAULT, "Absolute", period(limit=1e12)), [f"{PERIOD}.0.limit"]),
        (
            profile(TX_DEFAULT, "Absolute", schedule(minChargingRate=-1)),
            [f"{FIRST}.minChargingRate"],
        ),
        (profile(TX_DEFAULT, "Absolute", period(numberPhases=0)), [f"{PERIOD}.0.numberPhases"]),
        (profile(TX_DEFAULT, "Absolute", period(numberPhases=4)), [f"{PERIOD}.0.numberPhases"]),
        (profile(TX_DEFAULT, "Absolute", period(phaseToUse=1)), [f"{PERIOD}.0.phaseToUse"]),
        (
            profile(TX_DEFAULT, "Absolute", period(numberPhases=3, phaseToUse=1)),
            [f"{PERIOD}.0.phaseToUse"],
        ),
        (
            profile(TX_DEFAULT, "Absolute", period(numberPhases=1, phaseToUse=4)),
            [f"{PERIOD}.0.phaseToUse"],
        ),
        # what 2.1 says beyond what can be merged
        (profile(maxOfflineDuration=60), ["maxOfflineDuration"]),
        (profile(TX_DEFAULT, "Absolute", schedule(useLocalTime=True)), [f"{FIRST}.useLocalTime"]),
        (profile(TX_DEFAULT, "Absolute", period(setpoint=-1)), [f"{PERIOD}.0.setpoint"]),
        (
            profile(TX_DEFAULT, "Absolute", period(operationMode="CentralSetpoint")),
            [f"{PERIOD}.0.operationMode"],
        ),
        # numbers
        (profile(id=0), ["id"]),
        (profile(id=LARGEST + 1), ["id"]),
        (profile(stackLevel=-1), ["stackLevel"]),
    ],
)
def test_what_is_wrong_is_named_by_its_place(own: dict[str, Any], paths: list[str]) -> None:
    assert found(own) == paths


@pytest.mark.parametrize(
    ("own", "path"),
    [
        (profile("PriorityCharging"), "chargingProfilePurpose"),
        (profile("LocalGeneration"), "chargingProfilePurpose"),
        (profile(kind="Dynamic", dynUpdateInterval=60), "chargingProfileKind"),
    ],
)
def test_what_2_1_has_beside_limits_is_the_operators_alone(own: dict[str, Any], path: str) -> None:
    able = Abilities(dynamic=True, purposes=frozenset({"PriorityCharging", "LocalGeneration"}))
    of_target = place(own)._replace(abilities=able)

    # Item 5: a target's would overrule or add to limits, ours need that the station says so.
    assert [flaw.path for flaw in flaws_of_any(of_target)] == [path]
    assert [flaw.path for flaw in flaws_of_any(place(own)._replace(ours=True))] == [path]
    ours = of_target._replace(ours=True)
    assert not [*flaws_of_any(ours), *flaws_of_ours(ours, NOW)]


def test_a_purpose_that_nobody_knows_stays_unknown() -> None:
    able = Abilities(purposes=frozenset({"ChargingStationExternalConstraints"}))
    at = place(profile("ChargingStationExternalConstraints"))._replace(abilities=able, ours=True)

    assert [flaw.path for flaw in flaws_of_any(at)] == ["chargingProfilePurpose"]


def test_a_dynamic_profile_has_one_period() -> None:
    own = profile(TX_DEFAULT, "Dynamic", schedule(0, 60))
    at = place(own)._replace(abilities=Abilities(dynamic=True), ours=True)

    assert not list(flaws_of_any(at))
    assert [flaw.path for flaw in flaws_of_ours(at, NOW)] == [f"{PERIOD}.1"]
    assert found(profile(dynUpdateInterval=60)) == ["dynUpdateInterval"]


def test_a_station_has_no_transactions_to_be_relative_to() -> None:
    assert found(profile(STATION_MAX, "Relative"), 0) == ["chargingProfileKind"]  # K01.FR.38


def test_a_number_that_no_charger_means() -> None:
    at = place(profile(TX_DEFAULT, "Absolute", period(limit=1e308)))

    assert [flaw.path for flaw in flaws_of_any(at)] == [f"{PERIOD}.0.limit"]
    assert LARGEST == 2_147_483_647


def test_a_unit_that_the_charger_does_not_take() -> None:
    [flaw] = flaws_of_any(place(profile(), units=frozenset({"W"})))

    assert flaw.path == f"{FIRST}.chargingRateUnit"
    assert flaw.sentence == "The charger takes schedules in W only."


def test_only_of_a_start_the_transaction_is_yet_to_come() -> None:
    bare = Place(1, profile(TX), None, Abilities())

    assert [flaw.code for flaw in flaws_of_any(bare)] == ["TxNotFound"]
    assert not list(flaws_of_any(bare._replace(starting=True)))


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
        profile=profile(purpose, **more),
        created_at=NOW,
    )


def test_rivals_are_at_the_same_place_at_the_same_time() -> None:
    own = [
        kept(1),
        kept(2, level=1),
        kept(3, evse_id=2),
        kept(4, purpose=STATION_MAX),
        kept(5, validTo="2026-11-21T12:00:00Z"),
        kept(6, validFrom="2026-11-22T12:00:00Z"),
    ]
    asked = profile(id=9, validFrom="2026-11-21T12:00:00Z", validTo="2026-11-22T12:00:00Z")

    assert [one.profile_id for one in rivals(own, place(asked))] == [1]
