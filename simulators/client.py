"""One client connection to a CSMS that comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Coroutine
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import quote, unquote

import orjson

from csms import frames
from csms.errors import LinkClosed, LinkError
from csms.frames import Call, Reply, Send
from csms.link import Link
from simulators.sockets import HandshakeRefused, WebSocket, dial
from simulators.voice import Voice
from simulators.watched import Fields, Now, Watched


@dataclass(slots=True)
class BackOff:
    """Wait longer after each failure: ``first`` s doubling to ``most`` s, 20 % either way."""

    first: float = 1.0
    most: float = 30.0
    chance: random.Random = field(default_factory=random.Random)
    _failures: int = 0

    def reset(self) -> None:
        """Begin anew."""
        self._failures = 0

    def step(self) -> float:
        """Return the seconds to wait now."""
        wait = min(self.most, self.first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 30)
        return wait * self.chance.uniform(0.8, 1.2)


class Client(Watched):
    """Dial, converse, and dial again; what is said and answered is the heir's.

    ``url`` is the CSMS's address, with or without the charge_box_id as its last segment.
    """

    def __init__(
        self,
        url: str,
        charge_box_id: str,
        password: str | bytes | None,
        voice: Voice,
        *,
        now: Now,
        back_off: BackOff,
        answer_timeout: float,
        ssl: SSLContext | None,
        keep_events: int | None,
    ) -> None:
        super().__init__(now, keep_events)
        self.url, self.charge_box_id = address(url, charge_box_id), charge_box_id
        self.password = password
        self._password_at_restart: str | bytes | None = None
        self.voice = voice
        self.back_off, self.answer_timeout, self.ssl = back_off, answer_timeout, ssl
        self._link: Link | None = None
        self._socket: WebSocket | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._effects: set[asyncio.Task[None]] = set()  # of the present link
        self._work: asyncio.TaskGroup | None = None  # what outlives a link
        self._wants_link = True

    @property
    def linked(self) -> bool:
        """Tell whether there is a live link, whatever the boot's state."""
        return self._link is not None

    async def call(self, action: str, fields: Fields) -> Fields:
        """Call the CSMS; raise LinkError."""
        if self._link is None:
            raise LinkClosed
        self.note("called", action, fields)
        payload = orjson.dumps(fields)
        result = await self._link.call(action, payload, timeout=self.answer_timeout)
        answer: Fields = result.fields if isinstance(result.fields, dict) else {}
        self.note("answer", action, answer)
        return answer

    def later(self, effect: Coroutine[object, object, object]) -> None:
        """Do something after the answer that is being given; it ends with the connection."""
        if self._tasks is None:
            effect.close()
            return
        task = self._tasks.create_task(quietly(effect))
        self._effects.add(task)
        task.add_done_callback(self._effects.discard)

    def meanwhile(self, work: Coroutine[object, object, object]) -> asyncio.Task[None] | None:
        """Do something that a lost link does not end; only while the charger plays."""
        if self._work is None:
            work.close()
            return None
        return self._work.create_task(quietly(work))

    async def drop(self, code: int | None = None) -> None:
        """Lose the connection: without a word, or closed with a code. It is dialled again."""
        socket, link = self._socket, self._link
        if socket is None:
            return
        if code is None:
            socket.cut()
        else:
            await socket.close(code, "")
        await self.until(lambda _: self._link is not link)

    async def go_offline(self) -> None:
        """Lose the connection and stay away until ``go_online``."""
        self._wants_link = False
        await self.drop()

    def go_online(self) -> None:
        """Dial again."""
        self._wants_link = True
        self.back_off.reset()
        self.changed()

    @contextlib.asynccontextmanager
    async def offline(self) -> AsyncIterator[None]:
        """Be without a connection inside a ``with`` block, and dial at its end."""
        await self.go_offline()
        try:
            yield
        finally:
            self.go_online()

    async def reconnect(self) -> None:
        """Close the link and dial again, with the password as it is now."""
        if self._socket is not None:
            await self._socket.close(1000, "")

    def take_password(self, password: str | bytes, *, at_once: bool) -> None:
        """Have a new password for a new connection now, or for the first after a restart (A01)."""
        if at_once:
            self.password, self._password_at_restart = password, None
            self.later(self.reconnect())
        else:
            self._password_at_restart = password

    def restarted(self) -> None:
        """Take up what waited for a restart."""
        self.password = self._password_at_restart or self.password
        self._password_at_restart = None

    async def run(self) -> None:
        """Play until cancelled."""
        await self.stay_connected()

    def close(self) -> None:
        """Leave nothing open behind."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Run inside a ``with`` block."""
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self.close()

    async def stay_connected(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            await self.until(lambda _: self._wants_link, timeout=None)
            try:
                socket = await self._dial()
            except HandshakeRefused as refused:
                self.note("refused", fields={"status": refused.status, "reason": refused.reason})
            else:
                await self._converse(socket)
            await self.wait_to_dial()

    async def wait_to_dial(self) -> None:
        """Wait before the next attempt."""
        with contextlib.suppress(TimeoutError):
            # Whoever is sent offline meanwhile dials at once when it is wanted again.
            await self.until(lambda _: not self._wants_link, self.back_off.step())

    async def live(self) -> None:
        """Lead the conversation from its beginning to its end."""
        raise NotImplementedError

    def excuse(self, call: Call | Send) -> Reply | None:
        """Return what is said to a CALL instead of serving it, None to serve it."""
        raise NotImplementedError

    def link_changed(self) -> None:
        """Take note that the link is there, or gone."""

    async def close_without_code(self) -> None:
        """Close as a charger does that restarts."""
        if self._socket is not None:
            await self._socket.close_without_code()

    async def _dial(self) -> WebSocket:
        return await dial(
            self.url,
            subprotocols=[self.voice.subprotocol],
            username=self.charge_box_id,
            password=self.password,
            ssl=self.ssl,
        )

    async def _converse(self, socket: WebSocket) -> None:
        if not self._wants_link:  # not any more
            socket.cut()
            return
        self._link = link = Link(socket, dialect=self.voice.dialect)
        self._socket = socket
        self.link_changed()
        self.note("connected")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self.later(self.live())
                closed = await link.run(self._answer)
                self._forget_link()
                self.note("closed", fields={"code": closed.code, "reason": closed.reason})
        finally:
            self._forget_link()

    def _forget_link(self) -> None:
        self._link = self._socket = self._tasks = None
        self.link_changed()
        for effect in self._effects:
            effect.cancel()
        self.changed()

    async def _answer(self, call: Call | Send, _position: int) -> Reply:
        self.note("asked", call.action, call.fields)
        excuse = self.excuse(call)
        if excuse is not None:
            return excuse
        handler: Any = self.voice.handlers.get(call.action)
        if handler is None:
            return frames.call_error(call.id, "NotImplemented", "No such action here.")
        try:
            answer = handler(self, call.fields)
            fields: Fields = await answer if inspect.isawaitable(answer) else answer
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as bad:
            code = self.voice.dialect.format_violation
            return frames.call_error(call.id, code, f"{type(bad).__name__}: {bad}")
        self.note("replied", call.action, fields)
        return frames.call_result(call.id, orjson.dumps(fields))


def address(url: str, charge_box_id: str) -> str:
    """Add the charge_box_id to an address that does not end in it (OCPP-J 1.6 §3.1.1)."""
    base, _, last = url.rpartition("/")
    if unquote(last) == charge_box_id and base:
        return url
    return f"{url.rstrip('/')}/{quote(charge_box_id, safe='')}"


async def quietly(effect: Awaitable[object]) -> None:
    """Do something; what it could not say because the link ended is no fault of the charger."""
    with contextlib.suppress(LinkError):
        await effect
