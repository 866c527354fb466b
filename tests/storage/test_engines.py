"""A database is named by a URL; what cannot be opened is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import URL

from storage import engines
from storage.engines import UnknownEngine, parse_url, shown
from storage.errors import StorageError, StorageUnavailable
from tests.storage.doubles import ADD, row
from tests.storage.postgres import Admin


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("sqlite:////var/lib/ringmain.sqlite3", "sqlite", "/var/lib/ringmain.sqlite3"),
        ("postgresql://ringmain@db/ringmain", "postgresql", "ringmain"),
        ("postgres://ringmain@db/ringmain", "postgresql", "ringmain"),
        ("postgresql+asyncpg://ringmain@db/ringmain?sslmode=require", "postgresql", "ringmain"),
        ("postgresql:///ringmain", "postgresql", "ringmain"),
    ],
)
def test_both_engines_are_named_by_a_url(text: str, kind: str, name: str) -> None:
    url = parse_url(text)

    assert url.get_backend_name() == kind
    assert url.database == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ringmain",
        "secret@host",
        "mysql://ringmain:secret@db/ringmain",
        "postgresql://ringmain:secret@db:port/ringmain",
        "postgresql://ringmain:secret@db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/ringmain.sqlite3",
    ],
)
def test_what_names_no_database_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(UnknownEngine) as refused:
        parse_url(text)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["me:p@ssword@db/x", "me:p@ss/word@db/x", "me:pass@word@db"])
def test_a_password_is_not_taken_for_a_host(text: str) -> None:
    with pytest.raises(UnknownEngine) as refused:
        parse_url(f"postgresql://{text}")

    assert "word@" not in str(refused.value)


def test_a_password_and_a_path_may_have_any_sign() -> None:
    assert parse_url("postgresql://me:p%40ss@db/x").password == "p@ss"
    assert parse_url("sqlite:////a@b/c@d").database == "/a@b/c@d"


def test_a_database_is_shown_without_password_and_options() -> None:
    url = parse_url("postgresql://ringmain:secret@db:5433/ringmain?password=secret")

    assert shown(url) == "postgresql://ringmain@db:5433/ringmain"


@pytest.mark.sqlite_only(reason="it is about the file")
async def test_a_damaged_file_is_not_opened(tmp_path: Path) -> None:
    url = engines.default_url(tmp_path)
    (tmp_path / engines.DATABASE_FILE).write_bytes(b"no database, and never was one" * 1000)

    with pytest.raises(StorageUnavailable, match="file is not a database"):
        await engines.open_database(url)


@pytest.mark.postgresql_only(reason="a file has no roles")
@pytest.mark.parametrize("may", ["nothing", "read"])
async def test_a_role_that_owns_nothing_is_told_so(tmp_path: Path, may: str) -> None:
    url = engines.default_url(tmp_path)
    guest = f"guest_of_{url.database}_{may}"
    with Admin.of(url) as admin:
        admin.does(f"CREATE ROLE {guest} LOGIN")
        if may == "read":
            admin.does(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {guest}")
        try:
            told = await refused(url.set(username=guest))
        finally:
            admin.does(f"DROP OWNED BY {guest}", f"DROP ROLE {guest}")

    assert "permission denied for table" in told
    assert "\n" not in told


async def refused(url: URL) -> str:
    """Return what opening a database and writing to it leads to."""
    try:
        database = await engines.open_database(url)
        try:
            await database.execute(ADD, row("one"))
        finally:
            await database.close()
    except StorageError as refusal:
        return str(refusal)
    return "nothing"
