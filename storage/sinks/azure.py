"""Store objects in a container of Azure Blob Storage, as block blobs.

The SDK is left nothing to decide: no retry (whoever exports tries again, with the same bytes for
the same name), no redirect, no second location, and nothing from the environment.

An object is one Put Blob, which becomes visible whole or not at all. A container that forbids to
overwrite therefore does not go together with a lost answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob import ContentSettings, StorageErrorCode
from azure.storage.blob.aio import ContainerClient

from storage.records import SinkRecord
from storage.sinks import names
from storage.sinks.connecting import NO_STORE, BoundedResponse, open_session, translated
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Outside, Sink

_Saying: TypeAlias = Callable[[], SinkError]

_ON_ITS_OWN: Mapping[str, Any] = {
    "retry_total": 0,
    "permit_redirects": False,
    "user_agent_use_env": False,
    # What Put Blob takes; above it the SDK would send blocks, of which a failure leaves some.
    "max_single_put_size": 5000 << 20,
}
_GZIP = ContentSettings(content_type="application/gzip")


async def open_azure(record: SinkRecord, outside: Outside) -> Sink:
    """Return the sink of a record; raise SinkRefused where it could never work."""
    given = record.configuration
    account = names.checked(given, "storage_account", names.azure_account)
    container = names.checked(given, "container", names.azure_container)
    key = names.checked(record.credentials, "account_key", names.account_key)
    url = blob_service(account, given.get("endpoint_url"))
    outside.door.check(url)
    # It tells everything that a server answers, up to CRITICAL.
    logging.getLogger("azure").setLevel(logging.CRITICAL + 1)
    transport = _Transport(
        session=await open_session(outside, _Unread),
        connection_timeout=outside.connect_timeout,
        read_timeout=outside.read_timeout,
    )
    credential = {"account_name": account, "account_key": key}
    client = ContainerClient(url, container, credential, transport=transport, **_ON_ITS_OWN)
    return AzureSink(client, outside.put_timeout)


def blob_service(account: str, endpoint_url: str | None) -> str:
    """Return the URL of an account's blob service.

    An `endpoint_url` may name the account in its host, as Azure does in every cloud, or in its
    path, as stand-ins and private clouds do; where neither does, the path is completed.
    """
    if endpoint_url is None:
        return f"https://{account}.blob.core.windows.net"
    url = endpoint_url.rstrip("/")
    host = urlsplit(url).hostname or ""
    named = host.startswith(f"{account}.") or url.endswith(f"/{account}")
    return url if named else f"{url}/{account}"


class _Transport(AioHttpTransport):  # type: ignore[misc]  # exported by a __getattr__
    """The SDK's transport, which sends a body in pieces: in one it would hold everybody up."""

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request and return its answer."""
        if isinstance(request.data, bytes):
            request.data = BytesIO(request.data)
        return await super().send(request, **options)


class _Unread(BoundedResponse):
    """An answer whose body is thrown away: the code of an error is in its header too.

    So the SDK has nothing to unpack, decode and parse that a stranger has made.
    """

    async def read(self) -> bytes:
        """Wait for the end of the body; raise SinkRefused where it is too long."""
        await super().read()
        return b""


class AzureSink:
    """One container."""

    def __init__(self, container: ContainerClient, deadline: float) -> None:
        self._container, self._deadline = container, deadline

    async def put(self, name: str, body: bytes) -> None:
        """Store an object whole; raise SinkError."""
        async with self._asking():
            answer = await self._container.get_blob_client(name).upload_blob(
                body, length=len(body), overwrite=True, content_settings=_GZIP
            )
            if not answer.get("etag"):  # what says yes to everything has stored nothing
                raise SinkRefused(NO_STORE)

    async def delete(self, name: str) -> None:
        """Remove an object, also where there is none; raise SinkError."""
        async with self._asking():
            try:
                await self._container.delete_blob(name)
            except ResourceNotFoundError as fault:
                if _code(fault) != StorageErrorCode.BLOB_NOT_FOUND:
                    raise

    async def close(self) -> None:
        """Close all connections."""
        await self._container.close()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except TimeoutError as fault:
            raise SinkUnavailable(
                f"The store did not take the object within {self._deadline:g} s; it is tried again."
            ) from fault
        except (ServiceRequestError, ServiceResponseError) as fault:
            raise translated(fault.__cause__ or fault) from fault
        except (AzureError, ValueError) as fault:
            raise _said(fault) from fault


def _said(fault: Any) -> SinkError:
    """Decide by the store's code, else by its status; a text of its own is never looked at."""
    said = _BY_CODE.get(_code(fault)) or _by_status(fault)
    return said()


def _code(fault: Any) -> str:
    code = getattr(fault, "error_code", None)
    return str(getattr(code, "value", code))


def _by_status(fault: Any) -> _Saying:
    if isinstance(fault, ClientAuthenticationError):  # also what cannot be signed with
        return _KEY
    status = getattr(fault, "status_code", None) or 0
    return next(said for first, last, said in _BY_STATUS if first <= status <= last)


_KEY = partial(
    SinkRefused,
    "The storage account refuses the key: correct account_key or storage_account; if both are "
    "right, check the clock of this server.",
)
_BUSY = partial(
    SinkUnavailable, "The store is too busy or has a fault of its own; it is tried again."
)
_STRANGER = partial(SinkRefused, NO_STORE)
_TOO_LARGE = partial(
    SinkRefused, "The object is too large for the store: make flush_bytes smaller."
)
_KEPT = partial(
    SinkRefused,
    "The container does not let an object be written again, which a lost answer needs: remove its "
    "immutability policy, or use one on the level of versions.",
)
_DELETED = partial(
    SinkRefused,
    "The container is being deleted: create it again when that is done, or name another one.",
)
_DISABLED = partial(
    SinkRefused,
    "The storage account is disabled: check its subscription in the Azure portal.",
)

# What the service calls it ("Common REST API error codes", "Blob Storage error codes").
_BY_CODE: dict[str, _Saying] = {
    "ContainerNotFound": partial(
        SinkRefused,
        "The container does not exist in this storage account: create it, or correct container.",
    ),
    "ContainerBeingDeleted": _DELETED,
    "ContainerDisabled": _DISABLED,
    "AccountIsDisabled": _DISABLED,
    "AuthenticationFailed": _KEY,
    "InvalidAuthenticationInfo": _KEY,
    "NoAuthenticationInformation": _KEY,
    # Azure says it of a firewall, Azurite of a wrong key.
    "AuthorizationFailure": partial(
        SinkRefused,
        "The storage account does not let this server in: check account_key, and that the "
        "account's network rules allow this server's address.",
    ),
    "KeyBasedAuthenticationNotPermitted": partial(
        SinkRefused,
        "The storage account takes no account keys: allow storage account key access in its "
        "configuration.",
    ),
    "AccountRequiresHttps": partial(
        SinkRefused,
        "The storage account takes HTTPS only: begin endpoint_url with https://.",
    ),
    "BlobImmutableDueToPolicy": _KEPT,
    "UnauthorizedBlobOverwrite": _KEPT,
    "RequestBodyTooLarge": _TOO_LARGE,
    # A version of the protocol; Azurite has a switch for it (--skipApiVersionCheck).
    "InvalidHeaderValue": partial(
        SinkRefused,
        "The store does not speak this version of the protocol: update it.",
    ),
    "ServerBusy": _BUSY,
    "OperationTimedOut": _BUSY,
    "InternalError": _BUSY,
}

# The first range that fits decides; a success that the SDK calls a fault is none.
_BY_STATUS: tuple[tuple[int, int, _Saying], ...] = (
    (0, 299, _STRANGER),
    (
        300,
        399,
        partial(
            SinkRefused, "The store sends elsewhere, which is not followed: correct endpoint_url."
        ),
    ),
    (401, 401, _KEY),
    (403, 403, _KEY),
    (404, 404, _STRANGER),
    (408, 408, _BUSY),
    (413, 413, _TOO_LARGE),
    (429, 429, _BUSY),
    (
        400,
        499,
        partial(
            SinkRefused,
            "The store refuses the object: check storage_account, container and endpoint_url.",
        ),
    ),
    (500, 999, _BUSY),
)
