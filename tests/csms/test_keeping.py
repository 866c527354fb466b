from __future__ import annotations

from pathlib import Path

import pytest

from csms import keeping, settings, wiring
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


async def test_the_database_file_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    async with wiring.running(chosen(tmp_path, RINGMAIN_DATABASE_URL=f"sqlite:///{elsewhere}")):
        assert elsewhere.exists()
