"""A third-party CSMS: takes chargers of every version on one port and remembers what it saw.

Tests and the demo make it misbehave through ``Conduct``, at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from ssl import SSLContext
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from csms import frames
from csms.frames import Call, CallResult, Reply, Send
from csms.link import Link
from simulators.central import TONGUES, Answerer, Desk
from simulators.connections import Connection, Received
from simulators.sockets import SILENT, WebSocket
from simulators.watched import Fields, Kind, Now, Watched, timestamp, utc_now

Override: TypeAlias = Fields | Callable[[Fields], Fields]


@dataclass(slots=True)
class Conduct:
    """How the target behaves; change it while it runs.

    ``refuse`` is the HTTP status for handshakes, ``close_at_once`` the close code right after one,
    ``mute`` leaves every CALL unanswered, ``delay`` is s before an answer. ``subprotocol`` is
    chosen whatever was offered, ``""`` chooses none. ``one_id`` gives all CALLs this message id.
    ``errors`` maps actions to CALLERROR codes, ``answers`` to whole answers.
    ``transaction_id`` is given to every 1.6 start, None counts up. ``raw`` may return the text to
    send instead of an answer, whatever it is.
    """

    refuse: int | None = None
    close_at_once: int | None = None
    mute: bool = False
    delay: float = 0.0
    subprotocol: str | None = None
    one_id: str | None = None
    boot: str = "Accepted"
    interval: int = 300
    token_status: str = "Accepted"  # noqa: S105 - a verdict on tokens
    transaction_id: int | None = None
    errors: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Override] = field(default_factory=dict)
    raw: Callable[[Call | Send], bytes | None] | None = None


class Target(Watched):
    """Serve chargers.

    ``passwords`` are by user name, ``*`` is everybody's; None lets everybody in.
    """

    def __init__(
        self,
        *,
        passwords: Mapping[str, str] | None = None,
        conduct: Conduct | None = None,
        first_transaction_id: int = 1,
        now: Now = utc_now,
        keep: int | None = None,
    ) -> None:
        super().__init__(now, keep)
        self.passwords, self.conduct = passwords, conduct or Conduct()
        self._ids = frames.message_ids()
        self.received: list[Received] = []
        self.connections: list[Connection] = []
        self._transaction_ids = count(first_transaction_id)
        self._numbers = count(1)
        self._keep = keep
        self._server: Server | None = None
        self._scheme = "ws"
        self._opening: dict[ServerConnection, Connection] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        passwords: Mapping[str, str] | None = None,
        conduct: Conduct | None = None,
        first_transaction_id: int = 1,
        ssl: SSLContext | None = None,
    ) -> AsyncIterator[Target]:
        """Serve inside a ``with`` block."""
        target = cls(
            passwords=passwords, conduct=conduct, first_transaction_id=first_transaction_id
        )
        await target.listen(host, port, ssl)
        try:
            yield target
        finally:
            await target.close()

    async def listen(
        self, host: str = "127.0.0.1", port: int = 0, ssl: SSLContext | None = None
    ) -> None:
        """Open the port, 0 for any, with TLS if it is told how; what was received before stays."""
        self._scheme = "ws" if ssl is None else "wss"
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=ssl,
            process_request=self._judge,
            select_subprotocol=self._choose,
            compression=None,
            close_timeout=1.0,
            logger=SILENT,
        )

    async def close(self) -> None:
        """Hang up on everybody (1001) and close the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @property
    def port(self) -> int:
        """Return the bound port."""
        assert self._server is not None, "the target is not listening"  # noqa: S101 - a misuse
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Return the address to which a charger adds ``/`` and its id."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def live(self, charge_box_id: str) -> Connection | None:
        """Return a charger's newest live connection."""
        return next(
            (
                connection
                for connection in reversed(self.connections)
                if connection.charge_box_id == charge_box_id and connection.live
            ),
            None,
        )

    def calls(self, action: str | None = None, charge_box_id: str | None = None) -> list[Received]:
        """Return what was received of an action and a charger, oldest first; None is any."""
        return [
            one
            for one in self.received
            if action in (None, one.action) and charge_box_id in (None, one.charge_box_id)
        ]

    async def command(
        self, charge_box_id: str, action: str, payload: Fields, timeout: float = 10.0
    ) -> Fields:
        """Call a charger and return its answer.

        Raises LookupError for one that is not connected, and LinkError.
        """
        connection = self.live(charge_box_id)
        if connection is None or connection.link is None:
            raise LookupError(charge_box_id)
        result = await connection.link.call(action, orjson.dumps(payload), timeout=timeout)
        answer: Fields = result.fields
        return answer

    async def hang_up(self, charge_box_id: str, code: int | None = None) -> None:
        """Close a charger's connection with a code, or cut it without a word."""
        connection = self.live(charge_box_id)
        if connection is None or connection.socket is None:
            raise LookupError(charge_box_id)
        if code is None:
            connection.socket.cut()
        else:
            await connection.socket.close(code, "")
        await self.until(lambda _: not connection.live)

    def _judge(self, opening: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        connection = Connection(
            number=next(self._numbers),
            at=self.now(),
            charge_box_id=unquote(path.rsplit("/", 1)[-1]),
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.raw_items()},
        )
        self.connections.append(connection)
        refusal = self.conduct.refuse or (None if self._admits(connection) else 401)
        if refusal is not None:
            self._note("refused", connection, {"status": refusal})
            return opening.respond(http.HTTPStatus(refusal), "")
        self._opening[opening] = connection
        return None

    def _admits(self, connection: Connection) -> bool:
        if self.passwords is None:
            return True
        user, password = connection.credentials or ("", b"")
        expected = self.passwords.get(user, self.passwords.get("*", ""))
        return expected.encode() == password != b""

    def _choose(
        self, _opening: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        wanted = self.conduct.subprotocol
        if wanted is not None:
            return Subprotocol(wanted) if wanted else None
        return next((name for name in offered if name in TONGUES), None)

    async def _serve(self, opened: ServerConnection) -> None:
        connection = self._opening.pop(opened)
        connection.socket = socket = WebSocket(opened)
        connection.subprotocol = opened.subprotocol
        if self.conduct.close_at_once is not None:
            await socket.close(self.conduct.close_at_once, "")
            return
        tongue = TONGUES[_spoken(connection)]
        connection.link = link = Link(socket, dialect=tongue.dialect, new_id=self._new_id)
        self._note("connected", connection, {"subprotocol": opened.subprotocol})

        async def answer(call: Call | Send, _position: int) -> Reply:
            return await self._answer(connection, call, tongue.answers)

        connection.closed = await link.run(answer)
        self._note("closed", connection, {"code": connection.closed.code})

    def _new_id(self) -> str:
        return self.conduct.one_id or next(self._ids)

    async def _answer(
        self, connection: Connection, call: Call | Send, answers: Mapping[str, Answerer]
    ) -> Reply:
        one = self._record(connection, call)
        if self.conduct.mute:
            await asyncio.Future()  # ends with the connection
        if self.conduct.delay:
            await asyncio.sleep(self.conduct.delay)
        raw = self.conduct.raw and self.conduct.raw(call)
        if raw:
            one.refused = raw.startswith(b"[4,%b," % orjson.dumps(call.id))
            return CallResult(call.id, b"", None, raw)
        code = self.conduct.errors.get(call.action)
        if call.action not in answers:
            code = "NotImplemented"
        if code is not None:
            one.refused = True
            return frames.call_error(call.id, code, "")
        one.answer = self._fields(call, answers[call.action])
        return frames.call_result(call.id, orjson.dumps(one.answer))

    def _fields(self, call: Call | Send, answerer: Answerer) -> Fields:
        override = self.conduct.answers.get(call.action)
        if override is not None:
            return override(call.fields) if callable(override) else override
        conduct = self.conduct
        desk = Desk(
            timestamp(self.now()),
            conduct.boot,
            conduct.interval,
            self._transaction_id,
            conduct.token_status,
        )
        return answerer(desk, call.fields)

    def _transaction_id(self) -> int:
        fixed = self.conduct.transaction_id
        return next(self._transaction_ids) if fixed is None else fixed

    def _record(self, connection: Connection, call: Call | Send) -> Received:
        if self._keep is not None and len(self.received) >= self._keep:
            del self.received[: self._keep // 2]
        one = Received(
            self.now(),
            connection.charge_box_id,
            connection.number,
            call.id,
            call.action,
            call.fields,
            call.payload,
            call.text,
        )
        self.received.append(one)
        self._note("asked", connection, call.fields, call.action)
        return one

    def _note(self, kind: Kind, connection: Connection, fields: Any, action: str = "") -> None:
        self.note(kind, action, {"charge_box_id": connection.charge_box_id, "fields": fields})


def _spoken(connection: Connection) -> str:
    """Return the subprotocol that is spoken: the chosen one, else the first one offered."""
    offered = connection.headers.get("sec-websocket-protocol", "").split(",")
    names = [connection.subprotocol or "", *(name.strip() for name in offered)]
    return next((name for name in names if name in TONGUES), "ocpp1.6")
