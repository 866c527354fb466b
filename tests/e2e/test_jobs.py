"""Logs, firmware, reservations and local lists, with whole programs at each end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from simulators.charger import Charger, Habits, NotAuthorized
from simulators.jobs import log_text
from tests.doubles import PATIENCE, until
from tests.e2e.conftest import Api
from tests.e2e.power import NAME, STATION, stand
from tests.simulators.stage import TOKEN

VERSIONS = ("1.6", "2.0.1", "2.1")
BRISK = Habits(restart_s=0.01, job_step_s=0.01)
OTHER = "04FFFFFF"


@contextlib.asynccontextmanager
async def native(api: Api, version: str) -> AsyncIterator[Charger]:
    """Connect a charger that has no target."""
    status, body = await api("POST", f"{api.of_organization}/chargers", {"charge_box_id": NAME})
    assert status == 201, body
    url = f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy"
    password = body["charger"]["ocpp_password"]
    charger = Charger(url, NAME, password, version, back_off=(0.01, 0.05), habits=BRISK)
    async with charger.running():
        await charger.wait_connected()
        yield charger


@contextlib.asynccontextmanager
async def playing(api: Api, version: str, proxied: bool) -> AsyncIterator[Charger]:  # noqa: FBT001 - a table
    if not proxied:
        async with native(api, version) as charger:
            yield charger
        return
    async with stand(api, version)(habits=BRISK) as site:
        yield site.charger


async def asked(api: Api, path: str, body: Any, method: str = "POST") -> Any:
    status, told = await api(method, STATION + path, body)
    assert (status, told.get("response")) == (200, "Accepted"), told
    return told


async def done(api: Api, job_id: str) -> Any:
    """Wait for the end of a job and return it."""
    found: Any = None

    async def ended() -> bool:
        nonlocal found
        found = (await api("GET", f"{STATION}/jobs/{job_id}"))[1]["job"]
        return bool(found["state"] == "complete")

    await eventually(ended)
    return found


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask the server until it says so."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            pass


def words(job: Any) -> list[str]:
    return [one["status"] for one in job["statuses"]]


# ---- logs ----


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_log_arrives_and_is_fetched_as_it_was_sent(
    api: Api,
    version: str,
    proxied: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[bytes] = []

    def noted(charger: Charger) -> str:
        text = log_text(charger)
        sent.append(text.encode())
        return text

    monkeypatch.setattr("simulators.jobs.log_text", noted)
    async with playing(api, version, proxied):
        told = await asked(api, "/logs", {})
        job = await done(api, told["jobId"])
        async with api.session.get(f"{STATION}/jobs/{told['jobId']}/file") as file:
            body = await file.read()

    assert words(job) == ["Uploading", "Uploaded"]
    assert sent == [body]
    assert job["file"]["size"] == len(body) > 0


async def test_a_target_that_asks_for_diagnostics_does_not_get_into_ours(api: Api) -> None:
    async with stand(api, "1.6")(habits=BRISK) as site:
        refused = await site.orders("GetDiagnostics", {"location": "http://127.0.0.1:1/x"})
        told = await asked(api, "/logs", {})
        job = await done(api, told["jobId"])
        await until(lambda: len(site.target.calls("DiagnosticsStatusNotification")) == 2)

    assert refused == {}  # it may not: two that ask would undo each other's work
    assert words(job) == ["Uploading", "Uploaded"]


async def test_a_target_that_may_ask_for_diagnostics_does_not_get_into_ours_that_are_over(
    api: Api,
) -> None:
    async with stand(api, "1.6")(habits=BRISK) as site:
        path = f"{api.of_organization}/proxy_configurations"
        _, listed = await api("GET", path)
        (one,) = listed["proxy_configurations"]
        policy = {"policy": {"actions": {"GetDiagnostics": "forward"}}}
        status, body = await api("PATCH", f"{path}/{one['id']}", policy)
        assert status == 200, body
        await until(lambda: len(site.target.connections) > 0)
        told = await asked(api, "/logs", {})
        await done(api, told["jobId"])
        answer = await site.orders("GetDiagnostics", {"location": "http://127.0.0.1:1/x"})
        assert answer != {}
        await until(lambda: len(site.target.calls("DiagnosticsStatusNotification")) == 4)
        job = await done(api, told["jobId"])

    assert words(job) == ["Uploading", "Uploaded"]


async def test_a_2x_target_that_asks_for_a_log_does_not_get_into_ours(api: Api) -> None:
    log = {"remoteLocation": "http://127.0.0.1:1/x"}
    order = {"logType": "DiagnosticsLog", "requestId": 1, "log": log}
    async with stand(api, "2.0.1")(habits=BRISK) as site:
        refused = await site.orders("GetLog", order)
        told = await asked(api, "/logs", {})
        job = await done(api, told["jobId"])

    assert refused["status"] == "Rejected"
    assert words(job) == ["Uploading", "Uploaded"]
    # The numbers are ours: nobody else is told of them.
    assert site.target.calls("LogStatusNotification") == []


# ---- firmware ----


@contextlib.asynccontextmanager
async def shelf() -> AsyncIterator[str]:
    """Serve firmware, and yield where it is."""

    async def fetch(_: web.Request) -> web.Response:
        return web.Response(body=b"firmware")

    app = web.Application()
    app.router.add_get("/fw.bin", fetch)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/fw.bin"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_firmware_is_installed_over_a_restart(api: Api, version: str, proxied: bool) -> None:  # noqa: FBT001 - a table
    async with playing(api, version, proxied) as charger, shelf() as location:
        before = charger.identity.firmware_version
        told = await asked(api, "/firmware", {"location": location})
        job = await done(api, told["jobId"])
        after = charger.identity.firmware_version

        async def is_known() -> bool:
            _, shown = await api("GET", f"{api.of_organization}/chargers/{NAME}")
            return bool(shown["charger"]["firmware_version"] == after)

        await eventually(is_known)
    assert words(job) == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert after != before


async def test_firmware_that_is_not_there_fails(api: Api) -> None:
    async with native(api, "2.0.1"), shelf() as location:
        told = await asked(api, "/firmware", {"location": f"{location}.old"})
        job = await done(api, told["jobId"])

    assert words(job) == ["Downloading", "DownloadFailed"]


# ---- reservations ----


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_reservation_keeps_others_out_and_is_used_by_its_own(
    api: Api,
    version: str,
    proxied: bool,  # noqa: FBT001 - a table
) -> None:
    until_when = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    async with playing(api, version, proxied) as charger:
        body = {"idToken": TOKEN, "expiresAt": until_when}
        number = (await asked(api, "/evses/1/reservations", body))["reservationId"]
        with pytest.raises(NotAuthorized):
            await charger.start(1, OTHER)
        assert (await charger.start(2, OTHER)).running
        assert (await charger.start(1, TOKEN)).running

        async def is_used() -> bool:
            _, shown = await api("GET", f"{STATION}/reservations/{number}")
            return bool(shown["reservation"]["state"] == "Used")

        await eventually(is_used)


# ---- local lists ----


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_listed_token_charges_while_nobody_can_be_asked(api: Api, version: str) -> None:
    async with native(api, version) as charger:
        entries = [{"idToken": TOKEN}, {"idToken": OTHER, "status": "Blocked"}]
        await asked(api, "/localList", {"entries": entries}, "PUT")
        _, shown = await api("GET", f"{STATION}/localList")
        assert shown["localList"]["version"] == shown["localList"]["chargerVersion"]

        async with charger.offline():
            own = await charger.start(1, TOKEN)
            assert own.running
            with pytest.raises(NotAuthorized):
                await charger.start(2, OTHER)
