"""Whatever a platform and a target do to one charger, in any order: power stays below both.

The target's own stack is kept beside it by the simulator's rules, as if it were alone there.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.profile_words import from_16
from simulators import profiles as alone
from simulators.charger import Charger
from simulators.watched import Fields
from storage.clock import timestamp
from tests.e2e.conftest import Api
from tests.e2e.power import ON_EVSE, ON_STATION, Play, Site, only_amperes, only_level_0, stand

pytestmark = pytest.mark.one_of_each("whole simulations")

STEPS = 40
SLACK = 1.0  # W


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def play(api: Api, version: str) -> Play:
    return stand(api, version)


class Walk:
    """Do one thing after the other, by chance."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.chance = random.Random(seed)
        self.told: list[str] = []
        self.station: float | None = None
        self.evse: float | None = None
        self.stack = alone.Profiles()  # the target's, if it were alone
        self.theirs: Any = None

    async def step(self) -> None:
        does = self.chance.choice(
            [self.limit, self.limit, self.lift, self.set, self.set, self.set, self.clear, self.turn]
        )
        await does()
        self.check()

    def check(self) -> None:
        power = self.site.power
        assert power <= (self.station or 1e9) + SLACK, self.told
        assert power <= (1e9 if self.evse is None else self.evse) + SLACK, self.told
        hardware = self.site.charger.hardware
        running = hardware.evses[1].running
        if running is not None:
            now = datetime.now(UTC)
            own = self.stack.evse_w(1, now, running, hardware.supply)
            assert own is None or power <= own + SLACK, self.told

    def say(self, *what: Any) -> None:
        self.told.append(" ".join(map(str, what)))

    async def limit(self) -> None:
        kw = self.chance.choice([5, 6, 7, 8, 9])
        path = self.chance.choice([ON_EVSE, ON_STATION])
        kind = self.chance.choice(["acMaxPowerKw", "acMaxPowerA"])
        value, watts = (kw, kw * 1000) if kind == "acMaxPowerKw" else (kw + 1, (kw + 1) * 690)
        self.say("limit", path, watts)
        assert (await self.site.limits(path, **{kind: value}))["response"] == "Accepted"
        if path == ON_EVSE:
            self.evse = watts
        else:
            self.station = watts

    async def lift(self) -> None:
        path = self.chance.choice([ON_EVSE, ON_STATION])
        self.say("lift", path)
        await self.site.lifts(path)
        if path == ON_EVSE:
            self.evse = None
        else:
            self.station = None

    async def set(self) -> None:
        purpose, evse = self.chance.choice(
            [
                ("TxDefaultProfile", 1),
                ("TxDefaultProfile", 1),
                ("TxDefaultProfile", 0),
                ("ChargingStationMaxProfile", 0),
                ("TxProfile", 1),
            ]
        )
        own = self.profile(purpose)
        if self.site.old and purpose == "ChargingStationMaxProfile":
            own["chargingProfilePurpose"] = "ChargePointMaxProfile"
        place, key = (
            ("connectorId", "csChargingProfiles")
            if self.site.old
            else ("evseId", "chargingProfile")
        )
        self.say("set", evse, own)
        answer = await self.site.orders("SetChargingProfile", {place: evse, key: own})
        self.say(answer)
        if answer["status"] == "Accepted":
            fields = from_16(own) if self.site.old else own
            running = self.site.charger.hardware.evses[1].running
            if purpose == "TxProfile" and running is not None:
                fields = {**fields, "transactionId": running.id}
            self.stack.put(alone.read(evse, fields, datetime.now(UTC)))

    def profile(self, purpose: str) -> dict[str, Any]:
        unit = self.chance.choice(["A", "W"])
        one, two = (
            self.chance.choice([6, 9, 12, 16, 32]) * (1 if unit == "A" else 690) for _ in "ab"
        )
        periods = [{"startPeriod": 0, "limit": one}, {"startPeriod": 3600, "limit": two}]
        schedule: dict[str, Any] = {
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods[: self.chance.choice([1, 1, 2])],
        }
        kind = self.chance.choice(["Absolute", "Absolute", "Relative", "Recurring"])
        if kind == "Relative" and purpose == "ChargingStationMaxProfile":
            kind = "Absolute"
        more: dict[str, Any] = {"recurrencyKind": "Daily"} if kind == "Recurring" else {}
        if kind != "Relative":
            start = datetime.now(UTC) - timedelta(seconds=self.chance.choice([600, 3300, 9000]))
            schedule["startSchedule"] = timestamp(start)
        if self.chance.random() < 0.3:
            schedule["duration"] = 7200
        if purpose == "TxProfile":
            more["transactionId"] = self.theirs if self.theirs is not None else self.nobody
        id, old = self.chance.randint(1, 5), self.site.old
        return {
            "chargingProfileId" if old else "id": id,
            "stackLevel": self.chance.randint(0, 4),
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": schedule if old else [{"id": id, **schedule}],
            **more,
        }

    @property
    def nobody(self) -> Any:
        return 12 if self.site.old else "nobody"

    async def clear(self) -> None:
        id = self.chance.choice([None, 1, 2, 3, 4, 5])
        named: Fields = {} if id is None else {"id" if self.site.old else "chargingProfileId": id}
        self.say("clear", named, await self.site.clears(**named))
        self.stack.remove(lambda one: id in {None, one.id})

    async def turn(self) -> None:
        """Start or stop charging."""
        hardware = self.site.charger.hardware
        if hardware.transactions:
            self.say("stop")
            await self.site.charger.stop(1)
            self.stack.remove(lambda one: one.purpose == alone.TX)
            self.theirs = None
            return
        self.say("start")
        self.theirs = await self.site.charges()


def usual(_: Charger) -> None:
    """Change nothing."""


@pytest.mark.parametrize("fit", [usual, only_level_0, only_amperes])
@pytest.mark.parametrize("seed", [15, 19])
async def test_no_order_of_things_lifts_a_limit(play: Play, fit: Any, seed: int) -> None:
    async with play(fit) as site:
        walk = Walk(site, seed)
        await walk.turn()
        for _ in range(STEPS):
            await walk.step()
