"""What holds for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import URL, make_url

from storage import migrate

# How long one example takes says more about a busy machine than about the code.
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a program under test has configured: the next test may want to see every line."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of the present schema, made by all revisions."""
    path = tmp_path_factory.mktemp("storage") / "empty.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(autouse=True)
def new_databases_are_copies(empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each new database once: every test has its own, and all begin alike.

    What leads to it is tested in `tests/storage/migrations`, and by each server in a process.
    """
    upgrade = migrate.upgrade

    def upgraded(url: str | URL) -> None:
        path = Path(make_url(url).database or "")
        if path.parent.is_dir() and not path.exists():
            shutil.copy(empty_database, path)
        else:
            upgrade(url)

    monkeypatch.setattr(migrate, "upgrade", upgraded)
