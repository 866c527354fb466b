"""A site whose chargers are simulated, as its operator sees it through the API."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.faults.stand import TOKEN, VERSIONS, Rig, Stand, wait_until
from simulators.target import Target
from simulators.voice import Identity
from simulators.watched import Fields

# Five minutes of a charger pass in 25 s: it tells its meter every 5 s.
TIME_FACTOR = 12.0
CHARGE_S, AWAY_S = 240.0, 60.0  # of those who come and go
PATIENCE_S = 300.0
LOOK_S = 0.1
_AT_ONCE = 40


class Witness(Rig):
    """A charger that counts the drivers whom it had to turn away."""

    turned_away = 0

    async def call(self, action: str, fields: Fields) -> Fields:
        """Call, and read the verdict on a token."""
        answer = await super().call(action, fields)
        verdict = answer.get("idTagInfo") or answer.get("idTokenInfo") or {}
        self.turned_away += verdict.get("status", "Accepted") != "Accepted"
        return answer


@dataclass(slots=True)
class Site:
    """The chargers of one site."""

    stand: Stand
    rigs: Sequence[Witness]
    site_id: str = ""

    @property
    def names(self) -> set[str]:
        """Return the chargers' names."""
        return {rig.charge_box_id for rig in self.rigs}

    @property
    def _base(self) -> str:
        return f"/local-ocpp/v1/operators/{self.stand.organization_uuid}"

    @property
    def _path(self) -> str:
        return f"{self._base}/connections/sites/{self.site_id}"

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what the API answers; raise RuntimeError where that is an error."""
        status, answer = await self.stand.ask(method, path, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path} was answered {status} {answer}")
        return answer

    async def found(self) -> None:
        """Make the site."""
        body = {"name": "The site that moves", "chargers": sorted(self.names)}
        made = await self.ask("POST", f"{self.stand.api}/sites", body)
        self.site_id = made["site"]["site_id"]

    async def store(self, target: Target) -> str:
        """Store the way to a target; return its version."""
        body = {
            "connectivityMode": "DualProtocol",
            "websocketConnectionArgs": {"url": f"{target.url}/ocpp"},
        }
        stored = await self.ask("POST", f"{self._base}/connection-details", body)
        version: str = stored["version"]
        return version

    async def apply(self, version: str) -> None:
        """Have all chargers moved to where a version leads: the one call."""
        await self.ask("POST", self._path, {"version": version})

    async def take_back(self) -> None:
        """Have all chargers moved back: the other one."""
        await self.ask("POST", f"{self._path}/rollback", {})

    async def prefer(self, on_change: str) -> None:
        """Say of every charger what becomes of what waits for a target that it leaves."""
        told = await self.chargers()
        self.stand.configurations = {
            one["charge_box_id"]: one["proxyConfigurationId"] for one in told
        }
        gate = asyncio.Semaphore(16)

        async def one(id: int) -> None:
            async with gate:
                path = f"{self.stand.api}/proxy_configurations/{id}"
                await self.ask("PATCH", path, {"policy": {"on_change": on_change}})

        await asyncio.gather(*map(one, self.stand.configurations.values()))

    # ---- what is to be seen ----

    async def chargers(self) -> list[Any]:
        """Return what the API tells of every charger of the site."""
        found: list[Any] = []
        path = f"{self._path}?limit=1000"
        while True:
            page = await self.ask("GET", path)
            found += page["results"]
            if page["nextCursor"] is None:
                return found
            path = f"{self._path}?limit=1000&cursor={page['nextCursor']}"

    async def rolled_out(self) -> Counter[str]:
        """Wait until the newest rollout has ended; return how many steps are in each state."""
        async with asyncio.timeout(PATIENCE_S):
            rollout = await self._rollout()
            while rollout["state"] == "running":
                await asyncio.sleep(LOOK_S)
                rollout = await self._rollout()
        return Counter({state: count for state, count in rollout["counts"].items() if count})

    async def _rollout(self) -> Any:
        return (await self.ask("GET", f"{self._path}?limit=1"))["rollout"]

    async def linked(self, target: Target) -> bool:
        """Tell whether all get a live link to a target that the API calls ready, in time."""
        until, names = time.monotonic() + PATIENCE_S, self.names
        if not await wait_until(lambda: names <= live(target), PATIENCE_S):
            return False
        while time.monotonic() < until:
            told = await self.chargers()
            if len(told) == len(names) and all(one["linkState"] == "ready" for one in told):
                return True
            await asyncio.sleep(LOOK_S)
        return False


def live(target: Target) -> set[str]:
    """Return the chargers that have a live link to a target."""
    return {one.charge_box_id for one in target.connections if one.live}


async def gathered(stand: Stand, count: int) -> Site:
    """Enrol chargers of both versions in turn, connect them, and put them on one site."""
    names = {f"CP-{n:04d}": VERSIONS[n % 2] for n in range(count)}
    await stand.enrol(names, None)
    rigs: list[Witness] = []
    for start in range(0, count, _AT_ONCE):
        for name, version in list(names.items())[start : start + _AT_ONCE]:
            rigs.append(await _charger(stand, name, version))
        await asyncio.gather(*(rig.wait_connected(60) for rig in rigs[start:]))
    site = Site(stand, rigs)
    await site.found()
    return site


async def _charger(stand: Stand, name: str, version: str) -> Witness:
    # Its serial number is its name, so that targets know it by the name that the oracle has.
    plate = Identity(serial_number=name)
    options = {"kind": Witness, "identity": plate, "time_factor": TIME_FACTOR}
    rig = await stand.charger(name, version, **options)
    assert isinstance(rig, Witness)
    return rig


@contextlib.asynccontextmanager
async def sessions(site: Site) -> AsyncIterator[None]:
    """Let half of the chargers charge all the time, and drivers come and go at the other half."""
    staying = [rig for number, rig in enumerate(site.rigs) if number % 4 < 2]
    changing = [rig for number, rig in enumerate(site.rigs) if number % 4 > 1]
    for start in range(0, len(staying), _AT_ONCE):
        part = staying[start : start + _AT_ONCE]
        await asyncio.gather(*(rig.start(1, TOKEN, timeout=60) for rig in part))
    async with site.stand.driven(changing, charge_s=CHARGE_S, away_s=AWAY_S):
        yield
