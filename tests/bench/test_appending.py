"""What a written row costs is measured on rows that are there afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from bench.appending import BATCH, Cost, appended, batches_behind, measured, report, written
from storage.clock import SystemClock
from storage.schema import messages
from storage.store import open_storage


async def test_every_row_is_written_once(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        await appended(storage, BATCH)
        await written(storage.database, batches_behind(storage.journal.head, 2 * BATCH))
        counted = select(func.count().label("rows"), func.max(messages.c.seq).label("last"))
        [found] = await storage.database.fetch(counted)

    assert found == {"rows": 3 * BATCH, "last": 3 * BATCH}


async def test_a_cost_is_of_one_row() -> None:
    async def work() -> None:
        for _ in range(1_000_000):
            pass

    cost = await measured(work(), 10, None)

    assert cost.cpu > 0
    assert cost.server_cpu == 0
    assert cost.rows_per_second == pytest.approx(1e7 / (cost.cpu * 10), rel=10)


def test_the_median_round_is_told() -> None:
    rounds = [Cost(9.0, 1.0, 100.0), Cost(4.0, 2.0, 300.0), Cost(5.0, 3.0, 200.0)]

    *_, line = report({"SQLite": rounds}).splitlines()

    assert line.split() == ["SQLite", "5.0", "2.0", "200"]
