"""
Whether a SQLite file is a whole database, looked at before it is opened for work.

SQLite finds damage only where it reads, which may be days later and in the middle of a message.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from storage.errors import StorageUnavailable

# Larger files are not looked through: 140 MiB take 0.4 s.
LOOKED_THROUGH = 256 << 20  # bytes


def require_sound(file: Path, looked_through: int = LOOKED_THROUGH) -> None:
    """Raise StorageUnavailable for a file that is damaged; none at all is sound."""
    if not file.exists() and file.parent.is_dir():
        return
    try:
        damage = _damage(file, looked_through)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"The database {file} cannot be used: {error}.") from error
    if damage != "ok":
        raise StorageUnavailable(
            f"The database {file} is damaged and has to be restored: {damage.splitlines()[-1]}."
        )


def _damage(file: Path, looked_through: int) -> str:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")
        if file.stat().st_size > looked_through:
            return "ok"
        [first, *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
        return str(first[0])
