"""What `ringmain simulate` runs: plain functions, each argument explicit."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from itertools import cycle
from ssl import SSLContext

from rich.console import Console

from csms.errors import RingmainError
from simulators.charger import Charger
from simulators.enrolment import Dial, enrol
from simulators.fleet import Driver, Fleet, Statistics, see_off
from simulators.progress import (
    LineView,
    LiveView,
    View,
    chargers_table,
    print_line,
    sums,
    target_table,
)
from simulators.site import VERSIONS, Operator
from simulators.target import Conduct, Target

TOKEN = "04A1B2C3D4E5F6"  # noqa: S105 - an RFID card, as printed on it
_EVENTS_KEPT = 200
_STAY_S = 10.0  # for which a vehicle stays after a transaction that others have ended


class NeverConnected(RingmainError):
    """The CSMS never accepted the charger."""


async def run_charger(
    url: str,
    charge_box_id: str,
    password: str | None = None,
    *,
    version: str = "1.6",
    evses: int = 2,
    max_power_w: float = 11_000.0,
    time_factor: float = 1.0,
    id_token: str | None = TOKEN,
    charge_s: float = 600.0,
    away_s: float = 10.0,
    seconds: float | None = None,
    as_json: bool = False,
    console: Console | None = None,
    ssl: SSLContext | None = None,
) -> None:
    """Play one charger with a driver, who stays away where ``id_token`` is None.

    Ends after ``seconds``; raises NeverConnected where that was in vain.
    """
    charger = Charger(
        url,
        charge_box_id,
        password,
        version,
        evses=evses,
        max_power_w=max_power_w,
        time_factor=time_factor,
        keep_events=_EVENTS_KEPT,
        ssl=ssl,
    )
    console = console or Console()
    view = _view([charger], console, as_json=as_json)
    driver = _driver(id_token, charge_s, away_s)
    end = await _play(Fleet([charger]), driver, view, seconds)
    _conclude([charger], end, console, as_json=as_json)


async def run_fleet(
    dials: Sequence[Dial],
    *,
    versions: Sequence[str] = ("1.6", "2.0.1", "2.1"),
    at_once: int = 50,
    stagger_s: float = 0.0,
    time_factor: float = 1.0,
    id_token: str | None = TOKEN,
    charge_s: float = 600.0,
    away_s: float = 60.0,
    seconds: float | None = None,
    as_json: bool = False,
    console: Console | None = None,
    ssl: SSLContext | None = None,
) -> None:
    """Play many chargers, versions in turn; ``enrolment`` says who they are.

    Ends after ``seconds``; raises NeverConnected where one of them never was.
    """
    chargers = chargers_of(dials, versions, time_factor, ssl)
    console = console or Console()
    view = _view(chargers, console, as_json=as_json)
    fleet = Fleet(chargers, at_once=at_once, stagger_s=stagger_s)
    end = await _play(fleet, _driver(id_token, charge_s, away_s), view, seconds)
    _conclude(chargers, end, console, as_json=as_json)


def chargers_of(
    dials: Sequence[Dial],
    versions: Sequence[str],
    time_factor: float,
    ssl: SSLContext | None = None,
) -> list[Charger]:
    """Make chargers, versions in turn."""
    return [
        Charger(
            dial.url,
            dial.charge_box_id,
            dial.password,
            version,
            time_factor=time_factor,
            keep_events=_EVENTS_KEPT,
            ssl=ssl,
        )
        for dial, version in zip(dials, cycle(versions), strict=False)
    ]


async def run_site(
    api_url: str,
    organization_uuid: str,
    api_key: str,
    *,
    name: str,
    charge_box_ids: Sequence[str],
    time_factor: float = 1.0,
    seconds: float | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Enrol chargers, make a site of them, say which one it is, and play them as a fleet.

    Raises EnrolmentFailed, SiteFailed and NeverConnected.
    """
    console = console or Console()
    dials = await enrol(api_url, organization_uuid, api_key, charge_box_ids)
    async with Operator.at(api_url, organization_uuid, api_key) as operator:
        site_id = await operator.make_site(name, charge_box_ids)
    site = {"site_id": site_id, "name": name, "chargers": list(charge_box_ids)}
    whole = f"site {site_id}, {name}: {charge_box_ids[0]} to {charge_box_ids[-1]}"
    print_line(console, json.dumps({"site": site}) if as_json else whole)
    await run_fleet(
        dials,
        versions=VERSIONS,
        time_factor=time_factor,
        seconds=seconds,
        as_json=as_json,
        console=console,
    )


async def run_target(
    host: str = "127.0.0.1",
    port: int = 0,
    password: str | None = None,
    *,
    boot: str = "Accepted",
    interval: int = 300,
    seconds: float | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Play a CSMS that takes everybody, or everybody with this password; end after ``seconds``."""
    console = console or Console()
    target = Target(
        passwords=None if password is None else {"*": password},
        conduct=Conduct(boot=boot, interval=interval),
        keep=10_000,
    )
    await target.listen(host, port)
    try:
        view = _target_view(target, console, as_json=as_json)
        await view.show(seconds)
    finally:
        await target.close()


def _target_view(target: Target, console: Console, *, as_json: bool) -> View:
    if console.is_terminal and not as_json:
        return LiveView(console, lambda: target_table(target))
    at = {"target": target.url}
    print_line(console, json.dumps(at) if as_json else f"target at {target.url}")
    return LineView(console, [("target", target)], as_json=as_json)


async def _play(
    fleet: Fleet, driver: Driver | None, view: View, seconds: float | None
) -> Statistics:
    chance = random.Random()
    async with fleet.running():
        async with asyncio.TaskGroup() as tasks:
            driving = [
                tasks.create_task(driver.drive(charger, chance))
                for charger in (fleet.chargers if driver else ())
                if driver
            ]
            driving += [tasks.create_task(see_off(each, _STAY_S)) for each in fleet.chargers]
            await view.show(seconds)
            for task in driving:
                task.cancel()
        await fleet.stop_all()
        return fleet.statistics()


def _driver(id_token: str | None, charge_s: float, away_s: float) -> Driver | None:
    return None if id_token is None else Driver(id_token, charge_s=charge_s, away_s=away_s)


def _view(chargers: Sequence[Charger], console: Console, *, as_json: bool) -> View:
    if console.is_terminal and not as_json:
        return LiveView(console, lambda: chargers_table(chargers))
    named = [(charger.charge_box_id, charger) for charger in chargers]
    return LineView(console, named, as_json=as_json)


def _conclude(
    chargers: Sequence[Charger], end: Statistics, console: Console, *, as_json: bool
) -> None:
    if as_json:
        print_line(console, json.dumps(asdict(end)))
    elif not console.is_terminal:
        print_line(console, sums(end))
    never = [charger for charger in chargers if not charger.boot.accepted]
    if never:
        raise NeverConnected(
            f"{len(never)} of {len(chargers)} chargers were never accepted; "
            f"{never[0].charge_box_id}: {_reason(never[0])}"
        )


def _reason(charger: Charger) -> str:
    refused = charger.seen("refused")
    if not refused:
        return f"the boot was answered {charger.boot.status or 'with silence'}"
    told = f"{refused[-1]['status'] or 'not reached'} {refused[-1]['reason']}".strip()
    if refused[-1]["status"] == HTTPStatus.UNAUTHORIZED and charger.password is None:
        return f"{told}; it has no password: OCPP_PASSWORD is missing"
    return told
