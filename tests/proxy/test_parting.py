"""One target is left for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from csms.frames import CallResult
from proxy.judge import Judge
from proxy.seat import ABSENT
from storage.records import ChargerKey
from tests.doubles import PATIENCE, until
from tests.proxy.stage import Stage, Target


@pytest.fixture
async def other() -> AsyncIterator[Target]:
    """A second target."""
    async with Target().up() as other:
        yield other


async def gone(stage: Stage, key: ChargerKey) -> None:
    """Wait until nobody serves a charger's target any more."""
    async with asyncio.timeout(PATIENCE):
        while (await stage.status(key)).last_error != ABSENT:  # noqa: ASYNC110 - untold
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("wish", "id"), [("keep", 700_001), ("drain", -1), ("discard", -1)])
async def test_only_the_same_system_reads_the_ids_that_the_old_one_gave(
    stage: Stage, target: Target, other: Target, wish: str, id: int
) -> None:
    key = await stage.enrol(target.url, policy={"on_change": wish})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await target.hears("StartTransaction")
        await stage.change(key, target_websocket_url=other.url)
        await until(lambda: other.links)
        await stage.reaches(key, "ready")
        await charger.stops(ours)

        assert (await other.hears("StopTransaction"))["transactionId"] == id
    assert other.actions.count("StartTransaction") == 0


async def test_another_system_s_id_stops_nobody(
    stage: Stage, target: Target, other: Target
) -> None:
    key = await stage.enrol(target.url, policy={"on_change": "discard"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await charger.starts()
        await stage.change(key, target_websocket_url=other.url)
        await until(lambda: other.links)
        await stage.reaches(key, "ready")
        answer = await other.link.call("RemoteStopTransaction", b'{"transactionId":700001}')

    assert answer.fields == {"status": "Rejected"}
    assert charger.heard == []


@pytest.mark.parametrize(
    ("wish", "told"),
    [("keep", ["StartTransaction", "StopTransaction"]), ("discard", [])],
)
async def test_a_change_while_the_charger_is_away_is_no_other(
    stage: Stage, target: Target, wish: str, told: list[str]
) -> None:
    policy: dict[str, Any] = {"on_change": wish, "drain_after_disconnect": False}
    key = await stage.enrol("ws://127.0.0.1:1/", policy=policy)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await charger.stops((await charger.starts())["transactionId"])
    await gone(stage, key)
    await stage.change(key, target_websocket_url=target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        if told:
            await target.hears(told[-1])
        status = await stage.status(key)

    assert [action for action in target.actions if action != "BootNotification"] == told
    assert status.skipped == (0 if told else 2)


@pytest.mark.parametrize(("wish", "id"), [("keep", 700_001), ("drain", -1), ("discard", -1)])
async def test_which_target_gave_the_ids_is_known_after_a_crash(
    stage: Stage, target: Target, other: Target, wish: str, id: int
) -> None:
    key = await stage.enrol(target.url, policy={"on_change": wish, "drain_after_disconnect": False})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await target.hears("StartTransaction")
    await gone(stage, key)
    changed = replace(await stage.configuration(key), target_websocket_url=other.url)
    await stage.storage.proxy_configurations.replace(changed)  # and nobody follows: we have died

    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await charger.stops(ours)
        assert (await other.hears("StopTransaction"))["transactionId"] == id


async def test_ids_are_forgotten_too_where_the_way_leads_over_no_target(
    stage: Stage, target: Target, other: Target
) -> None:
    key = await stage.enrol(target.url, policy={"on_change": "discard"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await target.hears("StartTransaction")
        await stage.change(key, enabled=False)
        await stage.change(key, target_websocket_url=other.url, enabled=True)
        await stage.reaches(key, "ready")
        await charger.stops(ours)

        assert (await other.hears("StopTransaction"))["transactionId"] == -1


async def test_a_start_that_is_being_answered_is_not_lost_between_two_targets(
    stage: Stage, other: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gate, judged = asyncio.Event(), asyncio.Event(), Judge.judged

    async def slowly(judge: Judge, *call: Any, **named: Any) -> CallResult:
        asked.set()
        await gate.wait()
        return await judged(judge, *call, **named)

    async def passed_by() -> None:
        await stage.change(key, target_websocket_url=other.url)
        while (await stage.status(key)).queue_length:  # noqa: ASYNC110 - untold
            await asyncio.sleep(0.001)

    monkeypatch.setattr(Judge, "judged", slowly)
    key = await stage.enrol("ws://127.0.0.1:1/", policy={"on_change": "drain"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        starting = asyncio.create_task(charger.starts())
        await asked.wait()
        # The new target's queue must not be read before there is an answer: this is to take long.
        passing = asyncio.create_task(passed_by())
        await asyncio.wait((passing,), timeout=0.2)
        gate.set()
        await asyncio.gather(starting, passing)

        assert other.actions.count("StartTransaction") == 1
