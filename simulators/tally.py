"""Count what chargers emitted against what their target knows.

``lost`` = answered - at the target, ``duplicates`` = at the target - distinct, ``reordered`` =
inversions per charger, ``phantom`` = at the target - emitted. Emitted but unanswered may be at the
target or not, never twice. What the target refused with a CALLERROR is not at the target, and what
we have given up for dead is told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from simulators.connections import Received
from simulators.oracle import Emission, content, moment_of, register_wh

UNKNOWN = "-1"  # the 1.6 id of a transaction that its target never took


@dataclass(frozen=True, slots=True)
class Arrival:
    """One transaction event as the target had it; ``given`` is the 1.6 id that it answered."""

    charger: str
    message_id: str
    action: str
    sha: str
    moment: Literal["begin", "end"] | None
    wh: float | None
    named: str | None = None  # the transaction id in the message
    given: str | None = None
    refused: bool = False


@dataclass(slots=True)
class Tally:
    """What was counted; ``problems`` says it in words, the first few of them."""

    emitted: int = 0
    answered: int = 0
    at_target: int = 0
    lost: int = 0
    duplicates: int = 0
    flagged: int = 0  # of the duplicates
    reordered: int = 0
    phantom: int = 0
    dead: int = 0
    charger_wh: float = 0.0
    target_wh: float = 0.0
    problems: list[str] = field(default_factory=list)
    suspects: list[tuple[str, str]] = field(default_factory=list)  # lost or doubled, by content

    def say(self, problem: str) -> None:
        """Keep a problem, of the first few."""
        if len(self.problems) < 10:
            self.problems.append(problem)


_ACTIONS = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent"})


def arrivals(received: Iterable[Received]) -> list[Arrival]:
    """Return the transaction events that a target received, in its order."""
    return [_arrival(one) for one in received if _of_transaction(one)]


def _of_transaction(one: Received) -> bool:
    in_transaction = one.action == "MeterValues" and "transactionId" in one.fields
    return one.action in _ACTIONS or in_transaction


def _arrival(one: Received) -> Arrival:
    answer = one.answer if isinstance(one.answer, dict) else {}
    named, given = one.fields.get("transactionId"), answer.get("transactionId")
    return Arrival(
        charger=one.charge_box_id,
        message_id=one.id,
        action=one.action,
        sha=content(one.action, one.fields),
        moment=moment_of(one.action, one.fields),
        wh=register_wh(one.fields),
        named=None if named is None else str(named),
        given=None if given is None else str(given),
        refused=one.refused,
    )


def count(
    emitted: Sequence[Emission],
    arrived: Sequence[Arrival],
    *,
    flagged: Collection[str] = frozenset(),
    dead: Collection[tuple[str, str]] = frozenset(),
) -> Tally:
    """Count; ``flagged`` are message ids sent as maybe_duplicate, ``dead`` (charger, content)."""
    tally = Tally(emitted=len(emitted))
    known: dict[tuple[str, str], Emission] = {}
    for emission in emitted:
        if known.setdefault((emission.charger, emission.sha), emission) is not emission:
            tally.say(f"{emission.charger} said the same twice: {emission.seq}")
            tally.phantom += 1  # the test is at fault: nothing can be told of these two
    taken: defaultdict[tuple[str, str], list[Arrival]] = defaultdict(list)
    for arrival in arrived:
        if not arrival.refused:
            taken[arrival.charger, arrival.sha].append(arrival)
    tally.at_target = sum(map(len, taken.values()))
    _count_missing(tally, emitted, taken, dead)
    _count_doubles(tally, known, taken, flagged)
    _count_inversions(tally, known, taken)
    _count_misnamed(tally, known, taken)
    _weigh(tally, emitted, taken)
    return tally


_Taken = defaultdict[tuple[str, str], list[Arrival]]
_Known = dict[tuple[str, str], Emission]


def _count_missing(
    tally: Tally, emitted: Sequence[Emission], taken: _Taken, dead: Collection[tuple[str, str]]
) -> None:
    for one in emitted:
        where = (one.charger, one.sha)
        tally.answered += one.outcome == "answered"
        if one.outcome != "answered" or where in taken:
            continue
        if where in dead:
            tally.dead += 1
        else:
            tally.lost += 1
            tally.suspects.append(where)
            tally.say(f"lost: {one.charger} {one.seq} {one.action} of {one.tx}")


def _count_doubles(tally: Tally, known: _Known, taken: _Taken, flagged: Collection[str]) -> None:
    for (charger, sha), copies in taken.items():
        emission = known.get((charger, sha))
        if emission is None:
            tally.phantom += len(copies)
            tally.say(f"phantom: {charger} {copies[0].action} {copies[0].message_id}")
            continue
        for copy in copies[1:]:
            tally.duplicates += 1
            tally.flagged += copy.message_id in flagged
            if copy.message_id not in flagged:
                tally.suspects.append((charger, sha))
                tally.say(f"unflagged duplicate: {charger} {emission.seq} {copy.action}")


def _count_inversions(tally: Tally, known: _Known, taken: _Taken) -> None:
    highest: defaultdict[str, int] = defaultdict(int)
    for where in taken:  # by first arrival
        emission = known.get(where)
        if emission is None:
            continue
        if emission.seq < highest[emission.charger]:
            tally.reordered += 1
            tally.say(f"reordered: {emission.charger} {emission.seq} {emission.action}")
        highest[emission.charger] = max(highest[emission.charger], emission.seq)


def _count_misnamed(tally: Tally, known: _Known, taken: _Taken) -> None:
    """Count what the target had under the id of another 1.6 transaction as phantoms."""
    given: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    named: list[tuple[Emission, Arrival]] = []
    for where, copies in taken.items():
        emission = known.get(where)
        for copy in copies if emission else ():
            assert emission is not None  # noqa: S101 - or there would be no copy
            if copy.given is not None:
                given[emission.charger, emission.tx].add(copy.given)
            if copy.named is not None:
                named.append((emission, copy))
    for emission, copy in named:
        if copy.named not in (given[emission.charger, emission.tx] or {UNKNOWN}):
            tally.phantom += 1
            tally.say(f"under id {copy.named}: {emission.charger} {emission.seq} {copy.action}")


def _weigh(tally: Tally, emitted: Sequence[Emission], taken: _Taken) -> None:
    """Add up the energy of the transactions that were answered whole and reached the target."""
    registers: defaultdict[tuple[str, str], dict[str, Emission]] = defaultdict(dict)
    for one in emitted:
        if one.moment and one.outcome == "answered":
            registers[one.charger, one.tx][one.moment] = one
    for moments in registers.values():
        if len(moments) < 2:
            continue
        begin, end = moments["begin"], moments["end"]
        tally.charger_wh += (end.wh or 0.0) - (begin.wh or 0.0)
        at_end = _last(taken, end)
        at_begin = _last(taken, begin, at_end.named if at_end else None)
        if at_begin and at_end:
            tally.target_wh += (at_end.wh or 0.0) - (at_begin.wh or 0.0)


def _last(taken: _Taken, emission: Emission, id: str | None = None) -> Arrival | None:
    copies = taken.get((emission.charger, emission.sha), [])
    return next((copy for copy in reversed(copies) if id in (None, copy.given)), None)
