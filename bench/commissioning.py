"""Move a site from one target to another by one call while sessions run; count what came of it.

The server is a process of its own with its ordinary timings; chargers and targets are simulated in
the bench's. On each engine, and for each policy that there is for what waits: the version of the
first target is applied to the site, then that of the second one, that once more, it is taken back,
that once more; then it is applied again and the server killed when half of the steps are done.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import SystemRandom

from bench.faults import books
from bench.faults.ground import ENGINES, Ground, NotHere, allow_descriptors, ground
from bench.faults.stand import QUICK, Stand, standing
from bench.faults.verdicts import Line, judge_counts
from bench.moves import Felt, Move, Observer, observing
from bench.site import Site, gathered, sessions
from proxy.timings import Timings
from simulators import oracle, tally
from simulators.connections import Received
from simulators.oracle import Emission
from simulators.tally import Arrival
from simulators.target import Target

CHARGERS = 500
POLICIES = ("keep", "drain")
CALM_S, DELIVERED_S, DEATH_S = 5.0, 120.0, 60.0
INSTALL, MOVE, AGAIN = "first target", "second target", "the same again"
BACK, BACK_AGAIN, KILLED = "taken back", "the same again", "killed half-way"
# What the kit of faults compresses takes its ordinary time here.
ORDINARY: Mapping[str, float] = {name: getattr(Timings(), name) for name in QUICK}
# Whoever is not told within 10 s that he charges drives on.
_IMPATIENT = "EVDisconnected"
_BY_DRIVERS = ("Local", _IMPATIENT)
_DESCRIPTORS = 8  # of the process that has the chargers and the targets, for each charger


@dataclass(slots=True)
class Round:
    """What came of one site; ``line`` holds the counts and what is broken."""

    engine: str
    policy: str
    calm: Felt
    moves: list[Move]
    line: Line = field(default_factory=lambda: Line("move", "both"))


async def run(chargers: int, engines: Sequence[str] = ENGINES) -> int:
    """Move a site on each engine and by each policy, and tell of each; return the exit code."""
    passed = [await _tried(engine, policy, chargers) for engine in engines for policy in POLICIES]
    return 0 if all(passed) else 1


async def _tried(engine: str, policy: str, chargers: int) -> bool:
    """Tell what one round has shown; return whether it passed."""
    began = time.monotonic()
    try:
        done = await _on(engine, policy, chargers)
    except NotHere as lacking:
        print(f"{engine}, on_change {policy} is skipped: {lacking}.", flush=True)
        return True
    except Exception as broken:  # noqa: BLE001 - the other rounds are to be tried as well
        traceback.print_exception(broken)
        print(f"\n{engine}, on_change {policy}\nverdict: FAIL: {broken!r}", flush=True)
        return False
    print(report(done, chargers), flush=True)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return not done.line.broken


async def _on(engine: str, policy: str, chargers: int) -> Round:
    allow_descriptors(_DESCRIPTORS * chargers)
    with (
        tempfile.TemporaryDirectory(prefix="ringmain-moves-") as directory,
        ground(Path(directory), engine) as here,
    ):
        done = await moved(here, policy, chargers)
        done.engine = engine
        return done


async def moved(here: Ground, policy: str, chargers: int) -> Round:
    """Move a site there and back, and count."""
    seed = SystemRandom().randrange(2**31)
    async with standing(here, seed, timings=ORDINARY) as stand:
        targets = [await stand.target(first_transaction_id=id) for id in (1, 1_000_001)]
        site = await gathered(stand, chargers)
        async with observing(site) as observer:
            done = await _moves(observer, targets, policy)
        settled = [await stand.wind_up(DELIVERED_S), await stand.delivered(DELIVERED_S)]
        done.line.must(all(settled), "not all was said and delivered in time")
        count(done, stand, await asyncio.to_thread(books.read, here.books))
        judge(done, site)
    return done


async def _moves(observer: Observer, targets: Sequence[Target], policy: str) -> Round:
    site, (old, new) = observer.site, targets
    first, second = [await site.store(target) for target in targets]
    there = partial(site.apply, second)
    moves = [await observer.watched(INSTALL, partial(site.apply, first), old)]
    await site.prefer(policy)
    async with sessions(site):
        calm = await observer.rest(CALM_S)
        for what, call, target in (
            (MOVE, there, new),
            (AGAIN, there, new),
            (BACK, site.take_back, old),
            (BACK_AGAIN, site.take_back, old),
        ):
            moves.append(await observer.watched(what, call, target))
        await _restart(site, old)
        moves.append(await observer.watched(KILLED, partial(_survive, site, second), new))
    return Round("", policy, calm, moves)


async def _restart(site: Site, target: Target) -> None:
    """Start a server that will die in the middle of the next rollout."""
    await site.stand.server.stop()
    await site.stand.server.start(crash=f"after step:{max(1, len(site.rigs) // 2)}")
    if not await site.linked(target):
        raise RuntimeError("not all chargers were back after an orderly restart")


async def _survive(site: Site, version: str) -> None:
    """Make the call, let the server die of it, and start it again."""
    with contextlib.suppress(RuntimeError):  # it may die before it answers
        await site.apply(version)
    async with asyncio.timeout(DEATH_S):
        await site.stand.server.ended()
    await site.stand.server.start()


# ---- the count ----


def count(done: Round, stand: Stand, written: books.Books) -> None:
    """Count what the chargers said against what Ringmain and both targets together know."""
    line, emitted = done.line, oracle.emissions(stand.oracle)
    recorded = books.count(written, emitted)
    known = arrived(stand.targets, done.policy)
    counted = tally.count(emitted, known, flagged=written.flagged, dead=written.dead)
    line.lost = counted.lost + recorded.lost
    line.duplicates, line.flagged = counted.duplicates, counted.flagged
    line.reordered = counted.reordered
    misnamed, told = phantoms(done.policy, stand.targets, emitted, counted)
    line.phantom = recorded.phantom + misnamed
    line.problems += [*counted.problems, *recorded.problems, *told]
    for suspect in counted.suspects[:3]:
        line.problems += books.story(stand.ground.books, suspect)
    line.peak_mib = stand.server.peak_mib
    judge_counts(line)
    line.must(not counted.dead, f"{counted.dead} dead letters")
    line.must(not recorded.duplicates, f"{recorded.duplicates} twice in the ledger")
    line.must(not recorded.open, f"{recorded.open} never ended in the ledger")
    line.notes.append(f"{counted.answered} events answered, {len(written.ledger)} sessions")
    _weigh(done, counted, recorded)


def _weigh(done: Round, counted: tally.Tally, recorded: books.LedgerCount) -> None:
    sums = [counted.charger_wh, recorded.energy_wh]
    if done.policy == "keep":  # else neither target has the whole of what was moved
        sums.append(counted.target_wh)
    told = " / ".join(f"{sum:.1f}" for sum in sums)
    done.line.must(max(sums) - min(sums) < 0.01, f"energy {told} Wh")
    done.line.notes.append(f"energy {told} Wh")


def arrived(targets: Sequence[Target], policy: str) -> list[Arrival]:
    """Return what came to any of the targets, in the order in which it came."""
    received = sorted((one for target in targets for one in target.received), key=_moment)
    found = tally.arrivals(received)
    # Whose id it is that a session has is asked of each target for itself, where they are two.
    return found if policy == "keep" else [replace(one, named=None) for one in found]


def _moment(one: Received) -> float:
    return one.at.timestamp()


def phantoms(
    policy: str, targets: Sequence[Target], emitted: Sequence[Emission], counted: tally.Tally
) -> tuple[int, list[str]]:
    """Count and name what nobody said, or what came under an id that is not the session's."""
    if policy == "keep":
        return counted.phantom, []
    own = [_at(target, emitted) for target in targets]
    told = [problem for one in own for problem in one.problems]
    return sum(one.phantom for one in own), [one for one in told if one.startswith("under id")]


def _at(target: Target, emitted: Sequence[Emission]) -> tally.Tally:
    """Count at one target what came there; the rest is the other one's."""
    arrived = [_nameless(one) for one in tally.arrivals(target.received)]
    there = {(one.charger, one.sha) for one in arrived}
    return tally.count([one for one in emitted if (one.charger, one.sha) in there], arrived)


def _nameless(one: Arrival) -> Arrival:
    # A target that a session has come to in its middle has given it no id.
    return replace(one, named=None) if one.named == tally.UNKNOWN else one


# ---- the verdict ----


def judge(done: Round, site: Site) -> None:
    """Apply what must hold of every move."""
    line, number = done.line, len(site.rigs)
    for move in done.moves:
        steps = move.steps["applied"] + move.steps["unchanged"]
        line.must(steps == number, f"{move.what}: steps {dict(move.steps)}")
        line.must(move.all_ready, f"{move.what}: not all links are ready")
        if move.what != KILLED:
            line.must(not move.links.connects, f"{move.what}: {move.links.connects} links cut")
    for move in (done.moves[2], done.moves[4]):
        line.must(not any(move.links), f"{move.what}: it was not left alone, {move.links}")
    reasons = Counter(own.stop_reason for rig in site.rigs for own in rig.transactions)
    others = {reason: reasons[reason] for reason in reasons if reason not in _BY_DRIVERS}
    line.must(not others, f"sessions interrupted: {others}")
    turned_away = sum(rig.turned_away for rig in site.rigs)
    line.must(not turned_away, f"{turned_away} drivers turned away")
    line.goal(not reasons[_IMPATIENT], f"{reasons[_IMPATIENT]} drivers did not wait for 10 s")


Column = tuple[str, Callable[[Move], str]]
COLUMNS: tuple[Column, ...] = (
    ("answer s", lambda move: f"{move.answered:.2f}"),
    ("steps s", lambda move: f"{move.applied:.1f}"),
    ("links s", lambda move: f"{move.ready:.1f}"),
    ("slowest s", lambda move: f"{move.slowest[0]:.1f}"),
    ("dials", lambda move: str(move.links.dials)),
    ("peak/s", lambda move: str(move.peak)),
    ("mean/s", lambda move: f"{move.mean:.0f}"),
    ("hung up", lambda move: str(move.links.hung_up)),
    ("calls", lambda move: str(move.felt.calls)),
    ("p99 ms", lambda move: f"{1000 * move.felt.p99:.0f}"),
    ("worst ms", lambda move: f"{1000 * move.felt.worst:.0f}"),
    ("server CPU s", lambda move: f"{move.felt.cpu:.1f}"),
    ("loop late ms", lambda move: _late(move.felt)),
)


def report(done: Round, chargers: int) -> str:
    """Tell what one round has shown."""
    head = f"{'':16}" + "".join(f"{name:>13}" for name, _ in COLUMNS)
    rows = [
        f"{move.what:16}" + "".join(f"{tell(move):>13}" for _, tell in COLUMNS)
        for move in done.moves
    ]
    title = f"\n{chargers} chargers, {done.engine}, on_change {done.policy}"
    return "\n".join([title, head, *rows, _told_calm(done.calm), *_told(done.line)])


def _told_calm(calm: Felt) -> str:
    return (
        f"before the move: {calm.calls} calls in {CALM_S:g} s, p99 {1000 * calm.p99:.0f} ms, "
        f"worst {1000 * calm.worst:.0f} ms, loop late {_late(calm)} ms (server/bench, p99)"
    )


def _told(line: Line) -> list[str]:
    counts = (
        f"lost {line.lost}, duplicates {line.duplicates} ({line.flagged} flagged), reordered "
        f"{line.reordered}, phantom {line.phantom}; peak {line.peak_mib:.0f} MiB"
    )
    problems = [f"       {problem}" for problem in line.problems]
    return [counts, *line.notes, *problems, f"verdict: {line.verdict}"]


def _late(felt: Felt) -> str:
    return "/".join(f"{1000 * late:.0f}" for late in felt.late)
