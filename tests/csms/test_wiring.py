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


async def test_what_a_killed_server_has_left_of_a_file_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / "files" / "job-1.0123.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    async with wiring.running(chosen(tmp_path)):
        assert not left.exists()


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with wiring.running(chosen(tmp_path)):
        with pytest.raises(wiring.AlreadyServed, match="Another server is running"):
            async with wiring.running(chosen(tmp_path)):
                pytest.fail("two servers on one data directory")

    async with wiring.running(chosen(tmp_path)) as again:
        assert again.http.port


@pytest.mark.sqlite_only("about sockets")
@pytest.mark.parametrize("name", ["RINGMAIN_HTTP_BIND", "RINGMAIN_OCPP_BIND"])
async def test_an_address_that_is_taken_is_told_by_its_setting(name: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(settings.SettingError, match=f"{name}: {address} cannot be listened at"):
            async with wiring.running(chosen(tmp_path, **{name: address})):
                pytest.fail("it listens where another does")


async def test_a_data_directory_that_cannot_be_made_is_told_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inside_a_file = settings.read({"RINGMAIN_DATA_DIR": str(tmp_path / "file" / "data")})
    with pytest.raises(settings.SettingError, match=r"RINGMAIN_DATA_DIR: .* cannot be made"):
        async with wiring.running(inside_a_file):
            pytest.fail("served from nowhere")
    with pytest.raises(settings.SettingError, match=r"RINGMAIN_DATA_DIR: .* cannot be made"):
        wiring.upgrade(inside_a_file)


async def test_the_database_file_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    async with wiring.running(chosen(tmp_path, RINGMAIN_DATABASE_URL=f"sqlite:///{elsewhere}")):
        assert elsewhere.exists()


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
