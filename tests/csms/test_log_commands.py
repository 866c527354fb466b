"""`ringmain log tail | export` as its user has it: beside a writer, into pipes, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.store import Storage, open_storage
from tests.csms.test_main import Ended, ringmain, start
from tests.installations import variables


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, SystemClock()) as storage:
        yield storage


async def say(storage: Storage, org: str, charger: str, *ids: str) -> None:
    for id in ids:
        frame = f'[2,"{id}","Heartbeat",{{}}]'.encode()
        said = ("charger_to_platform", "1.6", "Call", id, "Heartbeat", frame)
        storage.journal.append(ChargerKey(org, charger), *said)  # type: ignore[arg-type]  # literals
    await storage.journal.flush()


async def test_it_follows_beside_whoever_writes_and_ends_quietly_by_ctrl_c(
    storage: Storage, tmp_path: Path
) -> None:
    org = (await storage.organizations.create("Depot")).organization_uuid
    await say(storage, org, "CP-1", "1")
    tail = await start(tmp_path, "log", "tail", "--org", org, "--charger", "CP-1")
    async with asyncio.timeout(30):
        first = await tail.stdout.readline()
        await say(storage, org, "CP-2", "2")
        await say(storage, org, "CP-1", "3")
        second = await tail.stdout.readline()
    tail.send_signal(signal.SIGINT)
    out, err = await tail.communicate()

    assert first.decode().endswith("CP-1 charger → Heartbeat 1 {}\n")
    assert second.decode().endswith("CP-1 charger → Heartbeat 3 {}\n")
    assert (tail.returncode, out, err) == (0, b"", b"")


async def test_what_is_exported_is_what_was_asked_for(storage: Storage, tmp_path: Path) -> None:
    ours = (await storage.organizations.create("Depot")).organization_uuid
    theirs = (await storage.organizations.create("Others")).organization_uuid
    await say(storage, ours, "CP-1", "1", "2")
    await say(storage, theirs, "CP-1", "3")

    everything = await ringmain(tmp_path, "log", "export")
    some = await ringmain(tmp_path, "log", "export", "--org", theirs)
    file = tmp_path / "log.jsonl"
    into_file = await ringmain(
        tmp_path, "log", "export", "--charger", "CP-1", "--output", str(file)
    )

    assert [json.loads(line)["message_id"] for line in everything.out.splitlines()] == [
        "1",
        "2",
        "3",
    ]
    assert [json.loads(line)["message_id"] for line in some.out.splitlines()] == ["3"]
    assert (into_file, file.read_text()) == (Ended(0, "", ""), everything.out)


@pytest.mark.sqlite_only("nothing is read")
async def test_whoever_is_not_there_is_named(storage: Storage, tmp_path: Path) -> None:
    org = (await storage.organizations.create("Depot")).organization_uuid

    nobody = await ringmain(tmp_path, "log", "export", "--org", "nobody")
    stranger = await ringmain(tmp_path, "log", "tail", "--org", org, "--charger", "\x1b[2J")

    assert nobody == Ended(1, "", "ringmain: There is no organization nobody.\n")
    assert stranger.err == "ringmain: There is no charger \\x1b[2J in this organization.\n"
    assert stranger.code == 1


PIPE = '"$0" -m csms log export | head -n 1 && echo "${PIPESTATUS[0]}"'


@pytest.mark.sqlite_only("about the pipe")
async def test_a_pipe_that_is_closed_ends_it_quietly(storage: Storage, tmp_path: Path) -> None:
    org = (await storage.organizations.create("Depot")).organization_uuid
    await say(storage, org, "CP-1", *(str(number) for number in range(2000)))
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", PIPE, sys.executable),
        env=variables(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await shell.communicate()

    line, code = out.splitlines()
    assert json.loads(line)["message_id"] == "0"
    assert (code, err) == (b"0", b"")


@pytest.mark.sqlite_only("nothing is read")
@pytest.mark.parametrize(
    "wrong",
    [
        ("--since", "yesterday"),
        ("--grep", "("),
        ("--direction", "sideways"),
        ("--lines", "-1"),
        ("--since", "2h", "--until", "3h"),
        ("--charger", "x") * 101,
    ],
)
async def test_what_is_misspelt_is_one_line_and_exit_code_2(
    tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    ended = await ringmain(tmp_path, "log", "tail", *wrong)

    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "Value error" not in ended.err
