"""Files that a charger sends somewhere or fetches from there, over HTTP."""

from __future__ import annotations

from ssl import SSLContext

from aiohttp import ClientError, ClientSession, ClientTimeout

_PATIENCE = ClientTimeout(total=30.0)
_METHOD_NOT_ALLOWED = 405

# What a URL that leads nowhere, a server that says no and a broken transfer raise.
_FAULTS = (ClientError, OSError, TimeoutError, ValueError)


class TransferFailed(Exception):
    """The file was not taken, or could not be had."""


async def upload(url: str, name: str, body: bytes, ssl: SSLContext | None = None) -> None:
    """Put a file, or post it where that is not allowed; raise TransferFailed.

    An address that ends in "/" is that of a folder. Only HTTP is spoken here.
    """
    place = f"{url}{name}" if url.endswith("/") else url
    try:
        async with ClientSession(timeout=_PATIENCE) as session:
            if await _sent(session, "PUT", place, body, ssl) == _METHOD_NOT_ALLOWED:
                await _sent(session, "POST", place, body, ssl, last=True)
    except _FAULTS as fault:
        raise TransferFailed from fault


async def download(url: str, ssl: SSLContext | None = None) -> bytes:
    """Fetch a file; raise TransferFailed."""
    try:
        async with (
            ClientSession(timeout=_PATIENCE) as session,
            session.get(url, ssl=ssl or True) as answer,
        ):
            answer.raise_for_status()
            return await answer.read()
    except _FAULTS as fault:
        raise TransferFailed from fault


async def _sent(
    session: ClientSession,
    method: str,
    place: str,
    body: bytes,
    ssl: SSLContext | None,
    *,
    last: bool = False,
) -> int:
    async with session.request(method, place, data=body, ssl=ssl or True) as answer:
        if last or answer.status != _METHOD_NOT_ALLOWED:
            answer.raise_for_status()
        return answer.status
