"""Where a fault takes place: a folder of its own, and the database of the installation."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from bench import cluster
from bench.cluster import ADMIN, Cluster
from storage import engines, migrate

DATABASE = "faults"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
ENGINES = (SQLITE, POSTGRESQL)
NO_PROGRAMS = "PostgreSQL's programs are not on this machine"


class NotHere(Exception):
    """This machine cannot do what the fault needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Ground:
    """An installation to be: its folder, and its PostgreSQL server, None where it is SQLite.

    ``tablespace`` is where PostgreSQL keeps the rows, when that is to be a place of its own.
    """

    directory: Path
    cluster: Cluster | None = None
    tablespace: str = ""

    @property
    def data_dir(self) -> Path:
        """Return the data directory of the server."""
        return self.directory / "data"

    @property
    def url(self) -> URL:
        """Return the database as the server is told of it."""
        if self.cluster is None:
            return engines.default_url(self.data_dir)
        return engines.parse_url(self.cluster.url(DATABASE))

    @property
    def books(self) -> URL:
        """Return the database as it is seen by who counts, past row-level security."""
        if self.cluster is None:
            return self.url
        return engines.parse_url(self.cluster.url(DATABASE, ADMIN))

    def prepare(self) -> None:
        """Make the database, of the present schema."""
        self.data_dir.mkdir(exist_ok=True, mode=0o700)
        if self.cluster is not None:
            self.cluster.new_database(DATABASE)
            if self.tablespace:
                self.cluster.execute(f"ALTER DATABASE {DATABASE} SET TABLESPACE {self.tablespace}")
        migrate.upgrade(self.url)


@contextlib.contextmanager
def ground(directory: Path, engine: str) -> Iterator[Ground]:
    """Lay the ground for one fault; raise NotHere where the engine is not on this machine."""
    if engine == SQLITE:
        yield Ground(directory)
    elif cluster.binaries() is None:
        raise NotHere(NO_PROGRAMS)
    else:
        with cluster.running(directory) as running:
            yield Ground(directory, running)


def allow_descriptors(wanted: int) -> None:
    """Let this process and its children open so many files; raise NotHere where they must not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise NotHere(f"a process may open {hard} files only")
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
