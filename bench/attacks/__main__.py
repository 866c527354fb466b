"""Attack a server on this machine and tell what comes of it: ``make attacks``.

One line for each attack, with its figures and whether they are as they must be. Every attack ends
by itself, has a server process of its own, and goes to loopback addresses only.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import structlog
import uvloop

from bench.attacks import bombs, clones, floods, forgeries, guesses, slow
from bench.attacks.results import Result, page
from bench.faults.ground import SQLITE, Ground, NotHere, allow_descriptors, ground

PAGE = Path("docs/attacks.md")
DESCRIPTORS = 8000

Scenario: TypeAlias = Callable[[Ground], Awaitable[Sequence[Result]]]


class Attack(NamedTuple):
    """What is done, in one sentence, and how."""

    meaning: str
    scenario: Scenario


ATTACKS: dict[str, Attack] = {
    "guesses": Attack(
        "One address guesses at one charger's password, 10,000 times and for a minute at least; "
        "meanwhile the charger reconnects 100 times from another address, and a neighbour that "
        "was in before from the attacker's.",
        guesses.attack,
    ),
    "slow": Attack(
        "2,000 sockets for 70 s, on each listener in turn: silent, with half a head, with a head "
        "that drips, with half a body, with a body that drips; half of them from one address.",
        slow.attack,
    ),
    "bombs": Attack(
        "Frames and bodies that are small and would become large: compressed, deep, of long "
        "integers, of many values, in fragments; 50 of each on both listeners.",
        bombs.attack,
    ),
    "forgeries": Attack(
        "Chargers get targets, and connectors endpoints, that lead to this machine in some "
        "spelling or by a redirect, and connect; a trap listens there.",
        forgeries.attack,
    ),
    "clones": Attack(
        "Two devices with one charger's password take it over from each other, 100 times.",
        clones.attack,
    ),
    "floods": Attack(
        "One charger sends as much as it can for 20 s: CALLs, unsolicited answers, pings, long "
        "frames; 20 others send a Heartbeat every 100 ms.",
        floods.attack,
    ),
}


async def run(chosen: Sequence[str]) -> list[Result]:
    """Carry out attacks one after the other, and tell of each."""
    results: list[Result] = []
    for name in chosen:
        began = time.monotonic()
        for result in await _once(name):
            print(result.line, flush=True)
            results.append(result)
        print(f"      {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return results


async def _once(name: str) -> Sequence[Result]:
    with tempfile.TemporaryDirectory(prefix="ringmain-attacks-") as directory:
        try:
            allow_descriptors(DESCRIPTORS)
            with ground(Path(directory), SQLITE) as here:
                return await ATTACKS[name].scenario(here)
        except NotHere as lacking:
            print(f"{name} is skipped: {lacking}.", flush=True)
            return []
        except Exception as broken:  # noqa: BLE001 - the other attacks are to be tried as well
            traceback.print_exception(broken)
            return [Result(name, broken=[f"{type(broken).__name__}: {broken}"])]


def main() -> int:
    """Read the arguments, attack, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.attacks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="may be repeated")
    parser.add_argument("--write", type=Path, help="the page; a whole run's is docs/attacks.md")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    results = uvloop.run(run(chosen.only or list(ATTACKS)))
    if to := chosen.write or (PAGE if chosen.only is None else None):
        to.write_text(page({name: one.meaning for name, one in ATTACKS.items()}, results))
    failed = sum(bool(result.broken) for result in results)
    print(f"{len(results)} attacks, {failed} not withstood")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
