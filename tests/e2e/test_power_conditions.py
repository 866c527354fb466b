"""Limits for when there is no connection, no authorization, and after a while (items 7 to 9, 14).

The simulated charger obeys what lies on it, by a clock that is moved: its power tells.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from csms.profiles import Profiles
from simulators.charger import Charger, Habits
from simulators.profiles import Supply
from simulators.settings import Setting, fixed
from storage.clock import Clock
from storage.records import ChargerKey
from tests.doubles import until
from tests.e2e.conftest import Api, served
from tests.e2e.power import FULL_W, NAME, ON_EVSE, ON_STATION, STATION, Fitting, only_level_0
from tests.simulators.stage import TOKEN

pytestmark = pytest.mark.one_of_each("whole simulations")

NO_CLOUD, NOT_AUTHORIZED = "whenNoCloudConnection", "whenSessionNotAuthorized"
LONG = 7200  # s


class MovedClock(Clock):
    """The machine's own clock, ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_time(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Yard:
    """One charger of ours alone, and the clock of all."""

    api: Api
    charger: Charger
    clock: MovedClock

    async def limits(self, path: str, kw: float, **options: Any) -> Any:
        status, body = await self.api("PUT", path, {"limit": {"acMaxPowerKw": kw}, **options})
        assert status == 200, body
        return body

    @property
    def profiles(self) -> Profiles:
        key = ChargerKey(self.api.organization_uuid, NAME)
        connection = self.api.server.registry.find(key)
        assert connection is not None
        return connection.station.profiles

    @property
    def power(self) -> float:
        return self.charger.power_w(1)

    @property
    def ids(self) -> set[int]:
        return {one.id for one in self.charger.hardware.profiles}

    def ends(self, id: int) -> datetime | None:
        [end] = [one.valid_to for one in self.charger.hardware.profiles if one.id == id]
        return end


Open = Callable[..., AbstractAsyncContextManager[Yard]]


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def yard(tmp_path: Path, version: str) -> Open:
    @contextlib.asynccontextmanager
    async def opened(fit: Fitting = lambda _: None) -> AsyncIterator[Yard]:
        clock = MovedClock()
        async with served(tmp_path, clock) as api:
            body = {"charge_box_id": NAME}
            status, made = await api("POST", f"{api.of_organization}/chargers", body)
            assert status == 201, made
            charger = Charger(
                f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy",
                NAME,
                made["charger"]["ocpp_password"],
                version,
                back_off=(0.01, 0.05),
                habits=Habits(restart_s=0.01),
                now=clock.now,
            )
            fit(charger)
            async with charger.running():
                await charger.wait_connected()
                yield Yard(api, charger, clock)

    return opened


def without_offline_duration(charger: Charger) -> None:
    """Let a 2.1 station be like those that cannot tell by themselves."""
    name = "SmartChargingCtrlr.SupportsMaxOfflineDuration"
    if name in charger.settings:
        charger.settings[name] = fixed("false", "boolean")


def on_one_level(charger: Charger) -> None:
    only_level_0(charger)
    without_offline_duration(charger)


FITS = pytest.mark.parametrize("fit", [lambda _: None, without_offline_duration, on_one_level])


# ---- the plain limit ----


async def test_three_kilowatts_then_six_amperes_then_all_again(yard: Open) -> None:
    async with yard() as here:
        await here.charger.start(1, TOKEN)
        assert here.power == FULL_W
        await here.limits(ON_EVSE, 3)
        assert here.power < 3100
        status, _ = await here.api("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 6}})
        assert status == 200
        assert here.power == pytest.approx(6 * 230 * 3)
        status, _ = await here.api("DELETE", ON_EVSE)
        assert status == 200
        assert here.power == FULL_W


@pytest.mark.parametrize("version", ["2.1"])
async def test_a_station_that_keeps_our_ids_for_others_leaves_them_to_us(yard: Open) -> None:
    """K01.FR.80: ids of ours have to be above MaxExternalConstraintsId."""
    kept = "SmartChargingCtrlr.MaxExternalConstraintsId"

    def keeps(charger: Charger) -> None:
        charger.settings[kept] = Setting("1000000")

    async with yard(keeps) as here:
        assert await here.limits(ON_EVSE, 9) == {"response": "Accepted"}
        assert here.charger.settings.integer(kept) == 2999
        assert here.ids == {3006}


async def test_direct_current_names_no_phases(yard: Open, version: str) -> None:
    """Item 6: a 2.1 station refuses them (NoPhaseForDC)."""

    def direct(charger: Charger) -> None:
        charger.hardware.supply = Supply(0)
        for name in charger.settings:
            if name.endswith("SupplyPhases"):
                charger.settings[name] = fixed(0)

    async with yard(direct) as here:
        await here.charger.start(1, TOKEN)
        for kind, id in (("dcMaxPowerKw", None), ("acMaxPowerKw", 77)):
            own = {} if id is None else {"chargingProfileId": id, "stackLevel": 1}
            status, body = await here.api("PUT", ON_EVSE, {"limit": {kind: 8}, **own})
            assert (status, body["response"]) == (200, "Accepted"), version
            assert here.power == 8000
        await here.limits(ON_EVSE, 6, condition=NO_CLOUD)
        assert here.power == 8000


# ---- no connection (item 8) ----


@FITS
async def test_a_fallback_holds_without_a_connection_also_in_mid_transaction(
    yard: Open, fit: Fitting
) -> None:
    async with yard(fit) as here:
        await here.limits(ON_EVSE, 9)
        assert await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD) == {"response": "Accepted"}
        assert here.power == 0
        await here.charger.start(1, TOKEN)
        await until(lambda: here.power == 9000)

        async with here.charger.offline():
            assert here.power == 9000, "not at once"
            here.clock.pass_time(LONG)
            assert here.power == 4200
        await here.charger.wait_connected()
        here.profiles.look()
        await until(lambda: here.power == 9000)


@FITS
async def test_a_transactions_limit_gives_way_to_the_fallback(yard: Open, fit: Fitting) -> None:
    async with yard(fit) as here:
        own = await here.charger.start(1, TOKEN)
        of_transaction = f"{STATION}/transactions/{own.id}/powerLimit"
        assert await here.limits(of_transaction, 8) == {"response": "Accepted"}
        assert here.power == 8000
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        assert here.power == 8000
        await here.limits(ON_EVSE, 6)
        assert here.power == 6000, "the lower of both"
        await here.limits(ON_EVSE, 9)
        assert here.power == 8000

        async with here.charger.offline():
            here.clock.pass_time(LONG)
            assert here.power == 4200
        await here.charger.wait_connected()
        here.profiles.look()
        await until(lambda: here.power == 8000)
        await here.charger.stop(1)
        await until(lambda: 4146 not in here.ids)


@FITS
async def test_a_stations_fallback(yard: Open, fit: Fitting) -> None:
    async with yard(fit) as here:
        await here.charger.start(1, TOKEN)
        await here.limits(ON_STATION, 4.2, condition=NO_CLOUD)
        assert here.power == FULL_W
        async with here.charger.offline():
            here.clock.pass_time(LONG)
            assert here.power == 4200


async def test_what_ends_is_renewed_where_a_vehicle_is_plugged_in(yard: Open) -> None:
    async with yard(without_offline_duration) as here:
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        first = here.ends(3006)
        here.clock.pass_time(700)
        here.profiles.look()
        await until(lambda: here.profiles.alarm is None)
        assert here.ends(3006) == first, "nothing is plugged in: flash wears out"

        await here.charger.start(1, TOKEN)  # which is when it is renewed first
        await until(lambda: here.ends(3006) != first)
        second = here.ends(3006)
        here.clock.pass_time(500)
        here.profiles.look()
        assert here.ends(3006) == second
        here.clock.pass_time(200)
        here.profiles.look()
        await until(lambda: here.ends(3006) != second)
        here.clock.pass_time(1700)
        assert here.power == 9000


async def test_a_renewal_that_is_refused_is_an_alarm(yard: Open) -> None:
    async with yard(without_offline_duration) as here:
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        await here.charger.start(1, TOKEN)
        here.charger.habits = Habits(refuses={"SetChargingProfile": "Rejected"})
        here.clock.pass_time(700)
        here.profiles.look()
        await until(lambda: "Rejected" in (here.profiles.alarm or ""))

        here.charger.habits = Habits()
        here.clock.pass_time(700)
        here.profiles.look()
        await until(lambda: here.profiles.alarm is None)


async def test_a_fallback_needs_a_second_level_or_a_second_period(yard: Open) -> None:
    def tiny(charger: Charger) -> None:
        only_level_0(charger)
        charger.settings[charger.voice.names.max_periods] = fixed(1)

    async with yard(tiny) as here:
        told = await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        assert told["response"] == "Rejected"
        assert told["statusInfo"]["reasonCode"] == "StackLevelTooLow"
        assert here.ids == set()


async def test_delete_lifts_every_layer(yard: Open) -> None:
    async with yard() as here:
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 8, chargingProfileId=77, stackLevel=3)
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        await here.limits(ON_EVSE, 5, relativeDelay=600)
        assert here.ids == {77, 3008}
        assert (await here.api("DELETE", ON_EVSE))[1] == {"response": "Accepted"}
        assert here.ids == set()
        assert (await here.api("DELETE", ON_EVSE))[1] == {"response": "Unknown"}


# ---- after a while (item 7) ----


@FITS
async def test_a_limit_may_begin_some_time_after_charging_does(yard: Open, fit: Fitting) -> None:
    async with yard(fit) as here:
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 5, relativeDelay=600)
        await here.charger.start(1, TOKEN)
        assert here.power == 9000
        here.clock.pass_time(590)
        assert here.power == 9000
        here.clock.pass_time(20)
        assert here.power == 5000


async def test_a_delay_is_reckoned_from_the_start_of_a_running_transaction(yard: Open) -> None:
    async with yard() as here:
        own = await here.charger.start(1, TOKEN)
        here.clock.pass_time(300)
        of_transaction = f"{STATION}/transactions/{own.id}/powerLimit"
        await here.limits(of_transaction, 5, relativeDelay=600)
        await here.limits(ON_STATION, 8, relativeDelay=400)
        assert here.power == FULL_W
        here.clock.pass_time(101)
        assert here.power == 8000
        here.clock.pass_time(200)
        assert here.power == 5000


# ---- no authorization (item 9) ----


@FITS
async def test_a_session_that_nobody_has_authorized(yard: Open, version: str, fit: Fitting) -> None:
    def starts_with_the_cable(charger: Charger) -> None:
        fit(charger)
        if version != "1.6":
            charger.settings["TxCtrlr.TxStartPoint"] = fixed("EVConnected", "text")

    async with yard(starts_with_the_cable) as here:
        await here.limits(ON_EVSE, 9)
        told = await here.limits(ON_EVSE, 4.2, condition=NOT_AUTHORIZED)
        assert told["statusInfo"]["reasonCode"] == "Emulated"
        usual = here.ids

        here.charger.plug_in(1)
        await until(lambda: _of_evse(here) == 4200)
        if version == "1.6":  # always with an end: ConnectionTimeOut and a minute
            here.clock.pass_time(60 + 60 + 5)
            assert _of_evse(here) == 9000
            here.clock.pass_time(-125)
        await here.charger.start(1, TOKEN)
        await until(lambda: here.power == 9000)
        await until(lambda: here.ids == usual)


def _of_evse(here: Yard) -> float | None:
    hardware = here.charger.hardware
    running = hardware.evses[1].running
    return hardware.profiles.evse_w(1, here.clock.now(), running, hardware.supply)


# ---- a transaction that has no EVSE yet (item 14) ----


async def test_a_transactions_limit_waits_for_its_evse(yard: Open, version: str) -> None:
    if version == "1.6":
        return  # there the connector is told with the start
    async with yard() as here:
        here.charger.settings["TxCtrlr.TxStartPoint"] = fixed("Authorized", "text")
        own = await here.charger.start(1, TOKEN, plug=False)
        of_transaction = f"{STATION}/transactions/{own.id}/powerLimit"
        told = await here.limits(of_transaction, 6)
        assert told["statusInfo"]["reasonCode"] == "Deferred"
        assert here.ids == set()

        here.charger.plug_in(1)
        await until(lambda: here.ids == {4146})
        assert here.power == 6000
        assert (await here.api("DELETE", of_transaction))[1] == {"response": "Accepted"}
        assert here.power == FULL_W
