from __future__ import annotations

import asyncio
import random

import pytest

from simulators.charger import Charger
from simulators.fleet import Driver, Fleet, see_off
from simulators.target import Target
from tests.simulators.stage import HURRY, TOKEN


def chargers(target: Target, count: int) -> list[Charger]:
    versions = ("1.6", "2.0.1")
    return [
        Charger(target.url, f"F-{n}", version=versions[n % 2], time_factor=HURRY)
        for n in range(count)
    ]


async def test_a_fleet_connects_and_adds_up(target: Target) -> None:
    fleet = Fleet(chargers(target, 6), at_once=2)
    async with fleet.running():
        await fleet.wait_connected()
        await fleet.chargers[0].start(1, TOKEN)
        await fleet.chargers[1].start(2, TOKEN)
        now = fleet.statistics()

    assert (now.chargers, now.connected, now.charging, now.transactions) == (6, 6, 2, 2)
    assert now.power_w == 22_000
    assert now.energy_wh > 0
    assert now.calls >= 6 + 4


async def test_a_fleet_leaves_no_transaction_behind(target: Target) -> None:
    fleet = Fleet(chargers(target, 2))
    async with fleet.running():
        await fleet.wait_connected()
        for charger in fleet.chargers:
            await charger.start(1, TOKEN)
        await fleet.stop_all()

    assert fleet.statistics().charging == 0
    assert len(target.calls("StopTransaction")) == 1
    assert target.calls("TransactionEvent")[-1].fields["eventType"] == "Ended"


async def test_a_charger_that_is_not_accepted_does_not_hold_up_the_others(target: Target) -> None:
    first, second = chargers(target, 2)
    target.conduct.boot = "Pending"
    fleet = Fleet([first, second], at_once=1, patience_s=0.05)
    async with fleet.running():
        await target.until(lambda t: len(t.connections) == 2)

        assert fleet.statistics().connected == 0


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_driver_comes_and_goes(target: Target, version: str) -> None:
    charger = Charger(target.url, "D", version=version, time_factor=HURRY)
    driver = Driver(TOKEN, charge_s=60, away_s=6)
    async with charger.running():
        driving = asyncio.create_task(driver.drive(charger, random.Random(1)))
        await charger.until(lambda c: len(c.transactions) >= 3)
        driving.cancel()

    first = charger.transactions[0]
    assert first.stop_reason == "Local"
    assert first.id_token == TOKEN


async def test_a_driver_who_is_refused_comes_again(target: Target) -> None:
    charger = Charger(target.url, "D", time_factor=HURRY)
    target.conduct.token_status = "Invalid"
    async with charger.running():
        driver = Driver(TOKEN, charge_s=60, away_s=6)
        driving = asyncio.create_task(driver.drive(charger, random.Random(1)))
        await target.until(lambda t: len(t.calls("Authorize")) >= 2)
        target.conduct.token_status = "Accepted"
        await charger.until(lambda c: c.transactions)
        driving.cancel()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_who_was_stopped_from_afar_leaves_after_a_while(target: Target, version: str) -> None:
    charger = Charger(target.url, "D", version=version, time_factor=HURRY)
    async with charger.running():
        await charger.wait_connected()
        leaving = asyncio.create_task(see_off(charger, 10))
        first = charger.begin(2, TOKEN, "Central", 1)
        charger.end(first, "Remote")
        second = charger.begin(1, TOKEN, "Central", 2)
        await charger.until(lambda c: c.hardware.state(2) == "Available")
        leaving.cancel()

    assert second.running


async def test_a_driver_does_not_take_away_who_came_after_him(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = Charger(target.url, "D", time_factor=HURRY)
    charging, charged, away = asyncio.Event(), asyncio.Event(), asyncio.Event()
    waits = iter([(asyncio.Event(), None), (charging, charged), (away, asyncio.Event())])

    async def pause(_seconds: float) -> None:
        begun, over = next(waits)
        begun.set()
        await (over.wait() if over else asyncio.sleep(0))

    monkeypatch.setattr(charger, "pause", pause)
    async with charger.running(), asyncio.timeout(10):
        driving = asyncio.create_task(Driver(TOKEN).drive(charger, random.Random(1)))
        await charging.wait()
        charger.end(charger.transactions[0], "Remote")
        charger.unplug(1)
        later = charger.begin(1, "ANOTHER", "Central")
        charged.set()
        await away.wait()
        driving.cancel()
        assert later.running
