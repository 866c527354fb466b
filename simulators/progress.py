"""What simulators do, shown live: a table in a terminal, one line an event elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from simulators.charger import Charger
from simulators.fleet import Statistics, statistics
from simulators.target import Target
from simulators.watched import Event, Watched, timestamp

REFRESH_S = 0.5
MOST_ROWS = 30
_TOLD = frozenset({"connected", "refused", "closed", "called", "asked"})
_ARROWS = {"called": "->", "asked": "<-"}


class View(Protocol):
    """Show what happens for as long as one waits."""

    async def show(self, seconds: float | None) -> None:
        """Show for so many seconds, None for ever."""


class LiveView:
    """Draw a table twice a second."""

    def __init__(self, console: Console, render: Callable[[], RenderableType]) -> None:
        self._console, self._render = console, render

    async def show(self, seconds: float | None) -> None:
        """Show for so many seconds, None for ever."""
        with Live(self._render(), console=self._console, auto_refresh=False) as live:
            async with asyncio.TaskGroup() as tasks:
                drawing = tasks.create_task(self._draw(live))
                await _wait(seconds)
                drawing.cancel()
            live.update(self._render(), refresh=True)

    async def _draw(self, live: Live) -> None:
        while True:
            live.update(self._render(), refresh=True)
            await asyncio.sleep(REFRESH_S)


class LineView:
    """Write one line for every event of interest; ``as_json`` writes all of each."""

    def __init__(
        self, console: Console, named: Iterable[tuple[str, Watched]], *, as_json: bool
    ) -> None:
        self._console = console
        self._write = self._json if as_json else self._plain
        for name, watched in named:
            watched.listeners.append(self._listener(name))

    async def show(self, seconds: float | None) -> None:
        """Wait for so many seconds, None for ever; events come by themselves."""
        await _wait(seconds)

    def _listener(self, name: str) -> Callable[[Event], None]:
        def listen(event: Event) -> None:
            if event.kind in _TOLD:
                self._write(name, event)

        return listen

    def _plain(self, name: str, event: Event) -> None:
        what = event.action or event.kind
        fields = "" if event.fields is None else json.dumps(event.fields)
        arrow = _ARROWS.get(event.kind, "--")
        print_line(self._console, f"{timestamp(event.at)} {name} {arrow} {what} {fields}".rstrip())

    def _json(self, name: str, event: Event) -> None:
        line = {"simulator": name, **asdict(event), "at": timestamp(event.at)}
        print_line(self._console, json.dumps(line))


def print_line(console: Console, line: str) -> None:
    """Write one line as it is, however long, at once."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.file.flush()


async def _wait(seconds: float | None) -> None:
    await (asyncio.Future() if seconds is None else asyncio.sleep(seconds))


# ---- tables ----


def chargers_table(chargers: Sequence[Charger]) -> RenderableType:
    """Draw one line for each EVSE, and the sums below."""
    table = Table("charger", "OCPP", "link", "EVSE", "state", "power", "energy", "transaction")
    for charger in chargers[:MOST_ROWS]:
        for evse_id in charger.hardware.evses:
            table.add_row(*_evse_row(charger, evse_id))
    return Group(table, sums(statistics(chargers)))


def _evse_row(charger: Charger, evse_id: int) -> tuple[str, ...]:
    evse = charger.hardware.evses[evse_id]
    own = evse.transaction
    return (
        charger.charge_box_id,
        charger.version,
        link_state(charger),
        str(evse_id),
        charger.hardware.state(evse_id),
        f"{charger.power_w(evse_id) / 1000:.1f} kW",
        f"{charger.energy_wh(evse_id) / 1000:.3f} kWh",
        (own.id or "(not answered)") if own else "",
    )


def link_state(charger: Charger) -> str:
    """Say in one word how a charger stands with its CSMS."""
    if not charger.linked:
        return "offline"
    return "online" if charger.connected else str(charger.boot.status or "booting").lower()


def sums(now: Statistics) -> str:
    """Say in one line what a fleet does."""
    return (
        f"{now.connected} of {now.chargers} connected, {now.charging} charging with "
        f"{now.power_w / 1000:.1f} kW, {now.energy_wh / 1000:.3f} kWh in {now.transactions} "
        f"transactions, {now.calls} calls, {now.refused} refused dials, {now.waiting} waiting"
    )


def target_table(target: Target) -> RenderableType:
    """Draw one line for each charger that a target knows."""
    table = Table("charger", "subprotocol", "link", "calls", "last")
    for name in list(dict.fromkeys(c.charge_box_id for c in target.connections))[-MOST_ROWS:]:
        calls = target.calls(charge_box_id=name)
        live = target.live(name)
        subprotocol = (live.subprotocol if live else None) or ""
        last = calls[-1].action if calls else ""
        table.add_row(name, subprotocol, "online" if live else "offline", str(len(calls)), last)
    return Group(f"target at {target.url}", table)
