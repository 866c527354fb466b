"""Faults of object stores: ill in every way, away for long, and a server that dies meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from bench.faults.connectors import Connector, delivered, neighbouring, watching_lags
from bench.faults.crashes import dies
from bench.faults.exports import (
    DELIVERED_S,
    HURRIED,
    RECOVERED_S,
    counted,
    judge_lags,
    recovered,
    settled,
    talking,
)
from bench.faults.ground import Ground
from bench.faults.ills import ILLS, Ill, Patient
from bench.faults.server import SINK_POINTS
from bench.faults.stand import Stand, standing
from bench.faults.verdicts import Line
from simulators.buckets import Bucket, Mishap
from simulators.faults import FaultProxy
from simulators.stores import SECRET, Store
from simulators.watched import utc_now

ILL_S, TOLD_S = 8.0, 15.0
OUTAGE_S, REAL_OUTAGE_S = 12.0, 2400.0
CATCH_UP = 5.0
GROWTH_MIB = 100
# Objects are smaller than by default (8 MiB), for there to be some of them.
FLUSH_BYTES, SMALL_FLUSH = 256 << 10, 16 << 10
KILLS = 10


async def ill(
    ground: Ground, seed: int, scale: float = 1.0, ills: Mapping[str, Ill] = ILLS
) -> list[Line]:
    """Make a dozen stores ill in as many ways while chargers talk; others stay in good health."""
    ill_s = ILL_S * min(1.0, scale)
    async with (
        standing(ground, seed, exports=HURRIED) as stand,
        neighbouring(stand) as neighbour,
        Store.listening() as store,
    ):
        patients = [await _patient(stand, store, name, ill) for name, ill in ills.items()]
        healthy = [await _connector(one, store, "healthy") for one in (stand, neighbour)]
        sick = [patient.connector for patient in patients]
        everybody = [*sick, *healthy]
        async with talking(stand, neighbour, everybody, scale, 16), watching_lags(healthy) as lags:
            for patient in patients:
                patient.ill.begin(patient)
            began = time.monotonic()
            told = await _told(patients)
            told_s = time.monotonic() - began
            await asyncio.sleep(max(0.0, ill_s - told_s))
            differs = [await one.compare_lag() for one in sick[:: max(1, round(1 / scale))]]
            cured = time.monotonic()
            await asyncio.gather(*map(_cure, patients))
            recovery = await recovered(sick, cured)
        late = await settled([stand, neighbour], everybody)
        differs += [await one.compare_lag() for one in healthy]
        lines = await _lines("F-11", stand, store, everybody)
    for line in lines:
        line.recovery_s = recovery
        _judge_told(line, patients, told)
        judge_lags(line, lags, differs)
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(recovery <= RECOVERED_S, f"not recovered within {RECOVERED_S:g} s")
        line.notes.insert(0, f"{len(ills)} ways to be ill, told within {told_s:.1f} s")
    return lines


async def _patient(stand: Stand, store: Store, name: str, ill: Ill) -> Patient:
    connector = await _connector(stand, store, name)
    return Patient(connector, store, _bucket_of(connector, store), ill)


async def _connector(
    stand: Stand, store: Store, name: str, url: str = "", **configuration: Any
) -> Connector:
    """Create a connector with a bucket and a key of its own."""
    bucket = f"{name}-{stand.organization_uuid[:8]}"
    store.bucket(bucket)
    store.keys[name] = SECRET
    connector = Connector(
        stand,
        name,
        {
            "bucket": bucket,
            "region": "us-east-1",
            "endpoint_url": url or store.url,
            "flush_bytes": FLUSH_BYTES,
            **configuration,
        },
        {"access_key_id": name, "secret_access_key": SECRET},
    )
    await connector.create()
    return connector


def _bucket_of(connector: Connector, store: Store) -> Bucket:
    return store.buckets[connector.configuration["bucket"]]


async def _lines(
    fault: str, stand: Stand, store: Store, connectors: Sequence[Connector]
) -> list[Line]:
    def listing(connector: Connector) -> Mapping[str, bytes]:
        return {name: one.body for name, one in _bucket_of(connector, store).objects.items()}

    lines = await counted(fault, stand, connectors, listing)
    changed = [name for bucket in store.buckets.values() for name in bucket.changed()]
    for line in lines:
        line.must(not changed, f"other bytes under {changed[:3]}")
        line.notes.append(f"{len(store.puts)} PUTs")
    return lines


async def _cure(patient: Patient) -> None:
    patient.ill.cure(patient)
    if patient.ill.credentials is not None:
        credentials = patient.ill.credentials(patient.connector.credentials)
        await patient.connector.change(credentials=credentials)


async def _told(patients: Sequence[Patient]) -> dict[str, Mapping[str, Any]]:
    """Wait until all whose stores take nothing are told so; return what all are told."""
    until = time.monotonic() + TOLD_S
    while True:
        told = {one.connector.name: await one.connector.status() for one in patients}
        errors = [
            told[one.connector.name].get("state") == "error" for one in patients if one.ill.told
        ]
        if all(errors) or time.monotonic() > until:
            return told
        await asyncio.sleep(0.1)


def _judge_told(
    line: Line, patients: Sequence[Patient], told: Mapping[str, Mapping[str, Any]]
) -> None:
    """Whoever's store takes nothing must be told so, and why, and nothing that is secret."""
    for patient in patients:
        name, status = patient.connector.name, told[patient.connector.name]
        reason = status.get("last_error") or ""
        if patient.ill.told:
            state = status.get("state")
            line.must(state == "error" and bool(reason), f"{name} is told {state}: {reason}")
            line.must(status.get("lag_records", 0) > 0, f"{name} keeps no backlog")
        line.must(SECRET not in reason, f"{name} is told a secret")


# ---- a long outage ----


async def away(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Keep a store away for 40 minutes (12 s): it hangs first, and then nobody listens."""
    outage_s = max(4.0, OUTAGE_S * min(1.0, scale))
    async with (
        standing(ground, seed, exports=HURRIED) as stand,
        neighbouring(stand) as neighbour,
        Store.listening() as store,
        FaultProxy.to("127.0.0.1", store.port) as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        victim = await _connector(stand, store, "victim", url)
        healthy = [await _connector(one, store, "healthy") for one in (stand, neighbour)]
        everybody = [victim, *healthy]
        async with talking(stand, neighbour, everybody, scale, 40), watching_lags(healthy) as lags:
            before_mib, began = stand.server.memory_mib(), time.monotonic()
            start = victim.behind(0)[0]
            proxy.blackhole = True
            await asyncio.sleep(outage_s / 2)
            proxy.blackhole, proxy.refusing = False, True
            proxy.reset()
            await asyncio.sleep(outage_s / 2)
            told, differs = await victim.status(), [await victim.compare_lag()]
            growth = stand.server.memory_mib() - before_mib
            proxy.refusing, ended = False, time.monotonic()
            arrival = (victim.behind(0)[0] - start) / (ended - began)
            caught_up = await _catch_up(victim, _bucket_of(victim, store))
            recovery = time.monotonic() - ended
        late = await settled([stand, neighbour], everybody)
        differs += [await one.compare_lag() for one in everybody]
        lines = await _lines("F-11-away", stand, store, everybody)
    for line in lines:
        line.recovery_s = recovery
        line.must(told.get("state") == "error", f"the outage was told as {told.get('state')}")
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(growth < GROWTH_MIB, f"grew by {growth:.0f} MiB")
        line.must(caught_up >= CATCH_UP * arrival, "caught up below 5 x the arrival rate")
        judge_lags(line, lags, differs)
        line.notes.insert(
            0,
            f"{outage_s:g} s away, x {REAL_OUTAGE_S / outage_s:.0f}; {arrival:.0f}/s came, "
            f"{caught_up:.0f}/s caught up; {growth:+.0f} MiB",
        )
    return lines


async def _catch_up(victim: Connector, bucket: Bucket) -> float:
    """Wait until the backlog is delivered; return the records/s from its first PUT on."""
    backlog, _, through = victim.behind(await victim.position())
    back = utc_now()
    await delivered([victim], through, DELIVERED_S)
    began = min((put.at for put in bucket.puts if put.at >= back), default=back)
    return backlog / max(0.001, (utc_now() - began).total_seconds())


# ---- the server dies ----


def _roulette(stand: Stand) -> Iterator[Mishap | None]:
    """Lose one answer of five, and refuse one PUT of ten."""
    while True:
        spun = stand.chance.random()
        yield Mishap.LOSES if spun < 0.2 else Mishap.FAILS if spun < 0.3 else None


async def killed(
    ground: Ground, seed: int, scale: float = 1.0, points: Collection[str] = tuple(SINK_POINTS)
) -> list[Line]:
    """Kill the server where it hurts an export and at random, while chargers talk."""
    kills = round(KILLS * scale)
    async with (
        standing(ground, seed, exports=HURRIED) as stand,
        neighbouring(stand) as neighbour,
        Store.listening() as store,
    ):
        connectors = [
            await _connector(stand, store, "small", flush_bytes=SMALL_FLUSH),
            await _connector(stand, store, "large"),
            await _connector(neighbour, store, "small", flush_bytes=SMALL_FLUSH),
        ]
        for bucket in store.buckets.values():
            bucket.script = _roulette(stand)
        died = dict.fromkeys(points, 0)
        async with talking(stand, neighbour, connectors, scale, 16):
            for point in [*points] * max(1, round(3 * scale)):
                await stand.server.kill()
                await stand.server.start(crash=f"{point}:{stand.chance.randint(1, 6)}")
                died[point] += await dies(stand)
            for _ in range(kills):
                await stand.server.kill()
                await stand.server.start()
                await asyncio.sleep(stand.chance.uniform(0.1, 2.0))
            await stand.server.kill()
            began = time.monotonic()
            await stand.server.start()
            recovery = await recovered(connectors, began)
        late = await settled([stand, neighbour], connectors)
        differs = [await one.compare_lag() for one in connectors]
        lines = await _lines("F-11-kill", stand, store, connectors)
        repeated = len(store.puts) - sum(len(one.objects) for one in store.buckets.values())
    for line in lines:
        line.recovery_s = recovery
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.goal(recovery <= RECOVERED_S, f"recovered within {RECOVERED_S:g} s")
        line.must(all(died.values()), f"never died at {[p for p in died if not died[p]]}")
        line.must(not any(differs), "; ".join(filter(None, differs)))
        line.goal(repeated > 0, "nothing was stored twice")
        line.notes.insert(0, f"{sum(died.values())} deaths at {len(died)} points, {kills} kills")
    return lines
