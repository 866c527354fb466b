"""What follows from what lies on a charger, and whether its own schedule is above that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.composite import Lying, Step, answered, is_above, schedule_of
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Supply, Unit
from simulators import profiles as charger_side
from storage.clock import timestamp
from storage.operation_records import StationLimit
from storage.records import InstalledProfile, Transaction
from tests.storage.doubles import ALICE, NOON

DAY = timedelta(days=1)
THREE = Supply()
SESSION = Transaction(key=ALICE, transaction_id="T", evse_id=1, started_at=NOON, start_timestamp="")


def lies(
    purpose: str, limit: float, unit: str = "W", *, evse_id: int = 1, level: int = 0, **more: Any
) -> InstalledProfile:
    steps = more.pop("steps", [(0, limit)])
    schedule = {
        "startSchedule": timestamp(NOON),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": at, "limit": value} for at, value in steps],
        **more.pop("schedule", {}),
    }
    profile = {
        "id": 3006,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }
    return InstalledProfile(
        key=ALICE,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=level,
        profile=profile,
        installed_at=NOON,
    )


def told(
    limit: float | None, *, evse_id: int = 0, source: str = "EMS", **more: Any
) -> StationLimit:
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    payload: dict[str, Any] = {
        "chargingLimit": {"chargingLimitSource": source, **more},
        **({} if limit is None else {"chargingSchedule": [schedule]}),
    }
    return StationLimit(key=ALICE, evse_id=evse_id, source=source, payload=payload, updated_at=NOON)


def watts(lying: Lying, evse_id: int = 1, after: float = 1, supply: Supply = THREE) -> Any:
    found = lying.at(evse_id, NOON + timedelta(seconds=after), supply)
    return None if found is None else supply.convert(found.rate, "W", found.rate.phases)


# ---- what holds ----


def test_nothing_limits_where_nothing_lies() -> None:
    assert watts(Lying.of([])) is None
    assert watts(Lying.of([lies(TX_DEFAULT, 4000, evse_id=2)])) is None


def test_over_the_purposes_the_lowest_holds() -> None:
    # 1.6 §3.13.3
    station, default = lies(STATION_MAX, 9000, evse_id=0), lies(TX_DEFAULT, 6000)

    assert watts(Lying.of([station, default])) == 6000
    assert watts(Lying.of([station, default]), evse_id=0) == 9000
    assert watts(Lying.of([station, default]), evse_id=2) == 9000
    assert watts(Lying.of([lies(STATION_MAX, 9000, evse_id=0), lies(TX_DEFAULT, 20, "A")])) == 9000


def test_within_a_purpose_the_highest_level_holds_and_not_the_lowest_limit() -> None:
    lying = [lies(TX_DEFAULT, 4000), lies(TX_DEFAULT, 8000, level=1)]

    assert watts(Lying.of(lying)) == 8000
    assert watts(Lying.of([*lying, lies(TX_DEFAULT, 9000, evse_id=0, level=1)])) == 8000


def test_a_transactions_profile_goes_before_the_default_of_its_connector() -> None:
    # 1.6 §3.13.1, K02.FR.04; of a transaction that does not run nothing holds.
    lying = [lies(TX_DEFAULT, 4000, level=5), lies(TX, 8000, transactionId="T")]
    other = lies(TX, 2000, transactionId="U")

    assert watts(Lying.of(lying, running=[SESSION])) == 8000
    assert watts(Lying.of(lying)) == 4000
    assert watts(Lying.of([*lying[:1], other], running=[SESSION])) == 4000


def test_a_fallback_holds_once_what_is_above_it_is_no_longer_valid() -> None:
    # smart-charging item 8
    live = lies(TX_DEFAULT, 9000, level=1, validTo=timestamp(NOON + timedelta(seconds=1800)))
    lying = Lying.of([lies(TX_DEFAULT, 2000), live])

    assert (watts(lying), watts(lying, after=1801)) == (9000, 2000)
    assert [step.begin - NOON for step in lying.steps(1, NOON, DAY, THREE)] == [
        timedelta(0),
        timedelta(seconds=1800),
    ]


def test_a_relative_profile_counts_from_the_start_and_is_its_lowest_without_one() -> None:
    later: dict[str, Any] = {"chargingProfileKind": "Relative", "steps": [(0, 9000), (600, 3000)]}
    lying = [lies(TX_DEFAULT, 0, **later)]

    assert watts(Lying.of(lying, running=[SESSION]), after=599) == 9000
    assert watts(Lying.of(lying, running=[SESSION]), after=601) == 3000
    assert watts(Lying.of(lying)) == 3000


def test_what_makes_no_sense_is_left_out() -> None:
    lying = [lies(TX_DEFAULT, 9000), lies(TX_DEFAULT, 1, level=1, steps=[])]

    assert watts(Lying.of(lying, [told(None), told("much")])) == 9000  # type: ignore[arg-type]  # as a charger may


# ---- limits from outside (smart-charging items 5 and 16) ----


def test_what_the_charger_has_told_of_limits_holds_beside_ours() -> None:
    default = lies(TX_DEFAULT, 6000)

    assert watts(Lying.of([default], [told(5000)])) == 5000
    assert watts(Lying.of([default], [told(7000), told(4000, source="SO")])) == 4000
    assert watts(Lying.of([default], [told(5000, evse_id=2)])) == 6000
    assert watts(Lying.of([], [told(5000, evse_id=2)]), evse_id=0) is None


def test_what_the_station_generates_comes_on_top_of_its_mains_only() -> None:
    sun = told(3000, source="Other", isLocalGeneration=True)
    mains, default = lies(STATION_MAX, 5000, evse_id=0), lies(TX_DEFAULT, 6000)

    assert watts(Lying.of([mains], [sun]), evse_id=0) == 8000
    assert watts(Lying.of([], [told(5000), sun])) == 8000
    assert watts(Lying.of([mains, default], [sun])) == 6000
    assert watts(Lying.of([], [sun])) is None


# ---- as OCPP says it ----


def test_our_schedule_names_null_where_nothing_limits() -> None:
    lying = Lying.of([lies(TX_DEFAULT, 16, "A", schedule={"duration": 60})])
    steps = lying.steps(1, NOON, DAY, THREE)

    assert schedule_of(steps, 1, DAY, None, THREE) == {
        "evseId": 1,
        "duration": 86_400,
        "scheduleStart": timestamp(NOON),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16.0},
            {"startPeriod": 60, "limit": None},
        ],
    }


@pytest.mark.parametrize(
    ("purposes", "unit", "said", "limit"),
    [
        (("A",), "W", "W", 11_040.0),
        (("W",), "A", "A", 0.0),
        (("A", "W"), None, "W", 16.0),
    ],
)
def test_units_are_converted(
    purposes: tuple[str, ...], unit: Unit | None, said: str, limit: float
) -> None:
    lying = Lying.of([lies((TX_DEFAULT, STATION_MAX)[n], 16, of) for n, of in enumerate(purposes)])
    begin = NOON - timedelta(seconds=1) if len(purposes) > 1 else NOON
    schedule = schedule_of(lying.steps(1, begin, DAY, THREE), 1, DAY, unit, THREE)

    assert schedule["chargingRateUnit"] == said
    assert schedule["chargingSchedulePeriod"][-1]["limit"] == limit


PERIOD = {"startPeriod": 0, "limit": 16.0}
SAID = {"chargingRateUnit": "A", "chargingSchedulePeriod": [PERIOD]}
START = timestamp(NOON)


@pytest.mark.parametrize(
    "response",
    [
        {"scheduleStart": START, "connectorId": 1, "chargingSchedule": {**SAID, "duration": 60}},
        {"schedule": {**SAID, "evseId": 1, "duration": 60, "scheduleStart": START}},
        {"chargingSchedule": {**SAID, "duration": 60}},
    ],
)
def test_answers_of_both_versions_have_one_shape(response: Mapping[str, Any]) -> None:
    assert answered({"status": "Accepted", **response}, 1, NOON) == {
        "evseId": 1,
        "duration": 60,
        "scheduleStart": START,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [PERIOD],
    }


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        [],
        {},
        {**SAID, "chargingRateUnit": "V"},
        {**SAID, "chargingSchedulePeriod": []},
        {**SAID, "chargingSchedulePeriod": [{"startPeriod": 0}]},
        {**SAID, "chargingSchedulePeriod": [None]},
    ],
)
def test_an_answer_without_a_schedule_has_none(schedule: Any) -> None:
    assert answered({"status": "Accepted", "chargingSchedule": schedule}, 1, NOON) is None
    assert answered({"status": "Accepted", "schedule": schedule}, 1, NOON) is None


# ---- theirs against ours ----


def theirs(*steps: tuple[int, float], unit: str = "W", start: datetime = NOON) -> dict[str, Any]:
    return {
        "scheduleStart": timestamp(start),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": at, "limit": value} for at, value in steps],
    }


OURS = Lying.of([lies(TX_DEFAULT, 0, steps=[(0, 6000), (600, 3000)])]).steps(1, NOON, DAY, THREE)


@pytest.mark.parametrize(
    ("schedule", "above"),
    [
        (theirs((0, 6000), (600, 3000)), False),
        (theirs((0, 6000.1), (600, 3000)), False),
        (theirs((0, 6000.3), (600, 3000)), True),
        (theirs((0, 2000)), False),
        (theirs((0, 6000)), True),
        (theirs((0, 6000), (601, 3000)), False),  # a second is no difference
        (theirs((0, 6000), (660, 3000)), True),
        (theirs((0, 8.6), (600, 4.3), unit="A"), False),  # 6,000 W are 8.69 A, cut to 8.6
        (theirs((0, 8.7), (600, 4.4), unit="A"), False),  # rounded
        (theirs((0, 9.0), (600, 4.3), unit="A"), True),
        (theirs((0, 32), unit="A"), True),
        (theirs((0, 6000), (0, 3000)), None),
        ({**theirs((0, 1)), "scheduleStart": "soon"}, None),
    ],
)
def test_a_charger_whose_schedule_is_above_ours(
    schedule: Mapping[str, Any],
    above: Any,
) -> None:
    assert is_above(schedule, OURS, THREE) is above


def test_nothing_is_above_where_nothing_limits() -> None:
    free = Lying.of([]).steps(1, NOON, DAY, THREE)

    assert is_above(theirs((0, 22_000)), free, THREE) is False
    assert is_above(theirs((0, 22_000)), [], THREE) is None


LIMITS = st.integers(0, 22_000)
PROFILES = st.lists(
    st.builds(
        lambda purpose, evse_id, level, steps: lies(
            purpose,
            0,
            evse_id=0 if purpose == STATION_MAX else evse_id,
            level=level,
            steps=[(n * 900, limit) for n, limit in enumerate(steps)],
        ),
        st.sampled_from([TX_DEFAULT, STATION_MAX]),
        st.sampled_from([0, 1]),
        st.integers(0, 3),
        st.lists(LIMITS, min_size=1, max_size=4),
    ),
    max_size=6,
)


@given(PROFILES, st.integers(0, 5000))
def test_the_steps_say_at_every_moment_what_holds_then(
    profiles: list[InstalledProfile], second: int
) -> None:
    lying, moment = Lying.of(profiles), NOON + timedelta(seconds=second)
    steps = lying.steps(1, NOON, DAY, THREE)
    last: Step = [step for step in steps if step.begin <= moment][-1]

    assert last.holding == lying.at(1, moment, THREE)
    assert all(a.holding != b.holding for a, b in pairwise(steps))


@given(PROFILES, st.sampled_from(["A", "W"]))
def test_our_own_schedule_is_never_above_itself_in_either_unit(
    profiles: list[InstalledProfile], unit: Unit
) -> None:
    steps = Lying.of(profiles).steps(1, NOON, DAY, THREE)
    ours = schedule_of(steps, 1, DAY, unit, THREE)
    known = [one for one in ours["chargingSchedulePeriod"] if one["limit"] is not None]
    told = {**ours, "chargingSchedulePeriod": known}
    if known and known[0]["startPeriod"] == 0:
        assert is_above(told, steps, THREE) is False


def _place(purpose: str, evse_id: int) -> int:
    return 0 if purpose == STATION_MAX else 1 if purpose == TX else evse_id


ON_A_CHARGER = st.lists(
    st.builds(
        lambda purpose, evse_id, level, kind, steps: lies(
            purpose,
            0,
            evse_id=_place(purpose, evse_id),
            level=level,
            steps=[(n * 900, limit) for n, limit in enumerate(steps)],
            chargingProfileKind="Absolute" if purpose == STATION_MAX else kind,
            **({"transactionId": "T"} if purpose == TX else {}),
        ),
        st.sampled_from([TX_DEFAULT, STATION_MAX, TX]),
        st.sampled_from([0, 1, 2]),
        st.integers(0, 3),
        st.sampled_from(["Absolute", "Relative"]),
        st.lists(LIMITS, min_size=1, max_size=4),
    ),
    max_size=8,
    unique_by=lambda one: (one.evse_id, one.purpose, one.stack_level),
)


@given(ON_A_CHARGER, st.integers(1, 5000))
def test_a_simulated_charger_with_the_same_profiles_reckons_the_same(
    installed: list[InstalledProfile], second: int
) -> None:
    moment, there = NOON + timedelta(seconds=second), charger_side.Profiles()
    for n, one in enumerate(installed):
        there.put(charger_side.read(one.evse_id, {**one.profile, "id": n}, NOON))
    running = charger_side.Running("T", SESSION.started_at)
    theirs = there.evse_w(1, moment, running, charger_side.Supply())
    ours = Lying.of(installed, running=[SESSION]).at(1, moment, THREE)

    assert (None if ours is None else ours.rate.value) == theirs
