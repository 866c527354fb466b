"""A target to play against, and chargers in a hurry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.target import Target
from tests.simulators.account import Account
from tests.simulators.depot import Depot


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with Target.listening() as listening:
        yield listening


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
async def depot() -> AsyncIterator[Depot]:
    async with Depot.open() as opened:
        yield opened


@pytest.fixture
async def account(tmp_path: Path) -> AsyncIterator[Account]:
    async with Account.open(tmp_path) as opened:
        yield opened
