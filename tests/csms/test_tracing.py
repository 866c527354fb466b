"""Traces, as a receiver of OTLP gets them: what belongs together, and nothing that is secret."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from csms import otlp, settings, tracing, wiring
from csms.settings import SettingError
from simulators.charger import Charger
from simulators.target import Target
from tests.csms.receiver import receiving
from tests.doubles import PATIENCE, until

pytestmark = pytest.mark.sqlite_only("what is traced, not how it is stored")


@contextlib.asynccontextmanager
async def served(data_dir: Path, url: str) -> AsyncIterator[wiring.Running]:
    chosen = settings.read(
        {
            "RINGMAIN_DATA_DIR": str(data_dir),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
            "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
            "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
            "RINGMAIN_TRACES_URL": url,
        }
    )
    async with wiring.running(chosen) as server:
        yield server


async def played(server: wiring.Running, target: Target) -> list[str]:
    """Have a charger come and be asked; return all that nobody else may see."""
    uuid = (await server.storage.organizations.create("Traced")).organization_uuid
    _, key = await server.storage.api_keys.create(uuid, "admin")
    http = f"http://{server.http}"
    async with aiohttp.ClientSession(http, headers={"x-api-key": key}) as session:
        enrolment = {
            "charge_box_id": "CP-1",
            "target_platform_identifier": "Main",
            "target_websocket_url": f"{target.url}/ocpp/{{charge_box_id}}",
            "target_authentication_method": "None",
        }
        path = f"/api/v1/organizations/{uuid}/chargers/enroll-with-proxy"
        async with session.post(path, json=enrolment) as answer:
            password = (await answer.json())["charger"]["ocpp_password"]
        charger = Charger(f"ws://{server.ocpp}/{uuid}/ocpp_proxy", "CP-1", password, "1.6")
        async with charger.running(), asyncio.timeout(PATIENCE):
            await charger.wait_connected(PATIENCE)
            await target.until(lambda seen: seen.calls("StatusNotification", "CP-1"), PATIENCE)
            charger.plug_in(1)
            await charger.start(1, "SECRET-TOKEN", timeout=PATIENCE)
            await target.until(lambda seen: seen.calls("StartTransaction", "CP-1"), PATIENCE)
            await target.command("CP-1", "ClearCache", {})
            command = "/api/chargingStations/CP-1/commands/ClearCache"
            async with session.post(command, json={}) as answer:
                assert answer.status == 200
    return [key, password, "SECRET-TOKEN"]


async def test_what_belongs_together_is_one_trace_and_tells_no_secret(
    tmp_path: Path,
) -> None:
    async with (
        receiving() as receiver,
        Target.listening() as target,
        served(tmp_path, receiver.url) as server,
    ):
        secrets = await played(server, target)

    request = receiver.named("POST /api/chargingStations/{stationId}/commands/{Action}")
    command = receiver.named("command ClearCache")
    asked = [each for each in receiver.spans if each.name == "charger ClearCache"]
    ours = next(each for each in asked if each.trace == request.trace)
    assert (request.parent, command.parent, ours.parent) == (b"", request.id, command.id)
    assert request.attributes["http.response.status_code"] == 200
    assert command.attributes["ringmain.outcome"] == "Accepted"
    assert command.attributes["ringmain.charge_box_id"] == "CP-1"
    theirs = receiver.named("target ClearCache")
    assert {each.parent for each in asked} == {command.id, theirs.id}
    said, copied = (
        receiver.named("charger StartTransaction"),
        receiver.named("target StartTransaction"),
    )
    assert said.parent == b""
    assert (copied.trace, copied.parent) == (said.trace, said.id)
    assert receiver.named("target BootNotification").parent == b""
    for secret in secrets:
        assert not any(secret.encode() in body for body in receiver.bodies)


def sending() -> bool:
    return any(each.name == otlp.THREAD for each in threading.enumerate())


async def test_a_receiver_that_never_answers_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "FAREWELL", 0.0)
    monkeypatch.setattr(otlp, "SENT_WITHIN", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/v1/traces"
        async with tracing.tracing(url) as spans:
            assert spans is not None
            for _ in range(2 * otlp.MOST_WAITING):  # more than wait to be sent: they are dropped
                with spans.span("x", "internal", {}):
                    pass
        still_sending = sending()
    await until(lambda: not sending())

    assert still_sending


async def test_without_the_extra_it_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "csms.otlp")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingError, match=r"pip install 'ringmain\[tracing\]'"):
        async with tracing.tracing("http://127.0.0.1:4318/v1/traces"):
            pytest.fail("traced without what it takes")


async def test_without_the_setting_nothing_traces() -> None:
    async with tracing.tracing(None) as spans:
        assert spans is None
