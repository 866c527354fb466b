"""
Errors of storage, drawn on one page.

    StorageError              the database refused the statement
    ├── StorageUnavailable    no room, no file, locked for too long: it may work later
    │   └── StatementTimeout  the server gave up a statement
    ├── Conflict              a row with this identity is there already
    ├── Missing               what a row belongs to is not there any more
    └── SealBroken            a sealed secret that this key ring does not open

An error's docstring is its default message.
"""

from __future__ import annotations


class StorageError(Exception):
    """The database refused the statement."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class StorageUnavailable(StorageError):
    """The database is not available."""


class StatementTimeout(StorageUnavailable):
    """The database gave up a statement that took too long."""


class Conflict(StorageError):
    """The object exists already."""


class Missing(StorageError):
    """What it belongs to is not there any more."""


class SealBroken(StorageError):
    """A sealed secret cannot be opened with the keys at hand."""
