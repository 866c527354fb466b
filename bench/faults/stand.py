"""What a fault is tried on: a server process, chargers of both versions, targets, and the count."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.faults import books
from bench.faults.ground import Ground
from bench.faults.process import ServerProcess
from bench.faults.verdicts import Line, judge_counts
from bench.faults.wire import Wire
from simulators import oracle, tally
from simulators.charger import Charger
from simulators.fleet import Driver
from simulators.target import Target
from simulators.watched import Fields
from storage.clock import SystemClock
from storage.store import open_storage

VERSIONS = ("1.6", "2.0.1")
TOKEN = "04A1B2C3D4E5F6"
# An hour of a charger is a minute here: meters are told every second.
TIME_FACTOR = 60.0
# Deadlines that only make a run longer are short; those that judge a peer stay what they are.
QUICK: Mapping[str, float] = {
    "first_backoff": 0.05,
    "longest_backoff": 0.5,
    "longest_backoff_refused": 5.0,
    "dials_per_window": 1000,
    "attempt_interval": 0.2,
    "introduction": 0.2,
    "linger": 0.5,
    "wave": 0.02,
    "boot_interval": 0.5,
    "shortest_interval": 0.2,
}
SETTLED_S = 40.0


class Rig(Charger):
    """A charger that times every answer; ``answers`` are (moment, action, s)."""

    answers: list[tuple[float, str, float]]

    async def call(self, action: str, fields: Fields) -> Fields:
        """Call and take the time."""
        began = time.monotonic()
        answer = await super().call(action, fields)
        self.answers.append((began, action, time.monotonic() - began))
        return answer


@dataclass(slots=True)
class Stand:
    """Everything that one scenario works with."""

    server: ServerProcess
    session: aiohttp.ClientSession
    organization_uuid: str
    ground: Ground
    chance: random.Random
    chargers: list[Rig] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    configurations: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def oracle(self) -> Path:
        """Return where the chargers write what they emit."""
        return self.ground.directory / "emitted"

    def url(self, charge_box_id: str) -> str:
        """Return where a charger connects."""
        return f"ws://{self.server.ocpp}/{self.organization_uuid}/ocpp_proxy/{charge_box_id}"

    @property
    def api(self) -> str:
        """Return the path below which the organization is."""
        return f"/api/v1/organizations/{self.organization_uuid}"

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the REST API; 0 where the server is not there."""
        try:
            async with self.session.request(
                method, f"http://{self.server.http}{path}", json=body
            ) as answer:
                return answer.status, await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return 0, {}

    async def target(self, **options: Any) -> Target:
        """Start a target."""
        target = Target(keep=None, **options)
        target.events = type(target.events)(maxlen=100)
        await target.listen()
        self._stack.push_async_callback(target.close)
        self.targets.append(target)
        return target

    async def enrol(self, names: Mapping[str, str], target_url: str | None) -> None:
        """Enrol chargers by name and version, towards one target or none."""
        gate = asyncio.Semaphore(16)

        async def one(name: str) -> None:
            body: dict[str, Any] = {"charge_box_id": name}
            path = f"{self.api}/chargers"
            if target_url:
                path += "/enroll-with-proxy"
                body |= {
                    "target_platform_identifier": "Target",
                    "target_websocket_url": f"{target_url}/ocpp/{{charge_box_id}}",
                    "target_authentication_method": "None",
                }
            async with gate:
                status, answer = await self.ask("POST", path, body)
            if status not in (200, 201):
                raise RuntimeError(f"{name} was not enrolled: {status} {answer}")
            self.passwords[name] = answer["charger"]["ocpp_password"]
            if target_url:
                self.configurations[name] = answer["proxy_configuration"]["id"]

        await asyncio.gather(*map(one, names))

    async def charger(self, name: str, version: str, **options: Any) -> Rig:
        """Play an enrolled charger; it runs until the stand is taken down."""
        given = {
            "time_factor": TIME_FACTOR,
            "back_off": (0.1, 1.0),
            "oracle": self.oracle,
            "keep_events": 50,
            "evses": 1,
            "url": self.url(name).rpartition("/")[0],
            **options,
        }
        kind: type[Rig] = given.pop("kind", Rig)
        rig = kind(given.pop("url"), name, self.passwords[name], version, **given)
        rig.answers = []
        self.chargers.append(rig)
        await self._stack.enter_async_context(rig.running())
        return rig

    def wire(self, name: str, version: str, *, counted: bool = True) -> Wire:
        """Return an enrolled charger that is told what to say."""
        written = oracle.OracleFile(self.oracle, name)
        self._stack.callback(written.close)
        wire = Wire(self.url(name), name, self.passwords[name], version, written)
        if counted:
            self.wires.append(wire)
        return wire

    async def fleet(self, count: int, target_url: str | None, prefix: str = "CP") -> list[Rig]:
        """Enrol and connect so many chargers, the versions in turn."""
        names = {f"{prefix}-{n:03d}": VERSIONS[n % 2] for n in range(count)}
        await self.enrol(names, target_url)
        rigs = []
        for start in range(0, count, 40):
            part = list(names.items())[start : start + 40]
            new = [await self.charger(name, version) for name, version in part]
            await asyncio.gather(*(rig.wait_connected(30) for rig in new))
            rigs += new
        return rigs

    async def ready(self, rigs: Sequence[Rig], timeout: float = 30.0) -> None:
        """Wait until the targets were shown the connectors of all these chargers."""
        wanted = {rig.charge_box_id for rig in rigs}

        def shown() -> bool:
            return wanted <= {
                one.charge_box_id
                for target in self.targets
                for one in target.calls("StatusNotification")
            }

        await wait_until(shown, timeout)

    @contextlib.asynccontextmanager
    async def driven(
        self, rigs: Sequence[Rig], *, charge_s: float = 180.0, away_s: float = 60.0
    ) -> AsyncIterator[None]:
        """Let somebody charge at each of these, come and go."""
        driver = Driver(TOKEN, charge_s=charge_s, away_s=away_s)
        tasks = [
            asyncio.create_task(driver.drive(rig, random.Random(self.chance.random())))
            for rig in rigs
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wind_up(self, timeout: float = SETTLED_S) -> bool:
        """End all transactions and wait until all is said; tell whether it was."""
        for rig in self.chargers:
            for own in rig.hardware.transactions:
                rig.end(own, "Local")
        return await wait_until(lambda: not any(rig.waiting for rig in self.chargers), timeout)

    async def delivered(self, timeout: float = SETTLED_S) -> bool:
        """Wait until the targets know all that was answered; tell whether they do."""
        emitted = {
            (one.charger, one.sha)
            for one in oracle.emissions(self.oracle)
            if one.outcome == "answered" and one.charger in self.configurations
        }
        names = {charger for charger, _ in emitted}
        seen: dict[Target, int] = {}

        def complete() -> bool:
            for target in self.targets:
                latest = target.received[seen.get(target, 0) :]
                new = [one for one in latest if one.charge_box_id in names]
                seen[target] = len(target.received)
                emitted.difference_update(
                    (one.charger, one.sha) for one in tally.arrivals(new) if not one.refused
                )
            return not emitted

        until = time.monotonic() + timeout
        while not await wait_until(complete, 1.0):
            emitted -= books.dead(self.ground.books)  # what was given up is not waited for
            if time.monotonic() > until:
                return False
        return True

    def line(self, fault: str, version: str, excused: Collection[str] = frozenset()) -> Line:
        """Count what happened to the chargers of one version; the excused may have dead letters."""
        everybody: list[Rig | Wire] = [*self.chargers, *self.wires]
        chosen = [one for one in everybody if one.version == version]
        line = Line(fault, version, peak_mib=self.server.peak_mib)
        self._count(line, {rig.charge_box_id for rig in chosen}, excused)
        times = [took for rig in chosen for _, _, took in rig.answers]
        line.worst_s = max(times, default=None)
        return line

    def _count(self, line: Line, names: set[str], excused: Collection[str]) -> None:
        emitted = [one for one in oracle.emissions(self.oracle) if one.charger in names]
        written = books.read(self.ground.books)
        recorded = books.count(written, emitted)
        proxied = [one for one in emitted if one.charger in self.configurations]
        received = [
            one
            for target in self.targets
            for one in tally.arrivals(r for r in target.received if r.charge_box_id in names)
        ]
        counted = tally.count(proxied, received, flagged=written.flagged, dead=written.dead)
        line.lost = counted.lost + recorded.lost
        line.duplicates, line.flagged = counted.duplicates, counted.flagged
        line.reordered = counted.reordered
        line.phantom = counted.phantom + recorded.phantom
        line.problems += [*counted.problems, *recorded.problems]
        for suspect in counted.suspects[:3]:
            line.problems += books.story(self.ground.books, suspect)
        repeated = [times for where, times in written.journal.items() if where[0] in names]
        again = sum(repeated) - len(repeated)
        if again:
            line.notes.append(f"{again} said again by chargers")
        line.notes.append(f"{counted.answered} events answered")
        judge_counts(line)
        line.must(not recorded.duplicates, f"{recorded.duplicates} twice in the ledger")
        line.must(not recorded.open, f"{recorded.open} never ended in the ledger")
        dead = {charger for charger, _ in written.dead & {(e.charger, e.sha) for e in proxied}}
        line.must(dead <= set(excused), f"dead letters of {', '.join(sorted(dead))}")
        if counted.dead:
            line.notes.append(f"{counted.dead} dead letters")
        whole = [one for one in proxied if one.charger not in dead]
        if whole:
            self._weigh(line, tally.count(whole, received), books.count(written, whole))

    def _weigh(self, line: Line, counted: tally.Tally, recorded: books.LedgerCount) -> None:
        sums = (counted.charger_wh, counted.target_wh, recorded.energy_wh)
        equal = max(sums) - min(sums) < 0.01
        line.must(equal, "energy {:.1f} / {:.1f} / {:.1f} Wh".format(*sums))


@contextlib.asynccontextmanager
async def standing(
    ground: Ground,
    seed: int,
    *,
    timings: Mapping[str, float] | None = None,
    command_s: float | None = None,
    exports: Mapping[str, float] | None = None,
    settings: Mapping[str, str] | None = None,
    module: str = "bench.faults.server",
) -> AsyncIterator[Stand]:
    """Put a server up, with an organization; take all down at the end."""
    await asyncio.to_thread(ground.prepare)
    async with open_storage(ground.data_dir, SystemClock(), database_url=ground.url) as storage:
        organization = await storage.organizations.create("faults")
        uuid = organization.organization_uuid
        _, key = await storage.api_keys.create(uuid, "admin")
    server = ServerProcess(ground, {**QUICK, **(timings or {})}, command_s, module)
    server.environment |= {"FAULTS_EXPORTS": json.dumps(exports or {}), **(settings or {})}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(headers={"x-api-key": key}, connector=connector) as session,
        contextlib.AsyncExitStack() as stack,
    ):
        stand = Stand(server, session, uuid, ground, random.Random(seed), _stack=stack)
        try:
            await server.start()
            yield stand
        except BaseException:
            for error in server.errors[-5:]:
                print(f"server: {error}", file=sys.stderr)
            raise
        finally:
            try:
                await stack.aclose()
            finally:
                await server.kill()


async def wait_until(condition: Callable[[], object], timeout: float, every: float = 0.05) -> bool:
    """Look until it is so; tell whether it was in time."""
    until = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(every)
    return True


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
