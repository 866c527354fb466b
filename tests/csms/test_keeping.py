from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms import keeping, settings, wiring
from storage.clock import SystemClock
from tests.csms.test_wiring import chosen


async def test_what_a_killed_server_has_left_of_a_file_is_swept_away(tmp_path: Path) -> None:
    left = tmp_path / "files" / "job-1.0123.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    async with wiring.running(chosen(tmp_path)):
        assert not left.exists()


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with wiring.running(chosen(tmp_path)):
        with pytest.raises(keeping.AlreadyServed, match="Another server is running"):
            async with wiring.running(chosen(tmp_path)):
                pytest.fail("two servers on one data directory")

    async with wiring.running(chosen(tmp_path)) as again:
        assert again.http.port


async def test_a_data_directory_that_cannot_be_made_is_told_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inside_a_file = settings.read({"RINGMAIN_DATA_DIR": str(tmp_path / "file" / "data")})
    with pytest.raises(settings.SettingError, match=r"RINGMAIN_DATA_DIR: .* cannot be made"):
        async with wiring.running(inside_a_file):
            pytest.fail("served from nowhere")
    with pytest.raises(settings.SettingError, match=r"RINGMAIN_DATA_DIR: .* cannot be made"):
        keeping.upgrade(inside_a_file)


@contextlib.contextmanager
def somebody_elses(path: Path) -> Iterator[None]:
    """Ask as a user who may only read there: root may do everything."""
    account = os.getuid()
    path.chmod(0o555)
    os.setreuid(65534 if account == 0 else -1, -1)
    try:
        yield
    finally:
        os.setreuid(account, -1)


async def test_a_data_directory_of_somebody_else_is_told_by_its_setting(tmp_path: Path) -> None:
    told = "RINGMAIN_DATA_DIR: .* cannot be read and written by this user"

    with somebody_elses(tmp_path), pytest.raises(settings.SettingError, match=told):
        async with wiring.running(chosen(tmp_path)):
            pytest.fail("served from what is not ours")
    with somebody_elses(tmp_path), pytest.raises(settings.SettingError, match=told):
        keeping.upgrade(chosen(tmp_path))
    with somebody_elses(tmp_path), pytest.raises(settings.SettingError, match=told):
        keeping.storage_of(chosen(tmp_path), SystemClock())


async def test_the_database_file_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    async with wiring.running(chosen(tmp_path, RINGMAIN_DATABASE_URL=f"sqlite:///{elsewhere}")):
        assert elsewhere.exists()
