"""Chargers come and go, configurations change, and only what must is dialled anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from proxy.bounds import Bounds
from proxy.relays import LEAVING
from proxy.seat import ABSENT
from proxy.states import State
from storage.errors import StorageError
from tests.doubles import settled, until
from tests.proxy.stage import (
    OCPP16,
    OCPP201,
    QUICK,
    Stage,
    Target,
    never,
    says,
    staged,
)

LASTING = replace(QUICK, linger=60.0)


# ---- chargers come and go ----


async def test_a_charger_that_takes_itself_over_keeps_its_target_s_link(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as old:
        await old.boots()
        await stage.reaches(key, "ready")
        async with stage.charger(key) as new:
            await old.link.close()
            await settled()
            new.answers["RemoteStopTransaction"] = says(b'{"status":"Accepted"}')
            await new.starts()
            answer = await target.link.call("RemoteStopTransaction", b'{"transactionId":700001}')

            assert answer.fields == {"status": "Accepted"}
            assert (old.actions, new.actions) == ([], ["RemoteStopTransaction"])
    assert len(target.requests) == 1


async def test_a_charger_that_comes_straight_back_finds_its_target_s_link(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, LASTING) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            await stage.reaches(key, "ready")
        async with stage.charger(key) as back:
            await back.boots()
            await target.hears("BootNotification", 2)

    assert len(target.requests) == 1


async def test_what_was_said_is_delivered_also_when_the_charger_has_just_gone(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, LASTING) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            held = asyncio.Event()
            target.answers["StopTransaction"] = lambda call: _after(held, says(b"{}")(call))
            ours = (await charger.starts())["transactionId"]
            await charger.stops(ours)
            await charger.meters(ours, 1)
        held.set()

        await target.hears("MeterValues")


async def _after(held: asyncio.Event, reply: object) -> object:
    await held.wait()
    return reply


async def test_a_target_sees_a_charger_that_stays_away_leave(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
    await until(lambda: target.link.closed)

    status = await stage.status(key)
    assert (status.state, status.last_error) == ("backoff", "The charger is not connected.")


async def test_a_command_for_a_charger_that_has_just_gone_is_an_error(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, LASTING) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            await stage.reaches(key, "ready")
        got = asyncio.create_task(target.link.call("ClearCache", b"{}"))
        await asyncio.wait((got,))

    assert str(got.exception()) == "The peer answered InternalError: The charger is not connected."


async def test_a_late_goodbye_of_an_old_link_changes_nothing(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, replace(QUICK, linger=0.0)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as old, stage.charger(key) as new:
            await stage.reaches(key, "ready")
            await stage.relays.detach(old.connection)
            await settled()
            answer = await new.call("Authorize", {"idTag": "CARD"})

            assert answer["idTagInfo"] == {"status": "Accepted"}
            assert (await stage.status(key)).state == "ready"
    assert len(target.requests) == 1


async def test_a_charger_that_comes_back_with_another_version_is_dialled_anew(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, LASTING) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key, OCPP16) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
        async with stage.charger(key, OCPP201):
            await stage.reaches(key, "ready")

    offered = [request.headers["Sec-WebSocket-Protocol"] for request in target.requests]
    assert offered == [OCPP16, OCPP201]
    assert "chargingStation" in target.payloads("BootNotification")[-1]


# ---- configurations change ----


async def test_a_configuration_that_is_added_takes_effect_on_the_connected_charger(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol()
    async with stage.charger(key) as charger:
        await charger.boots()
        await charger.starts()
        await stage.propose(key, target.url)
        await stage.reaches(key, "ready")
        await charger.starts("SECOND")

        assert (await target.hears("StartTransaction"))["idTag"] == "SECOND"
    assert target.actions == ["BootNotification", "StartTransaction"]


async def test_a_changed_configuration_redials_the_target_and_leaves_the_charger(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with Target().up() as other, stage.charger(key) as charger:
        await charger.boots()
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await stage.change(key, target_websocket_url=other.url)
        await stage.reaches(key, "ready")
        await charger.stops(ours)

        await other.hears("StopTransaction")
        assert target.link.closed
        assert charger.link.closed is None
    assert "StopTransaction" not in target.actions


async def test_what_the_old_target_did_not_get_the_changed_one_gets(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    async with stage.charger(key) as charger:
        await stage.reaches(key, "backoff")
        ours = (await charger.starts())["transactionId"]
        await stage.change(key, target_websocket_url=target.url)
        await charger.stops(ours)

        await target.hears("StopTransaction")
    assert target.actions == ["BootNotification", "StartTransaction", "StopTransaction"]


async def test_a_change_ends_a_long_pause(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path, replace(QUICK, first_backoff=60.0, longest_backoff=60.0)) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key):
            await stage.reaches(key, "backoff")
            await stage.change(key, target_websocket_url=target.url)

            await stage.reaches(key, "ready")


async def test_an_unchanged_configuration_bounces_nobody(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        await stage.relays.configure(key)

        assert (await stage.status(key)).state == "ready"
    assert len(target.requests) == 1


async def test_a_disabled_target_is_hung_up_on_and_the_charger_served_by_us(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await stage.change(key, enabled=False)

        assert (await stage.status(key)).state == "disabled"
        assert (await charger.call("Authorize", {"idTag": "X"}))["idTagInfo"][
            "status"
        ] == "Accepted"
        await stage.change(key, enabled=True)
        await stage.reaches(key, "ready")
    assert target.links[0].closed
    assert "Authorize" not in target.actions


async def test_a_deleted_target_is_hung_up_on(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        stored = await stage.configuration(key)
        await stage.storage.proxy_configurations.delete(key.organization_uuid, stored.id)
        await stage.relays.configure(key)

        await until(lambda: target.link.closed)
        assert (await charger.boots())["status"] == "Accepted"


async def test_a_configuration_of_a_charger_that_is_away_waits_for_it(stage: Stage) -> None:
    key = await stage.enrol()
    await stage.propose(key, "ws://127.0.0.1:1/")

    assert (await stage.status(key)).state == "backoff"
    await stage.change(key, enabled=False)
    assert (await stage.status(key)).state == "disabled"


async def test_a_change_while_the_charger_lingers_is_taken_up(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, LASTING) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key) as charger:
            await charger.boots()
        await stage.change(key, target_websocket_url=target.url)

        await target.hears("BootNotification")


# ---- all together ----


async def test_after_an_outage_targets_are_dialled_in_waves(tmp_path: Path) -> None:
    busy, most = 0, 0
    gate = asyncio.Event()

    async def slow(*_: object) -> None:
        nonlocal busy, most
        busy, most = busy + 1, max(most, busy + 1)
        await gate.wait()
        busy -= 1

    target = Target()
    async with (
        target.up(process_request=slow),
        staged(tmp_path, max_dials=3) as stage,
        AsyncExitStack() as chargers,
    ):
        keys = [await stage.enrol(target.url, f"CP-{number}") for number in range(10)]
        for key in keys:
            await chargers.enter_async_context(stage.charger(key))
        await until(lambda: busy == 3)
        await settled()
        gate.set()
        for key in keys:
            await stage.reaches(key, "ready")

    assert most == 3


async def test_the_end_hangs_up_on_every_target_and_leaves_no_task(
    tmp_path: Path, target: Target
) -> None:
    before = asyncio.all_tasks()
    async with staged(tmp_path, LASTING) as stage:
        here, gone, dialling = [
            await stage.enrol(url, name)
            for name, url in (
                ("CP-1", target.url),
                ("CP-2", target.url),
                ("CP-3", "ws://127.0.0.1:1/"),
            )
        ]
        async with stage.charger(gone):
            await stage.reaches(gone, "ready")
        async with stage.charger(here), stage.charger(dialling):
            await stage.reaches(here, "ready")
            await stage.relays.close()
    await until(lambda: all(link.closed for link in target.links))
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_charger_is_not_served_where_its_configuration_cannot_be_read(
    stage: Stage,
) -> None:
    key = await stage.enrol()
    await stage.storage.database.execute(text("ALTER TABLE proxy_configurations RENAME TO aside"))

    with pytest.raises(StorageError):
        async with stage.charger(key):
            pass


async def test_a_target_that_does_not_let_go_holds_nobody_up(stage: Stage, target: Target) -> None:
    target.answers["StartTransaction"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        starting = asyncio.create_task(charger.starts())
        await target.hears("StartTransaction")
        await stage.change(key, enabled=False)

        assert (await starting)["idTagInfo"] == {"status": "Invalid"}


async def test_a_chore_that_a_fault_has_ended_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []

    async def sweep(_: Bounds) -> None:
        swept.append(len(swept))
        raise ValueError

    monkeypatch.setattr(Bounds, "sweep", sweep)
    async with staged(tmp_path, replace(QUICK, sweep=0.001)):
        await until(lambda: len(swept) > 2)


# ---- what is seen at a glance ----


async def test_at_a_glance_the_old_target_s_link_is_not_the_new_one_s(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    glance = stage.relays.glance
    assert glance(await stage.configuration(key)) == (State.BACKOFF, ABSENT)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        old = await stage.configuration(key)
        assert glance(old) == (State.READY, None)
        # Stored already, and not taken up yet.
        changes: Sequence[dict[str, Any]] = (
            {"target_auth_basic_password": "new"},
            {"target_ca_certificate": "PEM"},
            {"target_ca_certificate_domain": "new.example"},
            {"target_charge_box_id": "new"},
        )
        for change in changes:
            assert glance(replace(old, **change)) == (State.DIALING, None)
        assert glance(replace(old, enabled=False)) == (State.DISABLED, None)
        drains: dict[str, Any] = {
            "target_websocket_url": "ws://new",
            "policy": {"on_change": "drain"},
        }
        assert glance(replace(old, **drains)) == (State.DIALING, LEAVING)
        aside: dict[str, Any] = {
            "target_platform_identifier": "new",
            "policy": {"authority": "platform"},
        }
        assert glance(replace(old, **aside)) == (State.READY, None)


async def test_a_link_that_rests_for_long_is_dialled_at_once_when_it_leads_elsewhere(
    tmp_path: Path, target: Target
) -> None:
    resting = replace(QUICK, first_backoff=3600.0, longest_backoff=3600.0)
    async with staged(tmp_path, resting) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/gone")
        async with stage.charger(key):
            await stage.reaches(key, "backoff")
            await stage.change(key, target_websocket_url=target.url)
            await stage.reaches(key, "ready")
