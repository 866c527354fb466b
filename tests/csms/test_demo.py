"""The demo as its user starts it: a process of its own, its curl lines pasted into a shell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from csms.demo import SITE, environment


async def run(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "csms",
        "demo",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_comes_up_its_curl_lines_work_and_it_ends_by_itself() -> None:
    demo = await run("--seconds", "8")
    assert demo.stdout
    assert demo.stderr
    told: list[str] = []
    lines: list[str] = []
    async with asyncio.timeout(60):
        while len(lines) < 4:
            line = (await demo.stdout.readline()).decode()
            assert line, (await demo.stderr.read()).decode()
            told.append(line.strip())
            lines += [line.strip()] if line.startswith("  curl ") else []
        answers = [await _paste(line) for line in lines]
        rest = (await demo.stdout.read()) + (await demo.stderr.read())
        assert await demo.wait() == 0, rest.decode()

    first = next(filter(None, told))
    console = re.fullmatch(r"The console: +http://[\d.:]+/#key=(\S+)", first)
    assert console
    assert f"API key       {console[1]}" in told
    chargers, started, messages, site = answers
    names = {one["charge_box_id"] for one in chargers["chargers"] if one["connected"]}
    assert names == {"DEMO-16", "DEMO-201", *SITE}
    assert started == {"transactionStartResponse": {"status": "Accepted"}}
    assert len(messages["messages"]) == 5
    assert (site["rollout"]["state"], site["rollout"]["counts"]["applied"]) == ("done", 10)
    assert [one["linkState"] for one in site["results"]] == ["ready"] * 10
    # It is known there by its serial number, which it has told in its boot.
    assert {one["chargePointId"] for one in site["results"]} == {f"SIM-{name}" for name in SITE}


def kept(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@pytest.mark.sqlite_only("the demo has the embedded database")
async def test_sigterm_ends_it_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    demo = await run()
    assert demo.stdout
    async with asyncio.timeout(60):
        while (line := await demo.stdout.readline()) and b"nothing is kept" not in line:
            pass
        assert kept(tmp_path)
        demo.terminate()
        assert await demo.wait() == 0
    assert not kept(tmp_path)


async def _paste(line: str) -> dict[str, Any]:
    shell = await asyncio.create_subprocess_shell(
        line, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await shell.communicate()
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.mark.parametrize("port", [8080, 9000])
async def test_a_taken_port_is_left_to_its_owner(port: int, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(OSError):  # somebody else owns it: as good
            listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
            await stack.enter_async_context(listener)
        chosen = environment(tmp_path)

    assert f"127.0.0.1:{port}" not in chosen.values()
    assert "127.0.0.1:0" in chosen.values()
