"""What cannot be is named and changes no energy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.doubts import counted, doubt_of_time, doubted
from tests.storage.doubles import ALICE, NOON
from tests.storage.records import transaction

RUNNING = transaction(ALICE)  # since noon, from 1000 Wh on
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("told", "doubt"),
    [
        ("2026-03-01T12:00:00Z", None),
        ("2026-03-01T12:05:00Z", None),
        ("2026-03-01T12:05:01Z", "clock_ahead"),
        ("2020-03-01T12:05:01Z", None),
        ("1970-01-01T00:00:00Z", "timestamp_not_credible"),
        ("2027-03-01T12:00:00Z", "timestamp_not_credible"),
        ("noon", "timestamp_not_credible"),
        (None, "timestamp_not_credible"),
    ],
)
def test_what_is_wrong_with_a_time(told: str | None, doubt: str | None) -> None:
    assert doubt_of_time(told, NOON) == doubt


def test_a_doubt_is_named_once() -> None:
    once = doubted(RUNNING, "clock_ahead")

    assert doubted(once, "clock_ahead") is once
    assert doubted(RUNNING, None) is RUNNING
    assert doubted(once, "register_backwards").doubts == ("clock_ahead", "register_backwards")


@pytest.mark.parametrize(
    ("register", "at", "energy", "doubts"),
    [
        (1000.0, NOON, 0.0, ()),
        (1500.0, NOON, 500.0, ()),
        (999.5, NOON, None, ()),  # rounded
        (500.0, NOON, None, ("register_backwards",)),
        (-5.0, NOON, None, ("register_implausible",)),
        (1e12, NOON + 10_000 * HOUR, None, ("register_implausible",)),
        # One hour is given to clocks, then 1 MW.
        (1_000_999.0, NOON, 999_999.0, ()),
        (1_001_001.0, NOON, None, ("register_implausible",)),
        (1_001_001.0, NOON + HOUR, 1_000_001.0, ()),
        (1_001_001.0, NOON - HOUR, None, ("register_implausible",)),
        # And 1 GWh in all.
        (1_000_002_000.0, NOON + 10_000 * HOUR, None, ("register_implausible",)),
    ],
)
def test_what_a_register_is_worth(
    register: float, at: datetime, energy: float | None, doubts: tuple[str, ...]
) -> None:
    found = counted(RUNNING, register, at)

    assert (found.energy_wh, found.doubts) == (energy, doubts)


def test_a_register_below_the_last_one_is_backwards_but_for_rounding() -> None:
    known = replace(RUNNING, energy_wh=500.0)

    assert counted(known, 1499.0, NOON).energy_wh == 499.0
    assert counted(known, 1300.0, NOON) == replace(known, doubts=("register_backwards",))
    assert counted(known, None, NOON) is known


def test_the_first_register_is_the_start() -> None:
    found = counted(replace(RUNNING, meter_start_wh=None), 7000.0, NOON)

    assert (found.meter_start_wh, found.energy_wh) == (7000.0, 0.0)


@given(st.lists(st.floats(-1e15, 1e15), max_size=20))
def test_no_registers_make_energy_that_cannot_be(registers: list[float]) -> None:
    known = replace(RUNNING, meter_start_wh=None)
    for register in registers:
        known = counted(known, register, NOON + HOUR)
        assert known.energy_wh is None or 0 <= known.energy_wh <= 2e6
