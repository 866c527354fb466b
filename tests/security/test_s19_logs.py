"""S-19: an event is one line of the log whatever it holds, and none holds a secret or a token."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from storage.clock import SystemClock
from storage.records import Charger, ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.installations import variables

pytestmark = pytest.mark.sqlite_only("nothing but the log is looked at")

PASSWORD = "c4n4ry-of-a-password"
TOKEN = "C4N4RYTAG"
HOSTILE = ("a\nready", "\x1b[2Jgone", "a\u2028b", "\x85next", "\x9b2J", "\u202e")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT")


@contextlib.asynccontextmanager
async def serving(data_dir: Path, log_format: str) -> AsyncIterator[tuple[str, str, list[str]]]:
    """Run a server; when it has ended, all that it wrote is in the list."""
    more = {"RINGMAIN_LOG_FORMAT": log_format, "RINGMAIN_LOG_LEVEL": "debug"}
    process = await programs.start("serve", environment=variables(data_dir, **more))
    lines: list[str] = []
    try:
        async with asyncio.timeout(30):
            while "ready" not in (line := (await process.stderr.readline()).decode()):
                lines.append(line)
        lines.append(line)
        addresses = [re.search(rf"{kind}://[\d.:]+", line) for kind in ("http", "ws")]
        http, ocpp = (found[0] for found in addresses if found)
        yield http, ocpp, lines
        process.terminate()
        out, err = await process.communicate()
        lines += [*err.decode().splitlines(keepends=True), *out.decode().splitlines(keepends=True)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def enrolled(data_dir: Path) -> tuple[ChargerKey, str]:
    async with open_storage(data_dir, SystemClock()) as storage:
        id = (await storage.organizations.create("Depot")).organization_uuid
        _, api_key = await storage.api_keys.create(id, "admin")
        key = ChargerKey(id, "CP-1")
        now = SystemClock().now()
        digest = digest_secret(PASSWORD.encode())
        charger = Charger(key=key, charger_name="One", password_digest=digest, created_at=now)
        await storage.chargers.enroll(charger, None)
    return key, api_key


async def knock(ocpp: str, key: ChargerKey) -> None:
    """Come to the door under names that are none, with credentials that are none."""
    http = ocpp.replace("ws:", "http:")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with aiohttp.ClientSession(headers=upgrade) as session:
        for hostile in HOSTILE:
            pair = base64.b64encode(f"{hostile}:{PASSWORD}".encode()).decode()
            headers = {
                "Authorization": f"Basic {pair}",
                "X-Forwarded-For": quote(hostile),
                "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            }
            path = f"{http}/{key.organization_uuid}/ocpp_proxy/{quote(hostile)}"
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(path, headers=headers):
                    pass


async def talk(ocpp: str, key: ChargerKey) -> None:
    """Say what breaks schemas, ids and statuses, with a token in it."""
    url = f"{ocpp}/{key.organization_uuid}/ocpp_proxy/CP-1".replace(
        "ws://", f"ws://CP-1:{PASSWORD}@"
    )
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as socket:
        for number, hostile in enumerate(HOSTILE):
            for action, payload in (
                ("Authorize", {"idTag": TOKEN}),
                ("Authorize", {"idTag": TOKEN * 9}),
                ("Authorize", {"idTag": TOKEN, hostile: hostile}),
                ("StopTransaction", {"transactionId": 7, "idTag": TOKEN, "reason": hostile}),
                (hostile, {"idTag": TOKEN}),
                ("DataTransfer", {"vendorId": hostile, "data": f"AuthorizationKey={PASSWORD}"}),
            ):
                await socket.send(json.dumps([2, f"{number}-{action}", action, payload]))
                await socket.recv()
        await socket.close(1000, "bye\u2028bye")


async def ask(http: str, key: ChargerKey, api_key: str) -> None:
    organization = f"{http}/api/v1/organizations/{key.organization_uuid}"
    async with aiohttp.ClientSession(headers={"x-api-key": api_key}) as session:
        for hostile in HOSTILE:
            body = {"name": hostile, "target_auth_basic_password": PASSWORD}
            for path in (f"{organization}/sites", f"{organization}/chargers/{quote(hostile)}"):
                async with session.post(path, json=body, headers={"X-Request-Id": quote(hostile)}):
                    pass


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_what_strangers_chargers_and_callers_say_stays_on_its_line(
    tmp_path: Path, log_format: str
) -> None:
    key, api_key = await enrolled(tmp_path)
    async with serving(tmp_path, log_format) as (http, ocpp, lines):
        await knock(ocpp, key)
        await talk(ocpp, key)
        await ask(http, key, api_key)

    assert len(lines) > 10
    for line in lines:
        assert line.isascii()
        assert line.rstrip("\n").isprintable()
        if log_format == "json":
            assert {"event", "level", "timestamp"} <= json.loads(line).keys()
        else:
            assert _WHEN.match(line)
    everything = "".join(lines)
    for secret in (PASSWORD, TOKEN, api_key, base64.b64encode(PASSWORD.encode()).decode()):
        assert secret not in everything
    assert "Traceback" not in everything
