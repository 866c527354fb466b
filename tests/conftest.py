"""What holds for every test.

**Both engines.** What a test stores is stored in a folder, so every test that asks for `tmp_path`
runs twice: with the SQLite file of that folder, and with a PostgreSQL database in its place. The
same folder again is the same database, so that a server can be started again in it. A module that
makes folders otherwise is marked `both_engines`; what is about one engine, or says nothing about
storage and takes long, is marked `sqlite_only` or `postgresql_only` with the reason. Of what is
marked `one_of_each`, each test runs on PostgreSQL with one set of its parameters: the others differ
in what is said to whom, not in how it is stored.

The server is one for the whole run, on a port of its own; where PostgreSQL is not installed those
tests are skipped, but not in CI.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import URL, make_url

from bench import cluster
from storage import engines, migrate
from storage.postgres import PostgresDatabase
from tests.databases import Databases, Loan, Server

# How long one example takes says more about a busy machine than about the code.
PATIENT_SECONDS = 15.0
settings.register_profile("unhurried", deadline=None, print_blob=True)
settings.load_profile("unhurried")

pytest_plugins = ["tests.stores"]

NOT_FOUND = "PostgreSQL not found: tests on it are skipped"
ENGINES = ("sqlite", "postgresql")
_SERVER = pytest.StashKey[Server]()


# ---- the server ----


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to leave out half of the tests where everything must be shown."""
    if os.environ.get("CI") == "true" and cluster.binaries() is None:
        raise pytest.UsageError("PostgreSQL not found: in CI the tests on it must run")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many run at once: they wait for disks and peers about half of the time."""
    return max(5, os.cpu_count() or 1)


def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the server is that all of them share."""
    if cluster.binaries():
        node.workerinput["postgresql"] = _port(node.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once what is left out."""
    if cluster.binaries() is None:
        terminalreporter.write_line(NOT_FOUND)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, if this process has started it."""
    server = config.stash.get(_SERVER, None)
    if server:
        server.stop()


def _port(config: pytest.Config) -> int:
    told: dict[str, Any] = getattr(config, "workerinput", {})
    if "postgresql" in told:
        return int(told["postgresql"])
    if _SERVER not in config.stash:
        config.stash[_SERVER] = Server()
    return config.stash[_SERVER].port


# ---- the engine of a test ----


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both engines what stores something."""
    mark = metafunc.definition.get_closest_marker
    if mark("postgresql_only"):
        metafunc.parametrize("engine", ["postgresql"], indirect=True)
    elif mark("sqlite_only"):
        return
    elif mark("both_engines") or "tmp_path" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run on PostgreSQL here, and most of what is `one_of_each`."""
    on_postgresql = [item for item in items if _parameters(item).get("engine") == "postgresql"]
    there = cluster.binaries() is not None
    left_out = _all_but_one_of_each(on_postgresql) if there else set(on_postgresql)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _all_but_one_of_each(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    sets: defaultdict[tuple[Any, ...], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if mark := item.get_closest_marker("one_of_each"):
            each = [id(_parameters(item).get(name)) for name in mark.kwargs.get("of", ())]
            sets[item.nodeid.partition("[")[0], *each].append(item)
    # Of every test another one, but the same in every run.
    chosen = {one[crc32(one[0].nodeid.encode()) % len(one)] for one in sets.values()}
    return {item for one in sets.values() for item in one} - chosen


def _parameters(item: pytest.Item) -> Mapping[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec else {}


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """Return this worker's databases on PostgreSQL, or skip the test."""
    if cluster.binaries() is None:
        pytest.skip(NOT_FOUND)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    return Databases(_port(request.config), worker)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest) -> str:
    """Let the database of a folder be one of this engine."""
    name: str = getattr(request, "param", "sqlite")
    if name == "postgresql":
        request.getfixturevalue("loan")
    return name


@pytest.fixture
def loan(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loan]:
    """Give folders databases on PostgreSQL."""
    with databases.lent() as loan:
        monkeypatch.setattr(engines, "default_url", loan)
        # Where a full machine stands still for seconds, the database has not gone away.
        patient = partial(PostgresDatabase.open, seconds=PATIENT_SECONDS)
        monkeypatch.setattr(engines, "PostgresDatabase", SimpleNamespace(open=patient))
        _vouch_for(databases, monkeypatch)
        yield loan


def _vouch_for(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each test to ask for the schema of what was copied: that takes 15 ms."""
    schema_of, current = migrate.schema_of, migrate.Schema.CURRENT
    monkeypatch.setattr(
        migrate, "schema_of", lambda url: current if url in databases else schema_of(url)
    )


# ---- whatever the engine ----


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Undo what a program under test has configured: the next test may want to see every line."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite database of the present schema, made by all revisions."""
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
        parsed = make_url(url)
        path = Path(parsed.database or "")
        if parsed.get_backend_name() == "sqlite" and path.parent.is_dir() and not path.exists():
            shutil.copy(empty_database, path)
        else:
            upgrade(url)

    monkeypatch.setattr(migrate, "upgrade", upgraded)
