"""Let two devices with one charger's password take it over from each other."""

from __future__ import annotations

import asyncio
from collections import Counter

from websockets.exceptions import ConnectionClosed

from bench.attacks.results import Result
from bench.attacks.stage import CHARGER, CLONE, link, stage
from bench.faults.ground import Ground
from bench.faults.stand import Stand

NAME = "CP-1"
DIALS, MOST_SWITCHES = 100, 6
REFUSED = "another device is connected as this charger"


async def attack(ground: Ground) -> list[Result]:
    """Dial 100 times, by turns, from whichever device is not in."""
    result, ends = Result("clones"), Counter[str]()
    async with stage(ground) as stand:
        await stand.enrol({NAME: "1.6"}, None)
        commands = await _ping_pong(stand, ends)
        path = f"{stand.api}/security_events?kind=DuplicateConnection"
        _, told = await stand.ask("GET", path)
        alerts = told["security_events"]
    switches = ends["superseded by a newer connection"]
    refused = ends[REFUSED]
    result.must(switches <= MOST_SWITCHES, f"{switches} switches", "at most 6")
    result.must(switches + refused == DIALS, f"{refused} refused (1008)", "all others")
    result.must(len(alerts) == 1, f"{len(alerts)} alerts", "one")
    result.must(set(commands) == {200}, f"commands answered {dict(commands)}", "only 200")
    return [result]


async def _ping_pong(stand: Stand, ends: Counter[str]) -> Counter[int]:
    commands = Counter[int]()
    async with asyncio.TaskGroup() as group:
        first = asyncio.Event()
        present = group.create_task(_device(stand, CHARGER, ends, first))
        await first.wait()
        addresses = [CLONE, CHARGER]
        for _ in range(DIALS):
            entered = asyncio.Event()
            newcomer = group.create_task(_device(stand, addresses[0], ends, entered))
            await entered.wait()
            await asyncio.wait((present, newcomer), return_when=asyncio.FIRST_COMPLETED)
            if present.done():
                present, addresses = newcomer, addresses[::-1]
            status, _ = await stand.ask(
                "POST", f"/api/chargingStations/{NAME}/commands/ClearCache", {}
            )
            commands[status] += 1
        present.cancel()
    return commands


async def _device(stand: Stand, address: str, ends: Counter[str], entered: asyncio.Event) -> None:
    """Be the charger and accept whatever is asked, until sent away."""
    async with link(stand, NAME, address) as connection:
        entered.set()
        try:
            async for text in connection:
                call = str(text).split('"')[1]
                await connection.send(f'[3,"{call}",{{"status":"Accepted"}}]')
        except ConnectionClosed:
            pass
        if connection.close_reason:
            ends[connection.close_reason] += 1
