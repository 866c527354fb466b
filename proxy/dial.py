"""Open one WebSocket to a target: the one place that touches the library's client.

Addresses arrive vetted, the TCP socket is ours and its peer is looked at before a byte is said, so
that neither a redirect nor a proxy variable nor a second name lookup can lead elsewhere (the
library refuses redirects on a given socket).
Every foreign exception becomes one of `proxy.errors`, in words for humans and without secrets.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    NegotiationError,
    WebSocketException,
)
from websockets.http11 import Response
from websockets.protocol import Event
from websockets.protocol import State as ProtocolState
from websockets.typing import Subprotocol

from csms.framing import Dialled
from csms.sockets import WebSocket, quiet_logger
from proxy import tls
from proxy.conduct import Conduct
from proxy.errors import (
    ForbiddenAddress,
    IncompatibleTarget,
    ProxyError,
    TargetRefused,
    TargetUnreachable,
)
from storage.sinks.port import Endpoint

PROTOCOL_ERROR, POLICY_VIOLATION = 1002, 1008
_PIECE = 4096
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST_PONG = 10.0

# A step by its name, and what there is to say of it.
Watch: TypeAlias = Callable[[str, str], None]
_Kinds: TypeAlias = type[Exception] | tuple[type[Exception], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where and how to dial: rendered URL, vetted addresses, the one subprotocol, credentials.

    ``ca_certificate`` is the PEM of the only authority to trust, None for the system's own;
    ``server_name`` is the name that the target's certificate has to bear, None for the URL's host;
    ``identity`` is what we show where the target asks. ``warning`` is for whoever reads the status.
    """

    url: str
    endpoints: Sequence[Endpoint]
    subprotocol: str
    username: str = ""
    password: bytes | None = field(default=None, repr=False)
    identity: tls.Identity | None = None
    ca_certificate: str | None = None
    server_name: str | None = None
    max_bytes: int = 1 << 20
    allow_missing_subprotocol: bool = False
    warning: str | None = None


async def dial(
    to: Destination,
    *,
    open_timeout: float = 10.0,
    ping: float = 10.0,
    conduct: Conduct | None = None,
    watch: Watch = lambda *_: None,
) -> WebSocket:
    """Connect within ``open_timeout`` s; raise a ProxyError that says why not.

    It is pinged every ``ping`` s. A target that answers no ping within as many s, 10 at most, or
    exceeds what its ``conduct`` grants, is cut off. ``watch`` is told each step that is taken.
    """
    granted = conduct or Conduct()
    try:
        async with asyncio.timeout(open_timeout):
            opened = await _connect(to.endpoints, open_timeout / len(to.endpoints))
            watch("tcp", f"Connected to port {to.endpoints[0].sockaddr[1]}.")
            made = partial(_Connection, granted, watch)
            connection = await _handshake(to, opened, ping, made)
        watch("handshake", "The target answered with HTTP status 101.")
    except TimeoutError:
        raise TargetUnreachable(f"No connection within {open_timeout:g} s.") from None
    except (OSError, ValueError, AssertionError, WebSocketException) as failure:
        raise _translated(failure, to) from failure
    missing = connection.subprotocol is None and to.allow_missing_subprotocol
    if connection.subprotocol != to.subprotocol and not missing:
        await WebSocket(connection).close(PROTOCOL_ERROR, "no common OCPP subprotocol")
        raise IncompatibleTarget(f"The target did not choose {to.subprotocol}.")
    watch("subprotocol", f"The target chose {connection.subprotocol or 'none, which is allowed'}.")
    return WebSocket(connection)


async def _connect(endpoints: Sequence[Endpoint], patience: float) -> socket.socket:
    failure = OSError("no address")
    for endpoint in endpoints:
        try:
            async with asyncio.timeout(patience):
                return await _open(endpoint)
        except OSError as unreachable:  # a timeout is one too
            failure = unreachable
    raise failure


async def _open(endpoint: Endpoint) -> socket.socket:
    opened = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)  # noqa: FBT003 - the signature of sockets
        await asyncio.get_running_loop().sock_connect(opened, endpoint.sockaddr)
        _check_peer(opened, endpoint)
    except BaseException:
        opened.close()
        raise
    return opened


def _check_peer(opened: socket.socket, endpoint: Endpoint) -> None:
    """Raise ForbiddenAddress where the system has led us elsewhere (0.0.0.0 is loopback to it)."""
    (there, port), (vetted, wanted) = opened.getpeername()[:2], endpoint.sockaddr[:2]
    if (ip_address(there), port) != (ip_address(vetted), wanted):
        raise ForbiddenAddress


class _Connection(Dialled):
    """Take no more from a target than it is granted, and remember how the connection was lost.

    With TLS 1.3 that tells why we were refused.
    """

    def __init__(self, conduct: Conduct, watch: Watch, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._conduct = conduct
        self._watch = watch
        self._lost: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        secure = transport.get_extra_info("ssl_object")
        if secure is not None:
            self._watch("tls", tls.facts(secure))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        conduct, size = self._conduct, len(data)
        if not conduct.octets.take(size):
            self._cut_off()
        elif size <= _PIECE and conduct.frames.take():
            super().data_received(data)
        else:
            self._received_in_pieces(data)

    def _received_in_pieces(self, data: bytes) -> None:
        # Because hundreds of thousands of frames fit into what is read at once.
        for start in range(0, len(data), _PIECE):
            if not self._conduct.frames.take():
                self._cut_off()
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _PIECE])

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if not self._conduct.frames.take():
            self._cut_off()

    def _cut_off(self) -> None:
        if self.protocol.state is ProtocolState.OPEN:
            self.protocol.fail(POLICY_VIOLATION, "too much at once")
            self.send_data()
        self.transport.abort()  # it would never hang up by itself

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc
        super().connection_lost(exc)

    async def handshake(self, *arguments: Any, **named: Any) -> None:
        try:
            await super().handshake(*arguments, **named)
        except InvalidMessage as failure:
            if isinstance(self._lost, ssl.SSLError):
                raise self._lost from failure
            raise


async def _handshake(
    to: Destination, opened: socket.socket, ping: float, made: Callable[..., _Connection]
) -> ClientConnection:
    try:
        secure: dict[str, Any] = {}
        if _is_secure(to.url):
            secure["ssl"] = await asyncio.to_thread(tls.context, to.ca_certificate, to.identity)
            secure["server_hostname"] = _server_name(to)
        return await connect(
            to.url,
            sock=opened,
            proxy=None,
            subprotocols=[Subprotocol(to.subprotocol)],
            additional_headers=_authorization(to),
            user_agent_header="OCPP-J",
            compression=None,
            open_timeout=None,  # the caller's deadline holds
            ping_interval=ping,
            ping_timeout=min(ping, _LONGEST_PONG),
            close_timeout=1,
            max_size=2 * to.max_bytes,  # longer frames are answered, only twice that is cut off
            logger=quiet_logger(),
            create_connection=made,  # type: ignore[arg-type] # makes one
            **secure,
        )
    except BaseException:
        opened.close()
        raise


def _is_secure(url: str) -> bool:
    return url.lower().startswith("wss:")


def _server_name(to: Destination) -> str:
    return tls.server_name(urlsplit(to.url).hostname or "", to.server_name)


def _authorization(to: Destination) -> dict[str, str]:
    if to.password is None:
        return {}
    token = base64.b64encode(to.username.encode() + b":" + to.password)
    return {"Authorization": f"Basic {token.decode('ascii')}"}


def _translated(failure: Exception, to: Destination) -> ProxyError:
    if isinstance(failure.__context__, InvalidStatus):  # a redirect, which the library refused
        failure = failure.__context__
    # Which of these it is depends on how quick the target was to hang up.
    if isinstance(failure, ConnectionClosed) or isinstance(failure.__cause__, EOFError):
        failure = ConnectionError()
    if isinstance(failure, ssl.SSLError):
        return TargetUnreachable(tls.reason(failure, _server_name(to), to.ca_certificate))
    told = next(say(failure) for kind, say in _SAID if isinstance(failure, kind))
    if to.identity is not None and isinstance(failure, ConnectionError):
        # Not every server says why, and with TLS 1.3 the reason may be overtaken by the reset.
        return TargetUnreachable(f"{told} The target may refuse our client certificate.")
    return told


# The first kind that fits decides.
_SAID: tuple[tuple[_Kinds, Callable[[Any], ProxyError]], ...] = (
    (
        InvalidStatus,
        lambda failure: TargetRefused(failure.response.status_code, _retry_after(failure.response)),
    ),
    (
        NegotiationError,
        lambda _: IncompatibleTarget("The target chose what was not offered."),
    ),
    (
        OSError,
        # Not the fault's own text, which names the address.
        lambda failure: TargetUnreachable(
            f"No connection: {os.strerror(failure.errno) if failure.errno else 'cut off'}."
        ),
    ),
    (
        # The library asserts that nobody speaks before being asked; on uvloop some are that quick.
        (InvalidHandshake, AssertionError),
        lambda _: TargetUnreachable("The target does not speak WebSocket."),
    ),
    (Exception, lambda _: TargetUnreachable("The target's URL cannot be dialled.")),
)


def _retry_after(response: Response) -> float:
    """Return the pause that a refusal asks for in s, 0 where it asks for none that can be read."""
    told = ", ".join(response.headers.get_all("Retry-After"))
    if _SECONDS.fullmatch(told):
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return 0.0
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
