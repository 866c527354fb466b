"""Answered means stored: kill -9 at 20 random moments, and nothing answered is missing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.typing import Subprotocol

from storage.clock import SystemClock
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.installations import variables

KILLS = 20
SEED = 20261121
PASSWORD = "a-password-of-20-cha"


class Answered:
    """Count answers over all chargers and wake the killer at the wanted one."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.enough = asyncio.Event()
        self.wanted = 0

    def note(self, message_id: str) -> None:
        self.ids.append(message_id)
        if len(self.ids) >= self.wanted:
            self.enough.set()

    def after(self, more: int) -> None:
        self.wanted = len(self.ids) + more
        self.enough.clear()


@contextlib.asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[tuple[programs.Program, str]]:
    process = await programs.start("serve", environment=variables(data_dir))
    try:
        async with asyncio.timeout(30):
            while (event := json.loads(await process.stderr.readline()))["event"] != "ready":
                pass
        yield process, event["ocpp"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def stream(ocpp: str, key: ChargerKey, life: int, answered: Answered) -> None:
    """Send transaction messages, each after the answer to the one before, until the server dies."""
    url = f"{ocpp}/{key.organization_uuid}/ocpp_proxy/{key.charge_box_id}"
    userinfo = f"{key.charge_box_id}:{PASSWORD}@"
    # The server may die before a charger's handshake is answered.
    with contextlib.suppress(ConnectionClosed, InvalidMessage, OSError):
        async with connect(
            url.replace("ws://", f"ws://{userinfo}"),
            subprotocols=[Subprotocol("ocpp1.6")],
            proxy=None,
        ) as socket:
            number = 0
            while True:
                message_id = f"{key.charge_box_id}-{life}-{number}"
                await socket.send(json.dumps([2, message_id, *_message(number)]))
                reply = json.loads(await socket.recv())
                assert reply[:2] == [3, message_id]
                answered.note(message_id)
                number += 1


def _message(number: int) -> tuple[str, dict[str, object]]:
    moment = f"2026-11-21T10:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    if number % 5 == 0:
        start = {"connectorId": 1, "idTag": "T", "meterStart": number, "timestamp": moment}
        return "StartTransaction", start
    value = [{"timestamp": moment, "sampledValue": [{"value": str(number)}]}]
    return "MeterValues", {"connectorId": 1, "meterValue": value}


async def enrol(data_dir: Path, clock: SystemClock) -> list[ChargerKey]:
    async with open_storage(data_dir, clock) as storage:
        organization = await storage.organizations.create("kill")
        keys = [ChargerKey(organization.organization_uuid, f"CP-{n}") for n in range(4)]
        for key in keys:
            charger = Charger(
                key=key,
                charger_name=key.charge_box_id,
                password_digest=digest_secret(PASSWORD.encode()),
                created_at=clock.now(),
            )
            await storage.chargers.enroll(charger, None)
    return keys


async def test_nothing_answered_is_missing_after_kill_9(tmp_path: Path) -> None:
    clock, moments, answered = SystemClock(), random.Random(SEED), Answered()
    keys = await enrol(tmp_path, clock)
    for life in range(KILLS):
        answered.after(moments.randint(1, 200))
        async with serving(tmp_path) as (process, ocpp), asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(stream(ocpp, key, life, answered))
            async with asyncio.timeout(30):
                await answered.enough.wait()
            process.send_signal(signal.SIGKILL)

    stored: set[str | None] = set()
    async with open_storage(tmp_path, clock) as storage:
        for key in keys:
            # Each server has ended what the one before it left open.
            assert all(one.until for one in (await storage.visits.page(key, KILLS))[1:])
            exchanges = await storage.journal.exchanges(key, limit=100_000)
            stored |= {one.call.message_id for one in exchanges if one.answer is not None}
    assert set(answered.ids) - stored == set()
    assert len(answered.ids) >= KILLS
