"""What holds without a connection, before an authorization and after a while (items 7 to 9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms.limits import Abilities
from csms.plans import Plan
from csms.profile_ids import NO_CLOUD, NOT_AUTHORIZED
from csms.scenes import Scene
from csms.schedules import STATION_MAX, TX, TX_DEFAULT
from storage.clock import timestamp
from tests.csms.wishes import (
    NOW,
    allowed,
    constant,
    lies,
    limit,
    made,
    running,
    transaction,
)

ROOMY, CRAMPED = Abilities(max_level=8), Abilities(max_level=0)
LONG = 7200.0  # s without a connection


def profile(plan: Plan, id: int) -> Any:
    [found] = [one.profile for one in plan.profiles if one.profile["id"] == id]
    return found


def again(plan: Plan, after: float, **more: Any) -> Scene:
    """Return the scene some s later, with what was planned lying there."""
    lying = {one.place: one.profile for one in plan.profiles}
    return Scene(NOW + timedelta(seconds=after), lying=lying, **more)


# ---- without a connection (item 8) ----


def test_a_fallback_lies_below_what_has_an_end() -> None:
    plan = made([limit(9000), limit(4000, condition=NO_CLOUD)], ROOMY)

    assert lies(plan) == [(1, TX_DEFAULT, 0, 3008), (1, TX_DEFAULT, 1, 3006)]
    below, live = profile(plan, 3008), profile(plan, 3006)
    assert below["chargingProfileKind"] == "Relative"
    assert not {"validFrom", "validTo"} & below.keys()
    assert "duration" not in below["chargingSchedule"][0]
    assert live["validFrom"] == timestamp(NOW - timedelta(seconds=300))
    assert live["validTo"] == timestamp(NOW + timedelta(seconds=1800))
    assert plan.made_at == {1: NOW}
    assert [allowed(plan, after) for after in (0, 1799, 1800)] == [9000, 9000, 4000]


def test_a_stations_fallback_began_long_ago() -> None:
    plan = made([limit(9000, 0), limit(4000, 0, condition=NO_CLOUD)], ROOMY)

    assert lies(plan) == [(0, STATION_MAX, 0, 3002), (0, STATION_MAX, 1, 3000)]
    below = profile(plan, 3002)
    assert below["chargingProfileKind"] == "Absolute"
    assert below["chargingSchedule"][0]["startSchedule"] < "2010"
    assert [allowed(plan, after) for after in (0, LONG)] == [9000, 4000]


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_without_a_limit_a_maximum_lies_above_the_fallback(abilities: Abilities) -> None:
    plan = made([limit(4000, condition=NO_CLOUD)], abilities)

    assert (allowed(plan, 0) or 0) >= 100_000
    assert allowed(plan, LONG) == 4000


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
@pytest.mark.parametrize("evse_id", [0, 1])
def test_on_one_level_one_profile_goes_over_into_the_fallback(
    abilities: Abilities, evse_id: int
) -> None:
    wishes = [limit(9000, evse_id), limit(4000, evse_id, condition=NO_CLOUD)]
    plan = made(wishes, abilities)
    assert [allowed(plan, after) for after in (0, 1700, LONG)] == [9000, 9000, 4000]
    if abilities is CRAMPED:
        [only] = plan.profiles
        assert only.place.level == 0
        assert only.profile["chargingProfileKind"] == "Absolute"
        starts = [
            one["startPeriod"]
            for one in only.profile["chargingSchedule"][0]["chargingSchedulePeriod"]
        ]
        assert starts == [0, 1800]


def test_with_one_level_and_one_period_the_lower_holds_always() -> None:
    tiny = Abilities(max_level=0, max_periods=1)
    plan = made([limit(9000), limit(4000, condition=NO_CLOUD)], tiny)

    assert not tiny.can_fall_back
    assert [allowed(plan, after) for after in (0, LONG)] == [4000, 4000]


def test_what_a_target_wants_of_all_connectors_lies_below_a_fallback() -> None:
    theirs = [constant(7, 9000, 0, id=1, level=3), constant(7, 8000, 0, id=2, level=6)]
    plan = made([*theirs, limit(4000, condition=NO_CLOUD)], Abilities(max_level=1))

    assert [allowed(plan, after) for after in (0, LONG)] == [8000, 4000]
    assert allowed(plan, LONG, evse_id=2) == 8000


def test_a_charger_with_little_room_gets_one_profile_at_each_place() -> None:
    """Item 2: the room of one profile stays free."""
    wishes = [limit(9000), limit(4000, condition=NO_CLOUD), limit(20_000, 0)]
    assert len(made(wishes, replace(ROOMY, max_profiles=4)).profiles) == 3
    tight = made(wishes, replace(ROOMY, max_profiles=3))
    assert len(tight.profiles) == 2
    assert [allowed(tight, after) for after in (0, LONG)] == [9000, 4000]


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_a_fallback_is_never_above_a_targets_limits(abilities: Abilities) -> None:
    plan = made([limit(6000, condition=NO_CLOUD), constant(7, 5000)], abilities)
    assert [allowed(plan, after) for after in (0, LONG)] == [5000, 5000]

    session = transaction()
    bound = constant(7, 3000, purpose=TX, transaction_id="T")
    scene = Scene(NOW, running=running(session))
    plan = made([limit(6000, condition=NO_CLOUD), bound], abilities, scene)
    assert [allowed(plan, after, session) for after in (0, LONG)] == [3000, 3000]


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_what_is_wanted_of_a_transaction_ends_with_the_connection(abilities: Abilities) -> None:
    """K06.FR.01, K02.FR.08: else the fallback would never hold within a transaction."""
    session = transaction(age=60)
    wishes = [
        limit(9000),
        limit(4000, condition=NO_CLOUD),
        limit(8000, transaction_id="T"),
    ]
    plan = made(wishes, abilities, Scene(NOW, running=running(session)))

    bound = profile(plan, 4146)
    assert bound["validTo"] == timestamp(NOW + timedelta(seconds=1800))
    assert [allowed(plan, after, session) for after in (0, LONG)] == [8000, 4000]


def test_a_transaction_may_have_a_fallback_of_its_own() -> None:
    session = transaction(age=60)
    wishes = [limit(8000, transaction_id="T"), limit(4000, condition=NO_CLOUD, transaction_id="T")]
    plan = made(wishes, ROOMY, Scene(NOW, running=running(session)))

    assert lies(plan) == [(1, TX, 0, 4148), (1, TX, 1, 4146)]
    assert [allowed(plan, after, session) for after in (0, LONG)] == [8000, 4000]


def test_a_lower_layer_never_falls_back() -> None:
    plan = made([limit(9000, level=2000), limit(4000, level=1000, condition=NO_CLOUD)], ROOMY)

    assert lies(plan) == [(1, TX_DEFAULT, 0, 3006)]


def test_a_charger_that_knows_how_long_it_is_offline_needs_no_renewal() -> None:
    """OCPP 2.1 K01.FR.101 to .105."""
    able = replace(ROOMY, offline_duration=True)
    plan = made([limit(9000), limit(4000, condition=NO_CLOUD)], able)
    live = profile(plan, 3006)

    assert live["maxOfflineDuration"] > 0
    assert live["invalidAfterOfflineDuration"] is False
    assert "validTo" not in live
    assert plan.made_at == {}


# ---- what lies there stays as long as it will do ----


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_what_has_an_end_is_made_anew_only_where_it_is_due(abilities: Abilities) -> None:
    wishes = [limit(9000), limit(4000, condition=NO_CLOUD)]
    plan = made(wishes, abilities)

    assert made(wishes, abilities, again(plan, 650)).profiles == plan.profiles
    assert made(wishes, abilities, again(plan, 999_999)).profiles == plan.profiles
    renewed = made(wishes, abilities, again(plan, 650, due=frozenset({1})))
    assert renewed.made_at == {1: NOW + timedelta(seconds=650)}
    assert allowed(renewed, 650 + 1700) == 9000


def test_what_is_expanded_is_not_sent_again_as_time_goes_by() -> None:
    daily = constant(7, 7000, id=2)
    recurring = {
        **daily.profile,
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": [{**daily.profile["chargingSchedule"][0], "duration": 3600}],
    }
    wishes = [limit(9000), replace(daily, profile=recurring, stack_level=3), constant(7, 8000)]
    plan = made(wishes, ROOMY)

    assert made(wishes, ROOMY, again(plan, 4000)).profiles == plan.profiles
    assert plan.exact_until is not None
    late = (plan.exact_until - NOW).total_seconds() + 1
    assert made(wishes, ROOMY, again(plan, late)).profiles != plan.profiles


# ---- after a while (item 7) ----


def test_a_limit_with_a_delay_follows_the_one_that_holds_without() -> None:
    plan = made([limit(9000), limit(4000, delay=600)], ROOMY)
    [only] = plan.profiles
    schedule = only.profile["chargingSchedule"][0]

    assert only.profile["chargingProfileKind"] == "Relative"
    assert "startSchedule" not in schedule
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 9000.0},
        {"startPeriod": 600, "limit": 4000.0},
    ]
    session = transaction()
    assert [allowed(plan, after, session) for after in (0, 599, 600)] == [9000, 9000, 4000]


def test_without_another_limit_it_follows_a_maximum() -> None:
    plan = made([limit(4000, delay=600)], ROOMY)

    assert (allowed(plan, 0, transaction()) or 0) >= 100_000
    assert allowed(plan, 600, transaction()) == 4000


def test_a_limit_with_a_delay_is_not_muted_by_one_that_was_set_later() -> None:
    plan = made([limit(4000, delay=600, age=60), limit(9000)], ROOMY)

    assert [allowed(plan, after, transaction()) for after in (0, 600)] == [9000, 4000]


def test_on_a_running_transaction_the_delay_is_reckoned_from_its_start() -> None:
    """K01.FR.41: one that is sent again, relative, may begin again."""
    session = transaction(age=200)
    wishes = [limit(9000), limit(4000, delay=600)]
    plan = made(wishes, ROOMY, Scene(NOW, running=running(session)))
    [only] = plan.profiles

    assert only.profile["chargingProfileKind"] == "Absolute"
    assert [allowed(plan, after, session) for after in (0, 399, 400)] == [9000, 9000, 4000]


def test_what_a_transaction_has_begun_with_is_not_sent_again() -> None:
    wishes = [limit(9000), limit(4000, delay=600)]
    plan = made(wishes, ROOMY)
    begun = again(plan, 30, running=running(transaction()))

    assert made(wishes, ROOMY, begun).profiles == plan.profiles


def test_on_a_station_the_platform_reckons_itself() -> None:
    """K01.FR.38: relative profiles are not allowed there."""
    wishes = [limit(9000, 0), limit(4000, 0, delay=600)]
    before = made(wishes, ROOMY)
    assert before.profiles[0].profile["chargingProfileKind"] == "Absolute"

    sessions = running(transaction("A", 2, age=50), transaction(age=500))
    plan = made(wishes, ROOMY, again(before, 0, running=sessions))
    assert [allowed(plan, after) for after in (0, 99, 100)] == [9000, 9000, 4000]


def test_a_fallback_may_have_a_delay() -> None:
    plan = made([limit(9000), limit(4000, condition=NO_CLOUD, delay=600)], ROOMY)

    assert lies(plan) == [(1, TX_DEFAULT, 0, 3009), (1, TX_DEFAULT, 1, 3006)]
    session = transaction(age=-7200)  # begins long after the connection was lost
    assert [allowed(plan, after, session) for after in (LONG, LONG + 600)] == [9000, 4000]


# ---- while nobody is authorized (item 9) ----


UNTIL = NOW + timedelta(seconds=120)


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_in_preparing_another_limit_holds_for_as_long_as_that_may_last(
    abilities: Abilities,
) -> None:
    wishes = [limit(9000), limit(4000, condition=NOT_AUTHORIZED)]
    assert allowed(made(wishes, abilities), 0) == 9000

    plan = made(wishes, abilities, Scene(NOW, unauthorized={1: UNTIL}))
    assert plan.exact_until == UNTIL
    assert [allowed(plan, after) for after in (0, 119, 120)] == [4000, 4000, 9000]
    if abilities is ROOMY:
        assert lies(plan) == [(1, TX_DEFAULT, 0, 3006), (1, TX_DEFAULT, 1, 3010)]
        assert profile(plan, 3010)["validTo"] == timestamp(UNTIL)

    over = made(wishes, abilities, again(plan, 121))
    assert lies(over) == [(1, TX_DEFAULT, 0, 3006)]


def test_alone_it_has_an_end_all_the_same() -> None:
    wishes = [limit(4000, condition=NOT_AUTHORIZED)]
    assert lies(made(wishes, ROOMY)) == []

    plan = made(wishes, ROOMY, Scene(NOW, unauthorized={1: UNTIL}))
    assert lies(plan) == [(1, TX_DEFAULT, 0, 3010)]
    assert [allowed(plan, after) for after in (0, 120)] == [4000, None]


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_both_conditions_may_be_there(abilities: Abilities) -> None:
    wishes = [
        limit(9000),
        limit(5000, condition=NO_CLOUD),
        limit(4000, condition=NOT_AUTHORIZED),
    ]
    plan = made(wishes, abilities, Scene(NOW, unauthorized={1: UNTIL}))

    assert len(plan.profiles) <= 2
    assert [allowed(plan, after) for after in (0, LONG)] == [4000, 5000]
    assert plan.exact_until == UNTIL


def test_a_transaction_without_a_token_gets_a_profile_of_its_own() -> None:
    session = transaction(token=None)
    wishes = [limit(9000), limit(4000, condition=NOT_AUTHORIZED)]
    scene = Scene(NOW, running=running(session), unauthorized={1: None})
    plan = made(wishes, ROOMY, scene)

    assert lies(plan) == [(1, TX_DEFAULT, 0, 3006), (1, TX, 0, 4150)]
    assert allowed(plan, 0, session) == 4000
    authorized = made(wishes, ROOMY, Scene(NOW, running=running(session)))
    assert lies(authorized) == [(1, TX_DEFAULT, 0, 3006)]


# ---- transactions (items 1, 2) ----


def test_every_profile_of_a_transaction_keeps_to_the_connectors_limit() -> None:
    session = transaction()
    scene = Scene(NOW, running=running(session))
    bound = limit(8000, transaction_id="T")

    assert allowed(made([limit(6000), bound], ROOMY, scene), 0, session) == 6000
    assert allowed(made([limit(9000), bound], ROOMY, scene), 0, session) == 8000
    assert lies(made([bound], ROOMY, scene)) == [(1, TX, 0, 4146)]
    assert lies(made([bound], ROOMY)) == []


def test_what_others_want_of_a_connector_counts_within_a_transaction() -> None:
    """K02.FR.04: a TxProfile overrules every TxDefaultProfile, whoever has set it."""
    session = transaction()
    scene = Scene(NOW, running=running(session))
    theirs = constant(7, 9000, purpose=TX, transaction_id="T")
    operators = constant(0, 5000, id=50)

    assert allowed(made([operators, theirs], ROOMY, scene), 0, session) == 5000
    assert allowed(made([operators, theirs, constant(8, 4000)], ROOMY, scene), 0, session) == 4000


def test_the_operators_own_profile_goes_out_under_its_id() -> None:
    assert lies(made([constant(0, 5000, id=50, level=7)], ROOMY)) == [(1, TX_DEFAULT, 0, 50)]
    both = made([constant(0, 5000, id=50), constant(7, 4000)], ROOMY)
    assert lies(both) == [(1, TX_DEFAULT, 0, 50)]
    assert allowed(both, 0) == 4000
    limited = made([limit(3000), constant(0, 5000, id=50)], ROOMY)
    assert lies(limited) == [(1, TX_DEFAULT, 0, 3006)]
    assert allowed(limited, 0) == 3000


def test_an_operators_profile_may_be_a_fallback() -> None:
    fallback = constant(0, 4000, id=50, condition=NO_CLOUD, level=1)
    plan = made([limit(9000), fallback], ROOMY)

    assert lies(plan) == [(1, TX_DEFAULT, 0, 50), (1, TX_DEFAULT, 1, 3006)]
    assert [allowed(plan, after) for after in (0, LONG)] == [9000, 4000]
