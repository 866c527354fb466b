"""The server under test: ``ringmain serve`` with compressed time, and places to die at.

Beside the settings it reads ``FAULTS_TIMINGS`` (JSON: fields of `proxy.timings.Timings`),
``FAULTS_COMMAND_TIMEOUT`` (s that a charger has to answer a command of the platform) and
``FAULTS_CRASH`` (``point:n``): at the n-th passing of the point the process kills itself with
SIGKILL, so that nothing is flushed, closed or said. The points wrap public methods from outside;
the product knows nothing of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection

from csms import logs, settings, wiring
from csms.sockets import WebSocket
from proxy.timings import Timings
from storage.repositories.queues import Queues
from storage.sqlite import SqliteDatabase

Passed: TypeAlias = Callable[[], None]

_EVENTS = (b'"StartTransaction"', b'"StopTransaction"', b'"TransactionEvent"', b'"MeterValues"')


def crash_at(point: str, passing: int) -> None:
    """Die at the n-th passing of a point."""
    passings = 0

    def passed() -> None:
        nonlocal passings
        passings += 1
        if passings >= passing:
            os.kill(os.getpid(), signal.SIGKILL)

    POINTS[point](passed)


def _before_commit(passed: Passed) -> None:
    # Received and taken up, not yet on disk.
    original = SqliteDatabase.write

    async def write(self: SqliteDatabase, writes: Any) -> None:
        passed()
        await original(self, writes)

    SqliteDatabase.write = write  # type: ignore[method-assign] # this is the point


def _after_commit(passed: Passed) -> None:
    # On disk, and nobody in the process has heard of it.
    original = SqliteDatabase.write

    async def write(self: SqliteDatabase, writes: Any) -> None:
        await original(self, writes)
        passed()

    SqliteDatabase.write = write  # type: ignore[method-assign] # this is the point


def _is_answer(socket: WebSocket, text: bytes) -> bool:
    return _leads_to(ServerConnection, socket) and text.startswith(b"[3,")


def _is_event(socket: WebSocket, text: bytes) -> bool:
    named = any(event in text[:100] for event in _EVENTS)
    return named and _leads_to(ClientConnection, socket)


def _leads_to(kind: type[Connection], socket: WebSocket) -> bool:
    return isinstance(socket._connection, kind)  # noqa: SLF001 - which end it is


def _before_answer(passed: Passed) -> None:
    # The CALL is committed, its charger has no answer yet.
    _before_post(_is_answer, passed)


def _before_forward(passed: Passed) -> None:
    # The charger has its answer, its target has not heard.
    _before_post(_is_event, passed)


def _before_post(concerned: Callable[[WebSocket, bytes], bool], passed: Passed) -> None:
    original = WebSocket.post

    def post(self: WebSocket, text: bytes) -> bool:
        if concerned(self, text):
            passed()
        return original(self, text)

    WebSocket.post = post  # type: ignore[method-assign] # this is the point


def _after_forward(passed: Passed) -> None:
    # The target has heard, and its answer is not here.
    original = WebSocket.post

    def post(self: WebSocket, text: bytes) -> bool:
        posted = original(self, text)
        if posted and _is_event(self, text):  # the loop writes at the end of its turn
            asyncio.get_running_loop().call_later(0.001, passed)
        return posted

    WebSocket.post = post  # type: ignore[method-assign] # this is the point


def _before_cursor(passed: Passed) -> None:
    # The target has answered, and nothing here says so.
    original: Callable[..., Any] = Queues.note_position

    def note_position(self: Queues, *args: Any) -> Any:
        passed()
        return original(self, *args)

    setattr(Queues, "note_position", note_position)  # noqa: B010 - mypy knows its arguments


# Whose methods the points wrap.
WRAPPED: tuple[tuple[type, str], ...] = (
    (SqliteDatabase, "write"),
    (WebSocket, "post"),
    (Queues, "note_position"),
)
POINTS: dict[str, Callable[[Passed], None]] = {
    "before commit": _before_commit,
    "after commit": _after_commit,
    "before answer": _before_answer,
    "before forward": _before_forward,
    "after forward": _after_forward,
    "before cursor": _before_cursor,
}


async def serve(chosen: settings.Settings, timings: Timings, answer_seconds: float) -> None:
    """Serve until SIGTERM, as ``ringmain serve`` does."""
    asked_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    async with wiring.running(chosen, timings=timings, answer_seconds=answer_seconds):
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        await asked_to_stop.wait()


def main(environment: Mapping[str, str]) -> None:
    """Read the environment and serve."""
    if crash := environment.get("FAULTS_CRASH"):
        point, _, passing = crash.rpartition(":")
        crash_at(point, int(passing))
    deadline = float(environment.get("FAULTS_COMMAND_TIMEOUT", "30"))
    chosen = settings.read(environment)
    logs.configure(chosen.log_format, chosen.log_level)
    compressed = json.loads(environment.get("FAULTS_TIMINGS", "{}"))
    uvloop.run(serve(chosen, replace(Timings(), **compressed), deadline))


if __name__ == "__main__":
    main(os.environ)
