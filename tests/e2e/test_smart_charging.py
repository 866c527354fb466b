"""Rules of smart charging where several meet; each is named after its item.

Server, charger and target are whole programs. The simulated charger obeys what lies on it, by a
clock that is moved, and is watched at every frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from csms import frames
from csms.frames import Call, CallResult, Reply, Send
from csms.profiles import Profiles
from simulators.charger import Charger, Habits
from simulators.charging import install_profile
from simulators.profiles import TX, Supply
from simulators.settings import fixed
from storage.records import ChargerKey
from tests.doubles import until
from tests.e2e.conftest import served
from tests.e2e.power import (
    FULL_W,
    NAME,
    ON_EVSE,
    ON_STATION,
    STATION,
    Fitting,
    Site,
    only_amperes,
    only_level_0,
    stand,
)
from tests.e2e.test_kill_commands import PASSWORD, enrol, serving
from tests.e2e.test_power_conditions import (
    LONG,
    NO_CLOUD,
    NOT_AUTHORIZED,
    MovedClock,
    on_one_level,
    without_offline_duration,
)
from tests.simulators.stage import TOKEN

pytestmark = pytest.mark.one_of_each("whole simulations")

ON_SECOND = f"{STATION}/evses/2/powerLimit"
Refuse = Callable[[Call | Send], Reply | None]


@dataclass(frozen=True)
class Watched(Habits):
    """Have somebody look on whenever the charger is asked for something."""

    looks: list[Refuse] = field(default_factory=list)

    def instead(self, call: Call | Send) -> Reply | None:
        for look in self.looks:
            if (reply := look(call)) is not None:
                return reply
        return super().instead(call)


@dataclass
class Scene:
    """One charger with a target, and the clock of all."""

    site: Site
    clock: MovedClock
    looks: list[Refuse]

    @property
    def charger(self) -> Charger:
        return self.site.charger

    @property
    def power(self) -> float:
        return self.site.power

    @property
    def profiles(self) -> Profiles:
        api = self.site.api
        connection = api.server.registry.find(ChargerKey(api.organization_uuid, NAME))
        assert connection is not None
        return connection.station.profiles

    @property
    def ids(self) -> set[int]:
        return {id for _, id, _, _ in self.site.installed}

    @property
    def fields(self) -> dict[int, Mapping[str, Any]]:
        """Return what lies on the charger as it came, by id."""
        return {one.id: one.fields for one in self.charger.hardware.profiles}

    async def asks(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        status, answer = await self.site.api(method, path, body)
        assert status == 200, answer
        return answer

    async def limits(self, path: str, kw: float, **options: Any) -> Any:
        return await self.asks("PUT", path, {"limit": {"acMaxPowerKw": kw}, **options})

    async def of_transaction(self) -> str:
        """Return where the limit of the newest transaction is."""
        shown = await self.asks("GET", f"{STATION}/transactions")
        [id] = [one["transactionId"] for one in shown["transactions"] if one["state"] == "running"]
        return f"{STATION}/transactions/{id}/powerLimit"

    async def settles(self, seconds: float = 0.0) -> None:
        """Let time pass, and all that is due be done."""
        self.clock.pass_time(seconds)
        self.profiles.look()
        await asyncio.sleep(0)
        await self.profiles.wishes(0)

    def watch(self) -> list[float]:
        """Note from now on what it takes whenever it is asked for something, in W."""
        seen: list[float] = []

        def look(call: Call | Send) -> Reply | None:
            seen.append(self.power)
            return None

        self.looks.append(look)
        return seen


def with_two_periods(charger: Charger) -> None:
    on_one_level(charger)
    charger.settings[charger.voice.names.max_periods] = fixed(2)


Open = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def opened(tmp_path: Path, version: str) -> Open:
    @contextlib.asynccontextmanager
    async def opening(fit: Fitting = lambda _: None, **options: Any) -> AsyncIterator[Scene]:
        clock, looks = MovedClock(), list[Refuse]()
        habits = Watched(restart_s=0.01, looks=looks, **options.pop("habits", {}))
        async with (
            served(tmp_path, clock) as api,
            stand(api, version)(fit, now=clock.now, habits=habits, **options) as site,
        ):
            yield Scene(site, clock, looks)

    return opening


# ---- layers (items 1 and 2) ----


async def test_item_2_every_layer_is_named(opened: Open) -> None:
    async with opened() as here:
        await here.limits(ON_EVSE, 9, comment="roof full")
        await here.limits(ON_EVSE, 8, chargingProfileId=77, stackLevel=3)
        await here.limits(ON_EVSE, 5, relativeDelay=600)
        assert here.ids == {77}
        shown = (await here.asks("GET", STATION))["chargingStation"]["powerLimits"]
        named = ("chargingProfileId", "evseId", "limit", "stackLevel", "relativeDelay", "comment")
        assert [tuple(one[name] for name in named) for one in shown] == [
            (3006, 1, {"acMaxPowerKw": 9}, 0, None, "roof full"),
            (77, 1, {"acMaxPowerKw": 8}, 3, None, None),
            (3007, 1, {"acMaxPowerKw": 5}, 0, 600, None),
        ]
        assert all(one["createdBy"] and one["createdAt"] for one in shown)


@pytest.mark.parametrize("fit", [lambda _: None, only_level_0])
async def test_item_1_and_2_all_layers_at_once(opened: Open, fit: Fitting) -> None:
    async with opened(fit) as here:
        own = await here.site.charges()
        on_transaction = await here.of_transaction()
        await here.limits(ON_EVSE, 10)
        await here.limits(ON_STATION, 10.5)
        await here.limits(on_transaction, 9)
        profile = {
            "id": 9,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "stackLevel": 0,
            "chargingSchedule": [
                {
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8000}],
                }
            ],
        }
        told = await here.asks(
            "PUT", f"{STATION}/evses/1/chargingProfile", {"chargingProfile": profile}
        )
        assert told["response"] == "Accepted"
        assert here.power == 8000
        theirs = {"purpose": TX, "transactionId": own}
        assert await here.site.sets(7000, id=3, stackLevel=4, **theirs) == "Accepted"
        assert here.power == 7000
        await here.limits(on_transaction, 6.5, chargingProfileId=88, stackLevel=3)
        assert here.power == 6500
        await here.limits(ON_EVSE, 6)
        assert here.power == 6000
        await here.limits(ON_STATION, 5)
        assert here.power == 5000
        places = [(evse, purpose) for evse, _, purpose, _ in here.site.installed]
        assert len(places) == len(set(places)), "one profile at each"

        await here.asks("DELETE", ON_STATION)
        assert here.power == 6000
        await here.asks("DELETE", ON_EVSE)
        assert here.power == 6500
        await here.asks("DELETE", on_transaction)
        assert here.power == 7000
        await here.site.clears(**({"id": 3} if here.site.old else {"chargingProfileId": 3}))
        assert here.power == 8000
        assert (await here.asks("DELETE", f"{STATION}/evses/1/chargingProfile"))[
            "response"
        ] == "Accepted"
        assert here.power == FULL_W
        assert here.site.installed == []


async def test_item_2_another_id_leaves_no_gap(opened: Open) -> None:
    async with opened() as here:
        await here.site.charges()
        await here.limits(ON_EVSE, 6)
        seen = here.watch()
        await here.limits(ON_EVSE, 7, chargingProfileId=77, stackLevel=1)
        assert here.power == 7000
        await here.limits(ON_EVSE, 5, chargingProfileId=78, stackLevel=2)
        assert here.power == 5000
        assert seen
        assert max(seen) <= 7000


async def test_item_2_a_fallback_comes_and_goes_without_a_gap(opened: Open) -> None:
    async with opened(without_offline_duration) as here:
        await here.site.charges()
        await here.limits(ON_EVSE, 6)
        seen = here.watch()
        await here.limits(ON_EVSE, 9, condition=NO_CLOUD)
        levels = {id: level for _, id, _, level in here.site.installed}
        assert levels == {3006: 1, 3008: 0}
        await here.limits(ON_EVSE, 5, chargingProfileId=3008)
        assert here.ids == {3008}
        assert here.power == 5000
        assert max(seen) <= 6000


# ---- units (item 6) ----


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_item_6_phases_that_are_said_later_reach_the_limits_that_are_there(
    opened: Open,
) -> None:
    async with opened(supply=Supply(phases=1)) as here:
        await here.site.charges()
        await here.limits(ON_EVSE, 3.7)
        charger = f"{here.site.api.of_organization}/chargers/{NAME}"
        await here.asks("PATCH", charger, {"supply_phases": 1})
        await until(
            lambda: (
                "numberPhases" in here.fields[3006]["chargingSchedule"]["chargingSchedulePeriod"][0]
            )
        )
        assert here.power == 3700


@pytest.mark.parametrize("phases", [1, 2, 3])
@pytest.mark.parametrize("fit", [lambda _: None, only_amperes])
async def test_item_6_watts_and_amperes_on_few_phases(
    opened: Open, fit: Fitting, phases: int
) -> None:
    async with opened(fit, supply=Supply(phases=phases), max_power_w=7360) as here:
        charger = f"{here.site.api.of_organization}/chargers/{NAME}"
        if here.site.old:
            await here.asks("PATCH", charger, {"supply_phases": phases})
        await here.site.charges()
        await here.limits(ON_EVSE, 4.6)
        assert 4600 - 0.1 * 230 * phases <= here.power <= 4600
        told = await here.asks("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 6}})
        assert "statusInfo" not in told
        assert here.power == pytest.approx(6 * 230 * phases)
        told = await here.asks("PUT", ON_EVSE, {"limit": {"acMaxPowerA": 0}})
        assert told["statusInfo"]["reasonCode"] == "BelowMinimum"
        assert here.power == 0


@pytest.mark.parametrize("version", ["2.0.1", "2.1"], indirect=True)
async def test_item_6_direct_current_has_no_phases(opened: Open) -> None:
    async with opened(supply=Supply(phases=0), max_power_w=50_000.0) as here:
        await here.site.charges()
        told = await here.asks("PUT", ON_EVSE, {"limit": {"dcMaxPowerKw": 20}})
        assert told == {"response": "Accepted"}
        assert here.power == 20_000
        await here.asks("PUT", ON_STATION, {"limit": {"dcMaxPowerKw": 0}})
        assert here.power == 0


# ---- options (items 7 to 11) ----


async def test_item_7_a_limit_that_is_sent_again_does_not_begin_again(opened: Open) -> None:
    async with opened() as here:
        await here.limits(ON_EVSE, 5, relativeDelay=600)
        await here.site.charges()
        await here.settles(500)
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 5, relativeDelay=600)
        assert here.power == 9000
        await here.settles(101)
        assert here.power == 5000


@pytest.mark.parametrize("version", ["2.0.1", "2.1"], indirect=True)
async def test_item_9_who_is_authorized_elsewhere_lifts_nothing_here(opened: Open) -> None:
    def starts_with_the_cable(charger: Charger) -> None:
        charger.settings["TxCtrlr.TxStartPoint"] = fixed("EVConnected", "text")

    async with opened(starts_with_the_cable) as here:
        await here.limits(ON_EVSE, 4.2, condition=NOT_AUTHORIZED)
        here.charger.plug_in(1)
        await until(lambda: here.ids == {4150})
        await here.charger.start(2, TOKEN)
        await until(lambda: here.ids == {4150})
        await here.settles()
        assert here.ids == {4150}
        await here.charger.start(1, TOKEN)
        await until(lambda: here.ids == set())


async def test_item_10_one_id_for_two_places_at_once(opened: Open) -> None:
    async with opened() as here:
        body = {"limit": {"acMaxPowerKw": 5}, "chargingProfileId": 77}
        answers = await asyncio.gather(
            *(here.site.api("PUT", path, body) for path in (ON_EVSE, ON_SECOND, ON_STATION))
        )
        accepted = [body for status, body in answers if status == 200]
        assert len(accepted) == len(here.site.installed) == 1
        assert {status for status, _ in answers} == {200, 422}


async def test_item_11_twenty_at_once_and_one_that_lifts(opened: Open) -> None:
    async with opened() as here:
        await here.site.charges()
        on_transaction = await here.of_transaction()
        paths = (ON_EVSE, ON_STATION, on_transaction, ON_EVSE)
        puts = [here.limits(path, 5 + n % 4) for n, path in enumerate(paths * 5)]
        await asyncio.gather(*puts[:10], here.asks("DELETE", ON_EVSE), *puts[10:])
        wishes = await here.profiles.wishes(0)
        limits = [
            one.profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
            for one in wishes
        ]
        assert here.power == min(limits)
        for path in paths[:3]:
            await here.asks("DELETE", path)
        assert here.power == FULL_W
        assert here.site.installed == []


# ---- the rest of item 8 ----


@pytest.mark.parametrize("fit", [without_offline_duration, on_one_level, with_two_periods])
async def test_item_8_a_fallback_comes_and_goes_in_mid_transaction(
    opened: Open, fit: Fitting
) -> None:
    # K06.FR.01, K02.FR.08: a target's TxProfile must not keep the fallback from acting.
    async with opened(fit) as here:
        own = await here.site.charges()
        assert await here.site.sets(9000, purpose=TX, transactionId=own) == "Accepted"
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        assert here.power == 9000

        async with here.charger.offline():
            here.clock.pass_time(1700)
            assert here.power == 9000
            here.clock.pass_time(200)
            assert here.power == 4200
        await here.charger.wait_connected()
        await until(lambda: here.power == 9000)

        await here.asks("DELETE", ON_EVSE)
        async with here.charger.offline():
            here.clock.pass_time(LONG)
            assert here.power == 9000


@pytest.mark.parametrize("fit", [without_offline_duration, on_one_level])
async def test_item_8_a_starts_profile_ends_without_a_connection(
    opened: Open, fit: Fitting
) -> None:
    async with opened(fit) as here:
        await here.limits(ON_EVSE, 4.2, condition=NO_CLOUD)
        here.charger.plug_in(1)
        schedule = {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8000}],
        }
        profile = {
            "id": 9,
            "stackLevel": 0,
            "chargingProfilePurpose": TX,
            "chargingProfileKind": "Relative",
            "chargingSchedule": [schedule],
        }
        body = {"idToken": TOKEN, "idTokenType": "RFID", "chargingProfile": profile}
        told = await here.asks("POST", f"{STATION}/evses/1/transactions", body)
        assert told["transactionStartResponse"]["status"] == "Accepted"
        await until(lambda: here.power == 8000)
        await here.settles()
        assert here.power == 8000
        async with here.charger.offline():
            here.clock.pass_time(LONG)
            assert here.power == 4200


async def test_item_8_the_targets_limit_bounds_the_fallback(opened: Open) -> None:
    async with opened(without_offline_duration) as here:
        await here.site.charges()
        assert await here.site.sets(6000) == "Accepted"
        await here.limits(ON_EVSE, 8, condition=NO_CLOUD)
        async with here.charger.offline():
            here.clock.pass_time(LONG)
            assert here.power == 6000


# ---- the rest of items 9 and 11 ----


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_item_9_it_goes_when_the_vehicle_does(opened: Open) -> None:
    async with opened() as here:
        await here.limits(ON_EVSE, 9)
        await here.limits(ON_EVSE, 4.2, condition=NOT_AUTHORIZED)
        assert here.ids == {3006}
        here.charger.plug_in(1)
        await until(lambda: here.ids == {3006, 3010})
        assert "validTo" in here.fields[3010]
        here.charger.unplug(1)
        await until(lambda: here.ids == {3006})
        here.charger.plug_in(1)
        await until(lambda: here.ids == {3006, 3010})
        await here.charger.authorize(TOKEN, "ISO14443")
        await until(lambda: here.ids == {3006})


async def test_item_11_what_is_lifted_without_the_charger_stays(opened: Open) -> None:
    async with opened() as here:
        await here.site.charges()
        await here.limits(ON_EVSE, 6)
        async with here.charger.offline():
            for method, body in (("DELETE", None), ("PUT", {"limit": {"acMaxPowerKw": 9}})):
                status, told = await here.site.api(method, ON_EVSE, body)
                assert (status, told["error"]) == (409, "charger_offline")
        await here.charger.wait_connected()
        await here.settles()
        assert here.power == 6000
        assert here.ids == {3006}


async def test_item_11_of_one_scope_alone(opened: Open) -> None:
    async with opened() as here:
        await here.site.charges()
        on_transaction = await here.of_transaction()
        await here.limits(ON_EVSE, 9, chargingProfileId=77)
        await here.limits(ON_EVSE, 8, relativeDelay=0)
        await here.limits(on_transaction, 7, chargingProfileId=78, stackLevel=4)
        await here.limits(on_transaction, 8, condition=NO_CLOUD)
        assert await here.asks("DELETE", on_transaction) == {"response": "Accepted"}
        assert here.power == 8000
        assert {purpose for _, _, purpose, _ in here.site.installed} == {"TxDefaultProfile"}
        assert await here.asks("DELETE", on_transaction) == {"response": "Unknown"}
        assert await here.asks("DELETE", ON_EVSE) == {"response": "Accepted"}
        assert here.power == FULL_W


# ---- what is refused, at every step (item 16) ----


@pytest.mark.parametrize(
    ("fit", "answer"), [(without_offline_duration, "Rejected"), (on_one_level, "InternalError")]
)
@pytest.mark.parametrize("nth", range(1, 7))
async def test_item_16_half_of_a_change_is_set_right(
    opened: Open, fit: Fitting, answer: str, nth: int
) -> None:
    async with opened(fit) as here:
        await here.site.charges()
        on_transaction = await here.of_transaction()
        here.looks.append(refusing(nth, answer))
        accepted: dict[tuple[str, Any], float] = {}
        for path, kw, options in (
            (ON_EVSE, 8, {}),
            (on_transaction, 7, {}),
            (ON_EVSE, 6, {"condition": NO_CLOUD}),
            (ON_EVSE, 6.5, {}),
            (on_transaction, 9, {}),
        ):
            body = {"limit": {"acMaxPowerKw": kw}, **options}
            status, told = await here.site.api("PUT", path, body)
            if status == 200 and told["response"] == "Accepted" and not options:
                accepted[path, ()] = kw * 1000
            assert here.power == min(accepted.values(), default=FULL_W)
        here.looks.clear()
        await here.settles(700)
        assert here.power == min(accepted.values())
        for path in (on_transaction, ON_EVSE):
            await here.asks("DELETE", path)
        assert here.site.installed == []


def refusing(nth: int, answer: str) -> Refuse:
    """Refuse the nth change of a profile."""
    changes = []

    def look(call: Call | Send) -> Reply | None:
        if call.action not in {"SetChargingProfile", "ClearChargingProfile"}:
            return None
        changes.append(call)
        if len(changes) != nth:
            return None
        if answer == "Rejected" and call.action == "SetChargingProfile":
            return frames.call_result(call.id, orjson.dumps({"status": answer}))
        return frames.call_error(call.id, "InternalError", "Not now.")

    return look


async def test_item_16_a_server_killed_in_mid_change_sets_it_right(
    tmp_path: Path, version: str
) -> None:
    key, api_key = await enrol(tmp_path)
    looks: list[Refuse] = []
    habits = Watched(restart_s=0.01, looks=looks)
    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path, key, api_key) as server:
            base = server.url.rpartition("@")[2].rpartition("/")[0]
            charger = Charger(
                f"ws://{base}", NAME, PASSWORD, version, back_off=(0.01, 0.05), habits=habits
            )
            await stack.enter_async_context(charger.running())
            await charger.wait_connected()
            await charger.start(1, TOKEN)
            limit = {"limit": {"acMaxPowerKw": 6}}
            async with server.session.put(f"{server.http}{ON_EVSE}", json=limit) as told:
                assert await told.json() == {"response": "Accepted"}
            obeyed = asyncio.Event()
            looks.append(obeying_in_silence(charger, obeyed))
            limit = {"limit": {"acMaxPowerKw": 9}}
            asking = asyncio.create_task(
                server.session.put(f"{server.http}{ON_EVSE}", json=limit).__aenter__()
            )
            await obeyed.wait()
            assert charger.power_w(1) == 9000
            server.process.send_signal(signal.SIGKILL)
            with contextlib.suppress(aiohttp.ClientError):
                await asking
        looks.clear()
        async with serving(tmp_path, key, api_key) as server:
            base = server.url.rpartition("@")[2]
            charger.url = f"ws://{base}"
            await charger.until(lambda one: one.power_w(1) == 6000, timeout=20)


def obeying_in_silence(charger: Charger, obeyed: asyncio.Event) -> Refuse:
    """Do what a SetChargingProfile asks for, and never say so."""

    def look(call: Call | Send) -> Reply | None:
        if call.action != "SetChargingProfile":
            return None
        asked = orjson.loads(call.payload)
        profile = asked.get("csChargingProfiles") or asked["chargingProfile"]
        assert install_profile(charger, 1, profile) is None
        obeyed.set()
        return CallResult(call.id, b"", None, b"")

    return look


# ---- ids (item 10) ----


async def test_item_10_the_highest_evse_has_ids_of_its_own(opened: Open) -> None:
    async with opened(evses=190) as here:
        path = f"{STATION}/evses/{{}}/powerLimit"
        await until(lambda: len(here.site.target.calls("StatusNotification", NAME)) >= 190)
        await here.limits(path.format(189), 6, condition=NOT_AUTHORIZED, relativeDelay=5)
        await here.limits(path.format(189), 6)
        await here.charger.start(189, TOKEN)
        await here.limits(await here.of_transaction(), 5, relativeDelay=5)
        assert here.ids == {4134, 4140 + 6 * 189 + 1}
        status, told = await here.site.api("PUT", path.format(190), {"limit": {"acMaxPowerKw": 6}})
        assert status == 404, told
        for id in (3000, 4133, 4140, 5281, 1_000_010):
            body = {"limit": {"acMaxPowerKw": 6}, "chargingProfileId": id}
            status, told = await here.site.api("PUT", path.format(189), body)
            assert (status, set(told["fields"])) == (422, {"chargingProfileId"})


# ---- what a target may not, and what it does meanwhile (items 1, 4, 5 and 13) ----


@pytest.mark.parametrize("version", ["2.1"], indirect=True)
async def test_item_5_a_target_overrules_and_adds_to_nothing(opened: Open) -> None:
    async with opened() as here:
        own = await here.site.charges()
        await here.limits(ON_EVSE, 6)
        assert await here.site.sets(9000, purpose="PriorityCharging") == "Rejected"
        assert await here.site.sets(9000, evse=0, purpose="LocalGeneration") == "Rejected"
        assert await here.site.sets(9000, chargingProfileKind="Dynamic") == "Rejected"
        for action, fields in (
            ("UsePriorityCharging", {"transactionId": own, "activate": True}),
            (
                "UpdateDynamicSchedule",
                {"chargingProfileId": 3006, "scheduleUpdate": {"limit": 9000}},
            ),
        ):
            assert (await here.site.orders(action, fields))["status"] == "Rejected"
            assert here.charger.seen("asked", action) == []
        assert here.power == 6000


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_item_4_a_transactions_profile_is_cleared_after_its_end(opened: Open) -> None:
    async with opened() as here:
        await here.site.charges()
        on_transaction = await here.of_transaction()
        await here.limits(on_transaction, 6)
        cleared: list[int] = []

        def look(call: Call | Send) -> Reply | None:
            if call.action == "ClearChargingProfile":
                cleared.append(orjson.loads(call.payload)["id"])
            return None

        here.looks.append(look)
        await here.charger.stop(1)
        await until(lambda: cleared == [4146])


async def test_item_13_a_starts_profile_keeps_to_all_limits(opened: Open) -> None:
    async with opened() as here:
        await here.limits(ON_EVSE, 7)
        here.charger.plug_in(1)
        schedule = {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9000}],
        }
        profile = {
            "id": 9,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": [schedule],
        }
        body = {"idToken": TOKEN, "idTokenType": "RFID", "chargingProfile": profile}
        told = await here.asks("POST", f"{STATION}/evses/1/transactions", body)
        assert told["transactionStartResponse"]["status"] == "Accepted"
        assert told["transactionStartResponse"]["statusInfo"]["reasonCode"] == "PurposeChanged"
        await until(lambda: here.power == 7000)
        await here.asks("DELETE", ON_EVSE)
        await until(lambda: here.power == 9000)
        await here.limits(ON_STATION, 8)
        assert here.power == 8000


async def test_item_1_a_target_and_many_users_at_once(opened: Open) -> None:
    async with opened() as here:
        own = await here.site.charges()
        on_transaction = await here.of_transaction()
        paths = (ON_EVSE, ON_STATION, on_transaction)
        theirs = [
            here.site.sets(5500 + 500 * n, id=n % 3 + 1, stackLevel=n % 3, **options)
            for n in range(6)
            for options in ({}, {"purpose": TX, "transactionId": own})
        ]
        ours = [here.limits(paths[n % 3], 6 + n % 4) for n in range(18)]
        lifted = [here.asks("DELETE", ON_EVSE), here.asks("DELETE", on_transaction)]
        await asyncio.gather(*theirs[:6], *ours[:9], *lifted, *theirs[6:], *ours[9:])
        steady = here.site.installed
        await here.settles(700)
        assert here.site.installed == steady
        for path in paths:
            await here.asks("DELETE", path)
        everything: dict[str, Any] = {} if here.site.old else {"chargingProfileCriteria": {}}
        await here.site.orders("ClearChargingProfile", everything)
        assert here.site.installed == []
