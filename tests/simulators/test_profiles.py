from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.profiles import Profile, Profiles, Running, Supply, read
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


def test_levels_and_purposes_are_judged_by_what_is_valid_now() -> None:
    """A TxProfile that is over leaves the default, and the highest level of that which is valid."""
    over = steps((0, 8000), startSchedule=timestamp(NOON), duration=60)
    kept = installed(
        (1, limit(0, id=1, purpose="TxProfile", stackLevel=5, chargingSchedule=over)),
        (1, limit(7000, id=2)),
        (1, limit(6000, id=3, stackLevel=8, validFrom=timestamp(at(120)))),
    )

    assert [kept.evse_w(1, at(s), RUNNING, THREE) for s in (59, 60, 120)] == [8000, 7000, 6000]


def test_a_limit_in_watts_is_spread_over_three_phases_unless_it_names_them() -> None:
    """K01.FR.49, smart-charging item 6: 3.7 kW without numberPhases is 5.4 A on one phase."""
    silent, named = limit(3700), limit(3700)
    named["chargingSchedule"][0]["chargingSchedulePeriod"][0]["numberPhases"] = 1

    assert read(1, silent, NOON).watts_at(NOON, RUNNING, ONE) == pytest.approx(3700 / 3)
    assert read(1, named, NOON).watts_at(NOON, RUNNING, ONE) == 3700
    assert read(1, silent, NOON).watts_at(NOON, RUNNING, THREE) == 3700
    assert read(1, silent, NOON).watts_at(NOON, RUNNING, Supply(phases=0)) == 3700


def test_the_watts_of_a_station_are_those_of_all_its_evses() -> None:
    station = limit(6000, purpose="ChargingStationMaxProfile")

    assert installed((0, station)).station_w(NOON, ONE) == 6000


def test_direct_current_has_no_phases() -> None:
    supply = Supply(phases=0, voltage=400.0)

    assert supply.watts(10) == 4000
    assert supply.amperes(4000) == 10


def test_a_connector_is_forgotten_by_those_who_read_1_6_so() -> None:
    """Smart-charging item 4: level and purpose without the connector."""
    kept = Profiles(knows_connectors=False)
    for evse_id, id, level in ((1, 1, 0), (2, 2, 0), (1, 3, 1)):
        kept.put(read(evse_id, limit16(5000, chargingProfileId=id, stackLevel=level), NOON))

    assert [(profile.id, profile.evse_id) for profile in kept] == [(2, 2), (3, 1)]


def test_the_profile_of_a_start_and_that_of_its_transaction_are_one_place() -> None:
    start = limit(5000, id=1, purpose="TxProfile")
    later = limit(6000, id=2, purpose="TxProfile", transactionId="T")

    rival = installed((1, start)).rival(read(1, later, NOON))

    assert rival is not None
    assert rival.id == 1


# ---- without a CSMS (2.1 K01.FR.101 to .105) ----


def test_a_profile_holds_so_long_without_a_csms_and_again_with_one() -> None:
    kept = installed((1, limit(5000)), (1, limit(8000, id=2, stackLevel=1, maxOfflineDuration=60)))
    kept.lose_link(NOON)
    kept.lose_link(at(30))  # a second attempt is no new loss
    offline = [kept.evse_w(1, at(s), RUNNING, THREE) for s in (59, 60)]
    kept.find_link(at(90))

    assert offline == [8000, 5000]
    assert kept.evse_w(1, at(90), RUNNING, THREE) == 8000


def test_one_that_is_then_invalid_stays_so_unless_the_csms_was_back_in_time() -> None:
    once = limit(8000, maxOfflineDuration=60, invalidAfterOfflineDuration=True)
    kept = installed((1, once))
    kept.lose_link(NOON)
    kept.find_link(at(59))
    in_time = kept.evse_w(1, at(59), RUNNING, THREE)
    kept.lose_link(at(100))
    kept.find_link(at(160))

    assert in_time == 8000
    assert list(kept) == []


def test_the_end_of_the_patience_is_an_edge() -> None:
    kept = installed((1, limit(8000, maxOfflineDuration=60)))
    kept.lose_link(NOON)

    assert at(60) in set(kept.edges(NOON, RUNNING))
