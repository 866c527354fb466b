"""Break things on purpose and count what came of it: ``python -m bench.faults`` (`make faults`).

Every fault is tried on OCPP 1.6 and 2.0.1, against a real server process. One line each says what
was lost, doubled, reordered or made up, how long it took to recover, the slowest answer that a
charger had, and the most memory that the server had. The exit code is 1 where a must is broken.
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
from random import SystemRandom
from typing import NamedTuple, TypeAlias

import structlog
import uvloop

from bench.faults import (
    chargers,
    crashes,
    databases,
    descriptors,
    frames,
    people,
    standins,
    stores,
    targets,
)
from bench.faults.ground import ENGINES, POSTGRESQL, SQLITE, Ground, NotHere, ground
from bench.faults.page import page
from bench.faults.verdicts import HEAD, Line, merged, row

PAGE = Path("docs/faults.md")

Scenario: TypeAlias = Callable[[Ground, int, float], Awaitable[Sequence[Line]]]


class Fault(NamedTuple):
    """What is tried, in one sentence, and how."""

    meaning: str
    scenario: Scenario
    databases: Sequence[str] = (SQLITE,)


FAULTS: dict[str, Fault] = {
    "F-01": Fault(
        "The server is killed (SIGKILL) 20 times at random moments; 200 chargers, 50 charge.",
        crashes.killed_at_random,
        ENGINES,
    ),
    "F-03": Fault(
        "The server kills itself before and after a commit, before an answer, before and after a "
        "message to the target, and between the target's answer and the cursor.",
        crashes.killed_at_points,
        ENGINES,
    ),
    "F-04": Fault(
        "PostgreSQL is killed (SIGKILL) 5 times at random moments and started at once, then it is "
        "away for 60 s; 200 chargers, 50 charge.",
        databases.killed,
        (POSTGRESQL,),
    ),
    "F-04-fd": Fault(
        "PostgreSQL is killed twice while the server has more than 1,100 open descriptors.",
        descriptors.crowded,
        (POSTGRESQL,),
    ),
    "F-05": Fault(
        "PostgreSQL is frozen (SIGSTOP) for 30 s; 200 chargers, 50 charge.",
        databases.frozen,
        (POSTGRESQL,),
    ),
    "F-06": Fault(
        "The database's disk is full: SQLite at its `max_page_count`, both on a small tmpfs.",
        databases.full,
        ENGINES,
    ),
    "F-07": Fault(
        "The target is away for an hour (12 s) while transactions of 40 chargers start, run and "
        "stop.",
        targets.away,
    ),
    "F-08": Fault(
        "The target's sockets stay open and nothing passes any more (a lost route).",
        targets.half_open,
    ),
    "F-09": Fault(
        "Of 200 chargers 20 have a mute target and 20 one that is throttled to 1 kB/s.",
        targets.slow,
    ),
    "F-10": Fault(
        "Targets answer CALLERROR, a wrong id, garbage or 3 MiB, close at once, or refuse the "
        "handshake with 401, 403, 404, 429 or 500; a minute is 3 s.",
        targets.misbehaving,
    ),
    "F-11": Fault(
        "Twelve object stores are ill, each in its way: 500, slow-down, silence, late, a reset in "
        "the middle of a PUT or instead of its answer, a web page, slow, by turns; a revoked key, "
        "a wrong secret, no bucket. Others are well.",
        stores.ill,
        ENGINES,
    ),
    "F-11-away": Fault(
        "An object store is away for 40 minutes (12 s): it hangs, and then nobody listens.",
        stores.away,
        ENGINES,
    ),
    "F-11-kill": Fault(
        "The server kills itself before and after a PUT and when that is noted, and is killed 10 "
        "times at random, while of the stores' answers a fifth is lost and a tenth is 500.",
        stores.killed,
        ENGINES,
    ),
    "F-11-real": Fault(
        "The lines to moto's S3, to Azurite and to an emulator of Google's store hang, refuse, cut "
        "PUTs in the middle and lose answers.",
        standins.behind_a_bad_line,
        ENGINES,
    ),
    "F-14": Fault(
        "Chargers come back while their old socket is half-open, have a clone, flap 100 times a "
        "minute, and strangers knock with wrong passwords.",
        chargers.doubled,
    ),
    "F-16": Fault(
        "100 chargers leave 1,000 commands unanswered, and answer them all when it is too late.",
        chargers.deaf,
    ),
    "F-17": Fault(
        "Chargers answer late, twice, under wrong and foreign ids, and 10,000 times unasked; they "
        "use one id for several calls.",
        chargers.confused,
    ),
    "F-18": Fault(
        "The end of a transaction is cut at every byte, with and without a TCP reset, and comes at "
        "20 bytes/s; a handshake drips.",
        chargers.broken_lines,
    ),
    "F-19": Fault(
        "Every hostile frame that is known and 4,000 mutants over the wire, and 100,000 mutants in "
        "the process.",
        frames.hostile,
    ),
    "F-20": Fault(
        "Poison (surrogates, NaN, 1e400000, 5,000 digits, NUL, absurd dates) among 1,000 good "
        "messages; the target refuses what of it can be read.",
        frames.poisoned,
    ),
    "F-22": Fault(
        "Ory Kratos is down, hangs, and flaps, while people with sessions and programs with API "
        "keys ask the API.",
        people.without_kratos,
    ),
}


async def run(
    chosen: Sequence[str], seeds: Sequence[int], scale: float, engines: Sequence[str] = ()
) -> list[Line]:
    """Run faults one after the other, each on its databases or on those given, and tell of each."""
    print(row(HEAD), flush=True)
    lines: list[Line] = []
    for name in chosen:
        for engine in engines or FAULTS[name].databases:
            lines += await _with_every_seed(name, engine, seeds, scale)
    return lines


async def _with_every_seed(
    name: str, engine: str, seeds: Sequence[int], scale: float
) -> list[Line]:
    began = time.monotonic()
    rounds: dict[str, list[Line]] = {}
    for seed in seeds:
        for line in await _once(name, engine, seed, scale):
            line.database = engine
            rounds.setdefault(line.version, []).append(line)
    lines = [merged(version) for version in rounds.values()]
    for line in lines:
        print(row(line.cells()), flush=True)
        for problem in line.problems:
            print(f"       {problem}", flush=True)
    print(f"       {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return lines


async def _once(name: str, engine: str, seed: int, scale: float) -> Sequence[Line]:
    with tempfile.TemporaryDirectory(prefix="ringmain-faults-") as directory:
        try:
            with ground(Path(directory), engine) as here:
                return await FAULTS[name].scenario(here, seed, scale)
        except NotHere as lacking:
            print(f"{name} on {engine} is skipped: {lacking}.", flush=True)
            return []
        except Exception as broken:  # noqa: BLE001 - the other faults are to be tried as well
            traceback.print_exception(broken)
            line = Line(name, "both")
            line.broken.append(f"{type(broken).__name__}: {broken}")
            return [line]


def main() -> int:
    """Read the arguments, run, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="may be repeated")
    parser.add_argument(
        "--engine",
        action="append",
        choices=[engine.lower() for engine in ENGINES],
        help="instead of those that each fault is tried on",
    )
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**31))
    parser.add_argument("--seeds", type=int, default=1, help="how many, from --seed on")
    parser.add_argument("--scale", type=float, default=1.0, help="fewer chargers and kills")
    parser.add_argument(
        "--write", type=Path, help="the page to write; a whole run's is docs/faults.md"
    )
    chosen = parser.parse_args()
    seeds = range(chosen.seed, chosen.seed + chosen.seeds)
    # Targets that are told nonsense would say so on standard output.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"seeds {', '.join(map(str, seeds))}", flush=True)
    began = time.monotonic()
    engines = [engine for engine in ENGINES if engine.lower() in (chosen.engine or ())]
    lines = uvloop.run(run(chosen.only or list(FAULTS), seeds, chosen.scale, engines))
    whole = chosen.only is None and chosen.scale == 1.0 and not engines
    if to := chosen.write or (PAGE if whole else None):
        to.write_text(page({name: fault.meaning for name, fault in FAULTS.items()}, lines, seeds))
    failed = sum(bool(line.broken) for line in lines)
    print(f"{len(lines)} lines, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
