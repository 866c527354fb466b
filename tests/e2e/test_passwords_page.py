"""The page about passwords as its reader works through it: every line pasted into a shell."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from simulators.charger import Charger
from tests.security.ground import served

PAGE = Path(__file__).parents[2] / "docs/passwords.md"
CURL = 'set -eu\ncurl() { command curl -sS --max-time 20 "$@"; echo; }\n'


def lines() -> str:
    """Return all lines of the page."""
    found = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return "\n".join(map(dedent, found))


async def pasted(environment: dict[str, str]) -> Iterator[Any]:
    """Run all lines; return what each call has answered."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", CURL + lines()),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaints = await shell.communicate()
    assert shell.returncode == 0, complaints.decode()
    return map(json.loads, said.splitlines())


@pytest.mark.sqlite_only("about the page")
async def test_every_line_works(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        charger = Charger(ground.ocpp, "CP-1", await ground.enrol("CP-1"), back_off=(0.05, 0.2))
        async with charger.running():
            await charger.wait_connected()
            rotated, listed, by_hand, cancelled, reopened, patched = await pasted(
                {
                    "PATH": "/usr/bin:/bin:/usr/local/bin",
                    "API": f"http://{ground.server.http}",
                    "ORG": ground.organization_uuid,
                    "ADMIN_KEY": ground.session.headers["x-api-key"],
                }
            )
    page = PAGE.read_text()

    assert (rotated["state"], listed["rotations"]) == ("accepted", [])
    assert rotated["message"] in page
    assert (by_hand["state"], len(by_hand["ocpp_password"])) == ("by_hand", 20)
    assert cancelled["message"] in page
    assert reopened["error"] == "not_found"  # nothing has run out
    assert patched["charger"]["hex_password"] is True
