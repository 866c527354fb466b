from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from storage.clock import SystemClock
from storage.errors import StorageUnavailable
from storage.store import open_storage
from storage.tallies import Histogram


def test_a_value_is_counted_at_the_first_bound_that_it_does_not_exceed() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 7.0):
        histogram.note(value)

    assert histogram.counts == [2, 1, 1]
    assert histogram.total == 10.0


async def test_the_writer_counts_its_commits_and_their_rows(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        tally = storage.group.tally
        before = sum(tally.commits.counts)
        notes = [storage.queues.note_position(1, position) for position in (1, 2, 3)]
        await asyncio.gather(*notes)

        assert sum(tally.commits.counts) == before + 1
        assert tally.rows.total >= 3
        assert (tally.lost, tally.refused) == (0, 0)


async def test_the_writer_counts_what_goes_with_storage(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        await storage.database.close()
        first = storage.queues.note_position(1, 1)
        second = storage.queues.note_position(1, 2)
        with pytest.raises(StorageUnavailable):
            await first
        with pytest.raises(StorageUnavailable):
            await second
        with pytest.raises(StorageUnavailable):
            await storage.queues.note_position(1, 3)

        assert storage.group.tally.lost == 3
