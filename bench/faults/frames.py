"""Faults in what is said: hostile frames, mutants, and poison among good messages."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import orjson

from bench.faults.ground import Ground
from bench.faults.stand import VERSIONS, standing
from bench.faults.verdicts import Line
from bench.faults.wire import Session, Wire
from bench.fuzz import owed
from bench.mutants import Mutants, valid_payloads
from csms.frames import Call, Send
from csms.stations import STATIONS
from simulators.target import Conduct
from tests.hostile import BROKEN_ANSWERS, HOSTILE_CALLS

FUZZED = 100_000
MUTANTS = 4_000  # of each version, over the wire
IN_FLIGHT = 32


async def hostile(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Send every hostile frame that is known, mutants over the wire, and 100,000 in the process."""
    fuzzing = asyncio.create_task(_fuzz(seed, round(FUZZED * min(1.0, scale))))
    lines = []
    async with standing(ground, seed) as stand:
        target = await stand.target()
        for version in VERSIONS:
            name, mad = f"HOSTILE-{version}", f"MAD-{version}"
            await stand.enrol({name: version, mad: version}, target.url)
            wire = stand.wire(name, version)
            wrong = await _each_hostile(wire)
            mutants = round(MUTANTS * min(1.0, scale))
            wrong += await _mutants(
                stand.wire(mad, version, counted=False), version, Random(seed), mutants
            )
            wrong += await _transaction_after_all(wire)
            await stand.delivered()
            line = stand.line("F-19", version)
            line.must(not wrong, "; ".join(wrong[:3]))
            line.notes.append(
                f"{len(HOSTILE_CALLS) + len(BROKEN_ANSWERS)} frames, {mutants} mutants"
            )
            lines.append(line)
    code, told = await fuzzing
    for line in lines:
        line.must(code == 0, f"fuzz: {told}")
        line.notes.append(told.partition(";")[0])
    return lines


async def _each_hostile(wire: Wire) -> list[str]:
    """Send each frame on a link of its own kind of life; return what was answered wrongly."""
    wrong: list[str] = []
    async with wire.connected():
        for name, (text, id, codes) in HOSTILE_CALLS.items():
            try:
                answer = await wire.ask(id, text)
            except TimeoutError:
                answer = []
            if answer[:1] != [4] or answer[2] != codes[wire.version]:
                wrong.append(f"{name}: {answer[:3]}")
        for text in BROKEN_ANSWERS.values():
            await wire.send(text)
        if (await wire.call("Heartbeat", {}))[0] != 3:
            wrong.append("the link does not live")
        if wire.errors:
            wrong.append(f"answered unasked: {wire.errors[:3]}")
    return wrong


async def _mutants(wire: Wire, version: str, random: Random, count: int) -> list[str]:
    """Send mutants, some at a time; every CALL must be answered once and in order."""
    kind = STATIONS[f"ocpp{version}"]
    payloads = valid_payloads(version, frozenset(kind.handlers), random)
    source = (text for text in Mutants(payloads, random) if len(text) < 1 << 20)
    waiting: deque[tuple[bytes, set[str]]] = deque()
    wrong: list[str] = []
    async with wire.connected():
        assert wire.socket is not None
        frames: asyncio.Queue[list[Any]] = asyncio.Queue()
        wire.listener = frames.put_nowait
        for text in itertools.islice(source, count):
            if (ids := owed(text, kind.dialect)) is not None:
                waiting.append((text, ids))
            await wire.send(text)
            while len(waiting) >= IN_FLIGHT:
                wrong += await _next_answer(frames, waiting)
        while waiting:
            wrong += await _next_answer(frames, waiting)
    return wrong[:5]


async def _next_answer(
    frames: asyncio.Queue[list[Any]], waiting: deque[tuple[bytes, set[str]]]
) -> list[str]:
    text, ids = waiting.popleft()
    try:
        async with asyncio.timeout(10):
            frame = await frames.get()
    except TimeoutError:
        waiting.clear()
        return [f"never answered: {text[:200]!r}"]
    if frame[1] not in ids:
        waiting.clear()
        return [f"answered {str(frame)[:80]} to {text[:200]!r}"]
    internal = frame[0] == 4 and frame[2] == "InternalError"
    return [f"our own fault: {text[:200]!r}"] if internal else []


async def _transaction_after_all(wire: Wire) -> list[str]:
    async with wire.connected():
        session = Session(wire.version, wire.charge_box_id, 1)
        session.took(await wire.event(session, session.begin()))
        await wire.event(session, session.end())
    return []


async def _fuzz(seed: int, frames: int) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.fuzz", "--frames", str(frames), "--seed", str(seed)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return process.returncode, out.decode(errors="replace").strip()


# ---- F-20 ----

GOOD = 1_000
# What the decoder refuses: answered with a CALLERROR, kept in the log as it came, told to nobody.
UNREADABLE: Mapping[str, bytes] = {
    "surrogate": rb'{"value":"\ud800"}',
    "not a number": b'{"value":NaN}',
    "infinite": b'{"value":1e400000}',
    "5,000 digits": b'{"value":%b}' % (b"9" * 5000),
    "bad UTF-8": b'{"value":"\xff"}',
}
# What can be read: stored, and told to the target, which will not have it.
POISON: Mapping[str, Any] = {
    "NUL": {"customData": {"vendorId": "poison", "text": "a\x00b"}},
    "absurd date": {"customData": {"vendorId": "poison", "at": "222222017-01-01T00:00:00Z"}},
    "giant": {"customData": {"vendorId": "poison", "number": 1e308, "whole": 2**63}},
    "deep": {"customData": {"vendorId": "poison", "in": [[[[[[[[[[]]]]]]]]]]}},
}
_REFUSED = b'[4,%b,"FormationViolation","poison",{}]'


def _refuse_poison(call: Call | Send) -> bytes | None:
    poisoned = b'"poison"' in call.payload
    return _REFUSED % orjson.dumps(call.id) if poisoned else None


async def poisoned(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Say 1,000 good things with poison in between; the target refuses some of it too."""
    each = max(10, round(GOOD * min(1.0, scale) / 5))
    async with standing(ground, seed) as stand:
        target = await stand.target()
        target.conduct = Conduct(raw=_refuse_poison)
        names = {f"POISON-{v}-{n}": v for v in VERSIONS for n in range(5)}
        await stand.enrol(names, target.url)
        wires = [stand.wire(name, version) for name, version in names.items()]
        wrong = [
            w for ws in await asyncio.gather(*(_poison(wire, each) for wire in wires)) for w in ws
        ]
        delivered = await stand.delivered()
        lines = [stand.line("F-20", version, excused=set(names)) for version in VERSIONS]
    for line in lines:
        line.must(not wrong, "; ".join(wrong[:3]))
        line.must(delivered, "not all was delivered")
        dead = int(next((re.findall(r"\d+", n)[0] for n in line.notes if "dead" in n), "0"))
        line.must(dead == 5 * len(POISON), f"{dead} dead letters, not {5 * len(POISON)}")
    return lines


async def _poison(wire: Wire, each: int) -> list[str]:
    wrong: list[str] = []
    async with wire.connected():
        session = Session(wire.version, wire.charge_box_id, 1)
        session.took(await wire.event(session, session.begin()))
        poison = _between(each)
        for number in range(each):
            await wire.event(session, session.meter())
            for name, what in poison.get(number, ()):
                if isinstance(what, bytes):
                    wrong += await _unreadable(wire, name, what)
                else:
                    await wire.event(session, session.meter(**what))
        await wire.event(session, session.end())
    return wrong


def _between(each: int) -> dict[int, list[tuple[str, Any]]]:
    """Spread all poison over so many messages."""
    everything = [*UNREADABLE.items(), *POISON.items()]
    spread: dict[int, list[tuple[str, Any]]] = {}
    for place, poison in zip(_places(each, len(everything)), everything, strict=True):
        spread.setdefault(place, []).append(poison)
    return spread


def _places(each: int, count: int) -> Iterator[int]:
    return (each * number // count for number in range(count))


async def _unreadable(wire: Wire, name: str, payload: bytes) -> list[str]:
    id = f"poison-{name}"
    answer = await wire.ask(id, b'[2,%b,"MeterValues",%b]' % (orjson.dumps(id), payload))
    return [] if answer[0] == 4 else [f"{name} was answered {answer}"]
