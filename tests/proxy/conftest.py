"""A stage and a target for the tests of the proxy's live half."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.proxy.stage import Stage, Target, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """A target that listens already."""
    async with Target().up() as target:
        yield target
