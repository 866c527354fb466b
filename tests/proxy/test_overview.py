"""How many links are, at a glance: as each one's status tells it."""

from __future__ import annotations

import pytest

from proxy.overview import LinkStatus, reason_of
from proxy.seat import ABSENT
from proxy.states import State
from storage.records import ChargerKey
from tests.doubles import until
from tests.proxy.stage import Stage, Target, never


async def seen(stage: Stage, key: ChargerKey) -> LinkStatus:
    (status,) = await stage.relays.statuses([await stage.configuration(key)])
    return status


async def test_a_link_that_keeps_up_has_nothing_to_say(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        status, stored = await stage.reaches(key, "ready"), await stage.configuration(key)
        await charger.starts()
        await target.hears("StartTransaction")
        await until(lambda: stage.relays.outlook(stored).waiting == ())

        shown = await seen(stage, key)

    assert shown == LinkStatus(
        state=State.READY,
        since=status.since,
        reason=None,
        next_dial_at=None,
        queue_length=0,
        queue_is_longer=False,
        oldest_queued_at=None,
        dead_letters=0,
    )


async def test_what_is_on_its_way_waits(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    target.answers["MeterValues"] = never
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        for value in range(3):
            await charger.meters(700001, value)
        await target.hears("MeterValues")

        shown, status = await seen(stage, key), await stage.status(key)

    assert shown.queue_length == 3
    assert (shown.queue_length, shown.oldest_queued_at) == (
        status.queue_length,
        status.oldest_queued_at,
    )


async def test_a_target_that_is_away_is_told_of_with_what_waits_for_it(stage: Stage) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/gone")
    async with stage.charger(key) as charger:
        for value in range(3):
            await charger.meters(700001, value)
        status = await stage.reaches(key, "backoff")
        shown = await seen(stage, key)

        assert shown.reason == status.last_error
        assert (shown.queue_length, shown.oldest_queued_at) == (3, status.oldest_queued_at)
    # Deleted, disabled or not there: nobody dials.
    await stage.change(key, enabled=False)
    shown = await seen(stage, key)
    assert (shown.state, shown.since) == (State.DISABLED, None)
    assert shown.reason == "The proxy configuration is disabled."


async def test_a_charger_that_is_away_is_the_reason(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)

    assert (await seen(stage, key)).reason == ABSENT
    assert await stage.relays.statuses([]) == []


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_reason(state: State) -> None:
    reason = reason_of(state, None)

    assert (reason is None) is (state is State.READY)
    assert reason is None or reason.endswith(".")
    assert reason_of(State.BACKOFF, "It is down.") == "It is down."
    assert reason_of(State.REJECTED, "It was down.") != "It was down."
