"""The page about sessions as its reader works through it: every line pasted into a shell."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.api.conftest import Api
from tests.kratos import PASSWORD, People

PAGE = Path(__file__).parents[2] / "docs/sessions.md"
# Who is refused is told on standard error, and ends the shell.
STRICT = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body --max-time 20 "$@"; }\n'


@pytest.mark.skipif(not shutil.which("jq"), reason="the page needs jq")
@pytest.mark.sqlite_only("about the page")
async def test_every_line_works(api: Api, people: People) -> None:
    given = {
        "API": people.api.base,
        "KRATOS": people.kratos.url,
        "ORG_UUID": api.organization_uuid,
        "KEY": api.key,
    }
    lines = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
    assert f"PASSWORD={PASSWORD}\n" in lines
    for name, value in given.items():
        lines, count = re.subn(rf"^{name}=.*$", f"{name}={value}", lines, flags=re.MULTILINE)
        assert count == 1, name

    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", STRICT + lines),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await shell.communicate())[0].decode()

    assert shell.returncode == 0, said[-2000:]
    for told in ("Member added", '"role":"operate"', "Charger enrolled", '"chargingStations"'):
        assert told in said
    assert "Charger deleted" in said
