"""A target is dialled once, and what happened is told step by step."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from proxy.addresses import AddressGuard
from proxy.errors import DialledTooOften
from proxy.probe import STEPS, Step
from storage.records import ChargerKey
from tests.certificates import authority, certificate
from tests.proxy.stage import CLOCK, OCPP201, QUICK, Stage, Target, staged

SECRET = {"target_authentication_method": "Basic", "target_auth_basic_password": "s3cr3t"}


async def told(stage: Stage, key: ChargerKey) -> list[Step]:
    return await stage.relays.test(await stage.configuration(key))


def names(steps: list[Step]) -> list[str]:
    return [step.step for step in steps]


async def test_each_step_is_told(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url + "?token=s3cr3t", **SECRET)
    steps = await told(stage, key)

    assert steps == [
        Step("url", ok=True, detail=f"ws://127.0.0.1:{target.port}/ocpp/CP-1"),
        Step("resolve", ok=True, detail="1 address, open to targets."),
        Step("tcp", ok=True, detail=f"Connected to port {target.port}."),
        Step("handshake", ok=True, detail="The target answered with HTTP status 101."),
        Step("subprotocol", ok=True, detail="The target chose ocpp1.6."),
        Step("close", ok=True, detail="The connection was closed."),
    ]
    assert "s3cr3t" not in str(steps)
    assert len(target.requests) == 1


async def test_the_living_link_feels_nothing_and_the_target_hears_nothing(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await charger.boots()
        await stage.reaches(key, "ready")
        steps = await told(stage, key)

        assert (await stage.status(key)).state == "ready"
    assert steps[-2].detail == "The target chose ocpp2.0.1."
    assert target.actions == ["BootNotification"]
    assert len(target.requests) == 2


async def test_while_the_charger_is_away_its_last_version_is_offered(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url, enabled=False)
    await stage.storage.chargers.note_connected(key, CLOCK.now(), "2.0.1")
    await told(stage, key)

    assert target.requests[0].headers["Sec-WebSocket-Protocol"] == OCPP201


@pytest.mark.parametrize("status", [401, 404, 429, 503])
async def test_a_refusal_is_told_with_its_status(stage: Stage, target: Target, status: int) -> None:
    target.status = HTTPStatus(status)
    key = await stage.enrol(target.url, **SECRET)
    steps = await told(stage, key)

    assert names(steps) == ["url", "resolve", "tcp", "handshake"]
    assert steps[-1] == Step(
        "handshake",
        ok=False,
        detail=f"The target answered the handshake with HTTP status {status}.",
    )


async def test_another_subprotocol_is_told(stage: Stage) -> None:
    async with Target().up(select_subprotocol=lambda *_: None) as target:
        steps = await told(stage, await stage.enrol(target.url))

    assert steps[-1] == Step("subprotocol", ok=False, detail="The target did not choose ocpp1.6.")


async def test_where_nobody_listens_the_connection_fails(stage: Stage) -> None:
    steps = await told(stage, await stage.enrol("ws://127.0.0.1:1/"))

    assert steps[-1] == Step("tcp", ok=False, detail="No connection: Connection refused.")


@pytest.mark.parametrize(
    ("url", "step"),
    [
        ("ws://nowhere.invalid/", "resolve"),
        ("ws://10.0.0.1/", "url"),
        ("ws://127.0.0.1/{colour}", "url"),
    ],
)
async def test_what_leads_nowhere_is_told(stage: Stage, url: str, step: str) -> None:
    steps = await told(stage, await stage.enrol(url))

    assert (steps[-1].step, steps[-1].ok) == (step, False)


async def test_who_never_answers_is_left_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with staged(tmp_path, replace(QUICK, dial=0.05)) as stage:
            key = await stage.enrol(f"ws://127.0.0.1:{mute.getsockname()[1]}/")
            async with asyncio.timeout(5):
                steps = await told(stage, key)

    assert steps[-1] == Step("handshake", ok=False, detail="No connection within 0.05 s.")


async def leads_home(_host: str, port: int, **_: Any) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
async def named(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on which every name leads to this machine."""
    guard = AddressGuard([ip_network("127.0.0.1/32")], lookup=leads_home)
    async with staged(tmp_path, guard=guard) as stage:
        yield stage


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Target]:
    """A target with a certificate of the tests' authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "csms.test"))
    async with Target().up(ssl=context) as target:
        yield target


async def test_the_facts_of_tls_are_told(named: Stage, secure: Target) -> None:
    url = f"wss://csms.test:{secure.port}/"
    key = await named.enrol(url, target_ca_certificate=authority())
    steps = await told(named, key)

    assert tuple(names(steps)) == STEPS
    assert steps[3].detail.startswith("TLSv1.3, certificate of csms.test, issued by Test authority")
    assert "valid until" in steps[3].detail


async def test_a_certificate_that_nobody_trusts_is_told(named: Stage, secure: Target) -> None:
    steps = await told(named, await named.enrol(f"wss://csms.test:{secure.port}/"))

    assert (steps[-1].step, steps[-1].ok) == ("tls", False)
    assert "trusted" in steps[-1].detail
    assert secure.requests == []


async def test_a_refusal_over_tls_is_not_tls_s_fault(named: Stage, secure: Target) -> None:
    secure.status = HTTPStatus.FORBIDDEN
    url = f"wss://csms.test:{secure.port}/"
    steps = await told(named, await named.enrol(url, target_ca_certificate=authority()))

    assert [(step.step, step.ok) for step in steps[-2:]] == [("tls", True), ("handshake", False)]


async def test_tests_count_as_dials(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path, replace(QUICK, dials_per_window=3)) as stage:
        key = await stage.enrol(target.url)
        for _ in range(3):
            await told(stage, key)
        with pytest.raises(DialledTooOften):
            await told(stage, key)

    assert len(target.requests) == 3
