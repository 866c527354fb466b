"""
Ask a running server for all that its document promises, by schemathesis (`make schemathesis`).

The server is a process of its own with an empty database: a SQLite file, then PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.routing import ORGANIZATIONS
from bench.cluster import Cluster, binaries

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
# As many requests as one likes: what is tried here is what they are answered.
_PICKED = "#/components/parameters/organization"
_SETTINGS = {
    "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
    "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
    "RINGMAIN_RATE_LIMIT": "999999/9999999",
    "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
    "RINGMAIN_LOG_FORMAT": "json",
}


@dataclass(frozen=True)
class Asked:
    """How much is asked, and what of."""

    examples: int = 200
    # One: threads of schemathesis trip over each other in the ast module of CPython 3.11.
    workers: int = 1
    phases: str = "examples,coverage,fuzzing,stateful"
    seed: int | None = None
    more: tuple[str, ...] = ()
    # Say something only where something failed.
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers, and a key to it."""

    http: str
    organization_uuid: str
    api_key: str


@contextlib.contextmanager
def serving(folder: Path, database_url: str = "") -> Iterator[Served]:
    """Run a server in a folder until the context ends."""
    told = {"RINGMAIN_DATA_DIR": str(folder / "data"), "RINGMAIN_DATABASE_URL": database_url}
    environment = {**_outside(), **_SETTINGS, **told}
    if database_url:
        _ringmain(environment, "db", "upgrade")
    made = json.loads(_ringmain(environment, "org", "create", "Promises"))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [PROGRAMS / "ringmain", "serve"],
            env=environment,
            stderr=subprocess.PIPE,
            stdout=log,
            text=True,
        )
        try:
            http = _ready(server)
            with subprocess.Popen(["cat"], stdin=server.stderr, stdout=log):  # else it would wait
                yield Served(http, made["organization_uuid"], made["api_key"])
                server.terminate()
        finally:
            server.kill()
            server.wait()


def _ready(server: subprocess.Popen[str]) -> str:
    assert server.stderr
    for line in server.stderr:
        event = json.loads(line)
        if event["event"] == "ready":
            return str(event["http"])
    raise OSError(f"The server ended with {server.wait()}.")


def _outside() -> dict[str, str]:
    return {name: each for name, each in os.environ.items() if not name.startswith("RINGMAIN_")}


def _ringmain(environment: Mapping[str, str], *arguments: str) -> str:
    command = [str(PROGRAMS / "ringmain"), *arguments]
    ran = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE)
    return ran.stdout


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server of one's own, and yield the URL of a new database."""
    cluster = Cluster(folder)
    cluster.create()
    try:
        yield cluster.new_database("promises")
    finally:
        cluster.stop()


def ask(served: Served, asked: Asked, folder: Path) -> int:
    """Ask a server; return the exit code of schemathesis, 0 where nothing failed."""
    told = {
        "PROMISES_KEY": served.api_key,
        "SCHEMATHESIS_HOOKS": "bench.promises.checks",
        "PYTHONPATH": str(HERE.parent.parent),
    }
    seed = [] if asked.seed is None else [f"--seed={asked.seed}"]
    command = [
        str(PROGRAMS / "schemathesis"),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        str(_document(served, folder)),
        f"--url={served.http}",
        f"--max-examples={asked.examples}",
        f"--workers={asked.workers}",
        f"--phases={asked.phases}",
        "--continue-on-failure",
        "--no-color",
        "--warnings=off",
        *seed,
        *asked.more,
    ]
    said = subprocess.PIPE if asked.brief else None
    ran = subprocess.run(
        command, env={**os.environ, **told}, cwd=folder, check=False, text=True, stdout=said
    )
    if asked.brief and ran.returncode:
        sys.stdout.write(ran.stdout)
    return ran.returncode


def _document(served: Served, folder: Path) -> Path:
    """Store the server's document, narrowed to what a key of one organization can try.

    Another organization is always 404, and X-Organization is read with a session only. Streams do
    not end, so nothing waits for them here.
    """
    with urllib.request.urlopen(f"{served.http}/openapi.json") as answer:
        document = json.load(answer)
    document["paths"] = {
        path: operations
        for path, operations in document["paths"].items()
        if not any(_is_stream(each) for each in operations.values())
    }
    ours = {"type": "string", "enum": [served.organization_uuid]}
    for operation in (each for path in document["paths"].values() for each in path.values()):
        parameters = [each for each in operation["parameters"] if each.get("$ref") != _PICKED]
        operation["parameters"] = [
            {**each, "schema": ours} if each.get("name") in ORGANIZATIONS else each
            for each in parameters
        ]
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def _is_stream(operation: Mapping[str, Any]) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def run(engine: str, asked: Asked) -> int:
    """Ask a new server on one kind of database."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringmain-")))
        folder.chmod(0o755)
        url = stack.enter_context(postgresql(folder)) if engine == "postgresql" else ""
        return ask(stack.enter_context(serving(folder, url)), asked, folder)


def main(arguments: Any = None) -> int:
    """Ask on each engine, and tell how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--phases", default=Asked.phases)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--brief", action="store_true")
    known, more = parser.parse_known_args(arguments)
    asked = Asked(
        known.examples, phases=known.phases, seed=known.seed, more=tuple(more), brief=known.brief
    )
    codes = {}
    for engine in known.engines.split(","):
        if engine == "postgresql" and binaries() is None:
            sys.stdout.write("PostgreSQL not found: not asked on it\n")
            continue
        codes[engine] = run(engine, asked)
    sys.stdout.writelines(f"{name}: {'failed' if code else 'ok'}\n" for name, code in codes.items())
    return max(codes.values(), default=0)


if __name__ == "__main__":
    sys.exit(main())
