"""Fixtures of the tests at the outside."""

from __future__ import annotations

import pytest

# Fixtures: the API on a real port and a real database, and people with sessions.
from tests.api.conftest import api, bucket, clock, connect, parts, people, relays  # noqa: F401 - they are asked for by name
from tests.security.ground import Outside


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Watch what the loop of this test connects to."""
    outside = Outside(monkeypatch)
    outside.watch()
    return outside
