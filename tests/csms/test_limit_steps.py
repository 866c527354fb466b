"""What limit holds when: foreseen by what lies there, told back by what was foreseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.composite import Lying
from csms.limit_steps import (
    AHEAD,
    MOST_STEPS,
    Limit,
    Prospect,
    clipped,
    foreseen,
    held,
    limits_of,
    merged,
    record_of,
    tells_the_same,
)
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Supply
from storage.operation_records import StationLimit
from storage.records import ChargerKey, InstalledProfile, Transaction

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KEY = ChargerKey("organization", "CP-1")
THREE = Supply(3, 230.0)


def lies(
    *periods: tuple[int, float], evse_id: int = 1, purpose: str = TX_DEFAULT, **more: Any
) -> InstalledProfile:
    unit = more.pop("unit", "W")
    schedule = {
        "chargingRateUnit": unit,
        "startSchedule": NOON.isoformat(),
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit} for start, limit in periods
        ],
    }
    profile = {
        "id": 3006,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }
    return InstalledProfile(
        key=KEY,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=0,
        profile=profile,
        installed_at=NOON,
    )


def ahead(lying: Lying, evse_id: int = 1, now: datetime = NOON) -> list[Limit]:
    return list(prospect(lying, evse_id, now).limits)


def prospect(lying: Lying, evse_id: int = 1, now: datetime = NOON) -> Prospect:
    ((_, found),) = foreseen(lying, (), [evse_id], now, THREE)
    return found


def test_nothing_is_foreseen_where_nothing_lies() -> None:
    assert prospect(Lying.of([])) == (
        (Limit(NOON, None, None),),
        NOON + AHEAD,
    )


def test_a_limit_is_foreseen_in_watts() -> None:
    assert ahead(Lying.of([lies((0, 10.0), unit="A")])) == [Limit(NOON, 6900, "platform")]


def test_each_change_of_a_day_is_foreseen() -> None:
    lying = Lying.of([lies((0, 5000), (3600, 5000), (7200, 7000))])

    assert ahead(lying) == [
        Limit(NOON, 5000, "platform"),
        Limit(NOON + 2 * HOUR, 7000, "platform"),
    ]
    assert ahead(lying, 2) == [Limit(NOON, None, None)]


def test_the_station_s_limit_holds_on_each_evse() -> None:
    station = lies((0, 4000), evse_id=0, purpose=STATION_MAX)
    lying = Lying.of([lies((0, 5000)), station])

    assert ahead(lying, 0) == ahead(lying, 1) == ahead(lying, 7) == [Limit(NOON, 4000, "platform")]


def test_what_comes_from_outside_has_its_own_source() -> None:
    told = StationLimit(
        key=KEY,
        evse_id=0,
        source="EMS",
        payload={
            "chargingLimit": {"chargingLimitSource": "EMS"},
            "chargingSchedule": [
                {
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 3000}],
                }
            ],
        },
        updated_at=NOON,
    )

    assert ahead(Lying.of([lies((0, 5000))], [told])) == [Limit(NOON, 3000, "EMS")]


def test_a_transaction_s_limit_needs_the_transaction() -> None:
    lying = lies((0, 5000), purpose=TX, transactionId="1")
    running = Transaction(
        key=KEY, transaction_id="1", evse_id=1, started_at=NOON, start_timestamp=""
    )

    assert ahead(Lying.of([lying], (), [running])) == [Limit(NOON, 5000, "platform")]
    assert ahead(Lying.of([lying])) == [Limit(NOON, None, None)]


def test_of_a_schedule_without_end_so_much_is_foreseen() -> None:
    periods = [(10 * place, 1000.0 + place % 2) for place in range(2 * MOST_STEPS)]
    found = prospect(Lying.of([lies(*periods)]))
    assert len(found.limits) == MOST_STEPS + 1
    assert found.until == NOON + timedelta(seconds=10 * (MOST_STEPS + 1))

    # Of many such, less.
    layers = [lies(*periods[:60], stackLevel=level) for level in range(99)]
    assert len(prospect(Lying.of(layers)).limits) == 4000 // 100 + 1


def test_what_holds_for_the_station_holds_for_all_that_are_looked_at_together() -> None:
    station = lies((0, 4000), (3600, 9000), evse_id=0, purpose=STATION_MAX)
    lying = Lying.of([station, lies((0, 5000)), lies((0, 3000), evse_id=2)])
    together = dict(foreseen(lying, (), range(4), NOON, THREE))

    assert together == {evse_id: prospect(lying, evse_id) for evse_id in range(4)}
    assert [limit.watts for limit in together[1].limits] == [4000, 5000]
    assert [limit.watts for limit in together[2].limits] == [3000]


def record(at: datetime, *limits: tuple[timedelta, float | None]) -> Any:
    return record_of(KEY, 1, at, [Limit(at + after, watts, "x") for after, watts in limits])


ZERO = timedelta()


def watts(limits: list[Limit]) -> list[tuple[float, float | None]]:
    return [((limit.begin - NOON) / MINUTE, limit.watts) for limit in limits]


def test_a_record_holds_until_the_next_one() -> None:
    records = [
        record(NOON - HOUR, (ZERO, 1000), (90 * MINUTE, 2000)),
        record(NOON + HOUR, (ZERO, 3000), (HOUR, 4000)),
        record(NOON + 2 * HOUR, (ZERO, None)),
    ]

    held_then = held(records, NOON, NOON + 3 * HOUR)
    assert watts(held_then) == [(0, 1000), (30, 2000), (60, 3000), (120, None)]
    assert watts(held(records[:1], NOON, NOON + 10 * MINUTE)) == [(0, 1000)]


def test_of_a_plan_that_was_soon_replaced_only_what_came_true_is_made() -> None:
    plan = record(NOON, (ZERO, 1), (MINUTE, 2), (HOUR, 3), (2 * HOUR, 4))

    assert watts(limits_of(plan, NOON + MINUTE)) == [(0, 1), (1, 2)]


def test_before_the_first_record_nothing_is_known() -> None:
    assert held([], NOON, NOON + HOUR) == [Limit(NOON, None, None)]
    assert watts(held([record(NOON + MINUTE, (ZERO, 5))], NOON, NOON + HOUR)) == [(0, None), (1, 5)]
    assert watts(held([record(NOON, (ZERO, 5))], NOON, NOON + HOUR)) == [(0, 5)]


def test_what_says_the_same_is_said_once() -> None:
    limits = [Limit(NOON, 1, "x"), Limit(NOON + MINUTE, 1, "x"), Limit(NOON + HOUR, 1, "y")]

    assert merged(limits) == [limits[0], limits[2]]


def test_clipped_limits_begin_with_the_span() -> None:
    limits = [Limit(NOON, 1, "x"), Limit(NOON + HOUR, 2, "x")]

    assert watts(clipped(limits, NOON + 30 * MINUTE, NOON + 2 * HOUR)) == [(30, 1), (60, 2)]
    assert watts(clipped(limits, NOON, NOON + HOUR)) == [(0, 1)]
    assert clipped(limits, NOON + HOUR, NOON + HOUR) == []


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (None, [(ZERO, None)], True),
        (None, [(ZERO, 5.0)], False),
        ([(ZERO, 5.0)], [(ZERO, 5.0)], True),
        ([(ZERO, 5.0), (HOUR, 6.0)], [(ZERO, 5.0)], False),
        ([(ZERO, 4.0), (MINUTE, 5.0)], [(ZERO, 5.0)], True),
    ],
)
def test_only_what_differs_is_noted(before: Any, now: Any, same: bool) -> None:  # noqa: FBT001 - what is expected
    old = None if before is None else record(NOON - MINUTE, *before)
    limits = [Limit(NOON + after, watts, None if watts is None else "x") for after, watts in now]

    assert tells_the_same(old, NOON, limits) is same
