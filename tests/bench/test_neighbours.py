"""What a run over bad targets tells: the rounds, and the medians of their ratios."""

from __future__ import annotations

import pytest

from bench.neighbours import Waits, report


def test_waits_are_read_off_in_ms() -> None:
    waits = Waits.of([0.001] * 98 + [0.5, 0.5], cpu=0.2)

    assert (waits.median, waits.p99, waits.cpu) == pytest.approx((1.0, 500.0, 2.0))


def test_the_median_of_the_rounds_is_told() -> None:
    well = Waits(10.0, 20.0, 1.0)
    bad = [Waits(11.0, 22.0, 1.0), Waits(30.0, 80.0, 3.0), Waits(9.0, 10.0, 0.5)]
    *_, medians, explained = report([(well, each) for each in bad]).splitlines()

    assert medians.split("rounds")[1].split() == ["1.10x", "/", "1.10x", "/", "1.00x"]
    assert "1.2x" in explained
