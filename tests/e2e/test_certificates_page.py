"""The page about certificates as its reader works through it; its authority is tried in A02."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import authority, signed
from tests.security.authority import blocks, installed
from tests.security.ground import served
from tests.security.test_a02_certificates import NAME, becomes, playing

FLEET = "tests"  # what the organization is called here, "My fleet" on the page


def lines_for(version: str) -> list[str]:
    """Return the curl lines of the page that a charger of this version understands."""
    text = "".join(block for block in blocks("sh") if "curl" in block)
    lines = re.sub(r"\\\n\s+", "", text).splitlines()
    other = "# 2.x" if version == "1.6" else "# 1.6"
    return [line for line in lines if line.startswith("curl") and not line.endswith(other)]


async def run(line: str, folder: Path, environment: Mapping[str, str]) -> Any:
    """Paste a line into a shell, and return the JSON that it has got."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", line),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await shell.communicate()
    assert shell.returncode == 0, line
    return json.loads(out)


@pytest.mark.skipif(not shutil.which("jq"), reason="the page needs jq")
@pytest.mark.sqlite_only("about the page")
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_every_line_works(tmp_path: Path, version: str) -> None:
    pinned = signed(NAME)
    (tmp_path / "charger.pem").write_text(pinned)
    (tmp_path / "root.pem").write_text(authority())
    settings = {"RINGMAIN_CA_COMMAND": str(installed(tmp_path / "ca"))}
    async with served(tmp_path / "data", settings) as ground, playing(ground, version):
        _, key = await ground.server.storage.api_keys.create(ground.organization_uuid, "admin")
        api = f"http://{ground.server.http}"
        known = {
            "API": api,
            "ORG_UUID": ground.organization_uuid,
            "KEY": key,
            "CHARGER": f"{api}{ground.organization}/chargers/{NAME}",
        }
        for line in lines_for(version):
            told = await run(line.replace("CP01", NAME).replace("My fleet", FLEET), tmp_path, known)
            assert told.get("success", True), (line, told)
            if told.get("certificate"):
                known["SHA256"] = told["certificate"]["sha256"]
        await becomes(ground, "installed")

    assert len(lines_for(version)) == {"1.6": 9, "2.0.1": 8}[version]
