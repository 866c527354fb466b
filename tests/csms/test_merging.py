"""What several parties want, said in one profile: step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from csms.limits import Abilities
from csms.merging import Stretch, expand, has_gaps, merge
from csms.parties import Party, Scope, parties_at, steady_party
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Rate
from storage.clock import timestamp
from tests.csms.wishes import NOW, constant, limit, running, transaction

WATTS = Abilities(frozenset({"W"}))
BEGIN = timestamp(NOW - timedelta(seconds=60))


def party(watts: float) -> Party:
    return steady_party(Rate(watts, "W"), NOW)


def steps(profile: Any) -> list[tuple[float, float]]:
    [schedule] = profile["chargingSchedule"]
    return [(one["startPeriod"], one["limit"]) for one in schedule["chargingSchedulePeriod"]]


def test_limits_alone_stay_what_they_were_as_time_goes_by() -> None:
    """Item 3: what began with the limit is not sent again."""
    parties = parties_at(Scope(TX_DEFAULT, 1), [limit(9000)], {}, NOW)
    later = NOW + timedelta(hours=5)
    made = [merge(parties, TX_DEFAULT, WATTS, at, relative=True) for at in (NOW, later)]

    assert made[0] == made[1]
    assert made[0].profile["chargingSchedule"][0]["startSchedule"] == BEGIN


def test_one_stretch_follows_another() -> None:
    stretches = [Stretch([party(9000)], NOW + timedelta(seconds=100)), Stretch([party(4000)])]
    got = expand(stretches, STATION_MAX, WATTS, NOW)

    assert steps(got.profile) == [(0, 9000), (160, 4000)]
    assert got.profile["chargingSchedule"][0]["startSchedule"] == BEGIN
    assert got.exact_until is None


def test_where_there_is_no_room_the_last_step_is_the_lowest_of_all_that_follow() -> None:
    stretches = [
        Stretch([party(watts)], NOW + timedelta(seconds=100 * n))
        for n, watts in enumerate((9000, 8000, 3000), start=1)
    ]
    got = expand([*stretches, Stretch([party(7000)])], TX_DEFAULT, Abilities(max_periods=2), NOW)

    assert steps(got.profile) == [(0, 9000), (160, 3000)]
    assert got.exact_until == NOW + timedelta(seconds=100)


def test_a_gap_within_a_transaction_is_left_to_the_connector_only_if_that_has_all() -> None:
    session = transaction()
    scope = Scope(TX, 1, session)
    brief = constant(7, 8000, purpose=TX, transaction_id="T")
    schedule = {**brief.profile["chargingSchedule"][0], "duration": 600}
    gappy = {**brief.profile, "chargingSchedule": [schedule]}
    theirs = replace(brief, profile=gappy)

    def merged(*wishes: Any) -> Any:
        parties = parties_at(scope, wishes, running(session), NOW)
        return merge(parties, TX, WATTS, NOW, relative=False).profile

    assert has_gaps(merged(limit(9000), theirs), NOW)
    assert not has_gaps(merged(limit(9000), limit(5000, transaction_id="T"), theirs), NOW)


def test_direct_current_stays_in_watts_and_phases_stay_few() -> None:
    direct = steady_party(Rate(50_000, "W", None, direct=True), NOW)
    few = steady_party(Rate(16, "A", 1), NOW)
    made = merge([direct, few], TX_DEFAULT, Abilities(), NOW, relative=True).profile
    [schedule] = made["chargingSchedule"]

    assert schedule["chargingRateUnit"] == "W"
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 3680.0, "numberPhases": 1}
    ]
