"""Power limits survive whatever a target sets: the power in the simulated charger tells."""

from __future__ import annotations

import pytest

from simulators.charger import Charger, Habits, NotAuthorized
from simulators.settings import fixed
from simulators.watched import Fields
from tests.doubles import until
from tests.e2e.conftest import Api
from tests.e2e.power import (
    FULL_W,
    ON_EVSE,
    ON_STATION,
    STATION,
    Fitting,
    Play,
    Site,
    only_amperes,
    only_level_0,
    stand,
)
from tests.simulators.stage import TOKEN, limit, limit16

pytestmark = pytest.mark.one_of_each("whole simulations")


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def play(api: Api, version: str) -> Play:
    return stand(api, version)


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


async def test_a_token_that_the_target_accepts_lifts_the_limit_before_it(
    play: Play, version: str
) -> None:
    """Item 9: what counts is the answer that the charger gets."""

    def starts_with_the_cable(charger: Charger) -> None:
        if version != "1.6":
            charger.settings["TxCtrlr.TxStartPoint"] = fixed("EVConnected", "text")

    async with play(starts_with_the_cable) as site:
        await site.limits(ON_EVSE, acMaxPowerKw=9)
        path = f"{ON_EVSE}?condition=whenSessionNotAuthorized"
        await site.limits(path, acMaxPowerKw=5)
        usual = site.installed
        site.charger.plug_in(1)
        await until(lambda: site.installed != usual)
        site.target.conduct.token_status = "Invalid"
        with pytest.raises(NotAuthorized):
            await site.charger.start(1, TOKEN)
        await until(lambda: site.installed != usual)
        site.target.conduct.token_status = "Accepted"
        await site.charger.start(1, TOKEN)
        await until(lambda: site.power == 9000)
        await until(lambda: site.installed == usual)


async def test_in_strict_mode_a_limit_holds_too(play: Play) -> None:
    async with play() as site:
        of_proxy = f"{site.api.of_organization}/proxy_configurations"
        [proxy] = (await site.api("GET", of_proxy))[1]["proxy_configurations"]
        await site.api("PATCH", f"{of_proxy}/{proxy['id']}", {"mode": "strict"})
        await site.charger.wait_connected()
        theirs = await site.charges()
        assert site.charger.transactions[-1].id == str(theirs), "the target's own number"
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        bound = {"purpose": "TxProfile", "transactionId": theirs}

        assert await site.sets(9000, **bound) == "Accepted"
        assert site.power == 6000
        assert await site.sets(4500, **bound) == "Accepted"
        assert site.power == 4500


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
