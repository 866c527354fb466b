"""Faults of the database: killed, away, frozen, full."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from bench.cluster import Cluster
from bench.faults.disks import Disk, Pages, small_disk
from bench.faults.ground import Ground, NotHere
from bench.faults.stand import VERSIONS, Rig, Stand, standing, wait_until
from bench.faults.verdicts import Line
from bench.faults.watch import Watch, watching

OUTAGE_S, FROZEN_S, FULL_S = 60.0, 30.0, 8.0
BACK_S = 15.0
RED_S = 120.0
COMMIT_S, ROOM_S = 2.0, 5.0  # how soon after the end of the fault something is committed
# An answer that was committed before the fault may be read after it.
GRACE_S = 0.2
KILLS = 5
# Without a database all targets are dialled over and over: nearly as rarely as in earnest.
UNHURRIED = {"first_backoff": 0.5, "longest_backoff": 4.0}


class Return(NamedTuple):
    """How long after the end of a fault the database was written to, and a charger answered, s."""

    written: float
    answered: float


async def killed(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Kill PostgreSQL and start it at once, some times; then keep it away for a minute."""
    cluster = _cluster(ground)
    outage_s, kills = max(4.0, OUTAGE_S * min(1.0, scale)), max(1, round(KILLS * scale))
    async with standing(ground, seed, timings=UNHURRIED) as stand:
        rigs = await _busy_fleet(stand, scale)
        async with _driven(stand, rigs, scale), watching(stand, _some(rigs)) as watch:
            restarts = [await _restart(stand, cluster, watch) for _ in range(kills)]
            await asyncio.sleep(2)
            watch.begins()
            await asyncio.to_thread(cluster.kill)
            await asyncio.sleep(outage_s)
            await asyncio.to_thread(cluster.start)
            watch.ends()
            back = await _back(rigs)
        lines = await _counted(stand, "F-04", back)
    for line in lines:
        returns = [*restarts, _return_of(watch)]
        _judge_return(line, returns, COMMIT_S, back)
        line.notes.append(f"{kills} kills and {outage_s:g} s away")
        _judge_silence(line, watch)
        watch.judge(line, reads_fail=True)
    return lines


async def frozen(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Stop every process of PostgreSQL for half a minute."""
    cluster = _cluster(ground)
    frozen_s = max(7.0, FROZEN_S * min(1.0, scale))
    async with standing(ground, seed, timings=UNHURRIED) as stand:
        rigs = await _busy_fleet(stand, scale)
        async with _driven(stand, rigs, scale), watching(stand, _some(rigs)) as watch:
            await asyncio.sleep(2)
            watch.begins()
            with cluster.frozen():
                await asyncio.sleep(frozen_s)
            watch.ends()
            back = await _back(rigs)
        lines = await _counted(stand, "F-05", back)
    for line in lines:
        _judge_return(line, [_return_of(watch)], COMMIT_S, back)
        line.notes.append(f"{frozen_s:g} s frozen")
        _judge_silence(line, watch)
        watch.judge(line, reads_fail=True)
    return lines


async def full(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Leave the database no room, in each way that there is here."""
    async with contextlib.AsyncExitStack() as stack:
        kept, disks = await _rooms(ground, stack)
        async with standing(kept, seed, timings=UNHURRIED) as stand:
            if ground.cluster is None:
                disks = [Pages(stand.server), *disks]
            rigs = await _busy_fleet(stand, scale)
            watches, backs = [], []
            async with _driven(stand, rigs, scale):
                for disk in disks:
                    async with watching(stand, _some(rigs)) as watch:
                        await _fill(disk, watch, max(2.0, FULL_S * scale))
                        backs.append(await _back(rigs))
                    watches.append(watch)
            lines = await _counted(stand, "F-06", max(backs))
        for line in lines:
            returns = [Return(watch.first_answer_s(), watch.first_answer_s()) for watch in watches]
            _judge_return(line, returns, ROOM_S, max(backs))
            line.notes.append(" and ".join(disk.name for disk in disks))
            for watch in watches:
                watch.judge(line, reads_fail=False)
        return lines


async def _rooms(ground: Ground, stack: contextlib.AsyncExitStack) -> tuple[Ground, list[Disk]]:
    """Put the database on a small disk, where that is allowed."""
    folder = ground.data_dir if ground.cluster is None else ground.directory / "tablespace"
    try:
        disk = stack.enter_context(small_disk(folder))
    except NotHere:
        if ground.cluster is None:
            return ground, []
        raise
    if ground.cluster is None:
        return ground, [disk]
    ground.cluster.own(folder)
    ground.cluster.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    return replace(ground, tablespace="small"), [disk]


async def _fill(disk: Disk, watch: Watch, seconds: float) -> None:
    await asyncio.sleep(1)
    watch.begins()
    await asyncio.to_thread(disk.fill)
    # What is on pages that are there already still finds room for a while.
    await wait_until(lambda: watch.red() is not None, RED_S)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(disk.empty)
    watch.ends()


def _cluster(ground: Ground) -> Cluster:
    if ground.cluster is None:
        raise NotHere("this is a fault of PostgreSQL")
    return ground.cluster


async def _busy_fleet(stand: Stand, scale: float) -> list[Rig]:
    target = await stand.target()
    rigs = await stand.fleet(max(4, round(200 * scale)), target.url)
    await stand.ready(rigs)
    return rigs


@contextlib.asynccontextmanager
async def _driven(stand: Stand, rigs: Sequence[Rig], scale: float) -> AsyncIterator[None]:
    async with stand.driven(rigs[: max(4, round(50 * scale))]):
        yield


def _some(rigs: Sequence[Rig]) -> list[str]:
    return [rig.charge_box_id for rig in rigs[-2:]]


async def _restart(stand: Stand, cluster: Cluster, watch: Watch) -> Return:
    """Kill the database at a random moment and start it; return when the first commit was."""
    await asyncio.sleep(stand.chance.uniform(1.0, 3.0))
    await asyncio.to_thread(cluster.kill)
    await asyncio.to_thread(cluster.start)
    watch.ends()
    await wait_until(lambda: watch.first_answer_s() < float("inf"), BACK_S)
    return _return_of(watch)


async def _back(rigs: Sequence[Rig]) -> float:
    """Wait until all chargers are there again and something was said; return how long it took."""
    began = time.monotonic()
    until = began + BACK_S
    there = await wait_until(lambda: all(rig.connected for rig in rigs), BACK_S)
    took = time.monotonic() - began
    await asyncio.sleep(max(0.0, min(3.0, until - time.monotonic())))
    return took if there else float("inf")


async def _counted(stand: Stand, fault: str, back: float) -> list[Line]:
    said = await stand.wind_up()
    delivered = await stand.delivered()
    lines = [stand.line(fault, version) for version in VERSIONS]
    for line in lines:
        line.recovery_s = back
        line.must(said, "chargers still have something to say")
        line.must(delivered, "not all was delivered in time")
    return lines


def _return_of(watch: Watch) -> Return:
    return Return(watch.written_s(), watch.first_answer_s())


def _judge_return(line: Line, returns: Sequence[Return], within: float, back: float) -> None:
    line.must(back <= BACK_S, f"not all chargers back within {BACK_S:g} s")
    written, answered = (max(times) for times in zip(*returns, strict=True))
    line.must(written <= within, f"the first commit came after {written:.1f} s")
    # Chargers wait a little before they dial again.
    line.goal(answered <= within, f"the first charger was answered after {answered:.1f} s")
    line.notes.append(f"first commit {written:.1f} s, first answer {answered:.1f} s after the end")


def _judge_silence(line: Line, watch: Watch) -> None:
    """Nobody may have an answer while nothing can be committed."""
    answers = watch.answered_meanwhile(GRACE_S)
    line.must(not answers, f"{answers} answers while the database was away")
