"""Measure the console before a large fleet: ``python -m bench.console`` (`make bench-console`).

A real `ringmain serve` has so many chargers, of which some are connected, charge, and tell their
meters in turn. Chromium opens the overview: how long until the first rows are there and can be
searched, until all are there, how long a filter takes, which frames come late while it is live, and
how much memory it holds. The server, the chargers and the browser share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from playwright.async_api import Browser, CDPSession, Page
from websockets.asyncio.client import ClientConnection

from bench.faults.process import free_port
from bench.load import Dial, connected
from storage.clock import SystemClock
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests.browser import chromium

RUNS = 3
AT_ONCE = 200
PATIENCE = 120.0
PASSWORD = "a-password-of-the-bench"
STARTED = '[2,"s","StartTransaction",{"connectorId":1,"idTag":"B","meterStart":0,"timestamp":"%s"}]'
METER = (
    '[2,"%d","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s",'
    '"sampledValue":[{"value":"%d","measurand":"Power.Active.Import","unit":"W"}]}]}]'
)
STATUS = '[2,"c","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]'
BOOT = '[2,"b","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"B-1"}]'
NAMES = ("first rows, ms", "all rows, ms")
# Noted by the page itself, from its first byte on.
MARKS = """
window.settled = new Promise((done) => {
  const marks = {};
  const look = () => {
    if (!marks.first && document.querySelector('#main tbody tr[role=row]') &&
        document.querySelector('#main input[type=search]')) marks.first = performance.now();
    const count = document.querySelector('#main .count')?.textContent ?? '';
    if (marks.first && count && !count.includes('being read'))
      done({ ...marks, all: performance.now() });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
FILTER = """
(text) => new Promise((done) => {
  const input = document.querySelector('#main input[type=search]');
  const count = document.querySelector('#main .count');
  const before = count.textContent, begin = performance.now();
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  set.call(input, text);
  input.dispatchEvent(new Event('input', { bubbles: true }));
  const look = () => count.textContent === before
    ? requestAnimationFrame(look)
    : requestAnimationFrame(() => done(performance.now() - begin));
  requestAnimationFrame(look);
})
"""
FRAMES = """
(seconds) => new Promise((done) => {
  const frames = [], end = performance.now() + seconds * 1000;
  let before = performance.now();
  const next = (now) => {
    frames.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(next); else done(frames);
  };
  requestAnimationFrame(next);
})
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many chargers there are, how many of them are connected, and how often each meters."""

    chargers: int
    connected: int
    every: float


# ---- the server ----


async def filled(directory: Path, fleet: Fleet) -> tuple[str, str]:
    """Enrol the chargers; return the organization and a key."""
    digest, clock = digest_secret(PASSWORD.encode()), SystemClock()
    async with open_storage(directory, clock) as storage:
        organization = (await storage.organizations.create("bench")).organization_uuid
        _, key = await storage.api_keys.create(organization, "admin")
        for begin in range(0, fleet.chargers, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, fleet.chargers))
            made = [_charger(organization, number, digest, clock) for number in numbers]
            await asyncio.gather(*(storage.chargers.enroll(one, None) for one in made))
    return organization, key


def _charger(organization: str, number: int, digest: bytes, clock: SystemClock) -> Charger:
    return Charger(
        key=ChargerKey(organization, name_of(number)),
        charger_name=f"Bay {number}",
        vendor_name="Bench",
        model_name=f"B-{number % 7}",
        password_digest=digest,
        created_at=clock.now(),
    )


def name_of(number: int) -> str:
    """Return the charge_box_id of one of them."""
    return f"CP-{number:05d}"


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[tuple[str, str]]:
    """Run `ringmain serve`; yield where it listens for HTTP and for chargers."""
    http, ocpp = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RINGMAIN_")},
        "RINGMAIN_DATA_DIR": str(directory),
        "RINGMAIN_HTTP_BIND": http,
        "RINGMAIN_OCPP_BIND": ocpp,
        "RINGMAIN_LOG_LEVEL": "error",
    }
    arguments = (sys.executable, "-m", "csms", "serve")
    process = await asyncio.create_subprocess_exec(*arguments, env=environment)
    try:
        await _open(http)
        yield http, ocpp
    finally:
        process.terminate()
        await process.wait()


async def _open(address: str) -> None:
    host, _, port = address.partition(":")
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
        await asyncio.sleep(0.1)


# ---- the chargers, a process of their own ----


async def play(base: str, fleet: Fleet) -> None:
    """Connect the chargers, let each begin a transaction, and meter for ever."""
    names = [name_of(number) for number in range(fleet.connected)]
    async with connected([Dial(f"{base}/{name}", name, PASSWORD) for name in names]) as sockets:
        running = [await _begin(socket) for socket in sockets]
        print("charging", flush=True)
        number = 0
        while True:
            for socket, transaction in zip(sockets, running, strict=True):
                number += 1
                power = 3000 + number * 37 % 8000
                await socket.send(METER % (number, transaction, _now(), power))
                await socket.recv()
                await asyncio.sleep(fleet.every / fleet.connected)


async def _begin(socket: ClientConnection) -> int:
    for call in (BOOT, STATUS):
        await socket.send(call)
        await socket.recv()
    await socket.send(STARTED % _now())
    return int(orjson.loads(await socket.recv())[2]["transactionId"])


def _now() -> str:
    return SystemClock().now().isoformat()


@contextlib.asynccontextmanager
async def charging(base: str, fleet: Fleet) -> AsyncIterator[None]:
    """Have the chargers at work while the context lasts."""
    arguments = ["--play", base, "--connected", str(fleet.connected), "--every", str(fleet.every)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.console", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        await process.stdout.readline()
        yield
    finally:
        process.kill()
        await process.wait()


# ---- what is looked at ----


@contextlib.asynccontextmanager
async def overview(browser: Browser, http: str, key: str) -> AsyncIterator[Page]:
    """Open the overview with nothing kept from before, until all rows are there."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = await context.new_page()
        await page.add_init_script(MARKS)
        await page.goto(f"http://{http}/#key={key}")
        async with asyncio.timeout(PATIENCE):  # a console that was built anew meanwhile never comes
            await page.evaluate("window.settled")
        yield page
    finally:
        await context.close()


async def filters(page: Page) -> list[float]:
    """Return how long it takes until what is typed is found, in ms."""
    return [await page.evaluate(FILTER, text) for text in ("b-3", "0042", "bay 99", "")]


async def heap(cdp: CDPSession) -> float:
    """Return what the page holds after its garbage is gone, in MB."""
    await cdp.send("HeapProfiler.collectGarbage")
    return float((await cdp.send("Runtime.getHeapUsage"))["usedSize"] / 1e6)


async def watched(page: Page, minutes: float) -> None:
    """Let it run live, and print which frames came late and what it holds."""
    cdp = await page.context.new_cdp_session(page)
    print(f"heap, MB                 {await heap(cdp):8.1f}")
    frames = await page.evaluate(FRAMES, 60)
    print(f"heap after 60 s, MB      {await heap(cdp):8.1f}")
    late = [frame for frame in frames if frame > 34]
    print(f"frames in 60 s           {len(frames):8d}")
    print(f"frames later than 34 ms  {len(late):8d}   the longest {max(frames):.0f} ms")
    await asyncio.sleep(60 * (minutes - 1))
    print(f"heap after {minutes:g} min, MB    {await heap(cdp):8.1f}", flush=True)


async def measure(fleet: Fleet, minutes: float) -> None:
    """Fill, serve, charge, look."""
    with tempfile.TemporaryDirectory() as directory:
        organization, key = await filled(Path(directory), fleet)
        async with serving(Path(directory)) as (http, ocpp):
            base = f"ws://{ocpp}/{organization}/ocpp_proxy"
            async with charging(base, fleet), chromium() as browser:
                await _told(browser, http, key, minutes)


async def _told(browser: Browser, http: str, key: str, minutes: float) -> None:
    runs, typed = [], []
    for _ in range(RUNS):
        async with overview(browser, http, key) as page:
            marks = await page.evaluate("window.settled")
            runs.append((marks["first"], marks["all"]))
            typed += await filters(page)
    for name, values in zip(NAMES, zip(*runs, strict=True), strict=True):
        print(f"{name:24} {_median(values)}", flush=True)
    print(f"{'a filter, ms':24} {_median(typed)}", flush=True)
    if minutes > 0:
        async with overview(browser, http, key) as page:
            await watched(page, minutes)


def _median(values: Sequence[float]) -> str:
    listed = json.dumps([round(value) for value in values])
    return f"{statistics.median(values):8.0f}   of {listed}"


def main() -> None:
    """Measure, or be the chargers."""
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--chargers", type=int, default=10_000)
    parser.add_argument("--connected", type=int, default=2_000)
    parser.add_argument("--every", type=float, default=20.0, help="s between two meter values")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long memory is watched")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    given = parser.parse_args()
    fleet = Fleet(given.chargers, given.connected, given.every)
    asyncio.run(play(given.play, fleet) if given.play else measure(fleet, given.minutes))


if __name__ == "__main__":
    main()
