"""An open storage with one organization, in which Alice's charger is enrolled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, ORGANIZATION, HandClock
from tests.storage.records import charger


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    ids = iter([ORGANIZATION, *(f"id-{number}" for number in range(100))])
    async with open_storage(tmp_path, clock, lambda: next(ids)) as storage:
        await storage.organizations.create("Depot")
        await storage.chargers.enroll(charger(ALICE), None)
        yield storage
