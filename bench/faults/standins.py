"""Real servers of each store's protocol (moto, Azurite, Google's emulator), behind bad lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.faults.connectors import Connector, neighbouring
from bench.faults.exports import HURRIED, RECOVERED_S, counted, recovered, settled, talking
from bench.faults.ground import Ground, NotHere
from bench.faults.stand import Stand, standing
from bench.faults.verdicts import Line
from simulators.faults import FaultProxy
from tests.store_keeper import AZURITE, PYTHON
from tests.stores import AzureStore, GcpOAuth, GcsStore, S3Store, StoreKeeper

NOT_INSTALLED = "the stand-ins for object stores are not installed (`make stores`)"
FAULT_S = 3.0

Words: TypeAlias = Mapping[str, str]
Store: TypeAlias = S3Store | AzureStore | GcsStore


@dataclass(frozen=True, slots=True)
class StandIn:
    """A store, its bucket, the line to it, and the connector that stores there."""

    store: Store
    bucket: str
    line: FaultProxy
    connector: Connector


async def behind_a_bad_line(ground: Ground, seed: int, scale: float = 1.0) -> list[Line]:
    """Hang, refuse, cut in the middle of a PUT, and lose answers, between us and real servers."""
    if not (PYTHON.exists() and AZURITE.exists()):
        raise NotHere(NOT_INSTALLED)
    with _stores() as stores, _tokens() as token_uri:
        given = {"RINGMAIN_GCP_TOKEN_URI": token_uri}
        async with (
            standing(ground, seed, exports=HURRIED, settings=given) as stand,
            neighbouring(stand) as neighbour,
            contextlib.AsyncExitStack() as stack,
        ):
            standins = [await _stand_in(stand, stack, *one) for one in stores.items()]
            connectors = [one.connector for one in standins]
            async with talking(stand, neighbour, connectors, scale, 20):
                for fault in FAULTS:
                    fault_s = max(1.0, FAULT_S * min(1.0, scale))
                    told = [fault(one.line, fault_s, stand.chance) for one in standins]
                    await asyncio.gather(*told)
                recovery = await recovered(connectors, time.monotonic())
            late = await settled([stand, neighbour], connectors)
            lines = await counted("F-11-real", stand, connectors, _listing(standins))
    for line in lines:
        line.recovery_s = recovery
        line.must(not late, f"never delivered: {', '.join(late)}")
        line.must(recovery <= RECOVERED_S, f"not recovered within {RECOVERED_S:g} s")
        line.notes.insert(0, f"{len(FAULTS)} faults of the lines to {len(standins)} servers")
    return lines


# ---- what a line does ----


async def _hang(line: FaultProxy, seconds: float, _: random.Random) -> None:
    line.blackhole = True
    await asyncio.sleep(seconds)
    line.blackhole = False


async def _refuse(line: FaultProxy, seconds: float, _: random.Random) -> None:
    line.refusing = True
    line.reset()
    await asyncio.sleep(seconds)
    line.refusing = False


async def _cut(line: FaultProxy, seconds: float, chance: random.Random) -> None:
    """Cut connections after some bytes of their clients: within a header, or within a body."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        line.cut_after = chance.randint(400, 8000)
        await asyncio.sleep(0.1)
    line.cut_after = None


async def _lose_answers(line: FaultProxy, seconds: float, _: random.Random) -> None:
    until = time.monotonic() + seconds
    line.stalled_down = True
    while time.monotonic() < until:
        await asyncio.sleep(0.3)
        line.reset()
    line.stalled_down = False


FAULTS: Sequence[Callable[[FaultProxy, float, random.Random], Awaitable[None]]] = (
    _hang,
    _refuse,
    _cut,
    _lose_answers,
)


# ---- the servers ----


async def _stand_in(
    stand: Stand, stack: contextlib.AsyncExitStack, type: str, store: Store
) -> StandIn:
    """Make a bucket, and a connector that has a bad line to it."""
    parts = urlsplit(store.endpoint_url)
    line = await stack.enter_async_context(FaultProxy.to(parts.hostname or "", parts.port or 0))
    bucket = await asyncio.to_thread(store.new_bucket)
    url = parts._replace(netloc=f"127.0.0.1:{line.port}").geturl()
    configuration = {**store.configuration(bucket), "endpoint_url": url, "flush_bytes": 32 << 10}
    name = type.replace("_", "-")
    connector = Connector(stand, name, configuration, store.credentials, type)
    await connector.create()
    return StandIn(store, bucket, line, connector)


def _listing(standins: Sequence[StandIn]) -> Callable[[Connector], Mapping[str, bytes]]:
    def listing(connector: Connector) -> Mapping[str, bytes]:
        [one] = [one for one in standins if one.connector is connector]
        return one.store.objects(one.bucket)

    return listing


@contextlib.contextmanager
def _stores() -> Iterator[dict[str, Store]]:
    """Start the servers; they end with the context, or with this process."""
    keeper = StoreKeeper()
    try:
        s3, azure, gcs = (_asked(keeper.port, name) for name in ("s3", "azure", "gcs"))
        blobs = f"{azure['endpoint_url']}/{azure['account']}"
        yield {
            "aws_s3": S3Store(s3["endpoint_url"], "AKIAANYBODY", "whatever"),
            "azure_storage": AzureStore(blobs, azure["account"], azure["account_key"]),
            "gcp_storage": GcsStore(gcs["endpoint_url"], _service_account()),
        }
    finally:
        keeper.stop()


def _asked(port: int, name: str) -> Words:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"{name}\n".encode())
        with connection.makefile() as lines:
            told: Words = json.loads(lines.readline())
    if "error" in told:
        raise NotHere(told["error"])
    return told


@contextlib.contextmanager
def _tokens() -> Iterator[str]:
    oauth = GcpOAuth()
    try:
        yield oauth.url
    finally:
        oauth.stop()


def _service_account() -> Words:
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "ringmain-faults",
        "private_key_id": "faults",
        "private_key": pem.decode(),
        "client_email": "exporter@ringmain-faults.iam.gserviceaccount.com",
        "client_id": "100000000000000000001",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
