"""
Ask the operator's certificate authority to sign: a command, or an address.

We sign nothing ourselves (OCPP 2.0.1 A02.FR.04, security white paper A02). The command is run
without a shell and gets the request on its standard input; what it writes and how long it takes is
bounded. The address gets the same by POST, and is neither followed elsewhere nor asked by a proxy
that the environment names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import aiohttp
import structlog

from csms.errors import AuthorityAway, AuthorityRefused

if TYPE_CHECKING:
    from csms.settings import Settings

log = structlog.get_logger("ringmain.authority")

DEADLINE = 30.0  # s
LONGEST = 64 << 10  # bytes of an answer; no charger takes a longer chain
REFUSED = 65  # EX_DATAERR: the command's exit status for a request that it will never sign
_KILLED = 5.0  # s until a process that was killed is gone
_TOLD = 300  # characters of what a command says went wrong
# All other statuses may be another one later.
_FINAL = frozenset({400, 403, 405, 406, 409, 410, 413, 415, 422})


class Authority(Protocol):
    """What signs the requests of chargers."""

    async def sign(self, _request: str, /) -> str:
        """Return a chain in PEM for a CSR in PEM; raise AuthorityAway or AuthorityRefused."""


def authority_of(settings: Settings) -> Authority | None:
    """Return the authority that the settings name, None where there is none."""
    if settings.ca_command:
        return CommandAuthority(settings.ca_command)
    return HttpAuthority(settings.ca_url) if settings.ca_url else None


class CommandAuthority:
    """Run a command for each request; it inherits nothing that is a setting of ours."""

    def __init__(self, command: Sequence[str], deadline: float = DEADLINE) -> None:
        self._command = tuple(command)
        self._deadline = deadline

    async def sign(self, request: str) -> str:
        """Return what the command answers; raise AuthorityAway or AuthorityRefused."""
        try:
            async with asyncio.timeout(self._deadline), self._running() as process:
                return await _conversed(process, request)
        except TimeoutError:
            raise AuthorityAway(
                f"RINGMAIN_CA_COMMAND has not ended within {self._deadline:g} s."
            ) from None

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await self._started()
        try:
            yield process
        finally:
            await asyncio.shield(_ended(process))

    async def _started(self) -> asyncio.subprocess.Process:
        starting = asyncio.ensure_future(self._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio itself would leave behind what the command has begun by then.
            with contextlib.suppress(AuthorityAway):
                await _ended(await starting)
            raise

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(),
                start_new_session=True,  # so that all it has begun can be ended with it
            )
        except (OSError, ValueError) as error:
            log.warning("authority_not_run", fault=type(error).__name__)
            raise AuthorityAway("RINGMAIN_CA_COMMAND cannot be run.") from error


async def _conversed(process: asyncio.subprocess.Process, request: str) -> str:
    assert process.stdin and process.stdout  # noqa: S101, PT018 - they are pipes
    assert process.stderr  # noqa: S101 - and so is this
    complaint = asyncio.create_task(_last_words(process.stderr))
    try:
        process.stdin.write(request.encode())
        process.stdin.close()
        answer = await _all_of(process.stdout)
        status = await process.wait()
        if status:
            log.warning("authority_failed", status=status, said=await complaint)
    finally:
        complaint.cancel()
        await asyncio.gather(complaint, return_exceptions=True)
    if status == REFUSED:
        raise AuthorityRefused
    if status:
        raise AuthorityAway(f"RINGMAIN_CA_COMMAND has ended with exit status {status}.")
    return _text(answer)


async def _all_of(stream: asyncio.StreamReader) -> bytes:
    answer = bytearray()
    while some := await stream.read(LONGEST):
        answer += some
        if len(answer) > LONGEST:
            raise AuthorityRefused("The certificate authority has answered too much.")
    return bytes(answer)


async def _last_words(stream: asyncio.StreamReader) -> str:
    """Read all that comes, so that nobody waits for us, and return the end of it."""
    end = b""
    while some := await stream.read(LONGEST):
        end = (end + some)[-_TOLD:]
    return end.decode(errors="replace").strip()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a command and whatever it has begun, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Nobody waits for its end as long as a pipe is open that nobody reads.
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_KILLED):
            await process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGMAIN_")}


class HttpAuthority:
    """Post each request to an address, which may hold a user and a password."""

    def __init__(self, url: str, deadline: float = DEADLINE) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=deadline)

    async def sign(self, request: str) -> str:
        """Return what the address answers; raise AuthorityAway or AuthorityRefused."""
        try:
            # What is compressed could be a thousand times as much.
            async with (
                aiohttp.ClientSession(
                    timeout=self._timeout, trust_env=False, auto_decompress=False
                ) as session,
                session.post(
                    self._url, data=request.encode(), headers=_HEADERS, allow_redirects=False
                ) as response,
            ):
                _judge(response.status)
                return _text(await _body(response.content))
        except TimeoutError:
            raise AuthorityAway("RINGMAIN_CA_URL has not answered in time.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Without its words: they hold the address, and that may hold a password.
            log.warning("authority_not_reached", fault=type(error).__name__)
            raise AuthorityAway("RINGMAIN_CA_URL cannot be reached.") from None


_HEADERS = {
    "Content-Type": "application/pkcs10",
    "Accept": "application/pem-certificate-chain",
    "Accept-Encoding": "identity",
}


def _judge(status: int) -> None:
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return
    if status in _FINAL:
        raise AuthorityRefused(f"The certificate authority has refused (HTTP {status}).")
    raise AuthorityAway(f"RINGMAIN_CA_URL has answered HTTP {status}.")


async def _body(stream: aiohttp.StreamReader) -> bytes:
    answer = bytearray()
    async for some in stream.iter_chunked(8192):
        answer += some
        if len(answer) > LONGEST:
            raise AuthorityRefused("The certificate authority has answered too much.")
    return bytes(answer)


def _text(answer: bytes) -> str:
    try:
        return answer.decode("ascii")
    except UnicodeDecodeError:
        raise AuthorityRefused(
            "The certificate authority has answered with something that is no PEM."
        ) from None
