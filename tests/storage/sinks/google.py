"""Google Cloud Storage for tests: a key file, what it answers, and a sink between two strangers."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

import google_crc32c
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from storage.records import SinkRecord
from storage.sinks.gcs import open_gcs
from storage.sinks.port import Outside, Sink
from tests.certificates import authority, key_pem
from tests.storage.doubles import NOON, ORGANIZATION
from tests.storage.sinks.strangers import Conduct, LoopbackDoor, Stranger, answer, meeting, saying

BUCKET = "logs"
NAME = f"lake/organization={ORGANIZATION}/date=2026-03-01/hour=12/c-1-2.jsonl.gz"
BODY = gzip.compress(b'{"seq": 1}\n', mtime=0)
JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"
TOKEN = {"access_token": "canary-token", "expires_in": 3600, "token_type": "Bearer"}


def told(status: str, said: object) -> bytes:
    return answer(status, JSON, body=json.dumps(said).encode())


def resource(body: bytes) -> dict[str, str]:
    """What Google tells of an object, as far as it matters."""
    checksum = b64encode(google_crc32c.value(body).to_bytes(4)).decode()
    return {"name": NAME, "bucket": BUCKET, "size": str(len(body)), "crc32c": checksum}


STORED = told("200 OK", resource(BODY))
THERE = told("412 Precondition Failed", {"error": {"errors": [{"reason": "conditionNotMet"}]}})
DENIED = told("403 Forbidden", {"error": {"errors": [{"reason": "forbidden"}]}})


def in_turn(*answers: bytes) -> Conduct:
    """Give one answer after the other, one for each connection."""
    left = iter(answers)

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(next(left))(reader, writer)

    return conduct


@cache
def key_file(**fields: object) -> str:
    """Return a key file; its key is short, because reading one takes the longest of most tests."""
    given = {
        "type": "service_account",
        "client_email": "exporter@ringmain-tests.iam.gserviceaccount.com",
        "private_key": key_pem(rsa.generate_private_key(65537, 1024)),
        "private_key_id": "canary-id",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**given, **fields})


@contextmanager
def trusted() -> Iterator[None]:
    """Let the system trust the authority of the tests, and only that: all of them take long."""
    with NamedTemporaryFile("w") as file, pytest.MonkeyPatch.context() as environment:
        file.write(authority())
        file.flush()
        environment.setenv("SSL_CERT_FILE", file.name)
        yield


def record(configuration: Mapping[str, Any], key: str | None = None) -> SinkRecord:
    return SinkRecord(
        id="c",
        organization_uuid=ORGANIZATION,
        name="lake",
        type="gcp_storage",
        configuration=configuration,
        credentials={"service_account_json": key or key_file()},
        token_key="",
        inserted_at=NOON,
        updated_at=NOON,
    )


@asynccontextmanager
async def opened(
    configuration: Mapping[str, Any], token_uri: str, key: str | None = None, **outside: Any
) -> AsyncIterator[Sink]:
    given = Outside(**{"door": LoopbackDoor(), "gcp_token_uri": token_uri, **outside})
    with trusted():
        sink = await open_gcs(record(configuration, key), given)
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def against(
    conduct: Conduct, tokens: Conduct | None = None, key: str | None = None, **outside: Any
) -> AsyncIterator[tuple[Stranger, Stranger, Sink]]:
    """Yield a store, a token endpoint and the sink between them."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(meeting(conduct))
        endpoint = await stack.enter_async_context(meeting(tokens or saying(told("200 OK", TOKEN))))
        configuration = {"bucket": BUCKET, "endpoint_url": store.url}
        yield (
            store,
            endpoint,
            await stack.enter_async_context(opened(configuration, endpoint.url, key, **outside)),
        )


def requests_of(stranger: Stranger) -> list[str]:
    return [head.split("\r\n")[0].removesuffix(" HTTP/1.1") for head in stranger.heads]
