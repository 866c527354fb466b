"""What a run over two histories tells: medians, and the medians of the rounds' own ratios."""

from __future__ import annotations

from bench.appending import Cost
from bench.histories import report


def test_a_ratio_is_of_the_same_round() -> None:
    waits = {("SQLite", "newest page"): [(100.0, 200.0), (10.0, 40.0), (1000.0, 1000.0)]}
    costs = {"SQLite": [(Cost(5.0, 0.0, 100.0), Cost(6.0, 0.0, 50.0))]}

    _, asked, *_, ours, rows = report(waits, costs).splitlines()

    assert asked.split()[-4:] == ["100.0", "200.0", "2.00x", "3x"]
    assert ours.split()[-4:] == ["5.0", "6.0", "1.20x", "1.2x"]
    assert rows.split()[-3:] == ["100.0", "50.0", "0.50x"]
