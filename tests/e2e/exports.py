"""A server in a process of its own, chargers that talk to it, and the curl lines of the seed."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from simulators.charger import Charger
from simulators.fleet import Fleet
from storage.clock import SystemClock
from storage.records import ChargerKey, Message
from storage.store import open_storage
from tests import programs
from tests.doubles import PATIENCE
from tests.installations import variables

TYPES = ("aws_s3", "digital_ocean_spaces", "gcp_storage", "azure_storage")
CHARGERS = {"CP-16": "1.6", "CP-201": "2.0.1", "CP-21": "2.1"}
TOKEN = "04A1B2C3D4E5F6"
HOST = "https://ocpp.voltra.sh"


class Tenant(NamedTuple):
    """An organization and a key of it."""

    uuid: str
    key: str


@dataclass
class Site:
    """A running server, as its owner sees it."""

    http: str
    ocpp: str
    tenant: Tenant
    session: aiohttp.ClientSession
    # Everything that it has answered, and what it has logged once it has ended.
    answers: list[str]
    log: bytearray

    @property
    def connectors(self) -> str:
        return f"/api/orgs/{self.tenant.uuid}/connectors"

    @property
    def organization(self) -> str:
        return f"/api/v1/organizations/{self.tenant.uuid}"

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as answer:
            text = await answer.text()
            self.answers.append(text)
            return answer.status, json.loads(text)

    async def ok(self, method: str, path: str, body: object = None) -> Any:
        """Ask for what must work."""
        status, told = await self(method, path, body)
        assert status < 300, (method, path, told)
        return told

    async def create(self, body: Mapping[str, Any]) -> str:
        """Create a connector and return its id."""
        told = await self.ok("POST", self.connectors, body)
        return str(told["connector"]["id"])

    async def status(self, id: str) -> Any:
        return (await self.ok("GET", f"{self.connectors}/{id}/status"))["status"]

    async def until(self, id: str, **wanted: object) -> Any:
        """Wait until the status of a connector is what is wanted, and return it."""
        status = None
        try:
            async with asyncio.timeout(PATIENCE):
                # To ask takes a while of its own.
                while not wanted.items() <= (status := await self.status(id)).items():
                    pass
        except TimeoutError:
            raise AssertionError(status) from None
        return status

    async def delivered(self, ids: Iterable[str]) -> None:
        """Wait until nothing is left to export."""
        for id in ids:
            await self.until(id, state="running", lag_records=0)

    async def enrol(self, name: str) -> str:
        """Enrol a charger and return its password."""
        path = f"{self.organization}/chargers"
        # Its password is told this once, so that this answer is not among those that are kept.
        async with self.session.post(path, json={"charge_box_id": name}) as answer:
            told = await answer.json()
        return str(told["charger"]["ocpp_password"])

    @contextlib.asynccontextmanager
    async def chargers(self, names: Sequence[str] = tuple(CHARGERS)) -> AsyncIterator[Fleet]:
        """Let chargers play until the context ends."""
        base = f"{self.ocpp}/{self.tenant.uuid}/ocpp_proxy"
        passwords = {name: await self.enrol(name) for name in names}
        made = [Charger(base, name, passwords[name], CHARGERS[name]) for name in names]
        async with Fleet(made).running() as fleet:
            await fleet.wait_connected()
            yield fleet


@contextlib.asynccontextmanager
async def served(data_dir: Path, gcp_token_uri: str, **more: str) -> AsyncIterator[Site]:
    """Run a server in a process of its own that may write to stores on this machine."""
    tenant = await _tenant(data_dir)
    environment = variables(
        data_dir,
        RINGMAIN_ALLOW_INSECURE_TARGETS="true",
        RINGMAIN_ALLOWED_TARGET_NETWORKS="127.0.0.0/8",
        RINGMAIN_GCP_TOKEN_URI=gcp_token_uri,
        **more,
    )
    process = await programs.start("serve", environment=environment)
    log = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while (event := json.loads(await process.stderr.readline()))["event"] != "ready":
                pass
        reading = asyncio.create_task(_keep(process.stderr, log))
        try:
            headers = {"Authorization": f"Bearer {tenant.key}"}
            async with aiohttp.ClientSession(event["http"], headers=headers) as session:
                yield Site(event["http"], event["ocpp"], tenant, session, [], log)
        finally:
            process.terminate()
            await reading
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _keep(lines: asyncio.StreamReader, log: bytearray) -> None:
    async for line in lines:
        log += line


async def _tenant(data_dir: Path) -> Tenant:
    async with open_storage(data_dir, SystemClock()) as storage:
        organization = await storage.organizations.create("exports")
        _, key = await storage.api_keys.create(organization.organization_uuid, "admin")
        return Tenant(organization.organization_uuid, key)


async def charges(fleet: Fleet) -> None:
    """Let every charger of a fleet charge once."""
    for charger in fleet.chargers:
        charger.plug_in()
        await charger.start(1, TOKEN)
        charger.read_meters()
        await charger.stop(1)
        charger.unplug()


# ---- what is in the journal, and what is in a bucket ----


async def journal(data_dir: Path, tenant: Tenant) -> list[Any]:
    """Return what a line of each message is to say, in the order of the log."""
    messages: list[Message] = []
    async with open_storage(data_dir, SystemClock()) as storage:
        for name in CHARGERS:
            for one in await storage.journal.exchanges(ChargerKey(tenant.uuid, name), limit=10_000):
                messages += [one.call, *([one.answer] if one.answer else [])]
    return [_told(message) for message in sorted(messages, key=lambda message: message.seq)]


def _told(message: Message) -> Any:
    frame = json.loads(message.frame)
    return {
        "seq": message.seq,
        "timestamp": message.timestamp,
        "organization_uuid": message.key.organization_uuid,
        "charge_box_id": message.key.charge_box_id,
        "direction": message.direction,
        "ocpp_version": message.ocpp_version,
        "message_type": message.message_type,
        "message_id": message.message_id,
        "action": message.action,
        "payload": frame[3] if message.message_type in {"Call", "Send"} else frame[2],
        "proxy_configuration_id": message.proxy_configuration_id,
    }


def lines(objects: Mapping[str, bytes]) -> list[Any]:
    """Return all lines of a bucket's objects in their order; each holds what its name says."""
    records: list[Any] = []
    for (first, last), content in sorted((_span(name), objects[name]) for name in objects):
        held = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        assert (held[0]["seq"], held[-1]["seq"]) == (first, last)
        for record in held:
            assert record["timestamp"].endswith("Z")
            record["timestamp"] = datetime.fromisoformat(record["timestamp"])
        records += held
    return records


def _span(name: str) -> tuple[int, int]:
    found = re.fullmatch(r".*-(\d+)-(\d+)\.jsonl\.gz", name)
    assert found, name
    return int(found[1]), int(found[2])


# ---- curl ----


async def pasted(site: Site, home: Path, script: str) -> tuple[int, Any]:
    """Run lines of the seed in a shell, as somebody would who pastes them; return the answer.

    What they leave open is said in curl's own file of defaults, so that they stay as they are.
    """
    (home / ".curlrc").write_text('silent\nnoproxy = "*"\nwrite-out = "\\n%{http_code}"\n')
    script = script.replace(HOST, site.http).replace("<YOUR_ORG_UUID>", site.tenant.uuid)
    shell = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        script.replace("<YOUR_API_KEY>", site.tenant.key),
        env={"PATH": variables(home)["PATH"], "HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await shell.communicate()
    text, _, status = printed.decode().rpartition("\n")
    site.answers.append(text)
    return int(status), json.loads(text)
