"""A target that is away for seven days while fifty sessions run: it misses nothing of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import orjson

from csms import frames
from csms.frames import Call, Reply
from proxy.bounds import Bounds
from storage.clock import Clock, timestamp
from storage.records import ChargerKey
from tests.doubles import PATIENCE
from tests.proxy.stage import Device, Stage, Target, staged

CHARGERS, CONNECTORS = 10, 5
STEPS = 24
STEP = timedelta(days=7) / STEPS - timedelta(minutes=1)


class MovedClock(Clock):
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@dataclass
class Session:
    """What a charger's display says of one session."""

    id_tag: str
    connector: int
    meter_start: int
    register: int
    ours: int = 0
    told: list[str] = field(default_factory=list)  # what it said, in order

    @property
    def energy(self) -> int:
        return self.register - self.meter_start


class Car:
    """One charger that charges on all its connectors."""

    def __init__(self, key: ChargerKey, clock: MovedClock, chance: Random) -> None:
        self.key = key
        self.device: Device | None = None
        self.sessions: list[Session] = []
        self.running: dict[int, Session] = {}
        self._clock, self._chance = clock, chance
        self._registers = {connector: connector * 1000 for connector in range(1, CONNECTORS + 1)}
        self._numbers = count(1)

    async def starts(self, connector: int) -> None:
        register = self._registers[connector]
        tag = f"{self.key.charge_box_id}/{connector}/{next(self._numbers)}"
        session = Session(tag, connector, register, register)
        answer = await self._says(
            session,
            "StartTransaction",
            {"connectorId": connector, "idTag": tag, "meterStart": register, **self._now()},
        )
        session.ours = answer["transactionId"]
        self.sessions.append(session)
        self.running[connector] = session

    async def meters(self, connector: int) -> None:
        session = self.running[connector]
        session.register += self._chance.randint(1, 5000)
        value = {"value": str(session.register), "measurand": "Energy.Active.Import.Register"}
        metered = [{**self._now(), "sampledValue": [value]}]
        fields = {"connectorId": connector, "transactionId": session.ours, "meterValue": metered}
        await self._says(session, "MeterValues", fields)

    async def stops(self, connector: int) -> None:
        session = self.running.pop(connector)
        session.register += self._chance.randint(1, 500)
        self._registers[connector] = session.register
        fields = {"transactionId": session.ours, "meterStop": session.register, **self._now()}
        await self._says(session, "StopTransaction", fields)

    async def goes_on(self) -> None:
        """Let some hours pass: all meter, one car leaves and the next one comes."""
        for connector in list(self.running):
            await self.meters(connector)
        leaving = self._chance.choice(list(self.running))
        await self.stops(leaving)
        await self.starts(leaving)

    async def ends(self) -> None:
        for connector in list(self.running):
            await self.stops(connector)

    def _now(self) -> dict[str, str]:
        return {"timestamp": timestamp(self._clock.now())}

    async def _says(self, session: Session, action: str, fields: dict[str, Any]) -> Any:
        assert self.device
        session.told.append(action)
        return await self.device.call(action, fields)


class Books:
    """What a target knows of the sessions that it was told of, under its own numbers."""

    def __init__(self, target: Target) -> None:
        target.answers["StartTransaction"] = self.starts
        self._numbers = count(700_001)
        self._target = target
        self.tags: dict[int, str] = {}

    def starts(self, call: Call) -> Reply:
        number = next(self._numbers)
        self.tags[number] = call.fields["idTag"]
        answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        return frames.call_result(call.id, orjson.dumps(answer))

    def told(self) -> dict[str, list[str]]:
        """Return what was told of each session, in order."""
        told: dict[str, list[str]] = defaultdict(list)
        for call in self._target.heard:
            if call.action == "StartTransaction":
                told[call.fields["idTag"]].append(call.action)
            elif call.action in ("MeterValues", "StopTransaction"):
                told[self.tags[call.fields["transactionId"]]].append(call.action)
        return told

    def energy(self) -> int:
        """Return the sum of all sessions, by their starts and stops."""
        starts = self._target.payloads("StartTransaction")
        stops = self._target.payloads("StopTransaction")
        stopped = sum(int(stop["meterStop"]) for stop in stops)
        return stopped - sum(int(start["meterStart"]) for start in starts)


@contextlib.asynccontextmanager
async def connected(stage: Stage, cars: list[Car]) -> AsyncIterator[None]:
    """Keep all chargers connected until the context ends."""
    async with contextlib.AsyncExitStack() as stack:
        for car in cars:
            car.device = await stack.enter_async_context(stage.charger(car.key))
        yield


async def all_of(cars: list[Car], step: str) -> None:
    await asyncio.gather(*(getattr(car, step)() for car in cars))


async def drained(stage: Stage, cars: list[Car]) -> None:
    """Wait until the target has got all that waited for it."""
    async with asyncio.timeout(PATIENCE):
        for car in cars:
            while (await stage.status(car.key)).queue_length:  # noqa: ASYNC110 - untold
                await asyncio.sleep(0.01)


async def energy_in_the_ledger(stage: Stage, cars: list[Car]) -> float:
    total = 0.0
    for car in cars:
        for session in car.sessions:
            kept = await stage.storage.transactions.get(car.key, str(session.ours))
            assert kept
            assert kept.state == "ended"
            assert kept.meter_stop_wh is not None
            assert kept.meter_start_wh is not None
            total += kept.meter_stop_wh - kept.meter_start_wh
    return total


async def test_fifty_sessions_outlive_seven_days_without_their_target(tmp_path: Path) -> None:
    clock, target = MovedClock(), Target()
    books = Books(target)
    cars: list[Car] = []
    async with staged(tmp_path, clock=clock) as stage:
        async with target.up():
            port = target.port
            for number in range(CHARGERS):
                key = await stage.enrol(target.url, f"CP-{number}")
                cars.append(Car(key, clock, Random(number)))
            async with connected(stage, cars):
                for car in cars:
                    await stage.reaches(car.key, "ready")
                await asyncio.gather(*(car.starts(c) for car in cars for c in (1, 2)))
                await drained(stage, cars)
        # The target goes; half a session or none of it is known there.
        async with connected(stage, cars):
            await asyncio.gather(*(car.starts(c) for car in cars for c in (3, 4, 5)))
            for _ in range(STEPS // 2):
                clock.moment += STEP
                await all_of(cars, "goes_on")
    async with staged(tmp_path, clock=clock) as stage, connected(stage, cars):
        for _ in range(STEPS // 2):
            clock.moment += STEP
            await all_of(cars, "goes_on")
        await Bounds(stage.relays.parts, lambda *_: None).sweep()
        async with target.up(port):
            await all_of(cars, "ends")
            await drained(stage, cars)

        sessions = [session for car in cars for session in car.sessions]
        assert len(sessions) == CHARGERS * (CONNECTORS + STEPS)
        assert books.told() == {session.id_tag: session.told for session in sessions}
        charged = sum(session.energy for session in sessions)
        assert (books.energy(), await energy_in_the_ledger(stage, cars)) == (charged, charged)
        for car in cars:
            status = await stage.status(car.key)
            assert (status.queue_length, status.dead_letters, status.skipped) == (0, 0, 0)
