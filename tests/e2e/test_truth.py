"""What a charger really does with a limit: obeys it, ignores it, forgets it, mixes it up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.charger import Habits
from simulators.charging import impose, lift
from tests.doubles import until
from tests.e2e.conftest import Api
from tests.e2e.power import (
    FULL_W,
    ON_EVSE,
    ON_STATION,
    STATION,
    Play,
    Site,
    only_level_0,
    stand,
)
from tests.simulators.stage import TOKEN

ON_SECOND = f"{STATION}/evses/2/powerLimit"


@pytest.fixture(params=["1.6", "2.0.1", "2.1"])
def version(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def play(api: Api, version: str) -> Play:
    return stand(api, version)


async def get(site: Site, path: str) -> Any:
    status, body = await site.api("GET", path)
    assert status == 200, body
    return body


async def evse(site: Site, evse_id: int = 1) -> Any:
    station = (await get(site, STATION))["chargingStation"]
    return next(one for one in station["evses"] if one["evseId"] == evse_id)


def a_minute_ahead() -> datetime:
    """Tell a time at which what was asked just now is no news any more."""
    return datetime.now(UTC) + timedelta(seconds=61)


async def measures(site: Site) -> None:
    action = "MeterValues" if site.old else "TransactionEvent"
    before = len(site.target.calls(action))
    site.charger.read_meters()
    await until(lambda: len(site.target.calls(action)) > before)


async def test_a_charger_that_obeys(play: Play) -> None:
    async with play(now=a_minute_ahead) as site:
        await site.charges()
        await site.limits(ON_EVSE, acMaxPowerKw=5)
        await site.limits(ON_STATION, acMaxPowerKw=9)
        await measures(site)
        shown = await evse(site)
        assert (shown["effectiveLimit"]["kw"], shown["effectiveLimit"]["source"]) == (5, "platform")
        assert shown["obeys"] is True

        schedule = await get(site, f"{STATION}/compositeSchedule?evseId=1")
        assert (schedule["status"], schedule["differs"]) == ("Accepted", False)
        assert schedule["computed"]["chargingSchedulePeriod"][0]["limit"] == 5000
        station = await get(site, f"{STATION}/compositeSchedule?unit=W")
        assert station["computed"]["chargingSchedulePeriod"][0]["limit"] == 9000


async def test_a_charger_that_takes_limits_and_ignores_them(play: Play) -> None:
    habits = Habits(restart_s=0.01, disobedient=True)
    async with play(habits=habits, now=a_minute_ahead) as site:
        await site.charges()
        assert await site.limits(ON_EVSE, acMaxPowerKw=5) == {"response": "Accepted"}
        await measures(site)

        assert site.power == FULL_W
        assert (await evse(site))["obeys"] is False


async def test_what_a_target_wants_is_named_as_its_own(play: Play) -> None:
    async with play() as site:
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        assert await site.sets(5000) == "Accepted"
        assert (await evse(site))["effectiveLimit"]["source"] == "target"
        assert await site.sets(9000) == "Accepted"
        assert (await evse(site))["effectiveLimit"]["source"] == "platform"


async def test_what_a_restart_loses_is_put_back(play: Play) -> None:
    # smart-charging item 16
    async with play(habits=Habits(restart_s=0.01, forgets_profiles=True)) as site:
        await site.limits(ON_EVSE, acMaxPowerKw=5)
        await site.limits(ON_STATION, acMaxPowerKw=9)
        before = site.installed
        boots = len(site.target.calls("BootNotification"))
        await site.api("POST", f"{STATION}/reset", {"type": "Immediate"})
        await until(lambda: site.installed != before)
        await until(lambda: len(site.target.calls("BootNotification")) > boots)
        await until(lambda: sorted(site.installed) == sorted(before))


@pytest.mark.parametrize("version", ["2.0.1", "2.1"], indirect=True)
async def test_what_others_limit_is_shown_and_stays_theirs(play: Play) -> None:
    # smart-charging item 16
    async with play(habits=Habits(restart_s=0.01)) as site:
        await site.limits(ON_STATION, acMaxPowerKw=9)
        await impose(site.charger, 10)
        station = (await get(site, STATION))["chargingStation"]
        assert (station["effectiveLimit"]["value"], station["effectiveLimit"]["unit"]) == (10, "A")
        assert station["effectiveLimit"]["source"] == "EMS"
        assert [one["source"] for one in station["reportedLimits"]] == ["EMS"]
        schedule = await get(site, f"{STATION}/compositeSchedule?evseId=1&unit=A")
        assert schedule["computed"]["chargingSchedulePeriod"][0]["limit"] == 10
        assert schedule["differs"] is False

        before, boots = site.installed, len(site.target.calls("BootNotification"))
        await site.api("POST", f"{STATION}/reset", {"type": "Immediate"})
        await until(lambda: len(site.target.calls("BootNotification")) > boots)
        await until(lambda: site.charger.connected)
        assert site.installed == before
        await lift(site.charger)
        station = (await get(site, STATION))["chargingStation"]
        assert station["effectiveLimit"]["source"] == "platform"
        assert station["reportedLimits"] == []


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_a_charger_that_mixes_up_its_connectors(play: Play) -> None:
    # smart-charging item 4
    async with play(habits=Habits(restart_s=0.01, forgets_connectors=True)) as site:
        await site.limits(ON_EVSE, acMaxPowerKw=5)
        told = await site.limits(ON_SECOND, acMaxPowerKw=6)
        assert told["statusInfo"]["reasonCode"] == "PutBack"
        await site.charges()
        await site.charger.start(2, TOKEN)

        assert (site.power, site.charger.power_w(2)) == (5000, 6000)


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_a_charger_that_can_keep_one_of_them_only_is_told_of(play: Play) -> None:
    # smart-charging item 4
    async with play(only_level_0, habits=Habits(restart_s=0.01, forgets_connectors=True)) as site:
        await site.limits(ON_EVSE, acMaxPowerKw=5)
        told = await site.limits(ON_SECOND, acMaxPowerKw=6)

        assert told["statusInfo"]["reasonCode"] == "NotConfirmed"


@pytest.mark.parametrize("version", ["1.6"], indirect=True)
async def test_a_charger_that_does_not_is_not_accused_of_it(play: Play) -> None:
    async with play() as site:
        assert await site.limits(ON_EVSE, acMaxPowerKw=5) == {"response": "Accepted"}
        assert await site.limits(ON_SECOND, acMaxPowerKw=6) == {"response": "Accepted"}
        await site.charges()
        assert await site.limits(ON_SECOND, acMaxPowerA=7) == {"response": "Accepted"}
