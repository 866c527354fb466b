"""
What the shell offers where a command wants an id: organizations, API keys.

Only of the embedded database, which is looked at without waiting: whoever presses a key is not to
wait for a server, and nothing that goes wrong here is for the shell.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from csms import settings
from csms.terminal import printable
from storage import engines
from storage.database import Statement
from storage.peek import glance
from storage.statements.organizations import some_keys, some_organizations

Offer = Callable[[str], list[tuple[str, str]]]


def _offering(statement: Statement) -> Offer:
    def offer(incomplete: str) -> list[tuple[str, str]]:
        """Return the ids that begin like this, each with what it is called."""
        file = _file()
        found = glance(file, statement) if file else []
        return [(id, printable(name or "")) for id, name in found if id.startswith(incomplete)]

    return offer


ORGANIZATIONS = _offering(some_organizations)
KEY_IDS = _offering(some_keys)


def _file() -> Path | None:
    """Return the file of the embedded database, None where it is another one."""
    try:
        chosen = settings.read(os.environ)
    except settings.SettingError:
        return None
    url = chosen.database_url or engines.default_url(chosen.data_dir)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
