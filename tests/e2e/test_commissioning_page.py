"""The page about commissioning as its reader works through it: every line pasted into a shell."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from simulators.enrolment import enrol, names
from simulators.fleet import Fleet
from simulators.programs import chargers_of
from simulators.site import VERSIONS, Operator
from simulators.target import Target
from tests.certificates import ROOT, signed
from tests.simulators.account import Account

PAGE = Path(__file__).parents[2] / "docs/commissioning.md"
# Who is refused is told on standard error, and ends the shell.
STRICT = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body --max-time 20 "$@"; }\n'


def script(given: Mapping[str, str]) -> str:
    """Return all lines of the page, with the values that its reader puts in."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    for name, value in given.items():
        text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, name
    return text


@pytest.mark.skipif(not shutil.which("jq"), reason="the page needs jq")
@pytest.mark.sqlite_only("about the page")
async def test_every_line_works(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(signed(ROOT, ca=True))
    async with Account.open(tmp_path / "data") as account, Target.listening() as target:
        who = account.api_url, account.organization_uuid, account.api_key
        fleet = Fleet(chargers_of(await enrol(*who, names(3, "S-")), VERSIONS, 1.0))
        await enrol(*who, ["CP-1", "CP-2"])
        async with Operator.at(*who) as operator, fleet.running():
            await fleet.wait_connected()
            given = dict(zip(("API", "ORG_UUID", "KEY"), who, strict=True))
            given["SITE"] = await operator.make_site("Depot", names(3, "S-"))
            given["SERIAL"] = fleet.chargers[0].identity.serial_number
            lines = script(given).replace("ws://127.0.0.1:9100", target.url)
            said = await pasted(lines, tmp_path)

    assert said.count('"rolloutId"') > 5
    assert "MAIN-LOBBY" in said
    assert target.connections


async def pasted(lines: str, folder: Path) -> str:
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", STRICT + lines),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await shell.communicate())[0].decode()
    assert shell.returncode == 0, said[-2000:]
    return said
