"""The simulators' commands as their user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.programs import start
from tests.simulators.account import Account

pytestmark = pytest.mark.sqlite_only("simulators know no database")


async def simulated_site(account: Account, *more: str) -> tuple[int | None, list[str], str]:
    program = await start(
        *("simulate", "site", "--api", account.api_url, "--org", account.organization_uuid),
        *more,
        environment={"RINGMAIN_API_KEY": account.api_key},
    )
    out, err = await program.communicate()
    return program.returncode, out.decode().splitlines(), err.decode()


async def test_a_site_is_made_and_played_and_a_second_one_beside_it(tmp_path: Path) -> None:
    async with Account.open(tmp_path) as account:
        runs = [await simulated_site(account, "--seconds", "1", "--json") for _ in range(2)]

    for code, lines, err in runs:
        assert code == 0, err
        site, *_, sums = (json.loads(line) for line in lines)
        assert len(set(site["site"]["chargers"])) == 10
        assert (sums["chargers"], sums["connected"]) == (10, 10)
    first, second = (json.loads(lines[0])["site"] for _, lines, _ in runs)
    assert first["site_id"] != second["site_id"]
    assert not set(first["chargers"]) & set(second["chargers"])


async def test_ids_that_are_taken_are_told_in_one_line(tmp_path: Path) -> None:
    async with Account.open(tmp_path) as account:
        once = ("--count", "1", "--prefix", "DEPOT-", "--seconds", "1")
        code, lines, err = await simulated_site(account, *once)
        assert code == 0, err
        assert lines[0].endswith(", Simulated site DEPOT: DEPOT-0001 to DEPOT-0001")

        code, lines, err = await simulated_site(account, *once)
        assert (code, lines) == (1, [])
        assert err.startswith("ringmain: DEPOT-0001: ")
        assert err.count("\n") == 1


async def test_what_is_missing_is_told() -> None:
    program = await start("simulate", "site", environment={})
    _, err = await program.communicate()

    assert program.returncode == 2
    assert b"--api" in err
