"""
Google Cloud Storage: objects by Google's own library, in a thread of each sink.

The library blocks, so that a slow store would hold up others in a pool that they shared.

An object is created and never simply written over (`ifGenerationMatch=0`). Where one of its name
is there already, because an answer was lost or another server had the same numbers before a backup
was restored, its length and checksum decide: the same bytes are done with, others are replaced.
So `storage.objects.create` and `storage.objects.get` are enough: a stolen key can remove nothing,
and a bucket may have a retention policy.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import google_crc32c
from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Blob, Bucket, Client
from requests import Session

from storage.records import SinkRecord
from storage.sinks.connecting import NO_STORE, verifying
from storage.sinks.errors import SinkRefused, SinkUnavailable
from storage.sinks.gcs_account import ServiceAccount, read_service_account
from storage.sinks.gcs_errors import translating
from storage.sinks.gcs_tokens import Account, TokenRequest
from storage.sinks.gcs_transport import Dialler, VettedAdapter, confine
from storage.sinks.port import Outside, Sink

GOOGLE = "https://storage.googleapis.com"
CONTENT_TYPE = "application/gzip"
# For how long a closed sink waits for its thread, s; cut off, that ends by itself.
_PATIENCE = 1.0

Work = Callable[[Bucket], None]


async def open_gcs(record: SinkRecord, outside: Outside) -> Sink:
    """Open a sink of type gcp_storage; raise SinkRefused where its settings cannot be used."""
    endpoint = record.configuration.get("endpoint_url") or GOOGLE
    outside.door.check(endpoint)
    text = record.credentials["service_account_json"]
    # It was looked at when it was given, and is sealed since.
    account = read_service_account(text, outside.gcp_token_uri, known=True)
    secure = await asyncio.to_thread(_verifying, ssl.get_default_verify_paths())
    return GcsSink(
        Place(endpoint.rstrip("/"), record.configuration["bucket"], account, secure, outside)
    )


@lru_cache(maxsize=2)  # apart from that of others: this library writes into it
def _verifying(_: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    return verifying()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sink stores, as whom, and by which rules."""

    endpoint: str
    bucket: str
    account: ServiceAccount
    secure: ssl.SSLContext
    outside: Outside

    @property
    def timeout(self) -> tuple[float, float]:
        """Return the library's pair of deadlines."""
        return self.outside.connect_timeout, self.outside.read_timeout


class GcsSink:
    """One bucket at Google."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._line: _Line | None = None
        self._ended: asyncio.Event | None = None

    async def put(self, name: str, body: bytes) -> None:
        """Store an object; cancelled, it is cut off and may be stored whole or not at all."""
        await self._do(partial(_put, name=name, body=body, timeout=self._place.timeout))

    async def delete(self, name: str) -> None:
        """Remove an object, also where there is none."""
        await self._do(partial(_delete, name=name, timeout=self._place.timeout))

    async def close(self) -> None:
        """Cut off what is under way; the thread ends."""
        if self._line is not None:
            self._drop(self._line)
        if self._ended is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._ended.wait()

    async def _do(self, work: Work) -> None:
        line = self._line = self._line or _Line(self._place)
        patience = self._place.outside.put_timeout
        try:
            async with asyncio.timeout(patience):
                await line.run(work)
        except TimeoutError:
            self._drop(line)
            raise SinkUnavailable(
                f"Google Cloud Storage was not done within {patience:g} s; it is tried again."
            ) from None
        except asyncio.CancelledError:
            self._drop(line)
            raise

    def _drop(self, line: _Line) -> None:
        # What hangs in its thread must not hold up what comes next.
        if self._line is line:
            self._line, self._ended = None, line.end()


class _Line:
    """A client with its connections, and the one thread that may use them."""

    def __init__(self, place: Place) -> None:
        self._dialler = Dialler(place.outside, asyncio.get_running_loop())
        self._sessions = _sessions(place, self._dialler)
        self._bucket = _client(place, self._sessions[0]).bucket(place.bucket)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gcs")

    async def run(self, work: Work) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, self._bucket)

    def end(self) -> asyncio.Event:
        """Cut off what is under way; return what is set when the thread has nothing left."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def tell(_: object) -> None:
            with suppress(RuntimeError):  # the loop may have ended before us
                loop.call_soon_threadsafe(ended.set)

        self._dialler.end()
        self._thread.submit(self._close).add_done_callback(tell)
        self._thread.shutdown(wait=False)
        return ended

    def _close(self) -> None:
        for session in self._sessions:
            session.close()


def _sessions(place: Place, dialler: Dialler) -> tuple[AuthorizedSession, Session]:
    tokens = Session()
    confine(tokens, place.outside.gcp_token_uri, VettedAdapter(dialler, place.secure))
    authorized = AuthorizedSession(  # type: ignore[no-untyped-call]  # half annotated
        Account.of(place.account, place.outside.gcp_token_uri),
        auth_request=TokenRequest(tokens, place.timeout),
    )
    confine(authorized, place.endpoint, VettedAdapter(dialler, place.secure))
    return authorized, tokens


def _client(place: Place, session: AuthorizedSession) -> Client:
    """Return a client that asks its surroundings for nothing: project, credentials and session."""
    client = Client(
        project=None,
        credentials=session.credentials,
        _http=session,
        client_options={"api_endpoint": place.endpoint},
    )
    # GOOGLE_API_USE_MTLS_ENDPOINT would lead there.
    client._connection.API_BASE_MTLS_URL = place.endpoint  # noqa: SLF001 - there is no option
    # For traces that nobody takes it would read the bucket, in one more thread and for minutes.
    client._bucket_metadata_cache = None  # noqa: SLF001 - as above
    return client


# ---- in the thread ----


def _put(bucket: Bucket, *, name: str, body: bytes, timeout: tuple[float, float]) -> None:
    blob = bucket.blob(name)
    upload = partial(_upload, blob, body, timeout)
    with translating(bucket.name, "storage.objects.create"):
        same = True if _created(upload) else _is_there(blob, body, timeout)
    if not same:
        # Who may not look may perhaps replace.
        missing = "storage.objects.get" if same is None else "storage.objects.delete"
        with translating(bucket.name, missing):
            upload()


def _upload(blob: Blob, body: bytes, timeout: tuple[float, float], **conditions: int) -> None:
    blob.upload_from_string(
        body, content_type=CONTENT_TYPE, timeout=timeout, retry=None, **conditions
    )
    # Anybody can answer 200: what was stored must be told too.
    if not _holds(blob, body):
        raise SinkRefused(NO_STORE)


def _created(upload: Callable[..., Any]) -> bool:
    try:
        upload(if_generation_match=0)
    except PreconditionFailed:
        return False
    return True


def _is_there(blob: Blob, body: bytes, timeout: tuple[float, float]) -> bool | None:
    """Tell whether an object holds these bytes; None where we may not look."""
    try:
        blob.reload(timeout=timeout, retry=None)
    except Forbidden:
        return None
    except NotFound:
        return False
    return _holds(blob, body)


def _holds(blob: Blob, body: bytes) -> bool:
    checksum = b64encode(google_crc32c.value(body).to_bytes(4)).decode()
    return bool(blob.size == len(body) and blob.crc32c == checksum)


def _delete(bucket: Bucket, *, name: str, timeout: tuple[float, float]) -> None:
    with translating(bucket.name, "storage.objects.delete"), suppress(NotFound):
        bucket.blob(name).delete(timeout=timeout, retry=None)
