"""The link to a target: how it comes about, how it fails, how it comes back."""

from __future__ import annotations

import asyncio
import base64
import socket
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from proxy.addresses import AddressGuard
from simulators.target import Target as ThirdParty
from tests.doubles import PATIENCE, until
from tests.proxy.stage import CLOCK, MOMENT, OCPP16, OCPP201, QUICK, Stage, Target, never, staged


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_target_that_is_down_at_first_gets_everything_when_it_comes_up(
    stage: Stage,
) -> None:
    port = free_port()
    key = await stage.enrol(f"ws://127.0.0.1:{port}/ocpp")
    async with stage.charger(key) as charger:
        booted = await charger.boots()
        ours = (await charger.starts())["transactionId"]
        await charger.meters(ours, 100)
        down = await stage.reaches(key, "backoff")
        await charger.stops(ours)

        async with Target().up(port) as target:
            await target.hears("StopTransaction")
            up = await stage.reaches(key, "ready")

    assert booted["status"] == "Accepted"
    assert down.last_error == "No connection: Connection refused."
    assert (down.queue_length, down.boot_status) == (2, None)
    assert down.oldest_queued_at is not None
    assert target.actions == [
        "BootNotification",
        "StartTransaction",
        "MeterValues",
        "StopTransaction",
    ]
    assert target.payloads("StopTransaction")[0]["transactionId"] == 700_001
    assert up.boot_status == "Accepted"


async def test_the_target_sees_the_charger_under_its_name_there(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(
        f"ws://127.0.0.1:{target.port}/{{organization_uuid}}/{{target_charge_box_id}}?x=1",
        "CP 1/é",
        target_charge_box_id="CSMS-555",
        target_authentication_method="Basic",
        target_auth_basic_password="pä:ss",
    )
    async with stage.charger(key):
        await stage.reaches(key, "ready")

    [request] = target.requests
    assert request.path == f"/{key.organization_uuid}/CSMS-555?x=1"
    credentials = base64.b64decode(request.headers["Authorization"].split()[1])
    assert credentials.decode() == "CSMS-555:pä:ss"


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({}, "CP-1"),
        ({"target_charge_box_id": "T"}, "T"),
        ({"target_charge_box_id": "T", "target_auth_basic_username": "U"}, "U"),
    ],
)
async def test_the_user_is_the_name_there_unless_another_is_given(
    stage: Stage, target: Target, fields: dict[str, Any], user: str
) -> None:
    key = await stage.enrol(
        target.url,
        target_authentication_method="Basic",
        target_auth_basic_password="secret",
        **fields,
    )
    async with stage.charger(key):
        await stage.reaches(key, "ready")

    [request] = target.requests
    assert (
        base64.b64decode(request.headers["Authorization"].split()[1]) == f"{user}:secret".encode()
    )


@pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])
async def test_exactly_the_charger_s_version_is_offered(
    stage: Stage, target: Target, subprotocol: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol):
        await stage.reaches(key, "ready")

    assert target.requests[0].headers.get_all("Sec-WebSocket-Protocol") == [subprotocol]


@pytest.mark.parametrize("chosen", [OCPP201, None])
async def test_a_target_with_another_subprotocol_or_none_is_incompatible(
    stage: Stage, chosen: str | None
) -> None:
    async with Target().up(select_subprotocol=lambda *_: chosen) as target:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "incompatible")
            await until(lambda: len(target.requests) > 1)

            assert (await charger.boots())["status"] == "Accepted"
    assert target.heard == []


@pytest.mark.parametrize("status", [401, 403, 404, 429])
async def test_a_refused_handshake_is_told_and_tried_again(
    stage: Stage, target: Target, status: int
) -> None:
    target.status = HTTPStatus(status)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        told = await stage.reaches(key, "backoff")
        assert (await charger.boots())["status"] == "Accepted"

        target.status = HTTPStatus.SWITCHING_PROTOCOLS
        await stage.reaches(key, "ready")
    assert str(status) in (told.last_error or "")


async def test_refused_credentials_are_not_tried_as_often(tmp_path: Path, target: Target) -> None:
    patient = replace(QUICK, first_backoff=0.001, longest_backoff=0.001)
    async with staged(tmp_path, replace(patient, longest_backoff_refused=60.0)) as stage:
        key = await stage.enrol(target.url)
        target.status = HTTPStatus.UNAUTHORIZED
        async with stage.charger(key):
            await until(lambda: len(target.requests) == 8)  # by then a pause is longer than 0.1 s
            target.status = HTTPStatus.NOT_FOUND
            now = asyncio.get_running_loop().time
            begun = now()
            await until(lambda: len(target.requests) == 9)

            assert now() > begun + 0.05


async def test_a_target_that_hangs_up_at_once_is_dialled_so_often_and_no_more(
    tmp_path: Path, target: Target
) -> None:
    async def hang_up(_: object) -> None:
        await target.hang_up()

    target.greets = hang_up
    target.answers["BootNotification"] = never
    bounded = replace(QUICK, dials_per_window=5, dial_window=60.0)
    async with staged(tmp_path, bounded) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await until(lambda: len(target.requests) == 5)
            told = await stage.reaches(key, "backoff")
            for _ in range(20):
                await charger.call("Heartbeat")

    assert len(target.requests) == 5
    assert told.last_error == "The link is closed (1001 going away)."


async def test_a_link_that_may_not_be_dialled_yet_says_why(tmp_path: Path, target: Target) -> None:
    bounded = replace(QUICK, dials_per_window=1, dial_window=60.0)
    async with staged(tmp_path, bounded) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            await stage.reaches(key, "ready")
            await stage.change(key, target_auth_basic_username="another")
            told = await stage.reaches(key, "backoff")

    assert told.last_error is not None
    assert "as often as it may be in a minute" in told.last_error
    assert told.next_dial_at is not None


# ---- a target that answers pings and nothing else ----

EVENT = "SecurityEventNotification"


def event(number: int) -> dict[str, str]:
    return {"type": str(number), "timestamp": MOMENT}


IMPATIENT = replace(QUICK, ask=0.2, answer=0.2, silent_calls=3)


async def test_a_target_that_answers_no_call_is_dialled_anew_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with ThirdParty.listening() as target, staged(tmp_path, IMPATIENT) as stage:
        key = await stage.enrol(f"{target.url}/{{charge_box_id}}")
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            target.conduct.mute = True
            for number in range(3):
                await charger.call(EVENT, event(number))
            await target.until(lambda seen: len(seen.connections) >= 4)
            mute = await stage.status(key)
            target.conduct.mute = False
            await stage.reaches(key, "ready")
            await target.until(lambda seen: len(told_once(seen)) == 3)
            async with asyncio.timeout(PATIENCE):
                while (after := await stage.status(key)).queue_length:  # noqa: ASYNC110 - untold
                    await asyncio.sleep(0.002)

    assert (mute.last_error, mute.dead_letters) == ("The target answers no CALL.", 0)
    assert mute.queue_length == 3
    assert (after.dead_letters, after.skipped) == (0, 0)
    assert told_once(target) == ["0", "1", "2"]


def told_once(target: ThirdParty) -> list[str]:
    """Return the events that a target was told, in order, without repeats."""
    return list(dict.fromkeys(one.fields["type"] for one in target.calls(EVENT)))


async def test_a_target_that_answers_no_call_is_not_dialled_in_a_hot_loop(tmp_path: Path) -> None:
    bounded = replace(IMPATIENT, dials_per_window=4, dial_window=60.0)
    async with ThirdParty.listening() as target, staged(tmp_path, bounded) as stage:
        key = await stage.enrol(f"{target.url}/{{charge_box_id}}")
        target.conduct.mute = True
        async with stage.charger(key) as charger:
            await target.until(lambda seen: len(seen.connections) == 4)
            told = await stage.reaches(key, "backoff")
            for _ in range(20):
                await charger.call("Heartbeat")

    assert len(target.connections) == 4
    assert told.last_error == "The target answers no CALL."
    assert told.next_dial_at is not None
    assert (told.next_dial_at - CLOCK.now()).total_seconds() > 30


async def test_a_target_that_answers_some_calls_keeps_its_link(tmp_path: Path) -> None:
    async with ThirdParty.listening() as target, staged(tmp_path, IMPATIENT) as stage:
        key = await stage.enrol(f"{target.url}/{{charge_box_id}}")
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            target.conduct.raw = lambda call: b" " if call.action == EVENT else None
            await charger.call(EVENT, event(1))
            await charger.stops(5)
            await target.until(lambda seen: seen.calls("StopTransaction"))
            kept = await stage.status(key)

    assert (kept.state, kept.dead_letters, len(target.connections)) == ("ready", 1, 1)


async def test_an_address_that_is_closed_to_targets_is_never_dialled(
    tmp_path: Path, target: Target
) -> None:
    guard = AddressGuard([], allow_insecure=True)
    async with staged(tmp_path, guard=guard) as stage:
        key = await stage.enrol(f"ws://localhost:{target.port}/")
        async with stage.charger(key):
            told = await stage.reaches(key, "backoff")

    assert told.last_error == "The host localhost leads to an address that targets may not have."
    assert target.requests == []


async def test_a_url_that_the_settings_do_not_allow_any_more_is_not_dialled(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path, guard=AddressGuard()) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            told = await stage.reaches(key, "backoff")

    assert "RINGMAIN_ALLOW_INSECURE_TARGETS" in (told.last_error or "")
    assert target.requests == []


async def test_nothing_secret_is_logged(stage: Stage, target: Target) -> None:
    target.status = HTTPStatus.UNAUTHORIZED
    key = await stage.enrol(
        target.url, target_authentication_method="Basic", target_auth_basic_password="s3cr3t"
    )
    with capture_logs() as logs:
        async with stage.charger(key):
            told = await stage.reaches(key, "backoff")

    assert any(entry["event"] == "target_link" for entry in logs)
    assert "s3cr3t" not in f"{logs}{told}{await stage.configuration(key)}"


async def test_every_frame_of_the_target_s_link_is_in_the_message_log(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await charger.boots()
        await stage.reaches(key, "ready")
        await target.link.call("GetConfiguration", b"{}")
        await stage.storage.journal.flush()
        messages = await stage.storage.journal.exchanges(key)

    configuration = await stage.configuration(key)
    told = [
        (found.call.direction, found.call.action, found.answer is not None)
        for found in reversed(messages)
        if found.call.proxy_configuration_id == configuration.id
    ]
    assert told == [
        ("platform_to_target", "BootNotification", True),
        ("target_to_platform", "GetConfiguration", True),
    ]
