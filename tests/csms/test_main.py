"""The command line as its user sees it: output, exit code, one clear line for a failure."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from storage.clock import SystemClock
from storage.store import open_storage
from tests import programs
from tests.installations import variables


class Ended(NamedTuple):
    code: int | None
    out: str
    err: str


async def start(data_dir: Path, *arguments: str, **more: str) -> programs.Program:
    return await programs.start(*arguments, environment=variables(data_dir, **more))


async def ringmain(data_dir: Path, *arguments: str, **more: str) -> Ended:
    process = await start(data_dir, *arguments, **more)
    out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode())


async def data(data_dir: Path, *arguments: str) -> Any:
    ended = await ringmain(data_dir, *arguments)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[tuple[programs.Program, str]]:
    server = await start(data_dir, "serve")
    try:
        async with asyncio.timeout(30):
            while (event := json.loads(await server.stderr.readline()))["event"] != "ready":
                pass
        yield server, event["http"]
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def status(http: str, path: str, key: str = "") -> int:
    headers = {"x-api-key": key} if key else {}
    async with aiohttp.ClientSession(http) as session, session.get(path, headers=headers) as answer:
        return answer.status


async def test_organizations_and_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    made = await data(tmp_path, "org", "create", "My fleet")
    assert set(made) == {"organization_uuid", "name", "api_key"}
    assert [one["name"] for one in await data(tmp_path, "org", "list")] == ["My fleet"]

    uuid = made["organization_uuid"]
    key = await data(
        *(tmp_path, "key", "create", "--org", uuid, "--scope", "read", "--expires", "2999-01-31"),
        *("--name", "night shift"),
    )
    assert (key["scope"], key["name"]) == ("read", "night shift")
    assert key["expires_at"] == "2999-02-01T00:00:00.000Z"
    listed = await data(tmp_path, "key", "list", "--org", uuid)
    assert [one["scope"] for one in listed] == ["admin", "read"]
    assert made["api_key"] not in json.dumps(listed)

    assert await data(tmp_path, "key", "revoke", key["key_id"]) == {"revoked": key["key_id"]}
    again = await ringmain(tmp_path, "key", "revoke", key["key_id"])
    before = f"ringmain: API key {key['key_id']} was revoked before.\n"
    assert again == Ended(1, "", before)
    unknown = await ringmain(tmp_path, "key", "revoke", "nobody")
    assert unknown.err.startswith("ringmain: There is no API key nobody; `ringmain key list`")


async def test_a_failure_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    await ringmain(tmp_path, "org", "create", "Depot")
    ended = await ringmain(tmp_path, "key", "create", "--org", "nobody")

    assert ended == Ended(1, "", "ringmain: There is no organization nobody.\n")


@pytest.mark.sqlite_only("about the file of the embedded database")
@pytest.mark.parametrize(
    "words",
    [("org", "list"), ("key", "list"), ("log", "tail", "--no-follow"), ("audit", "verify")],
    ids=" ".join,
)
async def test_in_a_wrong_directory_nothing_is_made_and_one_is_told(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = await ringmain(tmp_path, *words)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"ringmain: There is no database at {tmp_path}/ringmain.sqlite3")
    assert "RINGMAIN_DATA_DIR" in ended.err
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - an async test asks no Path


@pytest.mark.sqlite_only("stores nothing")
async def test_a_wrong_setting_is_refused_by_its_name(tmp_path: Path) -> None:
    ended = await ringmain(tmp_path, "serve", RINGMAIN_HTTP_BIND="nowhere")

    assert ended.code == 1
    assert ended.err.startswith("ringmain: RINGMAIN_HTTP_BIND:")
    assert ended.err.count("\n") == 1


@pytest.mark.sqlite_only("stores nothing")
async def test_wrong_usage_is_exit_code_2_and_no_traceback(tmp_path: Path) -> None:
    for wrong in (
        ("key", "create"),
        ("key", "create", "--org", "any", "--expires", "9999-12-31"),
        ("key", "create", "--org", "any", "--name", "n" * 101),
        ("key", "create", "--org", "any", "--name", "two\nlines"),
        ("org", "create", ""),
        ("simulate", "charger", "--url", "http://127.0.0.1:9000/CP-1"),
        ("simulate", "fleet", "--api", "nowhere", "--org", "any", "--key", "any"),
    ):
        ended = await ringmain(tmp_path, *wrong)
        assert (ended.code, ended.out) == (2, ""), wrong
        assert "Traceback" not in ended.err


async def test_data_comes_on_one_line_with_json(tmp_path: Path) -> None:
    await data(tmp_path, "org", "create", "My fleet")
    ended = await ringmain(tmp_path, "org", "list", "--json")

    assert ended.out.count("\n") == 1
    assert [one["name"] for one in json.loads(ended.out)] == ["My fleet"]


@pytest.mark.sqlite_only("stores nothing")
async def test_a_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    for scheme in ("ws", "wss"):
        ended = await ringmain(
            tmp_path,
            "simulate",
            "charger",
            "--url",
            f"{scheme}://127.0.0.1:1/CP-1",
            "--seconds",
            "1",
        )
        assert ended.code == 1
        assert ended.err.startswith("ringmain: 1 of 1 chargers were never accepted; CP-1: ")
        assert ended.err.count("\n") == 1


async def test_the_settings_are_listed_by_help() -> None:
    help = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "csms", "serve", "--help", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await help.communicate()

    assert help.returncode == 0
    assert "RINGMAIN_ALLOWED_TARGET_NETWORKS" in out.decode()


LOOK_UP = """
import asyncio
from csms.playing import run

async def look_up():
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)

run(look_up())
print(len(list(__import__("pathlib").Path("/proc/self/task").iterdir())))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.sqlite_only("about no database")
async def test_many_names_are_looked_up_at_a_time() -> None:
    looking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOOK_UP, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await looking.communicate()

    assert int(out) > 100


@pytest.mark.sqlite_only("PostgreSQL's files are its own")
async def test_a_database_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "ringmain.sqlite3").write_text("this is no database, and never was one" * 100)
    ended = await ringmain(tmp_path, "serve")

    assert ended.code == 1
    assert "Traceback" not in ended.err


async def test_keys_hold_from_the_next_request_on_beside_a_running_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, http):
        assert await status(http, "/readyz") == 200
        made = await data(tmp_path, "org", "create", "Late")
        path = f"/api/v1/organizations/{made['organization_uuid']}/chargers"
        assert await status(http, path, made["api_key"]) == 200

        [key] = await data(tmp_path, "key", "list")
        await data(tmp_path, "key", "revoke", key["key_id"])
        assert await status(http, path, made["api_key"]) == 401

        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await server.wait() == 0


async def test_the_data_directory_is_the_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "data"
    await data(home, "org", "create", "Private")

    assert (home / "keyring.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    async with open_storage(home, SystemClock()) as storage:
        assert [one.name for one in await storage.organizations.list()] == ["Private"]


async def test_an_upgrade_says_what_it_did_and_does_it_once(tmp_path: Path) -> None:
    done = await data(tmp_path, "db", "upgrade")
    again = await data(tmp_path, "db", "upgrade")

    assert done["after"]
    assert again == {"before": done["after"], "after": done["after"]}
