"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# How long one example takes says more about a busy machine than about the code.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a program under test has configured: the next test may want to see every line."""
    yield
    structlog.reset_defaults()
