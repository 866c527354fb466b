"""A database is brought to the schema of this version, by whoever comes first."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import URL, inspect, text

from storage import engines
from storage.errors import StorageUnavailable
from storage.migrate import REFUSALS, Schema, configuration, connected, schema_of, upgrade
from tests.storage.postgres import Admin

postgresql = pytest.mark.postgresql_only("SQLite has neither servers nor roles nor rights")


def downgrade(url: URL, revision: str) -> None:
    with connected(url) as connection:
        command.downgrade(configuration(connection), revision)


def of_tomorrow(url: URL) -> None:
    """Make a database one that a later version has upgraded."""
    upgrade(url)
    with connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))


# ---- upgrading ----


def test_an_upgrade_makes_a_database_current_and_says_from_where(blank: URL) -> None:
    assert schema_of(blank) is Schema.OLD

    first = upgrade(blank)
    downgrade(blank, "0005")
    second = upgrade(blank)

    assert schema_of(blank) is Schema.CURRENT
    assert (first.before, second.before) == (None, "0005")
    assert first.after == second.after != "0005"


def test_an_upgrade_of_what_is_current_changes_nothing(blank: URL) -> None:
    done = upgrade(blank)

    assert upgrade(blank) == (done.after, done.after)


def test_of_several_that_begin_at_once_all_succeed(blank: URL) -> None:
    with ThreadPoolExecutor(4) as together:
        done = list(together.map(upgrade, [blank] * 4))

    assert sorted(each.before is None for each in done) == [False, False, False, True]
    assert schema_of(blank) is Schema.CURRENT


def test_an_upgrade_that_fails_leaves_nothing_behind(blank: URL) -> None:
    with connected(blank) as connection:
        connection.execute(text("CREATE TABLE messages (in_the_way BIGINT)"))

    with pytest.raises(StorageUnavailable, match=r"^The database cannot be upgraded: .*\.$"):
        upgrade(blank)

    with connected(blank) as connection:
        assert inspect(connection).get_table_names() == ["messages"]


# ---- old and newer ----


@postgresql
async def test_an_old_database_is_upgraded_by_a_person_not_by_opening_it(blank: URL) -> None:
    upgrade(blank)
    downgrade(blank, "0005")

    assert schema_of(blank) is Schema.OLD
    with pytest.raises(StorageUnavailable, match="run `ringmain db upgrade`"):
        await engines.open_database(blank)


async def test_a_newer_database_is_neither_opened_nor_upgraded(blank: URL) -> None:
    of_tomorrow(blank)

    assert schema_of(blank) is Schema.NEWER
    with pytest.raises(StorageUnavailable) as refused:
        upgrade(blank)
    assert str(refused.value) == REFUSALS[Schema.NEWER]
    with pytest.raises(StorageUnavailable) as refused:
        await engines.open_database(blank)
    assert str(refused.value) == REFUSALS[Schema.NEWER]


@postgresql
def test_looking_does_not_wait_for_an_upgrade(blank: URL) -> None:
    with connected(blank):
        assert schema_of(blank) is Schema.OLD


# ---- what goes wrong is told in one sentence ----


@pytest.mark.sqlite_only("it is about a file")
def test_a_place_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=r"^The database cannot be reached: .*\.$"):
        upgrade(f"sqlite:///{tmp_path / 'nowhere' / 'new.sqlite3'}")


@pytest.mark.sqlite_only("it is about a file")
def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("Buy milk. " * 1000)

    with pytest.raises(StorageUnavailable, match="file is not a database") as refused:
        upgrade(f"sqlite:///{tmp_path / 'notes'}")
    assert "\n" not in str(refused.value)


@postgresql
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"port": 1}, "Connection refused"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid"),
        ({"database": "nothing"}, 'database "nothing" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
    ],
    ids=str,
)
def test_a_database_that_cannot_be_reached_is_told_without_the_password(
    blank: URL, wrong: Mapping[str, Any], told: str
) -> None:
    url = blank.set(password="hunter2", **wrong)

    for attempt in (upgrade, schema_of):
        with pytest.raises(StorageUnavailable) as refused:
            attempt(url)

        sentence = str(refused.value)
        assert sentence.startswith("The database cannot be reached: ")
        assert told in sentence
        assert "hunter2" not in sentence
        assert "\n" not in sentence


@postgresql
def test_a_role_without_rights_is_told(blank: URL) -> None:
    with Admin.of(blank) as admin:
        admin.does(f"ALTER DATABASE {blank.database} OWNER TO postgres")

    with pytest.raises(StorageUnavailable) as refused:
        upgrade(blank)

    assert str(refused.value) == (
        "The database's role has not the rights that it needs: permission denied for schema public."
    )


@postgresql
def test_a_database_that_cannot_keep_every_text_gets_no_tables(blank: URL) -> None:
    latin = blank.set(database=f"{blank.database}_latin")
    with Admin.of(blank) as admin:
        admin.does(
            f"CREATE DATABASE {latin.database} OWNER {blank.username}"
            " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
        try:
            with pytest.raises(StorageUnavailable, match="must have the encoding UTF8"):
                upgrade(latin)
            assert schema_of(latin) is Schema.OLD
        finally:
            admin.does(f"DROP DATABASE {latin.database}")


@postgresql
def test_a_database_in_use_is_told(blank: URL) -> None:
    upgrade(blank)
    impatient = {"postgresql": ("SET LOCAL lock_timeout = '50ms'",)}
    with Admin.of(blank) as admin:
        admin.does("BEGIN", "LOCK TABLE messages")

        with (
            pytest.raises(StorageUnavailable, match="while it is in use, stop the server"),
            connected(blank, impatient) as connection,
        ):
            connection.execute(text("ALTER TABLE messages ADD COLUMN more BIGINT"))


@pytest.mark.sqlite_only("PostgreSQL's readers wait for nobody")
def test_a_look_does_not_lock_the_file(blank: URL) -> None:
    upgrade(blank)
    writing = sqlite3.connect(str(blank.database), isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")

    assert schema_of(blank) is Schema.CURRENT
    writing.close()
