"""A charger's place: its target outlives it for a while, and changes under it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from csms import frames
from csms.frames import Call, Reply
from storage.errors import StorageUnavailable
from tests.doubles import Held, until
from tests.proxy.stage import QUICK, Device, Stage, Target, never, says, staged

NOWHERE = "ws://127.0.0.1:1/"
CAREFUL = replace(QUICK, farewell=2.0)


@pytest.fixture
async def other() -> AsyncIterator[Target]:
    """A second target."""
    async with Target().up() as other:
        yield other


def held(gate: asyncio.Event, answering: Any) -> Any:
    """Answer when the gate is opened."""

    async def answer(call: Call) -> Reply:
        await gate.wait()
        reply = answering(call)
        assert isinstance(reply, frames.CallResult)
        return reply

    return answer


async def said_by(charger: Device, *values: int) -> None:
    ours = (await charger.starts())["transactionId"]
    for value in values:
        await charger.meters(ours, value)
    await charger.stops(ours)


# ---- the charger is away ----


async def test_what_waits_is_delivered_also_when_the_charger_stays_away(
    stage: Stage, target: Target
) -> None:
    gate = asyncio.Event()
    target.answers["MeterValues"] = held(gate, says(b"{}"))
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await said_by(charger, 1, 2, 3)
    await asyncio.sleep(4 * QUICK.linger)  # it would have been left by then
    gate.set()
    await target.hears("StopTransaction")
    await until(lambda: target.link.closed)

    assert len(target.requests) == 1


async def test_a_target_that_is_down_is_dialled_for_an_absent_charger_until_all_is_delivered(
    stage: Stage, target: Target
) -> None:
    assert target.server is not None
    target.status = HTTPStatus.SERVICE_UNAVAILABLE
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await said_by(charger, 1)
    target.status = HTTPStatus.SWITCHING_PROTOCOLS
    await target.hears("StopTransaction")
    await until(lambda: target.link.closed)

    status = await stage.status(key)
    assert (status.queue_length, status.last_error) == (0, "The charger is not connected.")


async def test_an_owner_may_have_the_target_left_at_once(stage: Stage, target: Target) -> None:
    target.answers["MeterValues"] = never
    key = await stage.enrol(target.url, policy={"drain_after_disconnect": False})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await said_by(charger, 1)
        await target.hears("MeterValues")
    await until(lambda: target.link.closed)

    status = await stage.status(key)
    assert (status.queue_length, status.last_error) == (2, "The charger is not connected.")


async def test_a_change_ends_the_wait_for_what_the_old_target_has_yet_to_get(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(NOWHERE)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await charger.starts()
    await stage.change(key, mode="strict", target_websocket_url=target.url)
    await target.hears("StartTransaction")

    await until(lambda: target.link.closed)


async def test_a_target_that_is_being_exchanged_is_waited_for_when_the_charger_leaves(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await stage.enrol(NOWHERE)
    of_link = Held(stage.storage.overlays.of_link)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await charger.starts()
        monkeypatch.setattr(stage.storage.overlays, "of_link", of_link)
        changing = asyncio.create_task(stage.change(key, target_websocket_url=target.url))
        await of_link.done.wait()
    await asyncio.sleep(4 * QUICK.linger)  # it would have been left by then
    of_link.release.set()
    await changing
    await target.hears("StartTransaction")

    await until(lambda: target.link.closed)


async def test_a_target_that_is_down_is_left_once_its_owner_wants_nothing_delivered(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, replace(QUICK, sweep=0.1)) as stage:
        key = await stage.enrol(NOWHERE)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "backoff")
            await charger.starts()
        await asyncio.sleep(4 * QUICK.linger)  # it stays for what waits
        assert stage.relays.states()
        await stage.relays.queues.purge(await stage.configuration(key))

        await until(lambda: not stage.relays.states())


async def test_nobody_stays_for_ever_because_storage_was_away(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(*_: Any) -> None:
        asked.set()
        raise StorageUnavailable

    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await charger.boots()
        await stage.reaches(key, "ready")
        monkeypatch.setattr(stage.storage.queues, "size", away)
    await asked.wait()
    monkeypatch.undo()

    await until(lambda: target.link.closed)


async def test_a_charger_that_comes_back_while_its_queue_drains_keeps_the_link(
    stage: Stage, target: Target
) -> None:
    gate = asyncio.Event()
    target.answers["MeterValues"] = held(gate, says(b"{}"))
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await said_by(charger, 1)
    await asyncio.sleep(4 * QUICK.linger)
    async with stage.charger(key) as charger:
        gate.set()
        await target.hears("StopTransaction")
        await charger.call("Authorize", {"idTag": "CARD"})
    assert len(target.requests) == 1


# ---- the target changes ----


async def test_by_default_what_waits_goes_to_the_new_target(
    stage: Stage, target: Target, other: Target
) -> None:
    target.status = HTTPStatus.SERVICE_UNAVAILABLE
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await said_by(charger, 1)
        await stage.change(key, target_websocket_url=other.url)
        await other.hears("StopTransaction")


async def test_an_owner_may_have_what_waits_forgotten(
    stage: Stage, target: Target, other: Target
) -> None:
    target.status = HTTPStatus.SERVICE_UNAVAILABLE
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        await said_by(charger, 1)
        await stage.change(key, target_websocket_url=other.url, policy={"on_change": "discard"})
        await stage.reaches(key, "ready")
        await charger.starts("NEXT")
        await other.hears("StartTransaction")
        status = await stage.status(key)

    assert [start["idTag"] for start in other.payloads("StartTransaction")] == ["NEXT"]
    assert (status.skipped, other.actions.count("StopTransaction")) == (3, 0)


async def test_an_owner_may_have_the_old_target_told_what_waits_first(
    stage: Stage, target: Target, other: Target
) -> None:
    gate = asyncio.Event()
    target.answers["MeterValues"] = held(gate, says(b"{}"))
    key = await stage.enrol(target.url, policy={"on_change": "drain"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await said_by(charger, 1, 2)
        await stage.change(key, target_websocket_url=other.url)
        assert other.requests == []
        gate.set()
        await target.hears("StopTransaction")
        await until(lambda: other.links)
        await stage.reaches(key, "ready")
        await charger.starts("NEXT")
        await other.hears("StartTransaction")

    assert [start["idTag"] for start in other.payloads("StartTransaction")] == ["NEXT"]
    assert target.actions.count("MeterValues") == 2


async def test_the_new_target_is_dialled_although_storage_was_away(
    stage: Stage, target: Target, other: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def away(*_: Any) -> None:
        asked.set()
        raise StorageUnavailable

    key = await stage.enrol(target.url)
    gate = asyncio.Event()
    target.answers["MeterValues"] = held(gate, says(b"{}"))
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await said_by(charger, 1)
        await target.hears("MeterValues")
        await stage.change(key, target_websocket_url=other.url, policy={"on_change": "drain"})
        with monkeypatch.context() as patch:
            patch.setattr(stage.storage.proxy_configurations, "for_charger", away)
            gate.set()
            await asked.wait()
        await other.hears("BootNotification")


async def test_an_old_target_that_takes_nothing_is_left_in_time(
    tmp_path: Path, target: Target, other: Target
) -> None:
    target.answers["StartTransaction"] = never
    async with staged(tmp_path, replace(QUICK, drain=0.1, ask=0.05, farewell=0.05)) as stage:
        key = await stage.enrol(target.url, policy={"on_change": "drain"})
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            await said_by(charger, 1)
            await stage.change(key, target_websocket_url=other.url)
            await other.hears("StopTransaction")


@pytest.mark.parametrize(
    "change",
    [
        {"role": "observe"},
        {"target_platform_identifier": "Renamed"},
        {"policy": {"on_target_down": "reject"}},
    ],
)
async def test_what_does_not_concern_the_link_bounces_nobody(
    stage: Stage, target: Target, change: dict[str, Any]
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        await stage.change(key, **change)

        assert (await stage.status(key)).state == "ready"
    assert len(target.requests) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"target_authentication_method": "Basic", "target_auth_basic_password": "new"},
        {"target_charge_box_id": "OTHER"},
    ],
)
async def test_new_credentials_redial_the_target_and_leave_the_charger(
    stage: Stage, target: Target, change: dict[str, Any]
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await stage.change(key, **change)
        await until(lambda: len(target.requests) == 2)
        await charger.stops(ours)

        assert (await target.hears("StopTransaction"))["transactionId"] == 700_001
        assert charger.link.closed is None


async def test_a_change_that_helps_ends_a_pause(tmp_path: Path) -> None:
    async with (
        staged(tmp_path, replace(QUICK, first_backoff=60.0, longest_backoff=60.0)) as stage,
        Target().up(select_subprotocol=lambda *_: None) as plain,
    ):
        key = await stage.enrol(plain.url)
        async with stage.charger(key):
            await stage.reaches(key, "incompatible")
            await stage.change(key, policy={"allow_missing_subprotocol": True})

            await stage.reaches(key, "ready")


# ---- while everybody talks (F-25) ----


async def test_no_message_is_lost_or_told_to_both_while_the_target_changes(
    tmp_path: Path, target: Target, other: Target
) -> None:
    async with staged(tmp_path, CAREFUL) as stage:
        key = await stage.enrol(target.url)
        told: list[int] = []
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            ours = (await charger.starts())["transactionId"]
            talking = asyncio.create_task(_talk(charger, ours, told))
            for url in (other.url, target.url) * 5:
                so_far = len(told)
                await stage.change(key, target_websocket_url=url)
                await until(lambda so_far=so_far: len(told) > so_far + 2)  # type: ignore[misc]  # bound now
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            await charger.stops(ours)
            await until(lambda: "StopTransaction" in target.actions + other.actions)

    heard = Counter(
        int(payload["meterValue"][0]["sampledValue"][0]["value"])
        for party in (target, other)
        for payload in party.payloads("MeterValues")
    )
    assert set(heard) >= set(told)
    assert set(heard.values()) == {1}
    assert Counter(target.actions + other.actions)["StartTransaction"] == 1


async def _talk(charger: Device, transaction_id: int, told: list[int]) -> None:
    for value in range(1_000_000):
        await charger.meters(transaction_id, value)
        told.append(value)


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ({"mode": "strict"}, {"mode": "hybrid"}),
        ({"target_charge_box_id": "T-1"}, {"target_charge_box_id": None}),
    ],
)
async def test_no_message_is_lost_while_the_configuration_changes_otherwise(
    stage: Stage, target: Target, change: dict[str, Any], back: dict[str, Any]
) -> None:
    key = await stage.enrol(target.url)
    told: list[int] = []
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        talking = asyncio.create_task(_talk(charger, ours, told))
        for wanted in (change, back) * 3:
            so_far = len(told)
            await stage.change(key, **wanted)
            await until(lambda so_far=so_far: len(told) > so_far + 2)  # type: ignore[misc]  # bound now
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await charger.stops(ours)
        await target.hears("StopTransaction")

    heard = [
        int(payload["meterValue"][0]["sampledValue"][0]["value"])
        for payload in target.payloads("MeterValues")
    ]
    assert set(heard) >= set(told)
    assert heard == sorted(heard)


async def test_a_target_that_is_being_left_when_the_server_ends_is_hung_up_on(
    tmp_path: Path, target: Target, other: Target
) -> None:
    target.answers["MeterValues"] = never
    patient = replace(QUICK, drain=0.01, farewell=60.0)
    async with staged(tmp_path, patient) as stage:
        key = await stage.enrol(target.url, policy={"on_change": "drain"})
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            await charger.meters((await charger.starts())["transactionId"], 1)
            await target.hears("MeterValues")
            seat = stage.relays._seats[key]
            await stage.change(key, target_websocket_url=other.url)
            await until(lambda: seat.target is None)
            await stage.relays.close()

            await until(lambda: target.link.closed)
    assert other.requests == []
