"""Name targets and endpoints that lead to this machine, and see who comes to a trap there."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from bench.attacks.results import Result
from bench.attacks.stage import link, stage
from bench.faults.ground import Ground
from bench.faults.stand import Stand

ALLOWED = "127.0.0.9"  # where somebody redirects to the trap
HOSTS = (
    "127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "0", "0.0.0.0", "2130706433", "0x7f000001",
    "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "localhost", "LocalHost.", "[::1]",
    "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127\u30020\u30020\u30021",
    "%31%32%37.0.0.1", "example.com@127.0.0.1", "127.0.0.1#example.com", "127.0.0.1\\example.com",
    "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1", "168.63.129.16", "[fd00:ec2::254]",
)  # fmt: skip
INJECTIONS = ("127.0.0.1/?", "127.0.0.1#", "127.0.0.1:{port}/", "a@127.0.0.1", "..", "fra1.evil/")
_REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.2:%d/\r\nContent-Length: 0\r\n\r\n"
WAIT_S = 3.0


@dataclass(slots=True)
class Trap:
    """Listeners on one port of all addresses, which count who comes."""

    port: int = 0
    touched: list[str] = field(default_factory=list)

    async def touch(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note that somebody is here."""
        self.touched.append(str(writer.get_extra_info("sockname")))
        writer.close()


@contextlib.asynccontextmanager
async def _trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await asyncio.start_server(trap.touch, "0.0.0.0", 0) as listener:
        trap.port = listener.sockets[0].getsockname()[1]
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(OSError):  # no IPv6 here
                other = await asyncio.start_server(trap.touch, "::1", trap.port)
                await stack.enter_async_context(other)
            yield trap


@contextlib.asynccontextmanager
async def _redirecting(trap: Trap) -> AsyncIterator[tuple[int, list[bytes]]]:
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(_REDIRECT % trap.port)
        writer.close()

    async with await asyncio.start_server(redirect, ALLOWED, 0) as listener:
        yield listener.sockets[0].getsockname()[1], asked


async def attack(ground: Ground) -> list[Result]:
    """Try every spelling as a target and as an endpoint, and a redirect."""
    result, told = Result("forgeries"), Counter[str]()
    async with (
        stage(ground, RINGMAIN_ALLOWED_TARGET_NETWORKS=f"{ALLOWED}/32") as stand,
        _trap() as trap,
        _redirecting(trap) as (port, asked),
    ):
        targets = [
            f"{scheme}://{host}:{trap.port}/ocpp" for host in HOSTS for scheme in ("ws", "wss")
        ]
        names = [
            name
            for number, url in enumerate([*targets, f"ws://{ALLOWED}:{port}/ocpp"])
            if (name := await _enrolled(stand, f"CP-{number}", url, told))
        ]
        await asyncio.gather(*(_visit(stand, name) for name in names))
        for host in (*HOSTS, *INJECTIONS):
            await _sink(stand, host.replace("{port}", str(trap.port)), trap.port, told)
        await asyncio.sleep(WAIT_S)
    result.tell(f"{len(HOSTS)} hosts, {len(targets)} targets, {len(INJECTIONS)} injections")
    result.tell(", ".join(f"{what} {count}" for what, count in sorted(told.items())))
    result.must(bool(asked), f"a redirecting target was asked {len(asked)} times", "at least once")
    result.must(not trap.touched, f"{len(trap.touched)} connects {trap.touched[:3] or ''}", "0")
    return [result]


async def _enrolled(stand: Stand, name: str, url: str, told: Counter[str]) -> str | None:
    """Enrol a charger with this target; return its name where that is accepted."""
    body = {
        "charge_box_id": name,
        "target_platform_identifier": "Trap",
        "target_websocket_url": url,
        "target_authentication_method": "None",
    }
    status, answer = await stand.ask("POST", f"{stand.api}/chargers/enroll-with-proxy", body)
    told[f"targets answered {status}"] += 1
    if status not in (200, 201):
        return None
    stand.passwords[name] = answer["charger"]["ocpp_password"]
    return name


async def _visit(stand: Stand, name: str) -> None:
    """Connect, so that the target is dialled if it may be."""
    boot = '[2,"1","BootNotification",{"chargePointVendor":"A","chargePointModel":"B"}]'
    with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
        async with link(stand, name) as connection, asyncio.timeout(WAIT_S):
            await connection.send(boot)
            async for _ in connection:
                pass


async def _sink(stand: Stand, host: str, port: int, told: Counter[str]) -> None:
    """Make a connector with this host in each field that becomes part of one."""
    keys = {"access_key_id": "a", "secret_access_key": "b"}
    account = {"service_account_json": {"token_uri": f"http://{host}:{port}/token"}}
    for kind, configuration, credentials in (
        ("aws_s3", {"bucket": "lake", "region": host}, keys),
        ("aws_s3", {"bucket": host, "region": "eu-west-1"}, keys),
        ("digital_ocean_spaces", {"bucket": "lake", "region": host}, keys),
        ("azure_storage", {"container": "lake", "storage_account": host}, {"account_key": "YQ=="}),
        ("gcp_storage", {"bucket": "lake"}, account),
    ):
        body = {
            "name": f"lake-{told.total()}",
            "type": kind,
            "configuration": configuration,
            "credentials": credentials,
        }
        path = f"/api/orgs/{stand.organization_uuid}/connectors"
        status, _ = await stand.ask("POST", path, body)
        told[f"endpoints answered {status}"] += 1
