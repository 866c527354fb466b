"""What a shell offers: tried in a real bash, with the script that the program shows."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from csms.completing import KEY_IDS, ORGANIZATIONS
from storage.clock import SystemClock
from storage.store import open_storage

pytestmark = pytest.mark.sqlite_only("another database is not looked at")

# As bash does it when one presses Tab behind some words; each case is told on a line of its own.
SETUP = """
eval "$({program} --show-completion)"
press() {{
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _ringmain_completion {program}
    echo "${{COMPREPLY[@]}}"
}}
"""
PROGRAM = shutil.which("ringmain", path=str(Path(sys.executable).parent))


@pytest.fixture
async def organization(tmp_path: Path) -> str:
    async with open_storage(tmp_path, SystemClock()) as storage:
        made = await storage.organizations.create("Depot \x1b[2J")
        await storage.api_keys.create(made.organization_uuid, "read", None, "night shift")
        return made.organization_uuid


async def pressed(data_dir: Path, *cases: str) -> list[str]:
    """Return what bash offers behind each of these beginnings of a line."""
    script = SETUP.format(program=PROGRAM) + "\n".join(cases)
    bash = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", script),
        env={"PATH": "/usr/bin:/bin", "RINGMAIN_DATA_DIR": str(data_dir)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await bash.communicate()
    assert err == b""
    return out.decode().splitlines()


async def test_bash_offers_commands_options_and_organizations(
    tmp_path: Path, organization: str
) -> None:
    offered = await pressed(
        tmp_path,
        "press ringmain log tail --gr",
        f"press ringmain key create --org {organization[:3]}",
        # What is wrong with the settings is nothing for the shell.
        "export RINGMAIN_HTTP_BIND=nowhere RINGMAIN_NO_SETTING=1",
        f"press ringmain key create --org {organization[:3]}",
    )

    assert offered == ["--grep", organization, ""]


def test_what_is_called_somehow_is_offered_with_that(
    tmp_path: Path, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGMAIN_DATA_DIR", str(tmp_path))
    [(key_id, name)] = KEY_IDS("")

    assert ORGANIZATIONS(organization[:8]) == [(organization, "Depot \\x1b[2J")]
    assert (len(key_id) > 8, name) == (True, "night shift")
    assert KEY_IDS("no such") == []


@pytest.mark.parametrize("content", [None, b"this is no database", b""])
def test_where_there_is_no_database_nothing_is_offered_and_nothing_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setenv("RINGMAIN_DATA_DIR", str(tmp_path / "data"))
    if content is not None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "ringmain.sqlite3").write_bytes(content)
    before = sorted(tmp_path.rglob("*"))

    assert ORGANIZATIONS("") == []
    assert sorted(tmp_path.rglob("*")) == before


def test_another_database_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGMAIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    assert ORGANIZATIONS("") == []
