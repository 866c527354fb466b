"""Curves of power: of every way that meters tell it, without nonsense, and never too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.power_series import MOST_WATTS, Point, Series, thinned
from csms.readings import meter_values
from csms.schedules import Supply
from storage.records import ChargerKey
from storage.repositories.transactions import _sample
from tests.schema_payloads import JSON

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = ChargerKey("organization", "CP-1")
POWER, CURRENT, ENERGY = "Power.Active.Import", "Current.Import", "Energy.Active.Import.Register"
S = timedelta(seconds=1)
_POWER = {"evse_id": 1, "measurand": POWER, "unit": "W"}


def sampled(*values: dict[str, Any], at: timedelta = timedelta()) -> dict[str, Any]:
    return {"timestamp": (NOON + at).isoformat(), "sampledValue": list(values)}


def series(*messages: Any, supply: Supply = Supply()) -> list[tuple[float, float]]:  # noqa: B008 - frozen
    """Return the points of messages as they come over the wire, in s and W."""
    made = Series(supply)
    for wire in messages:
        now = NOON + timedelta(hours=1)
        values = meter_values(KEY, "1", 1, wire, now)
        # As they lie in the database.
        made.take([{**_sample(v), "taken_at": v.taken_at.isoformat()} for v in values])
    return [((point.at - NOON).total_seconds(), point.watts) for point in made.points]


def test_far_too_many_points_are_thinned_on_the_way_and_the_peak_is_kept() -> None:
    made = Series(Supply())
    for minute in range(50):
        values = [
            {**_POWER, "value": 9000.0 if (minute, second) == (7, 31) else 100.0, "taken_at": at}
            for second in range(60)
            for at in [(NOON + (60 * minute + second) * S).isoformat()]
        ]
        made.take(values)
        made.thin(NOON, NOON + 3600 * S, 100)
        assert len(made.points) <= 200

    assert Point(NOON + (7 * 60 + 31) * S, 9000.0) in made.points


@pytest.mark.parametrize(
    ("values", "watts"),
    [
        ([{"measurand": POWER, "value": "7200", "unit": "W"}], 7200),
        ([{"measurand": POWER, "value": 7.2, "unitOfMeasure": {"unit": "kW"}}], 7200),
        ([{"measurand": POWER, "value": 7, "unitOfMeasure": {"unit": "W", "multiplier": 3}}], 7000),
        (
            [
                {"measurand": POWER, "value": "2400", "unit": "W", "phase": phase}
                for phase in ("L1", "L2", "L3")
            ],
            7200,
        ),
        (
            [
                {"measurand": CURRENT, "value": "10", "unit": "A", "phase": phase}
                for phase in ("L1", "L2", "L3")
            ],
            6900,
        ),
        ([{"measurand": CURRENT, "value": "10", "unit": "A"}], 6900),
        (
            [
                {"measurand": POWER, "value": "5000", "unit": "W"},
                {"measurand": CURRENT, "value": "10", "unit": "A"},
            ],
            5000,
        ),
    ],
)  # fmt: skip
def test_power_is_told_in_many_ways(values: list[dict[str, Any]], watts: float) -> None:
    assert series([sampled(*values)]) == [(0, watts)]


def test_where_one_way_tells_nothing_another_does() -> None:
    power = {"measurand": POWER, "value": "7", "unit": "horses"}
    register = {"measurand": ENERGY, "value": "7"}

    told = [sampled(register, power, {"measurand": CURRENT, "value": "10", "unit": "A"})]
    assert series(told) == [(0, 6900)]


def test_without_phases_it_is_the_current_of_each() -> None:
    one_phase = Supply(phases=1)
    told = [sampled({"measurand": CURRENT, "value": "10", "unit": "A"})]

    assert series(told, supply=one_phase) == [(0, 2300)]


def energy(value: Any, seconds: float) -> list[dict[str, Any]]:
    return [sampled({"measurand": ENERGY, "value": value}, at=timedelta(seconds=seconds))]


def test_energies_tell_what_was_taken_between_them() -> None:
    # 100 Wh in a minute, of which half came after a value that was too soon.
    told = (energy("1000", 0), energy("1001", 2), energy("1100", 60), energy("1150", 120))

    assert series(*told) == [(60, 6000), (120, 3000)]


def test_a_register_that_goes_back_begins_anew() -> None:
    told = (energy("5000", 0), energy("10", 60), energy("110", 120), energy("60", 60))

    assert series(*told) == [(120, 6000)]


@pytest.mark.parametrize(
    "value",
    [
        {"measurand": POWER, "value": "9e14", "unit": "W"},
        {"measurand": POWER, "value": "NaN", "unit": "W"},
        {"measurand": POWER, "value": "lots", "unit": "W"},
        {"measurand": POWER, "value": "7", "unit": "horses"},
        {"measurand": POWER, "value": "7", "unit": "W", "location": "Inlet"},
        {"measurand": "Power.Reactive.Import", "value": "7", "unit": "W"},
        {"measurand": POWER, "value": "7", "unit": "W", "format": "SignedData"},
        {"measurand": ENERGY, "value": "7"},
        {},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_no_point(value: dict[str, Any]) -> None:
    assert series([sampled(value)]) == []


def test_an_energy_that_leaps_is_no_power() -> None:
    assert series(energy("0", 0), energy("1e12", 60)) == []


@settings(max_examples=40)
@given(st.lists(JSON, max_size=3))
def test_whatever_a_charger_writes_does_no_harm(messages: list[Any]) -> None:
    for _, watts in series(*messages):
        assert abs(watts) <= MOST_WATTS


def curve(*watts: float) -> list[Point]:
    return [Point(NOON + place * S, value) for place, value in enumerate(watts)]


def test_what_is_short_is_shown_as_it_is() -> None:
    points = curve(1, 2, 3, 4)

    assert thinned(reversed(points), NOON, NOON + 9 * S, 4) == points
    assert thinned(points, NOON + S, NOON + 2 * S, 4) == points[1:3]
    assert thinned([], NOON, NOON, 4) == []
    assert thinned(points, NOON, NOON, 1) == points[:1]


def test_of_one_moment_the_last_word_counts() -> None:
    assert thinned([*curve(1), *curve(2)], NOON, NOON, 9) == curve(2)


def test_extremes_of_a_long_curve_are_kept() -> None:
    watts = [5000.0] * 10_000
    watts[1234], watts[8765] = 17_000.0, 0.0
    kept = thinned(curve(*watts), NOON, NOON + 10_000 * S, 400)

    assert len(kept) <= 400
    assert Point(NOON + 1234 * S, 17_000.0) in kept
    assert Point(NOON + 8765 * S, 0.0) in kept
    assert (kept[0].at, kept[-1].at) == (NOON, NOON + 9999 * S)
    assert all(a.at < b.at for a, b in pairwise(kept))


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(-5, 5)), max_size=60), st.integers(4, 20)
)
def test_never_more_than_wanted_and_in_order(told: list[tuple[int, int]], most: int) -> None:
    points = [Point(NOON + place * S, float(watts)) for place, watts in told]
    kept = thinned(points, NOON, NOON + 300 * S, most)

    assert len(kept) <= most
    assert set(kept) <= set(points)
    assert all(a.at < b.at for a, b in pairwise(kept))
