"""What errors of storage say where nobody has said more."""

from __future__ import annotations

import pytest

from storage.errors import Missing, SealBroken, StatementTimeout, StorageError, StorageUnavailable


@pytest.mark.parametrize("kind", [StorageError, StorageUnavailable, StatementTimeout, Missing])
def test_an_error_says_what_it_is(kind: type[StorageError]) -> None:
    assert str(kind()) == kind.__doc__
    assert str(kind("The disk is full.")) == "The disk is full."


def test_whoever_may_try_again_catches_a_statement_that_took_too_long() -> None:
    assert issubclass(StatementTimeout, StorageUnavailable)
    assert not issubclass(SealBroken, StorageUnavailable)
