"""
On whose behalf the database is asked: one organization's, or everybody's.

It is the second wall between organizations. The first is the condition in each statement; where one
was forgotten, PostgreSQL still shows and changes only rows of the organization that was acted for
(row-level security, revision 0006). SQLite has no such thing and ignores it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# The server's own work, which is about all organizations.
EVERYBODY = "*"
# The variable of a PostgreSQL session that the policies read.
SETTING = "ringmain.organization"

_acting_for: ContextVar[str] = ContextVar("acting_for", default=EVERYBODY)


def acting_for() -> str:
    """Return the organization that the present task acts for, or EVERYBODY."""
    return _acting_for.get()


@contextmanager
def on_behalf_of(organization_uuid: str) -> Iterator[None]:
    """Act for one organization until the context ends; tasks made in it do the same."""
    before = _acting_for.set(organization_uuid)
    try:
        yield
    finally:
        _acting_for.reset(before)
