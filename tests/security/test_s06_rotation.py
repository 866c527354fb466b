"""S-06: a password is rotated so that its charger always gets back in, and the old one is dead.

The server is a process that is killed with SIGKILL, the charger a simulated one that takes its new
password over and dials with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from bench.faults.process import free_port
from simulators.charger import Charger, Habits
from simulators.sockets import basic
from storage import records
from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.doubles import PATIENCE
from tests.dying import VARIABLE
from tests.e2e.canaries import database
from tests.installations import variables
from tests.security.ground import Ground, served

OLD = "the-first-password-x"
NAME = "CP-1"
VERSIONS = ("1.6", "2.0.1", "2.1")


# ---- killed ----


@dataclass(frozen=True)
class Place:
    """A data directory, the ports of its server, who is enrolled and who may ask."""

    folder: Path
    key: ChargerKey
    api_key: str
    http: str
    ocpp: str

    @property
    def path(self) -> str:
        return (
            f"http://{self.http}/api/v1/organizations/{self.key.organization_uuid}"
            f"/chargers/{NAME}/rotate-password"
        )

    def charger(self, version: str) -> Charger:
        base = f"ws://{self.ocpp}/{self.key.organization_uuid}/ocpp_proxy"
        return Charger(base, NAME, OLD, version, back_off=(0.05, 0.2))

    async def refuses(self, password: str) -> bool:
        return await refused(f"ws://{self.ocpp}", self.key.organization_uuid, password)

    @contextlib.asynccontextmanager
    async def serving(self, **more: str) -> AsyncIterator[programs.Program]:
        binds = {"RINGMAIN_HTTP_BIND": self.http, "RINGMAIN_OCPP_BIND": self.ocpp}
        environment = {**variables(self.folder), **binds, **more}
        process = await programs.start("serve", environment=environment)
        try:
            async with asyncio.timeout(PATIENCE):
                while json.loads(await process.stderr.readline())["event"] != "ready":
                    pass
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession(headers={"x-api-key": self.api_key}) as session:
            yield session

    async def rotates(self) -> Any:
        """Ask for a rotation; None where nobody lives to answer it."""
        with contextlib.suppress(aiohttp.ClientError):
            async with self.asking() as session, session.post(self.path) as got:
                return await got.json()
        return None

    async def open_rotations(self) -> list[Any]:
        async with self.asking() as session, session.get(self.path) as got:
            listed: list[Any] = (await got.json())["rotations"]
            return listed


async def refused(ocpp: str, organization: str, password: str) -> bool:
    """Tell whether the door refuses a password."""
    url = f"{ocpp}/{organization}/ocpp_proxy/{NAME}"
    headers = {"Authorization": basic(NAME, password)}
    protocols = [Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1"), Subprotocol("ocpp2.1")]
    try:
        async with connect(url, subprotocols=protocols, additional_headers=headers, proxy=None):
            return False
    except InvalidStatus as status:
        return status.response.status_code == HTTPStatus.UNAUTHORIZED


async def placed(folder: Path) -> Place:
    clock = SystemClock()
    async with open_storage(folder, clock) as storage:
        organization = await storage.organizations.create("kill")
        key = ChargerKey(organization.organization_uuid, NAME)
        charger = records.Charger(
            key=key,
            charger_name=NAME,
            password_digest=digest_secret(OLD.encode()),
            created_at=clock.now(),
        )
        await storage.chargers.enroll(charger, None)
        _, api_key = await storage.api_keys.create(key.organization_uuid, "admin")
    http, ocpp = (f"127.0.0.1:{free_port()}" for _ in range(2))
    return Place(folder, key, api_key, http, ocpp)


async def back(charger: Charger) -> None:
    await charger.until(lambda own: own.connected, timeout=PATIENCE)


@pytest.mark.one_of_each("places to die at")
@pytest.mark.parametrize(
    ("place", "version", "has_it"),
    [
        ("a new password is stored", "1.6", False),
        ("its answer is read", "2.0.1", True),
        ("it is settled", "1.6", True),
    ],
)
async def test_killed_in_the_middle_the_charger_gets_back_in(
    tmp_path: Path, place: str, version: str, *, has_it: bool
) -> None:
    where = await placed(tmp_path)
    async with where.charger(version).running() as charger:
        async with where.serving(**{VARIABLE: place}) as process:
            await back(charger)
            assert await where.rotates() is None
            await process.wait()
        await charger.until(lambda own: not own.linked)
        async with where.serving():
            await back(charger)

            assert (charger.password != OLD) is has_it
            assert await where.refuses(OLD) is has_it
            assert len(await where.open_rotations()) == (0 if has_it else 1)


@pytest.mark.parametrize(("version", "takes"), [("1.6", True), ("2.0.1", False)])
@pytest.mark.one_of_each("places to die at")
async def test_killed_before_the_answer_the_charger_gets_back_in(
    tmp_path: Path, version: str, *, takes: bool
) -> None:
    where = await placed(tmp_path)
    charger = where.charger(version)
    async with where.serving() as process, charger.running():
        await back(charger)
        action = "ChangeConfiguration" if version == "1.6" else "SetVariables"
        handler: Any = charger.voice.handlers[action]

        async def dies(own: Charger, fields: Any) -> Any:
            if takes:
                handler(own, fields)
            process.kill()
            await asyncio.Event().wait()

        charger.voice.handlers = {**charger.voice.handlers, action: dies}
        assert await where.rotates() is None
        await charger.until(lambda own: not own.linked)
        async with where.serving():
            await back(charger)

            assert (charger.password != OLD) is takes
            assert len(await where.open_rotations()) == (0 if takes else 1)
            assert await where.refuses(OLD) is takes


# ---- alive ----


@contextlib.asynccontextmanager
async def playing(ground: Ground, version: str) -> AsyncIterator[tuple[Charger, str]]:
    """Enrol a charger and let it play; tell its first password as well."""
    old = await ground.enrol(NAME)
    habits = Habits(restart_s=0.01)
    charger = Charger(ground.ocpp, NAME, old, version, habits=habits, back_off=(0.05, 0.2))
    async with charger.running():
        await back(charger)
        yield charger, old


async def rotated(ground: Ground, charger: Charger, old: str) -> Any:
    """Rotate, look at once whether the old one is refused, and wait until the charger is back."""
    before = charger.counts["connected"]
    told = await ground.ok("POST", f"{ground.organization}/chargers/{NAME}/rotate-password")
    assert await refused(f"ws://{ground.server.ocpp}", ground.organization_uuid, old)
    await charger.until(lambda own: own.counts["connected"] > before and own.connected)
    return told


@pytest.mark.sqlite_only("about what is refused, and what each version is told")
@pytest.mark.parametrize("version", VERSIONS)
async def test_once_it_is_accepted_the_old_one_is_refused_and_the_new_one_lets_in(
    tmp_path: Path, version: str
) -> None:
    async with served(tmp_path) as ground, playing(ground, version) as (charger, old):
        told = await rotated(ground, charger, old)

        assert told["state"] == "accepted"
        assert charger.password != old


@pytest.mark.sqlite_only("about what counts until a restart")
async def test_what_waits_for_a_restart_counts_beside_the_old_one_until_then(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground, playing(ground, "1.6") as (charger, old):
        ocpp, organization = f"ws://{ground.server.ocpp}", ground.organization_uuid
        setting = charger.settings["AuthorizationKey"]
        charger.settings["AuthorizationKey"] = replace(setting, needs_reboot=True)
        path = f"{ground.organization}/chargers/{NAME}/rotate-password"
        told = await ground.ok("POST", path)
        await charger.drop()
        await back(charger)
        with_the_old_one = charger.password == old
        reset = f"/api/chargingStations/{NAME}/commands/Reset"
        await ground.ok("POST", reset, {"type": "Hard"})
        await charger.until(lambda own: own.password != old and own.connected)

        assert (told["state"], with_the_old_one) == ("at_restart", True)
        assert await refused(ocpp, organization, old)
        assert (await ground.ok("GET", path))["rotations"] == []


async def test_the_new_password_is_in_no_answer_and_not_in_the_database(tmp_path: Path) -> None:
    async with served(tmp_path) as ground, playing(ground, "1.6") as (charger, old):
        told = [await rotated(ground, charger, old)]
        paths = [
            f"/api/chargingStations/{NAME}/commands",
            *(f"{ground.organization}/chargers/{NAME}{part}" for part in ("", "/messages")),
            f"{ground.organization}/audit",
        ]
        told += [await ground.ok("GET", path) for path in paths]
        await ground.server.storage.group.flush()
    password, answers = charger.password, json.dumps(told).encode()
    kept = answers + database(tmp_path)

    assert b"AuthorizationKey" in answers
    assert isinstance(password, bytes)
    assert password not in kept
    assert password.hex().encode() not in kept.lower()
