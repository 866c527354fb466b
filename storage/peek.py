"""
A glance at the embedded database: names for whoever completes a command line.

It waits for nobody and changes nothing. Where there is nothing to be seen at once, or no such
database, nothing is found.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from storage.database import NO_VALUES, Statement
from storage.sqlite import compiled_of

WAITING = 0.2  # s for a lock


def glance(file: Path, statement: Statement) -> list[tuple[Any, ...]]:
    """Return the rows of a query without parameters, none where that cannot be done."""
    if not file.is_file():
        return []
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=WAITING, uri=True)) as connection:
            compiled = compiled_of(statement)
            return connection.execute(compiled.sql, compiled.bind(NO_VALUES)).fetchall()
    except (sqlite3.Error, OSError, ValueError):
        return []
