"""The page about the API as its reader works through it: every line pasted into a shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.test_commissioning_page import pasted
from tests.simulators.account import Account

PAGE = Path(__file__).parents[2] / "docs/api.md"


@pytest.mark.sqlite_only("about the page")
async def test_every_line_works(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    text, *lines = "".join(blocks).splitlines(keepends=True)
    assert text.startswith("API=")
    async with Account.open(tmp_path / "data") as account:
        given = {
            "API": account.api_url,
            "ORG_UUID": account.organization_uuid,
            "KEY": account.api_key,
        }
        heads = "".join(f"{name}={value}\n" for name, value in given.items())
        said = await pasted(heads + "".join(lines), tmp_path)

    assert '"name":"dashboard"' in said
    assert len(re.findall("(?i)^idempotency-replayed: true", said, re.MULTILINE)) == 1
    assert len(set(re.findall(r'"site_id":"([^"]+)"', said))) == 1
