"""Guess one charger's password from one address, while the charger and a neighbour come and go."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from bench.attacks.results import Result
from bench.attacks.stage import ATTACKER, CHARGER, Watch, link, meanwhile, stage
from bench.faults.ground import Ground
from bench.faults.stand import Stand, wait_until
from simulators.sockets import basic

VICTIM, NEIGHBOUR = "CP-VICTIM", "CP-NEIGHBOUR"
GUESSES, GUESSERS, RECONNECTS = 10_000, 32, 100
MINUTE_S = 60.0
MOST_EVALUATED = 20
P99_S = 1.0


async def attack(ground: Ground) -> list[Result]:
    """Guess for a minute and 10,000 times at least."""
    result, answers = Result("guesses"), Counter[int]()
    async with stage(ground) as stand:
        await stand.enrol({VICTIM: "1.6", NEIGHBOUR: "1.6"}, None)
        async with link(stand, NEIGHBOUR, ATTACKER):
            pass  # so it has been in from the attacker's address
        own, neighbour, began = Watch(), Watch(), time.monotonic()
        async with meanwhile(*(_guess(stand, answers) for _ in range(GUESSERS))):
            every = MINUTE_S / RECONNECTS
            await asyncio.gather(
                _come_and_go(stand, VICTIM, CHARGER, own, every),
                _come_and_go(stand, NEIGHBOUR, ATTACKER, neighbour, every),
            )
            await asyncio.sleep(began + MINUTE_S - time.monotonic())
            evaluated = stand.server.logged[f"evaluated {ATTACKER} {VICTIM}"]
            await wait_until(lambda: answers.total() >= GUESSES, MINUTE_S)
    made = answers.total()
    result.must(made >= GUESSES, f"{made:,} guesses", f"at least {GUESSES:,}")
    result.must(set(answers) == {401}, f"answered {sorted(answers)}", "only 401")
    result.must(0 < evaluated <= MOST_EVALUATED, f"{evaluated} evaluated in a minute", "at most 20")
    _judge(result, "the charger", own)
    _judge(result, "the neighbour behind the attacker's address", neighbour)
    return [result]


def _judge(result: Result, who: str, watch: Watch) -> None:
    came = f"{who} came in {len(watch.times)} of {RECONNECTS} times"
    result.must(not watch.failed and len(watch.times) == RECONNECTS, came, "every time")
    result.must(watch.p99 < P99_S, f"p99 {1000 * watch.p99:.0f} ms", "below 1 s")


async def _come_and_go(stand: Stand, name: str, address: str, watch: Watch, every: float) -> None:
    for _ in range(RECONNECTS):
        next_turn = asyncio.create_task(asyncio.sleep(every * 0.95))
        async with watch.time(), link(stand, name, address):
            pass
        await next_turn


async def _guess(stand: Stand, answers: Counter[int]) -> None:
    """Guess until cancelled, each time anew."""
    path = f"/{stand.organization_uuid}/ocpp/{VICTIM}"
    host, _, port = stand.server.ocpp.rpartition(":")
    number = 0
    while True:
        number += 1
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(ATTACKER, 0))
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: {basic(VICTIM, f'guess-{number}')}"
            "\r\n\r\n".encode()
        )
        status = await reader.readline()
        answers[int(status.split()[1]) if status else 0] += 1
        writer.transport.abort()
