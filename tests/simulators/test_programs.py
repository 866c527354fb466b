from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from simulators.enrolment import numbered
from simulators.programs import NeverConnected, run_charger, run_fleet, run_target
from simulators.target import Conduct, Target
from tests.simulators.stage import HURRY


def paper() -> tuple[Console, io.StringIO]:
    """Return a console that is no terminal, and what it writes to."""
    written = io.StringIO()
    return Console(file=written, width=80), written


async def test_a_charger_charges_until_the_time_is_up(target: Target) -> None:
    console, written = paper()

    await run_charger(
        target.url, "A", time_factor=HURRY, charge_s=60, away_s=6, seconds=1.0, console=console
    )

    lines = written.getvalue().splitlines()
    assert lines[0].endswith("A -- connected")
    assert any(" A -> StartTransaction {" in line for line in lines)
    assert lines[-1].startswith("1 of 1 connected, 0 charging")
    assert len(target.calls("StartTransaction", "A")) == len(target.calls("StopTransaction", "A"))


async def test_a_fleet_writes_json_lines_and_its_sums(target: Target) -> None:
    console, written = paper()

    dials = numbered(target.url, 4, prefix="F-")

    await run_fleet(dials, id_token=None, seconds=1.0, as_json=True, console=console)

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["simulator"] for line in lines[:-1]} == {"F-0001", "F-0002", "F-0003", "F-0004"}
    assert lines[-1]["chargers"] == 4
    assert {c.subprotocol for c in target.connections} == {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}
    assert target.calls("Authorize") == []


async def test_a_charger_that_is_refused_says_why() -> None:
    async with Target.listening(conduct=Conduct(refuse=403)) as target:
        with pytest.raises(NeverConnected, match="A: 403 Forbidden"):
            await run_charger(target.url, "A", seconds=0.2, console=paper()[0])


@pytest.mark.parametrize(("password", "missing"), [(None, True), ("wrong", False)])
async def test_a_charger_without_a_password_says_that_it_is_missing(
    password: str | None, *, missing: bool
) -> None:
    async with Target.listening(passwords={"*": "right"}) as target:
        with pytest.raises(NeverConnected, match="A: 401 ") as never:
            await run_charger(target.url, "A", password, seconds=0.2, console=paper()[0])

    assert ("OCPP_PASSWORD is missing" in str(never.value)) is missing


async def test_a_charger_whose_boot_is_rejected_says_so() -> None:
    async with Target.listening(conduct=Conduct(boot="Rejected")) as target:
        with pytest.raises(NeverConnected, match="answered Rejected"):
            await run_charger(target.url, "A", seconds=0.2, console=paper()[0])


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_target_says_first_where_it_is(*, as_json: bool) -> None:
    console, written = paper()

    await run_target(seconds=0.01, console=console, as_json=as_json)

    first = written.getvalue().splitlines()[0]
    where = json.loads(first)["target"] if as_json else first.removeprefix("target at ")
    assert where.startswith("ws://127.0.0.1:")
