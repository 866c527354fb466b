"""
Errors of object stores, drawn on one page.

    SinkError              the object is not stored, or nobody knows whether it is
    ├── SinkUnavailable    it may work later: unreachable, too busy, too slow, an answer was lost
    └── SinkRefused        somebody has to do something: credentials, rights, a bucket, an address

The text is one sentence for the sink's owner that says what to do. It names no credential, and
nothing that the store said goes into it: that may echo one.
"""

from __future__ import annotations


class SinkError(Exception):
    """The object could not be stored."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class SinkUnavailable(SinkError):
    """The store is not available; it will be tried again."""


class SinkRefused(SinkError):
    """The store refused the object."""
