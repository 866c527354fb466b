from __future__ import annotations

from dataclasses import replace

import pytest

from simulators import charging
from simulators.charger import Habits
from simulators.restarts import restart
from simulators.target import Target
from tests.doubles import settled
from tests.simulators.stage import BRISK, NAME, TOKEN, limit, playing

AT_ONCE = {"1.6": "Hard", "2.0.1": "Immediate", "2.1": "Immediate"}


@pytest.mark.parametrize(
    ("habits", "left"),
    [(BRISK, [1, -1]), (replace(BRISK, forgets_profiles=True), [-1])],
    ids=["kept", "forgotten"],
)
async def test_profiles_outlive_a_restart_unless_they_are_forgotten(
    target: Target, version: str, habits: Habits, left: list[int]
) -> None:
    async with playing(target, version, habits=habits) as charger:
        charging.install_profile(charger, 1, limit(5000))
        await charging.impose(charger, 20)
        await target.command(NAME, "Reset", {"type": AT_ONCE[version]})
        await charger.until(lambda c: c.boot.accepted == 2)

        assert [profile.id for profile in charger.hardware.profiles] == left


async def test_a_restart_without_a_link_is_told_by_the_next_boot(
    target: Target, version: str
) -> None:
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        async with charger.offline():
            await settled()  # it waits to be wanted again
            await restart(charger, "SoftReset", "PowerUp")
            state = charger.hardware.state(1)
        await charger.until(lambda c: c.connected and not c.waiting)

    assert not own.running
    assert state == "Finishing"
    assert len(target.calls("BootNotification")) == 2


async def test_a_reset_on_idle_outlives_a_lost_link(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charger.start(1, TOKEN)
        await target.command(NAME, "Reset", {"type": "OnIdle"})
        await charger.drop()
        await charger.wait_connected()
        await charger.stop(1)
        boot = await target.until(lambda t: t.calls("BootNotification")[1:])

    assert boot[0].fields["reason"] == "ScheduledReset"


async def test_nothing_is_accepted_between_a_reset_and_its_boot(target: Target) -> None:
    async with playing(target, "2.0.1", habits=replace(BRISK, restart_s=3600)) as charger:
        await target.command(NAME, "Reset", {"type": "Immediate"})
        await charger.until(lambda c: not c.linked)

        assert not charger.connected
        assert charger.hardware.state(1) == "Unavailable"
