"""The whole picture on one machine: a server, a third-party CSMS, chargers, money flowing.

Everything is the real thing: the server as `ringmain serve` runs it, enrolment by its REST API,
chargers and CSMS over WebSockets. Two chargers are enrolled with their target; those of a site get
it later, all by one call.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from csms import settings, wiring
from csms.errors import RingmainError
from simulators.charger import Charger, NotAuthorized
from simulators.enrolment import enrol, names
from simulators.fleet import Fleet
from simulators.programs import chargers_of
from simulators.site import VERSIONS, Operator
from simulators.target import Target

CHARGERS: Mapping[str, str] = {"DEMO-16": "1.6", "DEMO-201": "2.0.1"}
SITE = names(10, "SITE-")
TOKEN = "04A1B2C3D4E5F6"  # noqa: S105 - an RFID card, as printed on it
START_SECONDS = 15.0
# Energy flows faster than the clock, so that the meter values have something to tell.
TIME_FACTOR = 20.0
BEGUN = {"1.6": "StartTransaction", "2.0.1": "TransactionEvent"}


class DemoFailed(RingmainError):
    """The demo did not come up."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What runs: where the API is, who may use it, and the simulated ends."""

    api_url: str
    organization_uuid: str
    api_key: str
    target: Target
    chargers: tuple[Charger, ...]
    fleet: Fleet
    operator: Operator
    site_id: str

    @property
    def chargers_path(self) -> str:
        """Return the path below which the chargers are."""
        return f"/api/v1/organizations/{self.organization_uuid}/chargers"


async def run_demo(seconds: float | None) -> None:
    """Run for so many seconds, or until cancelled; raise DemoFailed with the reason."""
    async with _started() as demo:
        await _bring_up(demo)
        await _commission(demo)
        print(describe(demo, seconds), flush=True)  # noqa: T201 - the user's answer
        await asyncio.sleep(seconds) if seconds is not None else await asyncio.Future()
        await _check(demo)


@contextlib.asynccontextmanager
async def _started() -> AsyncIterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="ringmain-demo-") as directory:
        async with (
            Target.listening() as target,
            wiring.running(settings.read(environment(Path(directory)))) as server,
            contextlib.AsyncExitStack() as playing,
        ):
            organization = await server.storage.organizations.create("Demo")
            uuid = organization.organization_uuid
            _, key = await server.storage.api_keys.create(uuid, "admin")
            api = f"http://{server.http}"
            operator = await playing.enter_async_context(Operator.at(api, uuid, key))
            chargers = [
                await playing.enter_async_context(charger.running())
                for charger in [
                    await _enrol(operator.session, uuid, target, name, version)
                    for name, version in CHARGERS.items()
                ]
            ]
            dials = await enrol(api, uuid, key, SITE)
            fleet = Fleet(chargers_of(dials, VERSIONS, TIME_FACTOR))
            await playing.enter_async_context(fleet.running())
            site_id = await operator.make_site("Demo site", SITE)
            yield Demo(api, uuid, key, target, tuple(chargers), fleet, operator, site_id)


def environment(data_dir: Path) -> dict[str, str]:
    """Return the demo's settings: the usual ports where they are free, this machine as target."""
    return {
        "RINGMAIN_DATA_DIR": str(data_dir),
        "RINGMAIN_HTTP_BIND": f"127.0.0.1:{_port(8080)}",
        "RINGMAIN_OCPP_BIND": f"127.0.0.1:{_port(9000)}",
        "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
        "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
    }


def _port(usual: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual


async def _enrol(
    session: aiohttp.ClientSession, uuid: str, target: Target, name: str, version: str
) -> Charger:
    enrolment = {
        "charge_box_id": name,
        "charger_name": f"Demo charger, OCPP {version}",
        "target_platform_identifier": "Simulated CSMS",
        "target_websocket_url": f"{target.url}/ocpp/{{charge_box_id}}",
        "target_authentication_method": "None",
    }
    path = f"/api/v1/organizations/{uuid}/chargers/enroll-with-proxy"
    async with session.post(path, json=enrolment) as answer:
        body: dict[str, Any] = await answer.json()
    if not body["success"]:
        raise DemoFailed(f"Charger {name} could not be enrolled: {body['message']}")
    url = body["charger"]["ocpp_proxy_url"].rpartition("/")[0]
    password = body["charger"]["ocpp_password"]
    return Charger(url, name, password, version, time_factor=TIME_FACTOR)


async def _bring_up(demo: Demo) -> None:
    for charger in demo.chargers:
        name = charger.charge_box_id
        try:
            await charger.wait_connected(START_SECONDS)
            # The target accepted the charger's Boot and was shown its connectors: it is ready.
            await demo.target.until(_shown(name), START_SECONDS)
            for evse_id in (1, 2):
                charger.plug_in(evse_id)
            await charger.start(1, TOKEN, timeout=START_SECONDS)
        except TimeoutError:
            raise DemoFailed(f"Charger {name} or its target link did not come up.") from None
        except NotAuthorized:
            raise DemoFailed(f"The target did not accept the token of {name}.") from None


async def _commission(demo: Demo) -> None:
    """Connect a whole site to the target; raise DemoFailed, or SiteFailed with the reason."""
    try:
        await demo.fleet.wait_connected(START_SECONDS)
    except TimeoutError:
        raise DemoFailed("Not every charger of the site has come up.") from None
    details = {
        "connectivityMode": "DualProtocol",
        "websocketConnectionArgs": {"url": f"{demo.target.url}/ocpp"},
    }
    version = await demo.operator.connect(demo.site_id, details)
    await demo.operator.wait_ready(demo.site_id, version, START_SECONDS)


def _shown(name: str) -> Callable[[Target], object]:
    return lambda target: target.calls("StatusNotification", name)


async def _check(demo: Demo) -> None:
    for charger in demo.chargers:
        name = charger.charge_box_id
        if not charger.connected:
            raise DemoFailed(f"Charger {name} is not connected.")
        if demo.target.live(name) is None:
            raise DemoFailed(f"The link of {name} to its target did not come up.")
        if not demo.target.calls(BEGUN[charger.version], name):
            raise DemoFailed(f"No transaction of {name} reached the target.")
    for charger in demo.fleet.chargers:
        if demo.target.live(charger.identity.serial_number) is None:
            raise DemoFailed(f"The link of {charger.charge_box_id} to its target is not there.")


def describe(demo: Demo, seconds: float | None) -> str:
    """Tell the user what runs, and what to try."""
    api, key = demo.api_url, f"-H 'x-api-key: {demo.api_key}'"
    end = "Ctrl-C stops it" if seconds is None else f"It stops by itself after {seconds:g} s"
    start = f'{{"idToken": "{TOKEN}", "idTokenType": "RFID"}}'
    return f"""
The console:    {api}/#key={quote(demo.api_key)}

Ringmain is running, with two simulated chargers ({", ".join(CHARGERS)}) that are relayed to a
simulated third-party CSMS at {demo.target.url}, and with a site of {len(SITE)} others
({SITE[0]} to {SITE[-1]}), which one call has connected to the same CSMS.

  API           {api}   (described by {api}/openapi.json)
  organization  {demo.organization_uuid}
  API key       {demo.api_key}

Try, in another terminal:

  curl '{api}{demo.chargers_path}?pretty=true' {key}
  curl -X POST '{api}/api/chargingStations/DEMO-16/evses/2/transactions?pretty=true' {key} \
-H 'Content-Type: application/json' -d '{start}'
  curl '{api}{demo.chargers_path}/DEMO-16/messages?pretty=true&limit=5' {key}
  curl '{api}{demo.operator.connections(demo.site_id)}?pretty=true' {key}

{end}; nothing is kept."""
