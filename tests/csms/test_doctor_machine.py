"""What the doctor finds on a machine, and what it says to do."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from csms.doctor_machine import (
    authority_command,
    data_directory,
    http_port,
    key_ring,
    ocpp_port,
    open_files,
    server,
    settings,
)
from storage.key_ring import KEY_RING
from tests.csms.patients import begun, patient, states, told

pytestmark = pytest.mark.sqlite_only("about files, ports and limits")


async def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    wrong = {"RINGMAIN_HTTP_BIND": "nowhere", "RINGMAIN_LOG_LEVEL": "loud", "RINGMAIN_X": "1"}
    async with patient(tmp_path, **wrong) as ill:
        found = await settings(ill)

    assert states(found) == ["failure"] * 3
    assert all(name in told(found) for name in wrong)
    assert told(found).count("`ringmain serve --help`") == 1


async def test_one_address_for_both_listeners_is_a_failure(tmp_path: Path) -> None:
    both = {"RINGMAIN_HTTP_BIND": "127.0.0.1:18080", "RINGMAIN_OCPP_BIND": "127.0.0.1:18080"}
    async with patient(tmp_path, **both) as ill:
        found = await settings(ill)

    assert states(found) == ["failure"]
    assert "both cannot listen at 127.0.0.1:18080" in told(found)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
async def test_a_directory_that_cannot_be_made_by_anybody_is_a_failure() -> None:
    async with patient(Path("/proc/nope/data")) as ill:
        found = await data_directory(ill)

    assert states(found) == ["failure"]
    assert "/proc/nope/data cannot be made in /proc: " in told(found)


async def test_keys_in_clear_are_warned_of(tmp_path: Path) -> None:
    anywhere = {"RINGMAIN_HTTP_BIND": "0.0.0.0:0"}
    behind = {**anywhere, "RINGMAIN_TRUSTED_PROXIES": "127.0.0.1"}
    async with patient(tmp_path, **anywhere) as ill, patient(tmp_path, **behind) as well:
        assert states(await http_port(ill)) == ["ok", "warning"]
        assert "API keys" in told(await http_port(ill))
        assert states(await http_port(well)) == ["ok"]


async def test_a_machine_on_which_nothing_has_begun_is_well_and_stays_untouched(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    async with patient(folder) as new:
        for check in (settings, data_directory, key_ring, server, http_port, ocpp_port):
            assert set(states(await check(new))) == {"ok"}, check
        assert states(await open_files(new)) == ["skipped"]

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - of no moment


async def test_an_installation_is_well(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await begun(folder)
    before = sorted(each.name for each in folder.iterdir())
    async with patient(folder) as well:
        for check in (settings, data_directory, key_ring, server, open_files):
            assert set(states(await check(well))) == {"ok"}, check

    assert sorted(each.name for each in folder.iterdir()) == before


async def test_rights_are_told_with_what_changes_them(tmp_path: Path) -> None:
    await begun(tmp_path)
    os.chmod(tmp_path, 0o750)  # noqa: PTH101 - of no moment
    os.chmod(tmp_path / KEY_RING, 0o640)  # noqa: PTH101 - as above
    async with patient(tmp_path) as ill:
        directory, ring = await data_directory(ill), await key_ring(ill)

    assert states(directory) == ["warning", "ok"]
    assert f"chmod 700 {tmp_path}" in told(directory)
    assert states(ring) == ["failure"]
    assert "rotate-keys" in told(ring)


async def test_a_directory_that_is_none_and_a_ring_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    async with patient(file) as ill:
        assert states(await data_directory(ill)) == ["failure"]
    await begun(tmp_path / "data")
    ring = tmp_path / "data" / KEY_RING
    ring.write_text("{}")
    async with patient(tmp_path / "data") as ill:
        found = await key_ring(ill)
        assert states(found) == ["failure"]
        assert ill.storage is None
    ring.unlink()
    async with patient(tmp_path / "data") as ill:
        assert states(await key_ring(ill)) == ["warning"]

    assert not ring.exists()


@pytest.mark.parametrize(("free", "state"), [(1 << 20, "failure"), (1 << 29, "warning")])
async def test_little_room_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    used = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: used)
    async with patient(tmp_path) as ill:
        assert states(await data_directory(ill))[-1] == state


async def test_a_port_that_somebody_else_has_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        async with patient(tmp_path, RINGMAIN_OCPP_BIND=taken) as ill:
            found = await ocpp_port(ill)

    assert states(found) == ["failure"]
    assert "Address already in use" in told(found)
    assert "RINGMAIN_OCPP_BIND" in told(found)


async def test_an_address_that_this_machine_has_not_is_told(tmp_path: Path) -> None:
    elsewhere = {"RINGMAIN_OCPP_BIND": "192.0.2.1:9000", "RINGMAIN_ALLOW_PLAIN": "true"}
    async with patient(tmp_path, **elsewhere) as ill:
        found = await ocpp_port(ill)

    assert "no such address" in told(found)


async def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    await begun(tmp_path)
    with FileLock(tmp_path / "serve.lock"):
        async with patient(tmp_path) as ill:
            assert states(await server(ill)) == ["warning"]


async def test_too_few_open_files_for_all_chargers_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(tmp_path)
    monkeypatch.setattr("resource.getrlimit", lambda _which: (100, 100))
    async with patient(tmp_path) as ill:
        found = await open_files(ill)

    assert states(found) == ["warning"]
    assert "ulimit -n 256" in told(found)


@pytest.mark.parametrize(
    ("command", "state"), [(f"{sys.executable} sign.py", "ok"), ("/nowhere/sign", "failure")]
)
async def test_the_command_that_signs_is_looked_for_and_not_run(
    tmp_path: Path, command: str, state: str
) -> None:
    async with patient(tmp_path, RINGMAIN_CA_COMMAND=command) as looked_at:
        assert states(await authority_command(looked_at)) == [state]
    async with patient(tmp_path) as without:
        assert await authority_command(without) == []
