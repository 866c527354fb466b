"""Faults of our own process: it dies at random moments, and exactly where it hurts."""

from __future__ import annotations

import asyncio
import time

from bench.faults.ground import Ground
from bench.faults.server import POINTS
from bench.faults.stand import VERSIONS, Rig, Stand, standing, wait_until
from bench.faults.verdicts import Line

BACK_S = 15.0
READY_S = 3.0


async def killed_at_random(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Kill the server 20 times while 50 of 200 chargers have a transaction."""
    kills = max(2, round(20 * scale))
    async with standing(ground, seed) as stand:
        target = await stand.target()
        rigs = await stand.fleet(max(4, round(200 * scale)), target.url)
        await stand.ready(rigs)
        running = rigs[: max(4, round(50 * scale))]
        backs: list[float] = []
        async with stand.driven(running):
            for _ in range(kills):
                await asyncio.sleep(stand.chance.uniform(0.1, 2.0))
                await _kill(stand, rigs, backs)
            began = time.monotonic()
            back = await wait_until(lambda: all(rig.connected for rig in rigs), BACK_S)
            backs.append(time.monotonic() - began)
        lines = await _counted(stand, "F-01", back=back)
        for line in lines:
            line.recovery_s = max(backs)
            line.goal(stand.server.slowest_start_s <= READY_S, "ready within 3 s")
            line.goal(line.duplicates <= kills * len(running), "one duplicate per kill")
            line.notes.append(f"{kills} kills, ready in {stand.server.slowest_start_s:.1f} s")
        return lines


async def _kill(stand: Stand, rigs: list[Rig], backs: list[float]) -> None:
    began = time.monotonic()
    await stand.server.kill()
    await stand.server.start()

    async def watch() -> None:
        # The next kill may come before all are back; the last one waits for them.
        if await wait_until(lambda: all(rig.connected for rig in rigs), 1.5):
            backs.append(time.monotonic() - began)

    watching = asyncio.create_task(watch())
    if stand.chance.random() < 0.5:
        await watching


async def killed_at_points(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Die at each named point, twice, at a random passing of it."""
    async with standing(ground, seed) as stand:
        target = await stand.target()
        rigs = await stand.fleet(max(4, round(20 * scale)), target.url)
        for rig in rigs:
            rig.settings.put(rig.voice.names.sample, 15)
        await stand.ready(rigs)
        died: dict[str, int] = dict.fromkeys(POINTS, 0)
        async with stand.driven(rigs, away_s=20):
            for point in list(POINTS) * max(1, round(2 * scale)):
                await stand.server.kill()
                await stand.server.start(crash=f"{point}:{stand.chance.randint(20, 120)}")
                died[point] += await dies(stand)
            await stand.server.kill()
            began = time.monotonic()
            await stand.server.start()
            back = await wait_until(lambda: all(rig.connected for rig in rigs), BACK_S)
            recovery = time.monotonic() - began
        lines = await _counted(stand, "F-03", back=back)
        for line in lines:
            line.recovery_s = recovery
            line.must(all(died.values()), f"never died at {[p for p in died if not died[p]]}")
            line.notes.append(f"{sum(died.values())} deaths at {len(died)} points")
        return lines


async def dies(stand: Stand) -> bool:
    """Wait until the server has killed itself; tell whether it did."""
    try:
        async with asyncio.timeout(15):
            await stand.server.ended()
    except TimeoutError:
        return False
    return True


async def _counted(stand: Stand, fault: str, *, back: bool) -> list[Line]:
    said = await stand.wind_up()
    delivered = await stand.delivered()
    lines = [stand.line(fault, version) for version in VERSIONS]
    for line in lines:
        line.must(back, f"not all chargers back within {BACK_S:g} s")
        line.must(said, "chargers still have something to say")
        line.must(delivered, "not all was delivered in time")
    return lines
