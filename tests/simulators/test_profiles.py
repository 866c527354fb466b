from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.profiles import Profile, Profiles, Running, Supply, composite, read
from simulators.watched import timestamp
from tests.simulators.stage import limit, limit16

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
THREE, ONE = Supply(), Supply(phases=1)
RUNNING = Running("T", NOON)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def steps(*limits: tuple[float, float], **schedule: Any) -> list[dict[str, Any]]:
    periods = [{"startPeriod": start, "limit": value} for start, value in limits]
    return [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods, **schedule}]


def watts(profile: Profile, seconds: float, running: Running | None = RUNNING) -> float | None:
    return profile.watts_at(at(seconds), running, THREE)


def installed(*profiles: tuple[int, dict[str, Any]]) -> Profiles:
    kept = Profiles()
    for evse_id, fields in profiles:
        kept.put(read(evse_id, fields, NOON))
    return kept


# ---- one profile ----


def test_both_versions_are_read_into_one_shape() -> None:
    new = read(1, limit(5000, transactionId="7"), NOON)
    old = read(1, limit16(5000, transactionId=7), NOON)

    assert {name: getattr(new, name) for name in Profile.__slots__ if name != "fields"} == {
        name: getattr(old, name) for name in Profile.__slots__ if name != "fields"
    }


def test_the_maximum_of_1_6_has_its_new_name() -> None:
    assert read(0, limit16(1, purpose="ChargePointMaxProfile"), NOON).purpose == (
        "ChargingStationMaxProfile"
    )


@pytest.mark.parametrize("broken", [{}, {"chargingSchedule": []}, limit(1) | {"stackLevel": "x"}])
def test_what_is_no_profile_raises(broken: dict[str, Any]) -> None:
    with pytest.raises((LookupError, ValueError)):
        read(1, broken, NOON)


def test_periods_follow_each_other_and_the_duration_ends_them() -> None:
    schedule = steps((0, 9000), (60, 6000), startSchedule=timestamp(NOON), duration=120)
    profile = read(1, limit(0, chargingSchedule=schedule), NOON)

    assert [watts(profile, s) for s in (-1, 0, 59, 60, 119, 120)] == [
        None,
        9000,
        9000,
        6000,
        6000,
        None,
    ]


def test_a_relative_profile_begins_with_the_transaction() -> None:
    fields = limit(0, chargingProfileKind="Relative", chargingSchedule=steps((0, 9000), (60, 6000)))
    profile = read(1, fields, at(-1000))

    assert [watts(profile, s) for s in (0, 60)] == [9000, 6000]
    assert watts(profile, 60, running=None) == 9000


def test_a_recurring_profile_comes_every_day() -> None:
    schedule = steps((0, 9000), (3600, 6000), startSchedule=timestamp(NOON))
    fields = limit(
        0, chargingProfileKind="Recurring", recurrencyKind="Daily", chargingSchedule=schedule
    )
    profile = read(1, fields, NOON)
    day = 24 * 3600

    assert [watts(profile, s) for s in (-1, 0, day - 1, day, day + 3600)] == [
        None,
        9000,
        6000,
        9000,
        6000,
    ]


def test_validity_bounds_a_profile() -> None:
    fields = limit(5000, validFrom=timestamp(at(10)), validTo=timestamp(at(20)))
    profile = read(1, fields, NOON)

    assert [watts(profile, s) for s in (9, 10, 19, 20)] == [None, 5000, 5000, None]


@pytest.mark.parametrize(
    ("phases", "supply", "expected"),
    [(None, THREE, 6900), (1, THREE, 2300), (None, ONE, 2300), (3, ONE, 2300)],
)
def test_amperes_become_watts_by_the_phases_that_carry_them(
    phases: int | None, supply: Supply, expected: float
) -> None:
    fields = limit(10, "A")
    if phases is not None:
        fields["chargingSchedule"][0]["chargingSchedulePeriod"][0]["numberPhases"] = phases

    assert read(1, fields, NOON).watts_at(NOON, RUNNING, supply) == expected


# ---- profiles together ----


def test_the_highest_level_wins_within_a_purpose_also_where_it_allows_more() -> None:
    kept = installed((1, limit(5000)), (1, limit(8000, id=2, stackLevel=1)))

    assert kept.evse_w(1, NOON, RUNNING, THREE) == 8000


def test_a_lower_level_holds_where_the_higher_one_says_nothing() -> None:
    high = limit(8000, id=2, stackLevel=1, validTo=timestamp(at(60)))
    kept = installed((1, limit(5000)), (1, high))

    assert kept.evse_w(1, at(60), RUNNING, THREE) == 5000


def test_the_profile_of_the_transaction_overrules_the_default() -> None:
    kept = installed((1, limit(5000)), (1, limit(8000, id=2, purpose="TxProfile")))

    assert kept.evse_w(1, NOON, RUNNING, THREE) == 8000
    assert kept.evse_w(1, NOON, None, THREE) == 5000


def test_the_profile_of_another_transaction_says_nothing() -> None:
    other = limit(1000, purpose="TxProfile", transactionId="other")

    assert installed((1, other)).evse_w(1, NOON, RUNNING, THREE) is None


def test_the_lowest_holds_over_the_purposes() -> None:
    station = limit(6000, id=2, purpose="ChargingStationMaxProfile")
    kept = installed((1, limit(8000)), (0, station))

    assert kept.evse_w(1, NOON, RUNNING, THREE) == 6000
    assert kept.station_w(NOON, THREE) == 6000


def test_a_default_for_all_holds_where_an_evse_has_none() -> None:
    kept = installed((0, limit(5000)), (1, limit(7000, id=2)))

    assert kept.evse_w(1, NOON, RUNNING, THREE) == 7000
    assert kept.evse_w(2, NOON, RUNNING, THREE) == 5000
    assert kept.station_w(NOON, THREE) is None


def test_an_id_or_a_place_replaces_what_had_it() -> None:
    kept = installed((1, limit(1, id=1)), (1, limit(2, id=2)), (2, limit(3, id=2)))

    assert [(profile.id, profile.evse_id) for profile in kept] == [(2, 2)]


def test_a_composite_schedule_names_every_change_once() -> None:
    schedule = steps((0, 9000), (60, 6000), (120, 6000))
    kept = installed((1, limit(0, chargingSchedule=schedule, validTo=timestamp(at(300)))))

    def at_most(moment: datetime) -> float:
        return min(11_000, kept.evse_w(1, moment, RUNNING, THREE) or 11_000)

    assert composite(kept, at_most, NOON, 600, RUNNING) == [(0, 9000), (60, 6000), (300, 11_000)]
    assert composite(kept, at_most, NOON, 60, RUNNING) == [(0, 9000)]
