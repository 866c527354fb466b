"""Keep a PostgreSQL server for as long as somebody holds our standard input open.

Whoever started us may be killed: his end of the pipe closes with him, and the server stops.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from bench import cluster
from storage import migrate
from storage.engines import parse_url

TEMPLATE = "ringmain_template"  # of the present schema, made by all revisions


def keep() -> None:
    """Run a server, print its port, and stop it when standard input ends."""
    # A Ctrl-C is meant for pytest, and so is what ends all of a terminal or group: it tells us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with (
        tempfile.TemporaryDirectory(prefix="ringmain-tests-") as folder,
        cluster.running(Path(folder), ["autovacuum_naptime=5"]) as server,
    ):
        migrate.upgrade(parse_url(server.new_database(TEMPLATE)))
        print(server.port, flush=True)  # noqa: T201 - what the one who started us waits for
        sys.stdin.read()


if __name__ == "__main__":
    keep()
