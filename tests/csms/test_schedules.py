"""What a profile says of a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.schedules import Curve, Rate, Supply, constant, leading, moment_of, read, round_down

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def curve(
    *periods: tuple[int, float], level: int = 0, kind: str = "Absolute", **more: Any
) -> Curve:
    schedule: dict[str, Any] = {
        "chargingRateUnit": "W",
        "startSchedule": "2026-11-21T12:00:00Z",
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit} for start, limit in periods
        ],
    }
    if "duration" in more:
        schedule["duration"] = more.pop("duration")
    fields = {"chargingProfileKind": kind, "chargingSchedule": [schedule], **more}
    return read(fields, (level,), NOON)


def watts(one: Curve, seconds: float, started: datetime | None = None) -> float | None:
    rate = one.rate_at(NOON + timedelta(seconds=seconds), started)
    return None if rate is None else rate.value


# ---- units ----


@pytest.mark.parametrize(("value", "told"), [(5.362, 5.3), (5.4, 5.4), (0.3, 0.3), (16, 16.0)])
def test_limits_have_one_decimal_and_are_never_rounded_up(value: float, told: float) -> None:
    assert round_down(value) == told


@pytest.mark.parametrize(
    ("supply", "rate", "unit", "told"),
    [
        (Supply(), Rate(3700, "W"), "A", 5.3),
        (Supply(1), Rate(3700, "W"), "A", 16.0),
        (Supply(), Rate(16, "A"), "W", 11_040.0),
        (Supply(1), Rate(16, "A"), "W", 3680.0),
        (Supply(), Rate(16, "A"), "A", 16.0),
    ],
)
def test_units_are_converted_with_the_phases_there_are(
    supply: Supply, rate: Rate, unit: Any, told: float
) -> None:
    assert supply.convert(rate, unit) == told


def test_the_lowest_of_different_units_is_counted_on_the_fewest_phases() -> None:
    rates = [Rate(16, "A", 1), Rate(6900, "W"), None]

    assert Supply().lowest(rates, "A") == Rate(16.0, "A", 1)
    assert Supply().lowest(rates, "W") == Rate(3680.0, "W", 1)
    assert Supply().lowest([None], "A") is None


def test_fewer_phases_than_three_are_always_said() -> None:
    # K01.FR.49; smart-charging item 6. Direct current has none.
    assert Supply(1).lowest([Rate(3700, "W")], "W") == Rate(3700, "W", 1)
    assert Supply(2).lowest([Rate(16, "A", 1)], "A") == Rate(16, "A", 1)
    assert Supply(3).lowest([Rate(16, "A")], "A") == Rate(16, "A")
    assert Supply(1).lowest([Rate(3700, "W", direct=True)], "W") == Rate(3700, "W")


# ---- periods ----


def test_a_schedule_holds_from_its_start_for_its_duration() -> None:
    own = curve((0, 9000), (60, 5000), duration=120)

    assert [watts(own, at) for at in (-1, 0, 59, 60, 119, 120)] == [
        None,
        9000,
        9000,
        5000,
        5000,
        None,
    ]


def test_a_daily_schedule_comes_again() -> None:
    own = curve((0, 9000), kind="Recurring", recurrencyKind="Daily", duration=3600)

    assert [watts(own, day * 86_400 + 10) for day in (-1, 0, 1, 30)] == [None, 9000, 9000, 9000]
    assert watts(own, 2 * 86_400 - 10) is None


def test_a_relative_schedule_begins_with_its_transaction() -> None:
    own = curve((0, 9000), (60, 5000), kind="Relative", duration=120)

    assert [watts(own, at, NOON) for at in (0, 60, 120)] == [9000, 5000, None]
    assert watts(own, 500) == 5000, "without one it is as low as it may get"
    assert own.uncertain
    assert not curve((0, 9000), kind="Relative").uncertain


def test_outside_its_validity_a_profile_says_nothing() -> None:
    own = curve((0, 1), validFrom="2026-11-21T12:00:10Z", validTo="2026-11-21T12:00:20Z")

    assert [watts(own, at) for at in (9, 10, 19, 20)] == [None, 1, 1, None]


def test_edges_are_where_it_changes() -> None:
    own = curve((0, 1), (60, 2), kind="Recurring", recurrencyKind="Daily", duration=90)
    edges = sorted(own.edges(NOON, NOON + timedelta(hours=25), None))

    assert [(edge - NOON).total_seconds() for edge in edges] == [
        0,
        60,
        90,
        86_400,
        86_460,
        86_490,
    ]


@pytest.mark.parametrize("starts", [[], [5], [0, 0], [0, 60, 30]])
def test_periods_begin_at_once_and_in_order(starts: list[int]) -> None:
    with pytest.raises(ValueError, match="chargingSchedulePeriod"):
        curve(*((start, 1.0) for start in starts))


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00+14:00"])
def test_what_names_no_moment_is_said_to(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong differs
        moment_of(text)


def test_a_moment_without_zone_is_in_utc() -> None:
    assert moment_of("2026-11-21T12:00:00") == moment_of("2026-11-21T13:00:00+01:00") == NOON
    assert moment_of(None) is None


# ---- one owner's stack ----


def test_the_highest_that_says_anything_holds() -> None:
    stack = [curve((0, 9000)), curve((0, 7000), level=1, duration=60)]

    assert leading(stack, NOON, None) == [Rate(7000, "W")]
    assert leading(stack, NOON + timedelta(seconds=60), None) == [Rate(9000, "W")]
    assert leading(stack, NOON - timedelta(seconds=1), None) == []


def test_beneath_what_may_have_ended_the_next_counts_too() -> None:
    relative = curve((0, 7000), level=1, kind="Relative", duration=60)
    stack = [constant(Rate(5000, "W"), (0,), NOON), relative]

    assert leading(stack, NOON, None) == [Rate(7000, "W"), Rate(5000, "W")]
    assert leading(stack, NOON, NOON) == [Rate(7000, "W")]
