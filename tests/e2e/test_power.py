"""Power limits survive whatever a target sets: the power in the simulated charger tells.

The server, the charger and the target are whole programs on real sockets.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

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
LEAST_W = 1.0
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
        await until(lambda: self.target.calls("StartTransaction"))
        return 7001

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


@pytest.fixture(params=["1.6", "2.0.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def play(api: Api, version: str) -> Play:
    @contextlib.asynccontextmanager
    async def playing(fit: Fitting = lambda _: None, **options: Any) -> AsyncIterator[Site]:
        async with Target.listening(first_transaction_id=7001) as target:
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


def only_level_0(charger: Charger) -> None:
    charger.settings[charger.voice.names.max_level] = fixed(0)


def only_amperes(charger: Charger) -> None:
    old = charger.version == "1.6"
    name = "ChargingScheduleAllowedChargingRateUnit" if old else "SmartChargingCtrlr.RateUnit"
    charger.settings[name] = fixed("Current" if old else "A", "text")


# ---- a limit alone ----


async def test_a_limit_is_obeyed_and_lifted(play: Play) -> None:
    async with play() as site:
        await site.charges()
        assert site.power == FULL_W

        assert await site.limits(ON_EVSE, acMaxPowerKw=6) == {"response": "Accepted"}
        assert site.power == 6000
        await site.limits(ON_STATION, acMaxPowerKw=5)
        assert site.power == 5000
        await site.limits(ON_EVSE, acMaxPowerA=6)
        assert site.power == pytest.approx(6 * 230 * 3)
        assert site.installed == [
            (0, 3000, "ChargingStationMaxProfile", 0),
            (1, 3006, "TxDefaultProfile", 0),
        ]

        assert await site.lifts(ON_EVSE) == "Accepted"
        assert await site.lifts(ON_EVSE) == "Unknown"
        assert await site.lifts(ON_STATION) == "Accepted"
        assert site.power == FULL_W
        assert site.installed == []


async def test_a_charger_that_takes_only_amperes(play: Play) -> None:
    async with play(only_amperes) as site:
        await site.charges()

        told = await site.limits(ON_EVSE, acMaxPowerKw=5)
        assert told["statusInfo"]["reasonCode"] == "UnitConverted"
        assert 4900 < site.power <= 5000
        status, body = await site.api("PUT", ON_EVSE, {"limit": {"dcMaxPowerKw": 5}})
        assert (status, set(body["fields"])) == (422, {"limit.dcMaxPowerKw"})


async def test_a_charger_that_knows_no_profiles(play: Play) -> None:
    habits = Habits(restart_s=0.01, unsupported=frozenset({"SetChargingProfile"}))
    async with play(habits=habits) as site:
        status, body = await site.api("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 8}})

        assert (status, body["error"]) == (502, "charger_error")
        assert body["charger_error"]["code"] in {"NotImplemented", "NotSupported"}
        assert await site.lifts(ON_EVSE) == "Unknown"


# ---- against a target ----


@pytest.mark.parametrize("fit", [lambda _: None, only_level_0, only_amperes])
async def test_no_profile_of_a_target_lifts_a_connectors_limit(play: Play, fit: Fitting) -> None:
    async with play(fit) as site:
        await site.charges()
        await site.limits(ON_EVSE, acMaxPowerA=10)
        most = 10 * 230 * 3

        assert await site.sets(16, "A", stackLevel=8) == "Accepted"
        assert site.power == pytest.approx(most)
        assert await site.sets(32, "A", id=2, stackLevel=0) == "Accepted"
        assert site.power == pytest.approx(most)
        assert await site.sets(32, "A", id=3, stackLevel=5, evse=0) == "Accepted"
        assert site.power == pytest.approx(most)
        assert await site.sets(7, "A", stackLevel=8) == "Accepted"
        assert site.power == pytest.approx(7 * 230 * 3)

        everything: Fields = {} if site.old else {"chargingProfileCriteria": {}}
        assert await site.clears(**everything) == "Accepted"
        assert site.power == pytest.approx(most)
        assert await site.lifts(ON_EVSE) == "Accepted"
        assert site.power == FULL_W


@pytest.mark.parametrize("fit", [lambda _: None, only_level_0])
async def test_the_lower_of_two_station_limits_holds(play: Play, fit: Fitting) -> None:
    async with play(fit) as site:
        await site.charges()
        station = "ChargingStationMaxProfile"
        assert await site.sets(8000, evse=0, purpose=station) == "Accepted"
        assert site.power == 8000
        await site.limits(ON_STATION, acMaxPowerKw=6)
        assert site.power == 6000
        assert await site.sets(9000, evse=0, purpose=station, stackLevel=7) == "Accepted"
        assert site.power == 6000
        assert await site.sets(5000, evse=0, purpose=station, id=2, stackLevel=8) == "Accepted"
        assert site.power == 5000
        assert site.installed == [(0, 3000, station, 0)]

        assert await site.lifts(ON_STATION) == "Accepted"
        assert site.power == 5000
        assert all(id not in range(3000, 5283) for _, id, _, _ in site.installed)


async def test_a_profile_of_a_transaction_keeps_to_the_connectors_limit(play: Play) -> None:
    async with play() as site:
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        theirs = await site.charges()
        bound = {"purpose": "TxProfile", "transactionId": theirs}

        assert await site.sets(9000, **bound) == "Accepted"
        assert site.power == 6000
        await site.limits(ON_EVSE, acMaxPowerKw=8)
        assert site.power == 8000
        await site.limits(ON_EVSE, acMaxPowerKw=10)
        assert site.power == 9000
        assert await site.lifts(ON_EVSE) == "Accepted"
        assert site.power == 9000

        assert await site.sets(
            9000, id=2, **{**bound, "transactionId": 12 if site.old else "x"}
        ) == ("Rejected")
        await site.charger.stop(1)
        await until(lambda: not site.installed)
        assert await site.clears(**_id(site, 1)) == "Unknown"


async def test_a_start_brings_a_profile_along(play: Play) -> None:
    async with play() as site:
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        profile = (limit16 if site.old else limit)(9000, purpose="TxProfile", stackLevel=3)
        order = (
            ("RemoteStartTransaction", {"connectorId": 1, "idTag": TOKEN})
            if site.old
            else (
                "RequestStartTransaction",
                {
                    "evseId": 1,
                    "remoteStartId": 5,
                    "idToken": {"idToken": TOKEN, "type": "ISO14443"},
                },
            )
        )
        answer = await site.orders(order[0], {**order[1], "chargingProfile": profile})
        assert answer["status"] == "Accepted"
        await until(lambda: [one for one in site.charger.transactions if one.confirmed])
        assert site.power == 6000

        await site.limits(ON_EVSE, acMaxPowerKw=5)
        assert site.power == 5000
        await site.limits(ON_EVSE, acMaxPowerKw=10)
        assert site.power == 9000


async def test_without_a_limit_a_targets_profiles_are_its_own(play: Play) -> None:
    async with play() as site:
        await site.charges()
        assert await site.sets(9000, id=41, stackLevel=2) == "Accepted"
        assert await site.sets(7000, id=42, stackLevel=6) == "Accepted"
        assert site.power == 7000
        assert len(site.installed) == 2
        assert await site.clears(**_id(site, 42)) == "Accepted"
        assert site.power == 9000
        assert await site.clears(**_id(site, 3006)) == "Unknown"
        if not site.old:  # 1.6 has no word for it
            external = "ChargingStationExternalConstraints"
            assert await site.sets(5000, id=43, purpose=external) == "Rejected"


async def test_a_limit_comes_back_after_a_boot(play: Play) -> None:
    async with play() as site:
        await site.charges()  # so the token is known while the target comes back
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        await site.sets(4500)
        site.charger.hardware.profiles.remove(lambda _: True)
        status, _ = await site.api("POST", f"{STATION}/reset", {"type": "Immediate"})
        assert status == 200
        await until(lambda: site.installed == [(1, 3006, "TxDefaultProfile", 0)])
        await site.charger.start(1, TOKEN)

        assert site.power == 4500


async def test_a_target_that_is_switched_off_limits_nothing(play: Play) -> None:
    async with play() as site:
        await site.charges()
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        await site.sets(4500)
        of_proxy = f"{site.api.of_organization}/proxy_configurations"
        [proxy] = (await site.api("GET", of_proxy))[1]["proxy_configurations"]
        await site.api("PATCH", f"{of_proxy}/{proxy['id']}", {"enabled": False})
        await until(lambda: site.power == 6000)

        await site.api("DELETE", f"{of_proxy}/{proxy['id']}")
        await site.lifts(ON_EVSE)
        assert site.power == FULL_W


async def test_a_target_reads_its_own_stack(play: Play, version: str) -> None:
    async with play() as site:
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        await site.sets(9000, id=41)
        schedule = await site.orders(
            "GetCompositeSchedule", {"connectorId" if site.old else "evseId": 1, "duration": 60}
        )
        shown = schedule["chargingSchedule"] if site.old else schedule["schedule"]
        assert shown["chargingSchedulePeriod"][0]["limit"] == 6000
        if site.old:
            return

        wanted = {"requestId": 77, "evseId": 1, "chargingProfile": {}}
        assert (await site.orders("GetChargingProfiles", wanted))["status"] == "Accepted"
        await until(lambda: site.target.calls("ReportChargingProfiles"))
        [report] = site.target.calls("ReportChargingProfiles")
        assert report.fields["requestId"] == 77
        [profile] = report.fields["chargingProfile"]
        assert (profile["id"], profile["stackLevel"]) == (41, 0)
        wanted["chargingProfile"] = {"stackLevel": 5}
        assert (await site.orders("GetChargingProfiles", wanted))["status"] == "NoProfiles"


def _id(site: Site, id: int) -> Fields:
    return {"id" if site.old else "chargingProfileId": id}
