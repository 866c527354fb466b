"""What is there when the reader of a page begins: the program alone, or a server and chargers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from csms import settings, wiring
from proxy.timings import Timings
from simulators.charger import Charger, Habits
from simulators.enrolment import Dial, enrol, names
from simulators.fleet import Fleet
from simulators.programs import chargers_of
from simulators.site import VERSIONS, Operator
from simulators.stores import KEY_ID, SECRET, Store
from simulators.target import Target
from tests.certificates import ROOT, signed

FAST = replace(
    Timings(), first_backoff=0.05, longest_backoff=0.2, dials_per_window=1000, attempt_interval=0.05
)
REFUSED = {"DiagnosticsStatusNotification": "NotSupported"}  # what the target does not take
BRISK = Habits(restart_s=0.01, job_step_s=0.001)
# The addresses of the pages, which somebody else may have on the machine of a test.
API, OCPP, TARGET = "127.0.0.1:8080", "127.0.0.1:9000", "127.0.0.1:9100"


@dataclass(frozen=True)
class Stage:
    """What a page's reader has: values for the variables, and addresses that are others here."""

    variables: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


def free_ports(count: int) -> list[int]:
    """Name so many ports on which nobody listens, none of them twice."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextlib.asynccontextmanager
async def nothing(_: Path) -> AsyncIterator[Stage]:
    """Leave all to the reader: servers that the page starts have ports of their own."""
    known = (API, OCPP, TARGET)
    here = [f"127.0.0.1:{port}" for port in free_ports(len(known))]
    addresses = dict(zip(known, here, strict=True))
    port = addresses[TARGET].partition(":")[2]
    addresses["localhost:9000"] = addresses[OCPP].replace("127.0.0.1", "localhost")
    own = {"RINGMAIN_HTTP_BIND": addresses[API], "RINGMAIN_OCPP_BIND": addresses[OCPP]}
    yield Stage(own, {**addresses, "--port 9100": f"--port {port}"})


@contextlib.asynccontextmanager
async def fleet(folder: Path) -> AsyncIterator[Stage]:
    """Run a server with CP-1 (1.6), which charges, and CP-2 (2.0.1), and a target for them."""
    async with _served(folder) as ground, contextlib.AsyncExitStack() as chargers:
        one, two = await enrol(*ground.who, ["CP-1", "CP-2"])
        played = [_charger(one, "1.6"), _charger(two, "2.0.1")]
        for charger in played:
            await chargers.enter_async_context(charger.running())
            await charger.wait_connected()
        transaction = await played[0].start(2, "04A2B3C4")
        played[0].read_meters()
        yield ground.stage({"TRANSACTION": transaction.id})


@contextlib.asynccontextmanager
async def proxied(folder: Path) -> AsyncIterator[Stage]:
    """Let CP-1 of the fleet have the target."""
    async with fleet(folder) as stage:
        url = f"{stage.variables['API']}/api/v1/organizations/{stage.variables['ORG']}"
        body = {
            "charge_box_id": "CP-1",
            "target_platform_identifier": "Main_CSMS",
            "target_websocket_url": f"ws://{stage.addresses[TARGET]}/ocpp/{{charge_box_id}}",
            "target_authentication_method": "None",
        }
        key = {"x-api-key": stage.variables["KEY"]}
        async with aiohttp.request(
            "POST", f"{url}/proxy_configurations", json=body, headers=key
        ) as answer:
            assert answer.status == 201, await answer.text()
        yield stage


@contextlib.asynccontextmanager
async def lake(folder: Path) -> AsyncIterator[Stage]:
    """Give the fleet an object store, which is where the page's region is."""
    region = '"region": "us-east-1"'
    async with Store.listening("your-s3-bucket-name") as store, fleet(folder) as stage:
        keys = {"ACCESS_KEY_ID": KEY_ID, "SECRET_ACCESS_KEY": SECRET}
        here = f'{region}, "endpoint_url": "{store.url}"'
        yield Stage({**stage.variables, **keys}, {**stage.addresses, region: here})


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Stage]:
    """Run a server with a site of three, two chargers that are enrolled only, and a target."""
    async with _served(folder) as ground:
        own = names(3, "S-")
        chargers = Fleet(chargers_of(await enrol(*ground.who, own), VERSIONS, 1.0))
        await enrol(*ground.who, ["CP-1", "CP-2"])
        async with Operator.at(*ground.who) as operator, chargers.running():
            await chargers.wait_connected()
            site_id = await operator.make_site("Depot", own)
            serial = chargers.chargers[0].identity.serial_number
            yield ground.stage({"SITE": site_id, "SERIAL": serial})


@dataclass(frozen=True)
class _Ground:
    """A server, and a target."""

    who: tuple[str, str, str]
    ocpp: str
    target: Target
    data_dir: str

    def stage(self, more: Mapping[str, str]) -> Stage:
        api, uuid, key = self.who
        known = {"API": api, "ORG": uuid, "ORG_UUID": uuid, "KEY": key, "ADMIN_KEY": key}
        addresses = {API: api.removeprefix("http://"), OCPP: self.ocpp, TARGET: self.target.url[5:]}
        return Stage({**known, "RINGMAIN_DATA_DIR": self.data_dir, **more}, addresses)


@contextlib.asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[_Ground]:
    (folder / "ca.pem").write_text(signed(ROOT, ca=True))
    environment = {
        "RINGMAIN_DATA_DIR": str(folder / "data"),
        "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
        "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
        "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
        "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
    }
    chosen = settings.read(environment)
    async with wiring.running(chosen, timings=FAST) as server, Target.listening() as target:
        target.conduct.errors.update(REFUSED)
        uuid = (await server.storage.organizations.create("My fleet")).organization_uuid
        _, key = await server.storage.api_keys.create(uuid, "admin")
        who = f"http://{server.http}", uuid, key
        yield _Ground(who, str(server.ocpp), target, environment["RINGMAIN_DATA_DIR"])


def _charger(dial: Dial, version: str) -> Charger:
    who = dial.url, dial.charge_box_id, dial.password, version
    return Charger(*who, back_off=(0.05, 0.2), habits=BRISK)


STAGES: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Stage]]] = {
    "fleet": fleet,
    "lake": lake,
    "nothing": nothing,
    "proxied": proxied,
    "site": site,
}
