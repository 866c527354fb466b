from __future__ import annotations

import socket
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from csms import settings, wiring
from storage.clock import SystemClock
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret


def chosen(data_dir: Path, **more: str) -> settings.Settings:
    return settings.read(
        {
            "RINGMAIN_DATA_DIR": str(data_dir),
            "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
            "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
            "RINGMAIN_RATE_LIMIT": "100000/100000",  # who waits for something asks often
            **more,
        }
    )


async def test_both_listeners_answer_when_it_is_running(tmp_path: Path) -> None:
    async with (
        wiring.running(chosen(tmp_path)) as server,
        aiohttp.ClientSession(f"http://{server.http}") as session,
        session.get("/readyz") as ready,
    ):
        assert ready.status == 200
        assert server.ocpp.port != 0


@pytest.mark.sqlite_only("about sockets")
@pytest.mark.parametrize("name", ["RINGMAIN_HTTP_BIND", "RINGMAIN_OCPP_BIND"])
async def test_an_address_that_is_taken_is_told_by_its_setting(name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(settings.SettingError, match=f"{name}: {address} cannot be listened at"):
            async with wiring.running(chosen(tmp_path, **{name: address})):
                pytest.fail("it listens where another does")


async def test_chargers_are_told_of_a_restart(tmp_path: Path) -> None:
    clock = SystemClock()
    async with wiring.running(chosen(tmp_path)) as server:
        organization = await server.storage.organizations.create("wiring")
        key = ChargerKey(organization.organization_uuid, "CP-1")
        charger = Charger(
            key=key,
            charger_name="CP-1",
            password_digest=digest_secret(b"a-password-of-20-cha"),
            created_at=clock.now(),
        )
        await server.storage.chargers.enroll(charger, None)
        url = f"ws://CP-1:a-password-of-20-cha@{server.ocpp}/{key.organization_uuid}/ocpp/CP-1"
        socket = await connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None)
        await socket.send('[2,"1","Heartbeat",{}]')
        await socket.recv()

    with pytest.raises(ConnectionClosed) as gone:
        await socket.recv()
    assert gone.value.rcvd is not None
    assert gone.value.rcvd.code == 1012
