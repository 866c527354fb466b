"""
Build the image of deploy/Containerfile and try it, where Docker or Podman runs; else say so.

Arguments go to the build (`--network=host`, `--volume=…`, `--build-arg=…`). The container is fenced
in as compose.yaml does it: no root, no capability, nothing written but its volume.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
IMAGE = NAME = "ringmain-smoke"
# Podman's own format has no HEALTHCHECK.
_ENGINES = {"docker": (), "podman": ("--format=docker",)}
_FENCE = (
    *("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--publish=127.0.0.1::8080", f"--volume={NAME}:/data", "--env=RINGMAIN_ALLOW_PLAIN=true"),
)
_PATIENCE = 60.0  # s
_GRACE = 35  # s, as compose.yaml has it


class Broken(Exception):
    """The image does not do what it should."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that answers."""

    program: str

    def says(self, *words: str) -> str:
        """Run a command of the engine and return what it says; raise Broken where it fails."""
        done = subprocess.run([self.program, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Broken(f"{self.program} {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def quietly(self, *words: str) -> None:
        """Run a command that may fail."""
        subprocess.run([self.program, *words], capture_output=True, check=False)


def found() -> Engine | None:
    """Return the first engine that answers."""
    for name in _ENGINES:
        program = shutil.which(name)
        if (
            program
            and not subprocess.run([program, "info"], capture_output=True, check=False).returncode
        ):
            return Engine(name)
    return None


def build(engine: Engine, options: Sequence[str]) -> None:
    """Build the image."""
    own = ("build", *_ENGINES[engine.program], "--file=deploy/Containerfile", f"--tag={IMAGE}")
    done = subprocess.run([engine.program, *own, *options, "."], cwd=ROOT, check=False)
    if done.returncode:
        raise Broken("the image cannot be built")


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    """Run the image on a new volume; take away both."""
    sweep(engine)
    engine.says("run", "--detach", f"--name={NAME}", *_FENCE, IMAGE)
    try:
        yield
    finally:
        sweep(engine)


def sweep(engine: Engine) -> None:
    """Take away what a run has left."""
    engine.quietly("rm", "--force", NAME)
    engine.quietly("volume", "rm", NAME)


# ---- what is tried ----


def read(engine: Engine, path: str) -> str:
    """Ask the container by HTTP until it answers with 200."""
    until = monotonic() + _PATIENCE
    while monotonic() < until:
        try:
            with urlopen(f"http://{engine.says('port', NAME, '8080')}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except HTTPError as refused:
            raise Broken(f"{path} is {refused.code}") from refused
        except (OSError, Broken):
            sleep(0.5)
    raise Broken(f"{path} does not answer: {engine.says('logs', NAME)}")


def data(engine: Engine, *words: str) -> Any:
    """Return what a command in the container prints."""
    return json.loads(engine.says("exec", NAME, "ringmain", *words, "--json"))


def is_unprivileged(engine: Engine) -> None:
    """See that it is nobody special who runs."""
    if (user := engine.says("exec", NAME, "id", "-u")) == "0":
        raise Broken(f"it runs as user {user}")


def is_healthy(engine: Engine) -> None:
    """Run the image's own health check."""
    read(engine, "/readyz")
    check = json.loads(engine.says("inspect", "--format={{json .Config.Healthcheck.Test}}", NAME))
    engine.says("exec", NAME, *check[1:])


def has_the_console(engine: Engine) -> None:
    """Fetch the console and all that its page names."""
    assets = re.findall(r'"(/assets/[^"]+)"', read(engine, "/"))
    if not assets:
        raise Broken("there is no console at /")
    for each in assets:
        read(engine, each)


def keeps_what_it_has_when_killed(engine: Engine) -> None:
    """Kill it, start it again and look for what was there."""
    made = data(engine, "org", "create", "Depot")["organization_uuid"]
    engine.says("kill", "--signal=KILL", NAME)
    engine.says("start", NAME)
    read(engine, "/readyz")
    if [one["organization_uuid"] for one in data(engine, "org", "list")] != [made]:
        raise Broken("what was stored is gone")


def ends_when_told(engine: Engine) -> None:
    """Stop it, and see that it was not killed for want of time."""
    engine.says("stop", f"--time={_GRACE}", NAME)
    if (code := engine.says("inspect", "--format={{.State.ExitCode}}", NAME)) != "0":
        raise Broken(f"it ended with {code}")


TRIALS = (
    *(is_healthy, is_unprivileged, has_the_console, keeps_what_it_has_when_killed, ends_when_told),
)


def main(options: Sequence[str]) -> int:
    """Build and try the image; return the exit code."""
    engine = found()
    if engine is None:
        print("containers: neither docker nor podman answers here: the image is not built")
        return 0
    try:
        build(engine, options)
        with running(engine):
            for trial in TRIALS:
                trial(engine)
                print(f"containers: {trial.__name__.replace('_', ' ')}")
    except Broken as broken:
        print(f"containers: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
