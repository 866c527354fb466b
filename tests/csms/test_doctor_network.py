"""What the doctor finds outside: addresses, targets, stores and clocks."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from csms.doctor_network import clock, sinks, targets, urls
from csms.doctor_wiring import knocking, sink_opening
from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.sinks.errors import SinkRefused
from storage.store import Storage, open_storage
from tests.csms.patients import begun, patient, states, told
from tests.storage import records
from tests.storage.sinks.doubles import Bucket

LOCAL = {
    "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
    "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
}
no_database = pytest.mark.sqlite_only("about no database")


@asynccontextmanager
async def page(date: str = "") -> AsyncIterator[str]:
    """Serve a page whose clock is as it is, or stands."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(headers={"Date": date} if date else {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@no_database
async def test_an_address_that_nobody_listens_at_is_told_without_its_password(
    tmp_path: Path,
) -> None:
    async with page() as there:
        wanted = {
            "RINGMAIN_KRATOS_URL": there,
            "RINGMAIN_CA_URL": "http://user:s3cret@127.0.0.1:1/sign",
        }
        async with patient(tmp_path, **wanted) as ill:
            found = await urls(ill)
            assert states(await urls(replace(ill, network=False))) == ["skipped"]

    assert states(found) == ["failure", "ok"]
    assert "RINGMAIN_CA_URL: 127.0.0.1:1 cannot be reached" in told(found)
    assert "s3cret" not in told(found)


async def proxied(storage: Storage, **urls: str) -> None:
    organization = (await storage.organizations.create("Depot")).organization_uuid
    for name, url in urls.items():
        key = ChargerKey(organization, name)
        to = replace(records.proxy(key), target_websocket_url=url, enabled=name != "off")
        await storage.chargers.enroll(records.charger(key), to)


async def test_each_host_of_enabled_targets_is_knocked_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with page() as there:
        host = there.partition("://")[2]
        async with open_storage(tmp_path, SystemClock()) as storage:
            await proxied(
                storage,
                one=f"ws://{host}/a/{{charge_box_id}}?token=s3cret",
                two=f"ws://{host}/b/{{charge_box_id}}",
                gone=f"ws://127.0.0.1:{port}/",
                off="ws://192.0.2.1/",
            )
        async with patient(tmp_path, **LOCAL) as ill:
            found = await targets(ill, knocking(ill.settings))
            assert set(ill.heard) == {"127.0.0.1"}

    assert sorted(states(found)) == ["failure", "ok"]
    assert f"ws://127.0.0.1:{port}: No connection" in told(found)
    assert "s3cret" not in told(found)


@no_database
async def test_where_nobody_is_proxied_or_nothing_is_open_nobody_is_knocked_at(
    tmp_path: Path,
) -> None:
    async with patient(tmp_path) as new:
        assert states(await targets(new, knocking(new.settings))) == ["skipped"]
        assert states(await sinks(new, sink_opening(new.settings))) == ["skipped"]
    await begun(tmp_path)
    async with patient(tmp_path) as idle:
        assert states(await targets(idle, knocking(idle.settings))) == ["ok"]
        assert states(await sinks(idle, sink_opening(idle.settings))) == ["ok"]


@no_database
async def test_stores_are_tried_only_where_one_says_so(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        organization = (await storage.organizations.create("Depot")).organization_uuid
        await storage.sinks.create(records.sink(organization), earliest=False)
    bucket = Bucket()

    async def refused(_sink: Any) -> Any:
        raise SinkRefused("The store knows no such key.")

    async with patient(tmp_path) as unasked:
        assert states(await sinks(unasked, bucket.open)) == ["skipped"]
        asked = replace(unasked, probe_sinks=True)
        well, ill = await sinks(asked, bucket.open), await sinks(asked, refused)

    assert states(well) == ["ok"]
    assert states(ill) == ["failure"]
    assert "The store knows no such key." in told(ill)


@no_database
@pytest.mark.parametrize(
    ("ahead", "state"), [(0.5, "ok"), (-12, "warning"), (12, "warning"), (3600, "failure")]
)
async def test_clocks_that_differ_are_told(tmp_path: Path, ahead: float, state: str) -> None:
    async with patient(tmp_path) as asked:
        asked.heard["csms.example"] = ahead
        found = await clock(asked)

    assert states(found) == [state]
    assert "csms.example" in told(found)


@no_database
async def test_kratos_tells_the_time_too(tmp_path: Path) -> None:
    async with (
        page("Sun, 22 Nov 2020 10:00:00 GMT") as kratos,
        patient(tmp_path, RINGMAIN_KRATOS_URL=kratos) as asked,
    ):
        assert states(await clock(asked)) == ["failure"]
    async with patient(tmp_path, RINGMAIN_KRATOS_URL=kratos) as asked:
        assert states(await clock(asked)) == ["skipped"]
