"""
Open what an installation is copied from, and what to.

Nobody else writes to either of them meanwhile: what a server were told after the copy has begun
would be left behind, and what it wrote to the target would be in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage import migrate
from storage.engines import shown
from storage.errors import StorageError, StorageUnavailable
from storage.migrate import REFUSALS, Schema
from storage.postgres_connections import WRITER
from storage.postgres_errors import reason
from storage.sides import Side

SERVER_LOCK = "serve.lock"  # in the data directory of a server that runs
REVISIONS = "alembic_version"  # the table of whatever has a schema of ours


class CannotCopy(StorageError):
    """An installation is copied to another database that is new, or has a part of it."""


@contextmanager
def both_ends(source: URL, target: URL) -> Iterator[tuple[Side, Side]]:
    """Open the two sides of a copy, the target made where it is new; raise CannotCopy."""
    _require_another(source, target)
    with _alone(source):
        _require(source)
        with _made(target), Side.opened(source) as origin, Side.opened(target) as there:
            yield origin, there


@contextmanager
def _made(target: URL) -> Iterator[None]:
    _require_place(target)
    with _alone(target):
        if _is_new(target):
            migrate.upgrade(target)
        _require(target)
        yield


def _is_new(url: URL) -> bool:
    with _connection(url) as connection:
        return not inspect(connection).has_table(REVISIONS)


def _require(url: URL) -> None:
    """Raise CannotCopy for a database that is not of this version."""
    file = _file(url)
    if file is not None and not file.is_file():
        raise CannotCopy(f"There is no database {shown(url)}.")
    schema = migrate.schema_of(url)
    if schema is not Schema.CURRENT:
        raise CannotCopy(f"{shown(url)}: {REFUSALS[schema]}")


def _require_place(target: URL) -> None:
    file = _file(target)
    if file is not None and not file.parent.is_dir():
        raise CannotCopy(f"There is no directory {file.parent}.")


def _require_another(source: URL, target: URL) -> None:
    files = [file.resolve() for file in (_file(source), _file(target)) if file]
    if source == target or (len(files) == 2 and files[0] == files[1]):
        raise CannotCopy(f"{shown(source)} is to be copied to itself.")


def _file(url: URL) -> Path | None:
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


# ---- alone with a database ----


def _alone(url: URL) -> AbstractContextManager[None]:
    return _ALONE[url.get_backend_name()](url)


@contextmanager
def _alone_with_file(url: URL) -> Iterator[None]:
    lock = Path(url.database or "").parent / SERVER_LOCK
    try:
        with FileLock(lock, blocking=False) if lock.exists() else nullcontext():
            yield
    except Timeout:
        raise _in_use(url) from None


@contextmanager
def _alone_with_server(url: URL) -> Iterator[None]:
    with _connection(url) as connection:
        claimed = f"SELECT pg_try_advisory_lock({WRITER})"
        if not connection.exec_driver_sql(claimed).scalar():
            raise _in_use(url)
        yield


@contextmanager
def _connection(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        cause: Any = error.orig
        raise StorageUnavailable(f"{shown(url)} cannot be used: {reason(cause)}.") from error


def _in_use(url: URL) -> CannotCopy:
    return CannotCopy(f"A server or another copy uses {shown(url)}: stop it first.")


_ALONE: Mapping[str, Callable[[URL], AbstractContextManager[None]]] = {
    "sqlite": _alone_with_file,
    "postgresql": _alone_with_server,
}
