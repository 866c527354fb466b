"""
Listen for HTTP, and let nobody hold a connection by being slow.

aiohttp bounds neither the head of a request nor its body nor how long an answer may take to be
read. The body's deadline is kept where it is read (`api.parsing`), the others here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from api.errors import BadRequest, answer_to
from api.parts import PARTS
from api.tally import ApiTally
from csms.errors import place_of
from csms.settings import Bind

log = structlog.get_logger("ringmain.api")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, in s."""

    # From the connection, or from the first byte of a later request, to the end of its head.
    head: float = 10.0
    body: float = 15.0
    # To read our answer.
    answer: float = 30.0
    # Between two requests.
    keep_alive: float = 75.0
    # How long a body that nobody wants is read, so that the client gets to see why.
    linger: float = 2.0


DEADLINES = web.AppKey("DEADLINES", Deadlines)
GRACE_SECONDS = 10.0
# Whoever finds no room at the kernel is there only after 1 s, or 3 s, … or 63 s.
_BACKLOG = 1024


@contextlib.asynccontextmanager
async def listening(app: web.Application, bind: Bind) -> AsyncIterator[Bind]:
    """Serve the application until the context ends; yield the bound address."""
    runner = web.AppRunner(app, shutdown_timeout=GRACE_SECONDS)
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - just set up
    tally = app[PARTS].metered.tally if PARTS in app else ApiTally()
    conversation = partial(Conversation, runner.server, app[DEADLINES], tally)
    try:
        listener = await asyncio.get_running_loop().create_server(
            conversation, bind.host, bind.port, backlog=_BACKLOG
        )
        try:
            yield Bind(*listener.sockets[0].getsockname()[:2])
        finally:
            listener.close()
    finally:
        await runner.cleanup()


class Conversation(web.RequestHandler):
    """One connection of one client, with an end to every wait for it."""

    __slots__ = ("_body", "_deadlines", "_head_timer", "_tally", "gone")

    def __init__(
        self, server: web.Server, deadlines: Deadlines, tally: ApiTally | None = None
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=deadlines.keep_alive,
            lingering_time=deadlines.linger,
        )
        self._deadlines = deadlines
        self._tally = tally or ApiTally()
        self._head_timer: asyncio.TimerHandle | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self.gone = asyncio.Event()  # whoever is answered may not be there any more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._tally.sockets += 1
        self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wait for nothing any more."""
        self.gone.set()
        self._tally.sockets -= 1
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes: of a body, of a whole head, or of a head that has yet to end."""
        within_body = not self._body.is_eof()
        super().data_received(data)
        if self._messages:
            self._body = self._messages[-1][1]
            self._stop_expecting()
        elif data and not within_body and self._head_timer is None:  # aiohttp itself feeds b""
            self._expect_head()

    def _expect_head(self) -> None:
        self._head_timer = self._loop.call_later(self._deadlines.head, self.force_close)

    def _stop_expecting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the answer, but not for ever to a client that does not read it."""
        if isinstance(resp, web.HTTPException):  # raised before any middleware
            resp = answer_to(resp)
        try:
            async with asyncio.timeout(self._deadlines.answer):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in the shape of all errors, and hang up."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; it cannot become another one.")
        fault = exc if status == 500 and isinstance(exc, Exception) else BadRequest()
        answer = answer_to(fault)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, exc_info: object = None, **more: Any) -> None:
        """Tell in one line what went wrong beside an answer; aiohttp would tell a traceback.

        A body that is not packed as its head says has been answered, and is its sender's matter.
        """
        if isinstance(exc_info, web.RequestPayloadError):
            return
        fault = place_of(exc_info) if isinstance(exc_info, Exception) else str(args[0])
        log.error("connection_failed", fault=fault)
