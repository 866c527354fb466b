"""S-16: secrets are sealed to their place, and the key that they are sealed with can be changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import BasicAuth, web
from sqlalchemy import text

from simulators.charger import Charger
from storage import engines
from storage.key_ring import KEY_RING
from storage.rekeying import key_ids
from tests import programs
from tests.doubles import PATIENCE
from tests.e2e.canaries import Canaries, database
from tests.e2e.exports import Site
from tests.e2e.exports import served as serving
from tests.installations import variables
from tests.proxy.stage import Target
from tests.security.ground import Ground, answering, proxy, served

GOOGLES = "https://oauth2.googleapis.com/token"
HERE = {"RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8"}
SEED = 20261122


# ---- what is shown ----


@dataclass
class Ear:
    """Ask a server, and keep all that it answers."""

    heard: list[str] = field(default_factory=list)

    async def __call__(self, path: str, session: aiohttp.ClientSession) -> None:
        async with session.get(path) as answer:
            said = await answer.text()
            assert answer.status == 200, said
            self.heard.append(said)


async def test_what_is_secret_is_answered_never_again_and_stored_nowhere_in_clear(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    canaries, identity = Canaries(), str(uuid4())
    session = canaries.new("session_token", 32)
    async with answering(kratos(identity)) as port:
        kratos_url = f"http://127.0.0.1:{port}"
        async with served(tmp_path, {**HERE, "RINGMAIN_KRATOS_URL": kratos_url}) as ground:
            ear = Ear()
            await store(ground, canaries, identity)
            base, shown = f"http://{ground.server.http}", {"X-Session-Token": session}
            async with aiohttp.ClientSession(base, headers=shown) as person:
                await show(ear, ground, person)
            await ground.server.storage.group.flush()
            inside = database(tmp_path)
        left = database(tmp_path) + (tmp_path / KEY_RING).read_bytes()

    assert len(canaries.known) >= 8
    assert canaries.found("\n".join(ear.heard).encode()) == set()
    assert canaries.found(inside + left) == set()
    assert canaries.found("".join(capfd.readouterr()).encode()) == set()


async def store(ground: Ground, canaries: Canaries, identity: str) -> None:
    """Store a secret of each kind; each is told only by the answer that makes it, if at all."""
    member = {"identity_id": identity, "role": "admin"}
    await ground.ok("POST", f"{ground.organization}/members", member)
    repeated = {"Idempotency-Key": "one"}
    path = f"{ground.organization}/chargers"
    for _ in range(2):  # the second answer is the first one, which was kept
        body = {"charge_box_id": "CP-1"}
        async with ground.session.post(path, json=body, headers=repeated) as answer:
            made = (await answer.json())["charger"]
    canaries.add("password", made["ocpp_password"])
    asked = {"name": "x", "scope": "read"}
    told = await ground.ok("POST", f"{ground.organization}/api_keys", asked)
    canaries.add("key", told["api_key"]["api_key"])
    by_hand = await ground.ok("POST", f"{path}/CP-1/rotate-password", {"by": "hand"})
    canaries.add("rotated", by_hand["ocpp_password"])
    password = canaries.new("target")
    leads = proxy("CP-1", "ws://127.0.0.1:1/x", target_auth_basic_password=password)
    await ground.ok("POST", f"{ground.organization}/proxy_configurations", leads)
    credentials = {
        "access_key_id": canaries.new("access_id"),
        "secret_access_key": canaries.new("access_key", 40),
    }
    configuration = {"bucket": "lake", "region": "eu-west-1", "endpoint_url": "http://127.0.0.1:1"}
    await ground.ok(
        "POST",
        ground.connectors,
        {
            "name": "lake",
            "type": "aws_s3",
            "configuration": configuration,
            "credentials": credentials,
        },
    )
    operator = f"/local-ocpp/v1/operators/{ground.organization_uuid}"
    await ground.ok(
        "POST",
        f"{operator}/connection-details",
        {
            "connectivityMode": "DualProtocol",
            "websocketConnectionArgs": {"url": "ws://127.0.0.1:1/x"},
            "basicAuthPassword": canaries.new("details"),
        },
    )


async def show(ear: Ear, ground: Ground, person: aiohttp.ClientSession) -> None:
    """Ask for all that may tell something, with the key and with a session."""
    for path in (
        *(f"{ground.organization}/{part}" for part in PARTS),
        f"{ground.organization}/chargers/CP-1",
        f"{ground.organization}/chargers/CP-1/messages",
        ground.connectors,
    ):
        await ear(path, ground.session)
        await ear(path, person)


PARTS = (
    "api_keys",
    "audit",
    "chargers",
    "members",
    "proxy_configurations",
    "security_events",
    "settings",
)


def kratos(identity: str) -> Any:
    """Return a Kratos that knows one person, whatever the session is."""

    async def whoami(_: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "id": str(uuid4()),
                "active": True,
                "expires_at": "2099-01-01T00:00:00Z",
                "identity": {"id": identity, "state": "active", "traits": {}},
            }
        )

    return whoami


@pytest.mark.sqlite_only("what is moved is bytes")
async def test_a_sealed_value_that_was_moved_opens_nothing_and_is_sent_to_nobody(
    tmp_path: Path,
) -> None:
    async with Target().up() as target, served(tmp_path, HERE) as ground:
        path = f"{ground.organization}/proxy_configurations"
        for name in ("CP-1", "CP-2"):
            await ground.enrol(name)
            body = proxy(name, target.url, target_auth_basic_password=f"secret of {name}")
            await ground.ok("POST", path, {**body, "enabled": False})
        swap = text(
            "UPDATE proxy_configurations SET target_auth_basic_password = (SELECT "
            "target_auth_basic_password FROM proxy_configurations WHERE charge_box_id = 'CP-1') "
            "WHERE charge_box_id = 'CP-2'"
        )
        await ground.server.storage.database.execute(swap)

        status, told = await ground("POST", f"{path}/2/test")
        assert status >= 500
        assert "Traceback" not in str(told)
        assert (await ground("POST", f"{path}/1/test"))[0] == 200

    sent = [BasicAuth.decode(request.headers["Authorization"]) for request in target.requests]
    assert [(each.login, each.password) for each in sent] == [("CP-1", "secret of CP-1")]


# ---- the key ring ----


@pytest.mark.sqlite_only("a file is missing")
async def test_without_its_key_ring_the_server_refuses_to_start_and_makes_no_other(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, HERE) as ground:
        await ground.enrol("CP-1")
        path = f"{ground.organization}/proxy_configurations"
        await ground.ok("POST", path, proxy("CP-1", "ws://127.0.0.1:1/x"))
    ring = tmp_path / KEY_RING
    kept = ring.read_bytes()
    ring.unlink()

    code, said = await run("serve", tmp_path)
    assert code == 1
    assert "keyring.json" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not ring.exists()

    ring.write_bytes(kept)
    async with served(tmp_path, HERE):
        pass


async def run(command: str, data_dir: Path) -> tuple[int, str]:
    """Run a command to its end; return its exit code and what it said."""
    process = await programs.start(*command.split(), environment=variables(data_dir))
    out, err = await process.communicate()
    return await process.wait(), (out + err).decode()


# ---- changed under load ----


@dataclass
class Load:
    """Chargers that come in with their passwords again and again, each with a target to dial."""

    site: Site
    target: Target
    connected: int = 0
    failed: list[str] = field(default_factory=list)
    over: bool = False

    async def begin(self, names: Iterable[str]) -> None:
        for name in names:
            password = await self.site.enrol(name)
            path = f"{self.site.organization}/proxy_configurations"
            body = proxy(name, self.target.url, target_auth_basic_password=f"secret of {name}")
            await self.site.ok("POST", path, body)
            self.passwords[name] = password

    passwords: dict[str, str] = field(default_factory=dict)

    async def run(self, name: str) -> None:
        """Come in, have the target dialled, go away; until it is over."""
        base = f"{self.site.ocpp}/{self.site.tenant.uuid}/ocpp_proxy"
        while not self.over:
            charger = Charger(base, name, self.passwords[name], "1.6")
            running = asyncio.create_task(charger.run())
            try:
                await charger.until(lambda own: own.connected)
                self.connected += 1
            except TimeoutError:
                self.failed.append(name)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Keep it up until the context ends."""
        async with asyncio.TaskGroup() as group:
            for name in self.passwords:
                group.create_task(self.run(name))
            yield
            self.over = True

    async def more(self, times: int) -> None:
        """Wait until chargers have come in so many times more."""
        wanted = self.connected + times
        async with asyncio.timeout(PATIENCE):
            while self.connected < wanted:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.005)

    def strangers(self) -> set[tuple[str, str]]:
        """Return with what else than their own password the target was dialled."""
        sent = {BasicAuth.decode(one.headers["Authorization"]) for one in self.target.requests}
        return {
            (one.login, one.password) for one in sent if one.password != f"secret of {one.login}"
        }


async def test_keys_are_changed_beside_a_busy_server_and_no_connect_fails(tmp_path: Path) -> None:
    async with Target().up() as target, serving(tmp_path, GOOGLES) as site:
        load = Load(site, target)
        await load.begin(f"CP-{number}" for number in range(8))
        async with load.going():
            await load.more(8)
            for _ in range(2):
                code, said = await run("rotate-keys --json", tmp_path)
                assert code == 0, said
                await load.more(8)
            new = json.loads(said)
            # What is stored from now on is sealed with the new key, and opens beside the others.
            await load.site.enrol("CP-X")
            path = f"{site.organization}/proxy_configurations"
            await site.ok("POST", path, proxy("CP-X", target.url))
            for id in range(1, 10):
                await site.ok("POST", f"{path}/{id}/test")

    assert (load.failed, load.strangers() - {("CP-X", "third-party-secret")}) == ([], set())
    assert len({request.path for request in target.requests}) == 9
    assert await used(tmp_path) == {bytes.fromhex(new["current"])}
    assert len(new["kept"]) == 2


async def used(data_dir: Path) -> set[bytes]:
    """Return the ids of the keys that secrets are sealed with."""
    opened = await engines.open_database(engines.default_url(data_dir))
    try:
        return await key_ids(opened)
    finally:
        await opened.close()


async def test_a_change_of_keys_that_is_killed_anywhere_leaves_everything_usable(
    tmp_path: Path,
) -> None:
    moments = random.Random(SEED)
    async with Target().up() as target, serving(tmp_path, GOOGLES) as site:
        load = Load(site, target)
        await load.begin(f"CP-{number}" for number in range(4))
        async with load.going():
            for _ in range(4):
                process = await programs.start("rotate-keys", environment=variables(tmp_path))
                await asyncio.sleep(moments.uniform(0.0, 0.5))
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.communicate()
                await load.more(4)
            code, said = await run("rotate-keys --json", tmp_path)
            await load.more(4)

    assert code == 0, said
    assert (load.failed, load.strangers()) == ([], set())
    assert await used(tmp_path) == {bytes.fromhex(json.loads(said)["current"])}
    # And again from the beginning.
    async with serving(tmp_path, GOOGLES):
        pass
