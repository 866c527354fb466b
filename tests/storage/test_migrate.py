"""A database is brought to the schema of this version, by whoever comes first."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import StorageUnavailable
from storage.migrate import is_current, upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.sqlite3'}"


def test_an_upgrade_makes_a_database_current(url: str) -> None:
    assert not is_current(url)

    upgrade(url)

    assert is_current(url)


def test_an_upgrade_of_what_is_current_changes_nothing(url: str) -> None:
    upgrade(url)

    upgrade(url)

    assert is_current(url)


def test_of_several_that_begin_at_once_all_succeed(url: str) -> None:
    with ThreadPoolExecutor(4) as together:
        list(together.map(upgrade, [url] * 4))

    assert is_current(url)


def test_an_upgrade_that_fails_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "new.sqlite3")
    other.execute("CREATE TABLE messages (in_the_way)")

    with pytest.raises(StorageUnavailable):
        upgrade(url)

    tables = [name for (name,) in other.execute("SELECT name FROM sqlite_master")]
    other.close()
    assert tables == ["messages"]


def test_a_place_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        upgrade(f"sqlite:///{tmp_path / 'nowhere' / 'new.sqlite3'}")
