"""One charger with a target, seen from all sides: server, charger and target are whole programs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from simulators.charger import Charger, Habits
from simulators.settings import fixed
from simulators.target import Target
from simulators.watched import Fields
from tests.doubles import until
from tests.e2e.conftest import Api
from tests.simulators.stage import TOKEN, limit, limit16

NAME = "CP-1"
STATION = f"/api/chargingStations/{NAME}"
ON_STATION, ON_EVSE = f"{STATION}/powerLimit", f"{STATION}/evses/1/powerLimit"
FULL_W = 11_000.0
FIRST_NUMBER = 7001  # of a transaction, at the target
Fitting = Callable[[Charger], None]


@dataclass
class Site:
    """One charger with a target, seen from all sides."""

    api: Api
    charger: Charger
    target: Target

    @property
    def old(self) -> bool:
        return self.charger.version == "1.6"

    async def limits(self, path: str, **limit: float) -> Any:
        status, body = await self.api("PUT", path, {"limit": limit})
        assert status == 200, body
        return body

    async def lifts(self, path: str) -> str:
        status, body = await self.api("DELETE", path)
        assert status == 200, body
        return str(body["response"])

    async def orders(self, action: str, payload: Fields) -> Fields:
        return await self.target.command(NAME, action, payload)

    async def sets(
        self, value: float, unit: str = "W", *, evse: int = 1, id: int = 1, **more: Any
    ) -> str:
        """Let the target set a profile and return the status it is given."""
        make, place, key = (
            (limit16, "connectorId", "csChargingProfiles")
            if self.old
            else (limit, "evseId", "chargingProfile")
        )
        named = {"chargingProfileId" if self.old else "id": id}
        purpose = more.pop("purpose", "TxDefaultProfile")
        if self.old and purpose == "ChargingStationMaxProfile":
            purpose = "ChargePointMaxProfile"
        profile = {**make(value, unit, purpose=purpose, **more), **named}
        answer = await self.orders("SetChargingProfile", {place: evse, key: profile})
        return str(answer["status"])

    async def clears(self, **criteria: Any) -> str:
        answer = await self.orders("ClearChargingProfile", criteria)
        return str(answer["status"])

    async def charges(self) -> Any:
        """Start a transaction and return the id that the target knows."""
        own = await self.charger.start(1, TOKEN)
        if not self.old:
            return own.id
        starts = len(self.charger.transactions)
        await until(lambda: len(self.target.calls("StartTransaction")) >= starts)
        return FIRST_NUMBER + starts - 1

    @property
    def power(self) -> float:
        return self.charger.power_w(1)

    @property
    def installed(self) -> list[tuple[int, int, str, int]]:
        """Return what lies on the charger: EVSE, id, purpose and level."""
        return [
            (one.evse_id, one.id, one.purpose, one.level) for one in self.charger.hardware.profiles
        ]


Play = Callable[..., contextlib.AbstractAsyncContextManager[Site]]


def only_level_0(charger: Charger) -> None:
    charger.settings[charger.voice.names.max_level] = fixed(0)


def only_amperes(charger: Charger) -> None:
    old = charger.version == "1.6"
    name = "ChargingScheduleAllowedChargingRateUnit" if old else "SmartChargingCtrlr.RateUnit"
    charger.settings[name] = fixed("Current" if old else "A", "text")


def stand(api: Api, version: str) -> Play:
    """Return what sets up a charger, fitted out by a function, with a target."""

    @contextlib.asynccontextmanager
    async def playing(fit: Fitting = lambda _: None, **options: Any) -> AsyncIterator[Site]:
        async with Target.listening(first_transaction_id=FIRST_NUMBER) as target:
            password = await api.enrol(NAME, f"{target.url}/{{charge_box_id}}")
            url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy"
            habits = options.pop("habits", Habits(restart_s=0.01))
            charger = Charger(
                url, NAME, password, version, back_off=(0.01, 0.05), habits=habits, **options
            )
            fit(charger)
            async with charger.running():
                await charger.wait_connected()
                await until(lambda: target.calls("StatusNotification", NAME))
                yield Site(api, charger, target)

    return playing
