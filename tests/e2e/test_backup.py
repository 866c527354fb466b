"""The commands of docs/storage.md back an installation up that runs, and bring it back."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from rich.console import Console
from sqlalchemy import URL

from csms import settings, wiring
from csms.moving import move
from storage import engines
from storage.records import ChargerKey
from tests.e2e.conftest import Api, served
from tests.e2e.test_awkward_values import NAME, SAID, charger
from tests.installations import variables
from tests.storage.postgres import Admin

ROOT = Path(__file__).parents[2]
KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
QUIET = Console(quiet=True)


def documented(title: str) -> str:
    """Return the commands of the document that begin with a comment."""
    document = (ROOT / "docs/storage.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    [found] = [block for block in blocks if block.startswith(f"# {title}")]
    return str(found)


async def run(title: str, environment: dict[str, str]) -> None:
    """Run the commands, as somebody would who pastes them."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = await asyncio.create_subprocess_exec(
        "sh",
        "-eu",
        "-c",
        documented(title),
        env={**environment, "PATH": path},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await shell.communicate()
    assert shell.returncode == 0, out.decode()


@pytest.fixture
def original(tmp_path: Path) -> Path:
    (tmp_path / "original").mkdir()
    return tmp_path / "original"


@pytest.fixture
async def api(original: Path) -> AsyncIterator[Api]:
    """Serve an installation in which something has happened."""
    async with served(original) as api:
        password = await api.enrol(NAME, "ws://127.0.0.1:9/{charge_box_id}")
        async with charger(api, password, "ocpp1.6") as device:
            for action, payload in SAID["ocpp1.6"].items():
                await device.says(action, payload)
        yield api


@pytest.fixture
def elsewhere(tmp_path: Path, original: Path) -> Iterator[URL]:
    """Name a database that is not there yet, or empty."""
    url = engines.default_url(original)
    if url.get_backend_name() == "sqlite":
        yield engines.default_url(tmp_path / "restored")
        return
    name = f"{url.database}_restored"
    with Admin.of(url) as admin:
        admin.does(f"CREATE DATABASE {name} OWNER {url.username}")
        yield url.set(database=name)
        admin.does(f"DROP DATABASE {name} WITH (FORCE)")


async def test_what_is_backed_up_while_the_server_runs_comes_back_whole(
    tmp_path: Path, original: Path, api: Api, elsewhere: URL, engine: str
) -> None:
    there = {"BACKUP": str(tmp_path / "backup")}
    ours = {**variables(original), "RINGMAIN_DATABASE_URL": plain(engines.default_url(original))}
    theirs = {**ours, "RINGMAIN_DATA_DIR": str(tmp_path / "restored")}
    theirs["RINGMAIN_DATABASE_URL"] = plain(elsewhere)

    await run(f"back up {KINDS[engine]}", ours | there)
    await run(f"restore {KINDS[engine]}", theirs | there)

    theirs.pop("PATH")
    async with wiring.running(settings.read(theirs)) as server:
        assert await is_ready(server)
        [organization] = await server.storage.organizations.list()
        assert organization.organization_uuid == api.organization_uuid
        key = ChargerKey(api.organization_uuid, NAME)
        configuration = await server.storage.proxy_configurations.for_charger(key)
        assert configuration
        assert configuration.target_auth_basic_password == "third-party-secret"  # unsealed
        exchanges = await server.storage.journal.exchanges(key, direction="charger_to_platform")
        assert {each.call.action for each in exchanges} == {*SAID["ocpp1.6"]}


async def test_a_restored_database_is_the_one_that_was_backed_up(
    tmp_path: Path, original: Path, elsewhere: URL, engine: str
) -> None:
    url = engines.default_url(original)
    environment = {
        **variables(original),
        "RINGMAIN_DATABASE_URL": plain(url),
        "BACKUP": str(tmp_path / "backup"),
    }
    async with served(original) as api:
        await api.enrol(NAME, "ws://127.0.0.1:9/{charge_box_id}")
    await run(f"back up {KINDS[engine]}", environment)
    environment["RINGMAIN_DATA_DIR"] = str(tmp_path / "restored")
    await run(f"restore {KINDS[engine]}", environment | {"RINGMAIN_DATABASE_URL": plain(elsewhere)})

    compared = await asyncio.to_thread(move, plain(elsewhere), plain(url), QUIET)

    assert compared["rows"] > 0
    assert compared["copied"] == 0


def plain(url: URL) -> str:
    """Name a database as an operator does."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


async def is_ready(server: wiring.Running) -> bool:
    async with (
        aiohttp.ClientSession(f"http://{server.http}") as session,
        session.get("/readyz") as answer,
    ):
        return answer.status == 200
