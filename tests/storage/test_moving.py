"""A copy is made of what is whole, to where nothing else is, and of nothing that is in use."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from storage import engines
from storage.errors import StorageError
from storage.moving import SERVER_LOCK, CannotCopy, both_ends
from storage.postgres_connections import WRITER
from tests.storage.test_copying import database, sqlite_file

__all__ = ["sqlite_file"]


def refused(source: URL, target: URL) -> str:
    with pytest.raises(StorageError) as refusal, both_ends(source, target):
        pass
    return str(refusal.value)


def run(url: URL, sql: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(sql)


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return database(tmp_path / "data")


def test_a_target_that_is_new_is_made(tmp_path: Path, url: URL) -> None:
    new = URL.create("sqlite", database=str(tmp_path / "new.sqlite3"))

    with both_ends(url, new) as (source, target):
        assert {each.name for each in source.tables} == {each.name for each in target.tables}

    assert (tmp_path / "new.sqlite3").is_file()


def test_what_is_not_there_is_not_copied_and_not_made(tmp_path: Path, url: URL) -> None:
    missing = URL.create("sqlite", database=str(tmp_path / "missing.sqlite3"))

    assert refused(missing, url) == f"There is no database {engines.shown(missing)}."
    assert not (tmp_path / "missing.sqlite3").exists()


def test_a_place_that_is_not_there_is_told(tmp_path: Path, url: URL) -> None:
    nowhere = URL.create("sqlite", database=str(tmp_path / "nowhere" / "new.sqlite3"))

    assert refused(url, nowhere) == f"There is no directory {tmp_path / 'nowhere'}."


def test_nothing_is_copied_to_itself(url: URL) -> None:
    assert refused(url, url) == f"{engines.shown(url)} is to be copied to itself."


@pytest.mark.parametrize(
    ("revision", "told"), [("0001", "run `ringmain db upgrade`"), ("9999", "A newer version")]
)
def test_another_schema_is_refused_on_either_side(
    url: URL, sqlite_file: URL, revision: str, told: str
) -> None:
    run(sqlite_file, f"UPDATE alembic_version SET version_num = '{revision}'")

    assert told in refused(sqlite_file, url)
    assert told in refused(url, sqlite_file)


def test_a_server_that_runs_on_the_file_is_in_the_way(url: URL, sqlite_file: URL) -> None:
    lock = FileLock(Path(sqlite_file.database or "").parent / SERVER_LOCK)
    with lock:
        assert refused(sqlite_file, url).endswith("stop it first.")
        assert refused(url, sqlite_file).endswith("stop it first.")
    with both_ends(url, sqlite_file):
        pass


@pytest.mark.postgresql_only(reason="a server on SQLite has a lock beside the file")
def test_a_server_that_runs_on_the_database_is_in_the_way(url: URL, sqlite_file: URL) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as server:
        server.exec_driver_sql(f"SELECT pg_advisory_lock({WRITER})")
        assert refused(sqlite_file, url).endswith("stop it first.")
        assert refused(url, sqlite_file).endswith("stop it first.")


@pytest.mark.postgresql_only(reason="it is about a password in a URL")
def test_no_password_is_told(url: URL, sqlite_file: URL) -> None:
    elsewhere = url.set(password="s3cret", port=1, query={"application_name": "s3cret"})

    told = refused(sqlite_file, elsewhere)

    assert "refused" in told
    assert "s3cret" not in told
    assert "\n" not in told


def test_what_refuses_a_copy_is_told_as_such() -> None:
    assert str(CannotCopy()).endswith(".")
