"""Faults of a target: away, half-open, slow, or answering what nobody asked for."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from bench.faults.ground import Ground
from bench.faults.stand import VERSIONS, Rig, Stand, percentile, standing, wait_until
from bench.faults.verdicts import Line
from csms.frames import Call, Send
from simulators import tally
from simulators.faults import FaultProxy
from simulators.oracle import content, emissions
from simulators.target import Conduct, Target

OUTAGE_S = 12.0
DETECTED_S = 30.0  # a ping every 10 s, and 10 s for its pong
SLOWER = 1.2


async def away(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Take the target away for an hour (12 s) while 40 of 100 chargers start, run and stop."""
    outage_s = OUTAGE_S * min(1.0, max(0.1, scale))
    async with standing(ground, seed, timings={"longest_backoff": 0.1}) as stand:
        target = await stand.target()
        rigs = await stand.fleet(max(4, round(100 * scale)), target.url)
        await stand.ready(rigs)
        async with stand.driven(rigs[: max(4, 2 * len(rigs) // 5)], charge_s=240, away_s=60):
            await asyncio.sleep(max(1.0, 4 * scale))  # everybody's token is known before
            port, began = target.port, time.monotonic()
            before = _answered(stand)
            await target.close()
            await asyncio.sleep(outage_s)
            ended, at_return = time.monotonic(), len(target.received)
            arrived = _answered(stand) - before
            await target.listen(port=port)
            delivered = await stand.delivered()
            recovery = time.monotonic() - ended
        await stand.wind_up()
        delivered = await stand.delivered() and delivered
        times = _times(target, at_return, arrived)
        lines = [stand.line("F-07", version) for version in VERSIONS]
        for line in lines:
            line.recovery_s = recovery
            line.must(delivered, "not all was delivered in time")
            _judge_drain(line, len(arrived) / outage_s, times)
            during = [
                took
                for rig in rigs
                for at, _, took in rig.answers
                if rig.version == line.version and began <= at < ended
            ]
            p99 = percentile(during, 0.99)
            line.goal(p99 < 0.1, "p99 below 100 ms during the outage")
            line.notes.append(f"answers during the outage p99 {1000 * p99:.0f} ms")
        return lines


Key: TypeAlias = tuple[str, str]


def _answered(stand: Stand) -> set[Key]:
    return {(e.charger, e.sha) for e in emissions(stand.oracle) if e.outcome == "answered"}


def _times(target: Target, since: int, wanted: set[Key]) -> list[float]:
    """Return when the target had each of these."""
    return [
        one.at.timestamp()
        for one in target.received[since:]
        if {(arrival.charger, arrival.sha) for arrival in tally.arrivals([one])} & wanted
    ]


def _judge_drain(line: Line, arrival: float, times: Sequence[float]) -> None:
    drain = len(times) / max(0.001, max(times) - min(times)) if times else 0.0
    line.must(drain >= 10 * arrival, "drained below 10 x the arrival rate")
    line.notes.append(f"{arrival:.0f}/s came, {drain:.0f}/s drained")


async def half_open(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Lose the route to the target: its sockets stay open, nothing arrives, nobody is told."""
    async with standing(ground, seed) as stand:
        target = await stand.target()
        async with FaultProxy.to("127.0.0.1", target.port) as proxy:
            rigs = await stand.fleet(max(4, round(40 * scale)), f"ws://127.0.0.1:{proxy.port}")
            await stand.ready(rigs)
            async with stand.driven(rigs):
                await asyncio.sleep(2)
                began, dials = time.monotonic(), proxy.connections
                proxy.blackhole = True
                proxy.blackhole = False  # what is dialled from now on gets through
                detected = await wait_until(
                    lambda: proxy.connections >= dials + len(rigs), DETECTED_S + 5
                )
                detection = time.monotonic() - began
                delivered = await stand.delivered()
                recovery = time.monotonic() - began
                asked = await _ask_each(target, rigs)
            await stand.wind_up()
            delivered = await stand.delivered() and delivered
            lines = [stand.line("F-08", version) for version in VERSIONS]
        for line in lines:
            line.recovery_s = recovery
            line.must(detected and detection <= DETECTED_S, f"not detected in {DETECTED_S:g} s")
            line.must(delivered, "not all was delivered in time")
            line.must(asked, "a command was not answered exactly once")
            line.notes.append(f"detected and dialled anew within {detection:.1f} s")
        return lines


async def _ask_each(target: Target, rigs: Sequence[Rig]) -> bool:
    """Let the target ask every charger something; tell whether each was asked exactly once."""
    names = [rig.charge_box_id for rig in rigs]
    ask = {"vendorId": "ringmain.faults"}
    await asyncio.gather(*(target.command(name, "DataTransfer", ask) for name in names))
    return all(len(rig.seen("asked", "DataTransfer")) == 1 for rig in rigs)


async def slow(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Keep one target mute and one at 1 kB/s, by turns with none: the others must not feel it."""
    async with standing(ground, seed, timings={"ask": 0.5}) as stand:
        good, mute, throttled = [await stand.target() for _ in range(3)]
        async with FaultProxy.to("127.0.0.1", throttled.port) as proxy:
            few = max(4, round(20 * scale))
            victims = [
                *await stand.fleet(few, mute.url, "MUTE"),
                *await stand.fleet(few, f"ws://127.0.0.1:{proxy.port}", "THROTTLED"),
            ]
            others = await stand.fleet(max(8, round(160 * scale)), good.url, "OTHER")
            await stand.ready([*victims, *others])
            charging = [*victims, *others[: max(4, round(60 * scale))]]
            async with stand.driven(charging, charge_s=120, away_s=30):
                await asyncio.sleep(3)
                rounds = [await _round(mute, proxy, others) for _ in range(3)]
            _heal(mute, proxy)
            await stand.wind_up()
            delivered = await stand.delivered(60)
            lines = [stand.line("F-09", version) for version in VERSIONS]
        for line in lines:
            _judge_others(line, [ratios[line.version] for ratios in rounds])
            line.must(delivered, "not all was delivered in time")
            worst = max((t for rig in victims for _, _, t in rig.answers), default=0.0)
            line.must(worst < 30.0, "a charger of the slow targets waited for 30 s")
        return lines


Ratios: TypeAlias = dict[str, tuple[float, float]]


async def _round(mute: Target, proxy: FaultProxy, others: Sequence[Rig]) -> Ratios:
    """Return per version how much slower the others' median and p99 were with the fault."""
    _heal(mute, proxy)
    await asyncio.sleep(1.5)
    healthy = await _measured(others)
    mute.conduct.mute, proxy.throttle = True, 1000
    await asyncio.sleep(0.5)
    faulty = await _measured(others)
    return {
        version: tuple(  # type: ignore[misc] # of two
            percentile(faulty[version], share) / percentile(healthy[version], share)
            for share in (0.5, 0.99)
        )
        for version in VERSIONS
    }


def _heal(mute: Target, proxy: FaultProxy) -> None:
    mute.conduct.mute, proxy.throttle = False, 0
    for connection in mute.connections:
        if connection.live and connection.socket is not None:
            connection.socket.cut()  # what was left unanswered blocks it for good


async def _measured(others: Sequence[Rig], seconds: float = 4.0) -> dict[str, list[float]]:
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return {
        version: [
            took
            for rig in others
            for at, _, took in rig.answers
            if rig.version == version and at >= began
        ]
        for version in VERSIONS
    }


def _judge_others(line: Line, rounds: Sequence[tuple[float, float]]) -> None:
    median, p99 = (statistics.median(ratios) for ratios in zip(*rounds, strict=True))
    line.must(median <= SLOWER, f"others {median:.2f} x slower")
    line.goal(p99 <= SLOWER, f"others' p99 {p99:.2f} x")
    line.notes.append(f"others' answers: median x {median:.2f}, p99 x {p99:.2f} of 3 rounds")


# ---- what a target may answer ----

# A twentieth of the real ones: a minute is 3 s.
PACED = {
    "first_backoff": 0.05,
    "longest_backoff": 1.5,
    "longest_backoff_refused": 15.0,
    "dials_per_window": 10,
    "dial_window": 3.0,
    "answer": 0.5,
    "ask": 0.4,
    "attempt_interval": 0.1,
}
MISCONDUCT_S = 7.0
Raw: TypeAlias = Callable[[Call | Send], bytes | None]
_KEPT = ("BootNotification", "Heartbeat", "StatusNotification", "Authorize")


def at_first(raw: Raw) -> Raw:
    """Misbehave whenever a transaction event comes for the first time."""
    seen: set[str] = set()

    def answer(call: Call | Send) -> bytes | None:
        if call.action in _KEPT or (told := content(call.action, call.fields)) in seen:
            return None
        seen.add(told)
        return raw(call)

    return answer


def refusal(call: Call | Send) -> bytes | None:
    """Refuse a CALL."""
    return b'[4,%b,"InternalError","not today",{}]' % orjson.dumps(call.id)


def unknown_transaction(call: Call | Send) -> bytes | None:
    """Refuse whatever is measured in a transaction."""
    metered = call.action == "MeterValues" or call.fields.get("eventType") == "Updated"
    code = b'[4,%b,"PropertyConstraintViolation","unknown transaction",{}]'
    return code % orjson.dumps(call.id) if metered else None


def wrong_id(_call: Call | Send) -> bytes | None:
    """Answer somebody else."""
    return b'[3,"somebody-else",{}]'


def garbage(_call: Call | Send) -> bytes | None:
    """Answer what is no frame."""
    return b'{"3":[[\xff\x00'


def oversize(call: Call | Send) -> bytes | None:
    """Answer a status with more than any frame may have, so that the link is closed."""
    return b"[3," + b" " * (3 << 20) if call.action == "StatusNotification" else None


@dataclass(frozen=True, slots=True)
class Misconduct:
    """One way to misbehave; ``reason`` is what the status must say meanwhile."""

    conduct: Callable[[], Conduct]
    dead: bool = False  # some of what is said meanwhile may be given up
    reason: str = ""


def _refusing(status: int) -> Misconduct:
    return Misconduct(lambda: Conduct(refuse=status), reason=str(status))


MISCONDUCTS: dict[str, Misconduct] = {
    "CALLERROR": Misconduct(lambda: Conduct(raw=at_first(refusal))),
    "UNKNOWN-TX": Misconduct(lambda: Conduct(raw=unknown_transaction), dead=True),
    "WRONG-ID": Misconduct(lambda: Conduct(raw=at_first(wrong_id))),
    "GARBAGE": Misconduct(lambda: Conduct(raw=at_first(garbage))),
    "OVERSIZE": Misconduct(lambda: Conduct(raw=oversize)),
    "CLOSES": Misconduct(lambda: Conduct(close_at_once=1008)),
    **{f"HTTP-{status}": _refusing(status) for status in (401, 403, 404, 429, 500)},
}


async def misbehaving(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Answer CALLERROR, a wrong id, garbage, too much, or 401, 403, 404, 429, 500 at connect."""
    async with standing(ground, seed, timings=PACED) as stand:
        targets = {name: await stand.target() for name in MISCONDUCTS}
        rigs = {name: await stand.fleet(2, target.url, name) for name, target in targets.items()}
        everybody = [rig for pair in rigs.values() for rig in pair]
        await stand.ready(everybody)
        async with stand.driven(everybody, charge_s=120, away_s=20):
            await asyncio.sleep(2)
            for name, misconduct in MISCONDUCTS.items():
                targets[name].conduct = misconduct.conduct()
                await _hang_up(targets[name])
            began = time.monotonic()
            await asyncio.sleep(MISCONDUCT_S * max(0.5, min(1.0, scale)))
            told = {name: await _reason(stand, rigs[name][0]) for name in MISCONDUCTS}
            felt = _felt(everybody, began)
            for target in targets.values():
                target.conduct = Conduct()
            healed = time.monotonic()
            delivered = await stand.delivered(60)
            recovery = time.monotonic() - healed
        await stand.wind_up()
        delivered = await stand.delivered(60) and delivered
        dead = {rig.charge_box_id for n, m in MISCONDUCTS.items() if m.dead for rig in rigs[n]}
        lines = [stand.line("F-10", version, excused=dead) for version in VERSIONS]
    most = max(map(_most_dials, targets.values()))
    for line in lines:
        line.recovery_s = recovery
        line.must(delivered, "not all was delivered in time")
        line.must(most <= 10, f"{most} dials in a minute")
        line.must(not felt, f"chargers felt it: {', '.join(felt)}")
        silent = [n for n, m in MISCONDUCTS.items() if m.reason not in told[n]]
        line.must(not silent, f"no reason in the status: {', '.join(silent)}")
        line.notes.append(f"{len(MISCONDUCTS)} ways, at most {most} dials in a minute (3 s)")
    return lines


async def _hang_up(target: Target) -> None:
    for connection in target.connections:
        if connection.live and connection.socket is not None:
            connection.socket.cut()


async def _reason(stand: Stand, rig: Rig) -> str:
    id = stand.configurations[rig.charge_box_id]
    _, body = await stand.ask("GET", f"{stand.api}/proxy_configurations/{id}/status")
    return str(body)


def _felt(rigs: Sequence[Rig], since: float) -> list[str]:
    """Name the chargers that lost their link or waited longer than a target may be asked."""
    return [
        rig.charge_box_id
        for rig in rigs
        if rig.counts["connected"] > 1
        or any(took > 2.0 for at, _, took in rig.answers if at >= since)
    ]


def _most_dials(target: Target) -> int:
    """Count the most dials of one charger within a window."""
    dials: dict[str, list[float]] = {}
    for connection in target.connections:
        dials.setdefault(connection.charge_box_id, []).append(connection.at.timestamp())
    # Dials are told apart where they are made; here they come a little closer or wider.
    window = 0.95 * PACED["dial_window"]
    return max(
        (sum(at <= other < at + window for other in own) for own in dials.values() for at in own),
        default=0,
    )
