"""Faults of object stores: ill in every way, away for long, and a server that dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.faults import books, lake
from bench.faults.connectors import (
    FLUSH_S,
    Connector,
    Lags,
    delivered,
    neighbouring,
    watching_lags,
)
from bench.faults.ground import Ground
from bench.faults.server import SINK_POINTS
from bench.faults.stand import VERSIONS, Stand, standing
from bench.faults.verdicts import Line
from simulators.buckets import Bucket, Mishap
from simulators.faults import FaultProxy
from simulators.stores import SECRET, Store
from simulators.watched import utc_now

# A twentieth of the real ones: a minute between two attempts is 3 s.
HURRIED = {
    "first_pause": 0.05,
    "longest_pause": 3.0,
    "connect_timeout": 0.5,
    "read_timeout": 0.5,
    "put_timeout": 1.0,
}
ILL_S = 8.0
OUTAGE_S, REAL_OUTAGE_S = 12.0, 2400.0
RECOVERED_S, DELIVERED_S = 15.0, 40.0
CATCH_UP = 5.0
# What a connector in good health may be behind (s): its flush time, and what a busy machine adds.
HEALTHY_S = FLUSH_S + 4.0
GROWTH_MIB = 100
# 40 minutes of 200 chargers are 20 objects of 8 MiB: here they are as many, and smaller.
FLUSH_BYTES = 32 << 10
KILLS = 10


# ---- who is ill, and how ----


@dataclass(frozen=True, slots=True)
class Patient:
    """A connector whose store is ill, and what it stores to."""

    connector: Connector
    store: Store
    bucket: Bucket
    ill: Ill


Deed: TypeAlias = Callable[[Patient], None]


@dataclass(frozen=True, slots=True)
class Ill:
    """One way to be ill; ``told`` is whether its owner is to be told that nothing is stored."""

    begin: Deed
    cure: Deed
    told: bool = True
    # Of a cure that is the owner's: what becomes of the credentials.
    credentials: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None


def _scripted(script: Callable[[], Iterator[Mishap | None]], *, told: bool = True) -> Ill:
    def begin(patient: Patient) -> None:
        patient.bucket.script = script()

    return Ill(begin, _heal, told)


def _heal(patient: Patient) -> None:
    patient.bucket.script = iter(())


def _revoke(patient: Patient) -> None:
    del patient.store.keys[patient.connector.credentials["access_key_id"]]


def _change_secret(patient: Patient) -> None:
    patient.store.keys[patient.connector.credentials["access_key_id"]] += "-changed"


def _issue(patient: Patient) -> None:
    patient.store.keys[f"{patient.connector.name}-NEW"] = SECRET


def _new_key(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {**credentials, "access_key_id": f"{credentials['access_key_id']}-NEW"}


def _new_secret(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {**credentials, "secret_access_key": f"{credentials['secret_access_key']}-changed"}


def _remove_bucket(patient: Patient) -> None:
    patient.bucket.there = False


def _create_bucket(patient: Patient) -> None:
    patient.bucket.there = True


def _nothing(_patient: Patient) -> None:
    """Leave the store alone: the owner does what is to be done."""


def _always(mishap: Mishap) -> Callable[[], Iterator[Mishap | None]]:
    return lambda: itertools.repeat(mishap)


def _by_turns() -> Iterator[Mishap | None]:
    return itertools.cycle([Mishap.LOSES, None, Mishap.RESETS, Mishap.FAILS, Mishap.LATE, None])


ILLS: dict[str, Ill] = {
    "500": _scripted(_always(Mishap.FAILS)),
    "slow-down": _scripted(_always(Mishap.SLOW_DOWN)),
    "timeout": _scripted(_always(Mishap.HANGS)),
    "late": _scripted(_always(Mishap.LATE)),
    "reset": _scripted(_always(Mishap.RESETS)),
    "lost-answer": _scripted(_always(Mishap.LOSES)),
    "garbage": _scripted(_always(Mishap.GARBAGE)),
    "slow": _scripted(_always(Mishap.SLOW), told=False),
    "by-turns": _scripted(_by_turns, told=False),
    "revoked-key": Ill(_revoke, _issue, credentials=_new_key),
    "wrong-secret": Ill(_change_secret, _nothing, credentials=_new_secret),
    "no-bucket": Ill(_remove_bucket, _create_bucket),
}


async def ill(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Make a dozen stores ill in as many ways while chargers talk; others stay in good health."""
    ill_s = max(4.0, ILL_S * min(1.0, scale))
    async with (
        standing(ground, seed, exports=HURRIED) as stand,
        neighbouring(stand) as neighbour,
        Store.listening() as store,
    ):
        patients = [await _patient(stand, store, name, ill) for name, ill in ILLS.items()]
        healthy = [await _connector(one, store, "healthy") for one in (stand, neighbour)]
        sick = [patient.connector for patient in patients]
        everybody = [*sick, *healthy]
        async with _talking(stand, neighbour, everybody, scale), watching_lags(healthy) as lags:
            for patient in patients:
                patient.ill.begin(patient)
            await asyncio.sleep(ill_s)
            told = {
                patient.connector.name: await patient.connector.status() for patient in patients
            }
            differs = [await one.compare_lag() for one in sick[:: max(1, round(1 / scale))]]
            cured = time.monotonic()
            await asyncio.gather(*map(_cure, patients))
            recovered = await _recovered(sick, cured)
        late = await _settled([stand, neighbour], everybody)
        differs += [await one.compare_lag() for one in healthy]
        lines = await _lines("F-11", stand, store, everybody)
    for line in lines:
        line.recovery_s = recovered
        _judge_told(line, patients, told)
        _judge_lags(line, lags, differs)
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(recovered <= RECOVERED_S, f"not recovered within {RECOVERED_S:g} s")
        line.notes.insert(0, f"{len(ILLS)} ways to be ill for {ill_s:g} s")
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


async def _cure(patient: Patient) -> None:
    patient.ill.cure(patient)
    if patient.ill.credentials is not None:
        credentials = patient.ill.credentials(patient.connector.credentials)
        await patient.connector.change(credentials=credentials)


async def _recovered(connectors: Sequence[Connector], since: float) -> float:
    """Wait until all have got beyond what was there by now; return how long after ``since``."""
    through = max(one.behind(0)[2] for one in connectors)
    late = await delivered(connectors, through, RECOVERED_S + 5)
    return float("inf") if late else time.monotonic() - since


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


def _judge_lags(line: Line, lags: Lags, differs: Sequence[str]) -> None:
    most = max(lags.most.values(), default=0.0)
    line.must(most <= HEALTHY_S, f"a connector in good health was {most:.1f} s behind")
    line.notes.append(f"connectors in good health at most {most:.1f} s behind")
    wrong = [one for one in differs if one]
    line.must(not wrong, "; ".join(wrong))
    line.notes.append(f"lag as the database counts it {len(differs) - len(wrong)} times")


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
        async with _talking(stand, neighbour, everybody, scale), watching_lags(healthy) as lags:
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
        late = await _settled([stand, neighbour], everybody)
        differs += [await one.compare_lag() for one in everybody]
        lines = await _lines("F-11-away", stand, store, everybody)
    for line in lines:
        line.recovery_s = recovery
        line.must(told.get("state") == "error", f"the outage was told as {told.get('state')}")
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(growth < GROWTH_MIB, f"grew by {growth:.0f} MiB")
        line.must(caught_up >= CATCH_UP * arrival, "caught up below 5 x the arrival rate")
        _judge_lags(line, lags, differs)
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


async def killed(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Kill the server where it hurts an export and at random, while chargers talk."""
    kills = max(1, round(KILLS * scale))
    async with (
        standing(ground, seed, exports=HURRIED) as stand,
        neighbouring(stand) as neighbour,
        Store.listening() as store,
    ):
        connectors = [
            await _connector(stand, store, "small", flush_bytes=2048),
            await _connector(stand, store, "large"),
            await _connector(neighbour, store, "small", flush_bytes=2048),
        ]
        for bucket in store.buckets.values():
            bucket.script = _roulette(stand)
        died = dict.fromkeys(SINK_POINTS, 0)
        async with _talking(stand, neighbour, connectors, scale):
            for point in list(SINK_POINTS) * max(1, round(3 * scale)):
                await stand.server.kill()
                await stand.server.start(crash=f"{point}:{stand.chance.randint(1, 6)}")
                died[point] += await _dies(stand)
            for _ in range(kills):
                await stand.server.kill()
                await stand.server.start()
                await asyncio.sleep(stand.chance.uniform(0.1, 2.0))
            await stand.server.kill()
            began = time.monotonic()
            await stand.server.start()
            recovered = await _recovered(connectors, began)
        late = await _settled([stand, neighbour], connectors)
        differs = [await one.compare_lag() for one in connectors]
        lines = await _lines("F-11-kill", stand, store, connectors)
        repeated = len(store.puts) - sum(len(one.objects) for one in store.buckets.values())
    for line in lines:
        line.recovery_s = recovered
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(all(died.values()), f"never died at {[p for p in died if not died[p]]}")
        line.must(not any(differs), "; ".join(filter(None, differs)))
        line.goal(repeated > 0, "nothing was stored twice")
        line.notes.insert(0, f"{sum(died.values())} deaths at {len(died)} points, {kills} kills")
    return lines


async def _dies(stand: Stand) -> bool:
    try:
        async with asyncio.timeout(15):
            await stand.server.ended()
    except TimeoutError:
        return False
    return True


# ---- what they have in common ----


@contextlib.asynccontextmanager
async def _talking(
    stand: Stand, neighbour: Stand, connectors: Sequence[Connector], scale: float
) -> AsyncIterator[None]:
    """Let chargers of both organizations talk; all of before is stored when the block begins."""
    target = await stand.target()
    rigs = await stand.fleet(max(4, round(60 * scale)), target.url)
    others = await neighbour.fleet(max(2, round(10 * scale)), None, "NEXT")
    await stand.ready(rigs)
    async with stand.driven(rigs), neighbour.driven(others):
        await asyncio.sleep(2 * scale)
        await delivered(connectors, max(one.behind(0)[2] for one in connectors), DELIVERED_S)
        yield


async def _settled(stands: Sequence[Stand], connectors: Sequence[Connector]) -> list[str]:
    """Wait until all is said, told to the targets and stored; name the connectors that are late."""
    for stand in stands:
        await stand.wind_up()
        await stand.delivered()
    through = max(one.behind(0)[2] for one in connectors)
    return await delivered(connectors, through, DELIVERED_S)


async def _lines(
    fault: str, stand: Stand, store: Store, connectors: Sequence[Connector]
) -> list[Line]:
    """Count what is in the buckets, and what the targets got, by version."""
    counts = [(one, await _counted(one, store)) for one in connectors]
    lines = [stand.line(fault, version) for version in VERSIONS]
    stored = [len(bucket.objects) for bucket in store.buckets.values()]
    changed = [name for bucket in store.buckets.values() for name in bucket.changed()]
    for line in lines:
        for one, count in counts:
            rigs = {rig.charge_box_id for rig in one.stand.chargers if rig.version == line.version}
            count.add_to(line, rigs, one.name)
        line.must(not changed, f"other bytes under {changed[:3]}")
        records = sum(count.records for _, count in counts)
        line.notes.append(f"{len(store.puts)} PUTs, {sum(stored)} objects, {records} records")
    return lines


async def _counted(connector: Connector, store: Store) -> lake.Count:
    """Count a bucket up to where its connector says that it has got, and check its figures."""
    status = await connector.status()
    bucket = _bucket_of(connector, store)
    listing = {name: one.body for name, one in bucket.objects.items()}
    organization = connector.stand.organization_uuid
    end = status["last_delivered_seq"] or 0
    spoken = books.spoken(connector.stand.ground.books, organization, end)
    counted = lake.count(spoken, listing, organization, end)
    told = tuple(status[f"{what}_written"] for what in ("objects", "records", "bytes"))
    there = (counted.objects, counted.records, counted.bytes)
    if told != there:
        counted.problems.append(f"objects, records, bytes are told {told} and are {there}")
    return counted
