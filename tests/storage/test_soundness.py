"""A damaged file is told from a sound one before anything is written to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import StorageUnavailable
from storage.soundness import require_sound

pytestmark = pytest.mark.sqlite_only(reason="it is about the file")
PAGE = 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ringmain.sqlite3"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA page_size={PAGE}")
    database.execute("CREATE TABLE messages (seq INTEGER PRIMARY KEY, frame BLOB)")
    rows = ((n, b"x" * 500) for n in range(1000))
    database.executemany("INSERT INTO messages VALUES (?, ?)", rows)
    database.commit()
    database.close()
    return path


def overwritten(at: int) -> Callable[[Path], None]:
    def overwrite(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[at : at + PAGE] = os.urandom(PAGE)
        file.write_bytes(content)

    return overwrite


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 10 * PAGE])


def replace_by_a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def test_what_is_whole_is_sound(file: Path) -> None:
    require_sound(file)


def test_what_is_not_there_yet_is_sound(tmp_path: Path) -> None:
    require_sound(tmp_path / "new.sqlite3")

    assert not (tmp_path / "new.sqlite3").exists()


def test_a_log_of_garbage_beside_it_is_none(file: Path) -> None:
    Path(f"{file}-wal").write_bytes(os.urandom(100_000))

    require_sound(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"no database, and never was one" * 1000),
        overwritten(0),
        overwritten(20 * PAGE),
        truncate,
        replace_by_a_directory,
    ],
    ids=["no_database", "header", "page", "truncated", "directory"],
)
def test_damage_is_one_line_with_the_file(file: Path, damage: Callable[[Path], None]) -> None:
    damage(file)

    with pytest.raises(StorageUnavailable) as told:
        require_sound(file)

    assert str(told.value).startswith(f"The database {file} ")
    assert str(told.value).endswith(".")
    assert "\n" not in str(told.value)


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="unable to open database file"):
        require_sound(tmp_path / "nowhere" / "new.sqlite3")


def test_what_is_large_is_not_looked_through(file: Path) -> None:
    overwritten(20 * PAGE)(file)

    require_sound(file, looked_through=PAGE)
