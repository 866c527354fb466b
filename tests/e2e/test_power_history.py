"""A limit is set, the power falls, and both are there to be drawn over one another; then lifted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from storage.records import ChargerKey
from tests.doubles import PATIENCE
from tests.e2e.conftest import Api
from tests.e2e.power import FULL_W, NAME, ON_EVSE, ON_STATION, STATION, Site, stand

pytestmark = pytest.mark.one_of_each("whole simulations")


async def shown(site: Site) -> Any:
    status, body = await site.api("GET", f"{site.api.of_organization}/chargers/{NAME}/power")
    assert status == 200, body
    return body


async def measures(site: Site) -> tuple[datetime, float]:
    """Let the charger tell its meter, and return what is shown of it last."""
    before = len(points(await shown(site)))
    site.charger.read_meters()
    got = await becomes(site, lambda body: len(points(body)) > before)
    newest = points(got)[-1]
    return datetime.fromisoformat(newest["timestamp"]), newest["watts"]


async def becomes(site: Site, wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not wanted(body := await shown(site)):  # noqa: ASYNC110 - what is waited for sets no event here
            await asyncio.sleep(0.02)
    return body


async def noted(site: Site, watts: float) -> None:
    """Wait until it is on disk that EVSE 1 is limited so; what ends at once is not."""
    records = site.api.server.storage.limit_records
    key = ChargerKey(site.api.organization_uuid, NAME)
    async with asyncio.timeout(PATIENCE):
        while True:
            held = {one.evse_id: one.steps[-1].watts for one in await records.at(key)}
            if held.get(1) == watts:
                return
            await asyncio.sleep(0.02)


def points(body: Any) -> Any:
    return [point for one in body["evses"] for point in one["points"]]


def steps(body: Any, evse_id: int) -> list[tuple[float | None, str | None]]:
    found = [one["steps"] for one in body["limits"] if one["evse_id"] == evse_id]
    return [(step["watts"], step["source"]) for of_it in found for step in of_it]


def watts_of(body: Any, evse_id: int) -> list[float | None]:
    return [watts for watts, _ in steps(body, evse_id)]


def begins(body: Any, evse_id: int) -> list[datetime]:
    (of_it,) = (one["steps"] for one in body["limits"] if one["evse_id"] == evse_id)
    return [datetime.fromisoformat(step["begin"]) for step in of_it]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_power_falls_under_the_limit_that_is_drawn_over_it(api: Api, version: str) -> None:
    async with stand(api, version)() as site:
        await site.charges()
        _, full = await measures(site)
        assert full == FULL_W

        asked = await now(site)
        await site.limits(ON_EVSE, acMaxPowerKw=6)
        answered = await now(site)
        assert (await measures(site))[1] == 6000
        await noted(site, 6000)
        limited = await shown(site)
        assert steps(limited, 1) == [(None, None), (6000, "platform")]
        assert asked <= begins(limited, 1)[1] <= answered

        await site.limits(ON_STATION, acMaxPowerKw=5)
        await noted(site, 5000)
        lower = await shown(site)
        assert steps(lower, 0)[-1] == (5000, "platform")
        await site.lifts(ON_STATION)
        await noted(site, 6000)
        await site.lifts(ON_EVSE)
        assert (await measures(site))[1] == FULL_W
        free = await becomes(site, lambda body: len(steps(body, 1)) > 4)

        assert watts_of(free, 1) == [None, 6000, 5000, 6000, None]
        assert steps(free, 0) == [(None, None), (5000, "platform"), (None, None)]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_limit_of_a_transaction_ends_with_it(api: Api, version: str) -> None:
    async with stand(api, version)() as site:
        await site.charges()
        await measures(site)
        status, body = await site.api("GET", f"{STATION}/transactions")
        assert status == 200
        (running,) = body["transactions"]
        path = f"{STATION}/transactions/{running['transactionId']}/powerLimit"
        await site.limits(path, acMaxPowerKw=7)
        await noted(site, 7000)

        await site.charger.stop(1)
        over = await becomes(site, lambda body: watts_of(body, 1)[-1:] == [None])

    assert watts_of(over, 1) == [None, 7000, None]
    assert points(over)[-1]["watts"] == 0.0


async def now(site: Site) -> datetime:
    """Return what time it is by what the server shows."""
    return datetime.fromisoformat((await shown(site))["until"])
