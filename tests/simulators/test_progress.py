from __future__ import annotations

import io
from string import ascii_uppercase

import pytest
from rich.console import Console

from simulators.charger import Charger
from simulators.fleet import Statistics
from simulators.progress import LineView, LiveView, chargers_table, link_state, sums, target_table
from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, playing


def drawn(thing: object) -> str:
    paper = io.StringIO()
    Console(file=paper, width=140).print(thing)
    return paper.getvalue()


async def test_a_table_has_a_line_for_every_evse(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        table = drawn(chargers_table([charger]))

    first = next(line for line in table.splitlines() if own.id in line and NAME in line)
    assert [word for word in (version, "online", "Charging", "11.0 kW") if word not in first] == []
    assert "Available" in table
    assert "1 of 1 connected, 1 charging with 11.0 kW" in table


async def test_a_link_is_described_in_one_word(target: Target) -> None:
    words = [link_state(Charger(target.url, NAME))]
    target.conduct.boot = "Pending"
    charger = Charger(target.url, NAME)
    async with charger.running():
        await charger.until(lambda c: c.boot.status)
        words.append(link_state(charger))
        target.conduct.boot = "Accepted"
        charger.boot.hurry("Triggered")
        await charger.wait_connected()
        words.append(link_state(charger))

    assert words == ["offline", "pending", "online"]


async def test_the_table_of_a_target_tells_who_called_what(target: Target) -> None:
    async with playing(target) as charger:
        await charger.call("Heartbeat", {})
        table = drawn(target_table(target))

    row = next(line for line in table.splitlines() if NAME in line)
    assert "ocpp1.6" in row
    assert "online" in row


async def test_a_terminal_gets_a_table_that_moves() -> None:
    screen = io.StringIO()
    counted = iter(range(26))
    console = Console(file=screen, force_terminal=True, width=80)

    await LiveView(console, lambda: f"frame-{ascii_uppercase[next(counted)]}").show(0.05)

    assert "frame-B" in screen.getvalue()
    assert "frame-C" in screen.getvalue()


@pytest.mark.parametrize(("as_json", "expected"), [(False, " X -> Heartbeat {}"), (True, '"X"')])
async def test_elsewhere_every_event_is_a_line(
    target: Target, *, as_json: bool, expected: str
) -> None:
    paper = io.StringIO()
    async with playing(target) as charger:
        view = LineView(Console(file=paper), [("X", charger)], as_json=as_json)
        await charger.call("Heartbeat", {})
        await view.show(0)

    assert expected in paper.getvalue()
    assert '"answer"' not in paper.getvalue()


def test_sums_are_one_line() -> None:
    now = Statistics(3, 2, 1, 4, 50, 6, 7, 11_000.0, 1234.0)

    assert sums(now) == (
        "2 of 3 connected, 1 charging with 11.0 kW, 1.234 kWh in 4 transactions, "
        "50 calls, 6 refused dials, 7 waiting"
    )
