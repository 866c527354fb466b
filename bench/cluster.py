"""A PostgreSQL server of one's own: for tests, benchmarks and faults, and only on loopback.

It keeps nothing: its data is in the folder that it is given, and it does not wait for the disk.
PostgreSQL refuses to run as root, so root starts it as the user that the package made.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ADMIN = "postgres"  # the superuser
OWNER = "ringmain"  # owns the databases, and may not pass row-level security
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=400",
    "shared_buffers=64MB",
    # Else a migration or a test that is killed leaves its lock behind for two hours.
    "tcp_keepalives_idle=15",
)
STARTED_WITHIN = 60  # s


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, None where there are none."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    found = newest[-1] if newest else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _version(initdb: Path) -> int:
    return int(initdb.parts[-3]) if initdb.parts[-3].isdecimal() else 0


class Cluster:
    """A server on a free port, with a superuser and an owner of databases."""

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        """Prepare a server in a folder that is there; more settings are as in postgresql.conf."""
        found = binaries()
        if found is None:
            raise FileNotFoundError("PostgreSQL's initdb is not on this machine.")
        self._programs = found
        self._folder = folder / "cluster"
        self._settings = (*_SETTINGS, *settings)
        self._account = pwd.getpwnam(ADMIN) if os.geteuid() == 0 else None
        self.port = 0

    @property
    def postmaster(self) -> int:
        """Return the process id of the server."""
        return int((self._folder / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self, database: str, user: str = OWNER) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the server's files and start it."""
        self._folder.mkdir()
        self.own(self._folder)
        self._run(
            "initdb",
            f"--pgdata={self._folder}",
            f"--username={ADMIN}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        self.port = _free_port()
        self.start()
        self.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB")

    def own(self, folder: Path) -> None:
        """Give the server a folder to write in."""
        if self._account:
            _let_in(folder, self._account)

    def start(self) -> None:
        """Start the server; return when it answers."""
        options = [
            f"-p {self.port}",
            f"-k {self._folder}",
            *(f"-c {one}" for one in self._settings),
        ]
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            f"--timeout={STARTED_WITHIN}",
            f"--pgdata={self._folder}",
            f"--log={self._folder / 'log'}",
            f"--options={' '.join(options)}",
        )

    def stop(self) -> None:
        """Stop the server; whoever is connected is cut off."""
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self._folder}")

    def kill(self) -> None:
        """Kill the server (SIGKILL), and wait until none of its processes is left."""
        _halt(self.postmaster)  # else it goes on making children meanwhile
        processes = self.processes()
        _signal(processes, signal.SIGKILL)
        while any(Path(f"/proc/{process}").exists() for process in processes):
            time.sleep(0.01)
        # Their number may be somebody else's by now, and then the server would not start.
        for left in (self._folder / "postmaster.pid", *self._folder.glob(".s.PGSQL.*.lock")):
            left.unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Return the postmaster and its children."""
        parent = self.postmaster
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all processes of the server (SIGSTOP) until the context ends."""
        halted = self.processes()
        _signal(halted, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(halted, signal.SIGCONT)

    def execute(self, sql: str, database: str = ADMIN) -> None:
        """Execute statements as the superuser, each in a transaction of its own."""
        self._run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--command={sql}",
            self.url(database, ADMIN),
        )

    def new_database(self, name: str, template: str = "template1") -> str:
        """Make a database that belongs to the owner, and return its URL."""
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as said:  # a pipe would be kept open by the server
            ran = subprocess.run(
                [self._programs / program, *arguments],
                **self._as_whom(),
                cwd=self._folder,
                stdout=subprocess.DEVNULL,
                stderr=said,
                check=False,
            )
            said.seek(0)
            told = said.read().decode(errors="replace").strip()
        if ran.returncode:
            raise OSError(f"{program} ended with {ran.returncode}: {told} {self._log()}")

    def _as_whom(self) -> dict[str, Any]:
        account = self._account
        if account is None:
            return {}
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}

    def _log(self) -> str:
        log = self._folder / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""


@contextmanager
def running(folder: Path, settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a new server until the context ends."""
    cluster = Cluster(folder, settings)
    cluster.create()
    try:
        yield cluster
    finally:
        cluster.stop()


def _signal(processes: Sequence[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # one that served a single connection may be gone
            os.kill(process, number)


def _halt(process: int) -> None:
    """Stop a process, and wait until it has stopped."""
    _signal([process], signal.SIGSTOP)
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


def _let_in(folder: Path, account: pwd.struct_passwd) -> None:
    """Give a folder to a user, and let him pass through those above it."""
    os.chown(folder, account.pw_uid, account.pw_gid)
    for above in folder.parents:
        mode = above.stat().st_mode
        if not mode & 0o001:
            above.chmod(mode | 0o001)


def _free_port() -> int:
    """Return one that nobody is given for dialling: it is to be free also after a stop."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(given.read_text().split()[0]) if given.exists() else 0
    for port in random.sample(range(10_000, first), min(100, max(0, first - 10_000))):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
