"""Fixtures of the tests at the outside."""

from __future__ import annotations

import pytest

from tests.security.ground import Outside


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Watch what the loop of this test connects to."""
    outside = Outside(monkeypatch)
    outside.watch()
    return outside
