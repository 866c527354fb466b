"""Charging profiles of the operator beside limits and a target: the simulated power tells."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles import until
from tests.e2e.conftest import Api
from tests.e2e.power import FULL_W, ON_EVSE, STATION, Play, Site, stand

PROFILE, CLEAR = f"{STATION}/evses/1/chargingProfile", f"{STATION}/chargingProfile/clear"


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def play(api: Api, request: pytest.FixtureRequest) -> Play:
    return stand(api, request.param)


async def puts(site: Site, watts: float, purpose: str = "TxDefaultProfile", **more: Any) -> Any:
    schedule = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
    profile = {
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }
    status, body = await site.api("PUT", PROFILE, {"chargingProfile": profile})
    assert status == 200, body
    return body


async def clears(site: Site, **named: Any) -> str:
    status, body = await site.api("POST", CLEAR, named)
    assert status == 200, body
    return str(body["response"])


async def test_a_profile_is_obeyed_and_taken_back(play: Play) -> None:
    async with play() as site:
        await site.charges()
        assert (await puts(site, 6000, id=7))["response"] == "Accepted"
        assert site.power == 6000
        assert (await puts(site, 5000, "ChargingStationExternalConstraints", id=7))["statusInfo"][
            "reasonCode"
        ] == "PurposeChanged"
        assert site.power == 5000
        assert len(site.installed) == 1

        assert await clears(site, chargingProfileId=7) == "Accepted"
        assert site.power == FULL_W
        assert site.installed == []
        assert await clears(site, chargingProfileId=7) == "Unknown"


async def test_of_a_profile_a_limit_and_a_target_the_lowest_goes(play: Play) -> None:
    async with play() as site:
        await site.charges()
        assert await site.sets(8000) == "Accepted"
        await puts(site, 7000, id=7)
        assert site.power == 7000
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        assert site.power == 6000
        await puts(site, 5000, id=7)
        assert site.power == 5000

        everything = {"chargingProfilePurpose": "TxDefaultProfile"}
        assert await clears(site, chargingProfileCriteria=everything) == "Accepted"
        assert site.power == 6000  # the limit is none of them
        await site.lifts(ON_EVSE)
        assert site.power == 8000  # nor is what the target wants


async def test_a_profile_of_a_transaction_ends_with_it(play: Play) -> None:
    async with play() as site:
        await site.charges()
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        await puts(site, 9000, "TxProfile", id=7)
        assert site.power == 6000  # a TxProfile overrules: it is no higher than the limit
        await puts(site, 5000, "TxProfile", id=7)
        assert site.power == 5000

        await site.charger.stop(1)
        await until(
            lambda: [purpose for _, _, purpose, _ in site.installed] == ["TxDefaultProfile"]
        )
        await site.charges()
        assert site.power == 6000


async def test_a_profile_is_put_back_after_a_boot(play: Play) -> None:
    async with play() as site:
        await puts(site, 5000, id=7)
        site.charger.hardware.profiles.remove(lambda _: True)
        status, _ = await site.api("POST", f"{STATION}/reset", {"type": "Immediate"})
        assert status == 200
        await until(lambda: len(site.installed) == 1)
        await site.charges()
        assert site.power == 5000
