from __future__ import annotations

import asyncio

import pytest

from csms.errors import AnswerTimeout
from simulators.boot import Boot
from simulators.target import Target
from simulators.watched import Fields
from tests.doubles import PATIENCE
from tests.simulators.stage import NAME, playing


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
