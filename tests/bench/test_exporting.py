"""What an export costs is measured on one that ends with every record stored."""

from __future__ import annotations

from pathlib import Path

from bench.exporting import Cost, exported, logged, report, taking
from storage.clock import SystemClock
from storage.store import open_storage

RECORDS = 100


async def test_an_export_is_measured_until_all_is_stored(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage, taking() as url:
        log = await logged(storage, RECORDS)
        cost = await exported(log, url, hashed=True)

        assert storage.journal.head == RECORDS
        assert await storage.sinks.enabled() == []
    assert min(cost[:4]) > 0


def test_the_median_round_and_the_longest_stall_are_told() -> None:
    rounds = [
        Cost(50.0, 1.0, 100.0, 100.0, 5.0),
        Cost(25.0, 2.0, 101.0, 102.0, 9.0),
        Cost(40.0, 3.0, 102.0, 104.0, 1.0),
    ]

    *_, line = report({"SQLite": rounds}).splitlines()

    assert line.split() == ["SQLite", "40.0", "25000.0", "2.0", "101.0", "102.0", "9.0"]
