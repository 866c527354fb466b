from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from csms.errors import AnswerTimeout
from simulators.boot import Boot
from simulators.charger import Charger
from simulators.target import Target
from simulators.watched import Fields
from tests.doubles import PATIENCE
from tests.simulators.stage import BRISK, NAME, TOKEN, playing


class Desk:
    """Answer boots from a list; an exception is raised."""

    def __init__(self, *answers: Fields | Exception) -> None:
        self.answers = list(answers)
        self.reasons: list[str] = []
        self.asked = asyncio.Event()

    async def __call__(self, reason: str) -> Fields:
        self.reasons.append(reason)
        self.asked.set()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_boot_is_repeated_until_it_is_accepted() -> None:
    boot = Boot(retry_s=1.0)
    desk = Desk(
        {"status": "Pending", "interval": 5},
        {"status": "Rejected", "interval": 0},
        AnswerTimeout(),
        {"status": "Accepted", "interval": 77},
    )

    interval = await boot.run(desk, time_factor=1e6)

    assert interval == 77
    assert desk.reasons == ["PowerUp"] * 4
    assert (boot.status, boot.due, boot.accepted) == ("Accepted", None, 1)


async def test_one_that_is_wanted_while_another_is_answered_is_said_too() -> None:
    boot, reasons = Boot(retry_s=1.0), list[str]()

    async def say(reason: str) -> Fields:
        reasons.append(reason)
        if len(reasons) == 1:
            boot.hurry("Triggered")
        return {"status": "Accepted", "interval": 5}

    await boot.run(say, time_factor=1.0)

    assert reasons == ["PowerUp", "Triggered"]
    assert (boot.due, boot.accepted) == (None, 2)


async def test_who_restarts_while_a_boot_is_answered_boots_again_on_the_next_link() -> None:
    boot = Boot(retry_s=1.0)

    async def say(_: str) -> Fields:
        boot.owe("RemoteReset")
        return {"status": "Accepted", "interval": 5}

    await boot.run(say, time_factor=1.0)

    assert boot.due == "RemoteReset"


async def test_a_boot_that_waits_can_be_hurried() -> None:
    boot = Boot(retry_s=1.0)
    desk = Desk({"status": "Pending", "interval": 3600}, {"status": "Accepted", "interval": 1})
    running = asyncio.create_task(boot.run(desk, time_factor=1.0))
    await desk.asked.wait()
    await asyncio.sleep(0)  # it has its answer, and waits

    boot.hurry("Triggered")

    async with asyncio.timeout(PATIENCE):
        await running
    assert desk.reasons == ["PowerUp", "Triggered"]


@pytest.mark.parametrize("verdict", ["Pending", "Rejected"])
async def test_nothing_else_is_said_before_the_boot_is_accepted(
    target: Target, version: str, verdict: str
) -> None:
    target.conduct.boot, target.conduct.interval = verdict, 1
    playing_later = playing(target, version, time_factor=100.0)
    entering = asyncio.create_task(playing_later.__aenter__())
    await target.until(lambda t: len(t.calls()) >= 2)
    before = {one.action for one in target.received}
    target.conduct.boot = "Accepted"
    await entering
    await target.until(lambda t: t.calls("StatusNotification", NAME))
    await playing_later.__aexit__(None, None, None)

    assert before == {"BootNotification"}


@contextlib.asynccontextmanager
async def waiting(target: Target, version: str) -> AsyncIterator[Charger]:
    """Play a charger that is to wait for an hour after its boot."""
    target.conduct.boot, target.conduct.interval = "Pending", 3600
    charger = Charger(target.url, NAME, version=version, habits=BRISK)
    async with charger.running():
        await charger.until(lambda c: c.boot.status == "Pending")
        yield charger


async def test_a_pending_charger_answers_and_starts_nothing(target: Target, version: str) -> None:
    """1.6 §4.2, 2.0.1 B02.FR.02, B02.FR.05."""
    asked, action, start = ASKED[version]
    async with waiting(target, version) as charger:
        answer = await target.command(NAME, asked, {})
        refused = await target.command(NAME, action, start)
        charger.begin(1, TOKEN, "Central")
        charger.read_meters()
        await target.command(NAME, asked, {})

        assert charger.linked
        assert not charger.connected
        assert charger.waiting == 2
    assert answer
    assert refused == {"status": "Rejected"}
    assert {one.action for one in target.received} == {"BootNotification"}


ASKED: dict[str, tuple[str, str, Fields]] = {
    "1.6": ("GetConfiguration", "RemoteStartTransaction", {"idTag": TOKEN}),
    "2.0.1": (
        "GetLocalListVersion",
        "RequestStartTransaction",
        {"idToken": {"idToken": TOKEN, "type": "ISO14443"}, "remoteStartId": 1},
    ),
}
ASKED["2.1"] = ASKED["2.0.1"]


async def test_a_pending_charger_boots_again_when_it_is_told_to_and_then_tells_all(
    target: Target, version: str
) -> None:
    async with waiting(target, version) as charger:
        charger.begin(1, TOKEN, "Central")
        target.conduct.boot = "Accepted"
        trigger = {"requestedMessage": "BootNotification"}
        await target.command(NAME, "TriggerMessage", trigger)
        await charger.until(lambda c: c.connected and not c.waiting)

    assert len(target.calls("BootNotification")) == 2
    assert len(target.connections) == 1


async def test_a_pending_charger_sends_a_state_that_it_is_asked_for(
    target: Target, version: str
) -> None:
    async with waiting(target, version):
        trigger = {"requestedMessage": "StatusNotification"}
        await target.command(NAME, "TriggerMessage", trigger)
        await target.until(lambda t: t.calls("StatusNotification"))


async def test_a_charger_that_lost_its_link_while_pending_boots_on_the_next(
    target: Target, version: str
) -> None:
    async with waiting(target, version) as charger:
        charger.back_off.first = 0.01
        target.conduct.boot = "Accepted"
        await charger.drop()
        await charger.wait_connected()

    assert len(target.calls("BootNotification")) == 2
