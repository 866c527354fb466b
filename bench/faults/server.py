"""The server under test: ``ringmain serve`` with compressed time, and places to die at.

Beside the settings it reads ``FAULTS_TIMINGS`` (JSON: fields of `proxy.timings.Timings`),
``FAULTS_COMMAND_TIMEOUT`` (s that a charger has to answer a command of the platform),
``FAULTS_EXPORTS`` (JSON: fields of `storage.exporting.ExportParts` and of
`storage.sinks.port.Outside`) and ``FAULTS_CRASH`` (``point:n``): at the n-th passing of the point
the process kills itself with SIGKILL, so that nothing is flushed, closed or said. SIGUSR1 and
SIGUSR2 take the room on SQLite's disk away and give it back. The points wrap public methods from
outside; the product knows nothing of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog
import uvloop
from sqlalchemy import Integer, column, text
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection

from csms import logs, settings, wiring
from csms.sockets import WebSocket
from proxy.timings import Timings
from storage.clock import Clock
from storage.database import Database
from storage.errors import StorageUnavailable
from storage.exporting import ExportParts
from storage.postgres import PostgresDatabase
from storage.repositories.installations import Installations
from storage.repositories.queues import Queues
from storage.repositories.sinks import Sinks
from storage.sinks.port import Outside
from storage.sqlite import SqliteDatabase
from storage.store import Storage

Passed: TypeAlias = Callable[[], None]
Written: TypeAlias = Callable[[Any], Awaitable[None]]
Parts = TypeVar("Parts", ExportParts, Outside)

_ENGINES: tuple[type[Any], ...] = (SqliteDatabase, PostgresDatabase)

log = structlog.get_logger("bench.faults")

_TICK_S, _TICKS = 0.02, 50
_ANY = 4_294_967_294  # pages
_FILLERS = (1 << 16, 1 << 11)  # bytes
_EVENTS = (b'"StartTransaction"', b'"StopTransaction"', b'"TransactionEvent"', b'"MeterValues"')


def crash_at(point: str, passing: int) -> None:
    """Die at the n-th passing of a point."""
    passings = 0

    def passed() -> None:
        nonlocal passings
        passings += 1
        if passings >= passing:
            os.kill(os.getpid(), signal.SIGKILL)

    (POINTS | SINK_POINTS | STEP_POINTS)[point](passed)


def _before_commit(passed: Passed) -> None:
    # Received and taken up, not yet on disk.
    async def write(original: Written, writes: Any) -> None:
        passed()
        await original(writes)

    _around_writes(write)


def _after_commit(passed: Passed) -> None:
    # On disk, and nobody in the process has heard of it.
    async def write(original: Written, writes: Any) -> None:
        await original(writes)
        passed()

    _around_writes(write)


def _around_writes(around: Callable[[Written, Any], Awaitable[None]]) -> None:
    for engine in _ENGINES:
        original = engine.write

        async def write(self: Any, writes: Any, original: Any = original) -> None:
            await around(partial(original, self), writes)

        setattr(engine, "write", write)  # noqa: B010 - this is the point


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


def _nothing() -> None:
    """Pass."""


def _before_put(passed: Passed) -> None:
    # What makes up an object is on disk, the store has not heard of it.
    _around_sinks("begin", after=passed)


def _after_put(passed: Passed) -> None:
    # The store has the object, and nothing here says so.
    _around_sinks("finish", before=passed)


def _after_done(passed: Passed) -> None:
    # The object is noted as stored, the exporter has not gone on.
    _around_sinks("finish", after=passed)


def _after_step(passed: Passed) -> None:
    # One charger of a site has what it is to have, and its link has not followed.
    original: Callable[..., Awaitable[Any]] = Installations.put

    async def put(self: Installations, *args: Any, **named: Any) -> Any:
        stored = await original(self, *args, **named)
        passed()
        return stored

    setattr(Installations, "put", put)  # noqa: B010 - mypy knows its arguments


def _around_sinks(name: str, before: Passed = _nothing, after: Passed = _nothing) -> None:
    original: Callable[..., Awaitable[None]] = getattr(Sinks, name)

    async def wrapped(self: Sinks, *args: Any) -> None:
        before()
        await original(self, *args)
        after()

    setattr(Sinks, name, wrapped)


# Whose methods the points wrap.
WRAPPED: tuple[tuple[type, str], ...] = (
    *((engine, "write") for engine in _ENGINES),
    (WebSocket, "post"),
    (Queues, "note_position"),
    (Sinks, "begin"),
    (Sinks, "finish"),
    (Installations, "put"),
)
POINTS: dict[str, Callable[[Passed], None]] = {
    "before commit": _before_commit,
    "after commit": _after_commit,
    "before answer": _before_answer,
    "before forward": _before_forward,
    "after forward": _after_forward,
    "before cursor": _before_cursor,
}
# On the way of an object into a store.
SINK_POINTS: dict[str, Callable[[Passed], None]] = {
    "before put": _before_put,
    "after put": _after_put,
    "after done": _after_done,
}
# On the way of a site from one target to another.
STEP_POINTS: dict[str, Callable[[Passed], None]] = {"after step": _after_step}


async def serve(chosen: settings.Settings, timings: Timings, answer_seconds: float) -> None:
    """Serve until SIGTERM, as ``ringmain serve`` does."""
    asked_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    async with wiring.running(chosen, timings=timings, answer_seconds=answer_seconds) as running:
        _take_room_away(running.storage.database)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)
        measuring = asyncio.create_task(_measure_lag())
        await asked_to_stop.wait()
        measuring.cancel()


def hurry_exports(compressed: Mapping[str, Any]) -> None:
    """Export with other pauses and deadlines."""
    original = wiring.export_parts

    def export_parts(storage: Storage, outside: Outside, clock: Clock) -> ExportParts:
        parts = original(storage, _with(outside, compressed), clock)
        return _with(parts, compressed)

    wiring.export_parts = export_parts


def _with(parts: Parts, figures: Mapping[str, Any]) -> Parts:
    return replace(parts, **{f.name: figures[f.name] for f in fields(parts) if f.name in figures})


def _take_room_away(database: Database) -> None:
    """Let a SQLite file grow no further at SIGUSR1, and again at SIGUSR2."""
    loop, tasks = asyncio.get_running_loop(), set()

    async def pragma(what: str) -> int:
        answered = text(f"PRAGMA {what}").columns(column("value", Integer))
        return int((await database.execute(answered))[0]["value"])

    async def limit(*, full: bool) -> None:
        if not full:
            await pragma(f"max_page_count={_ANY}")
            await database.execute(text("DROP TABLE filler"))
            return
        await database.execute(text("CREATE TABLE filler (bytes)"))
        await pragma(f"max_page_count={await pragma('page_count')}")
        for size in _FILLERS:  # into the pages that are free within the file
            with contextlib.suppress(StorageUnavailable):
                while True:
                    await database.execute(text(f"INSERT INTO filler VALUES (zeroblob({size}))"))

    def begin(*, full: bool) -> None:
        tasks.add(asyncio.create_task(limit(full=full)))

    loop.add_signal_handler(signal.SIGUSR1, partial(begin, full=True))
    loop.add_signal_handler(signal.SIGUSR2, partial(begin, full=False))


async def _measure_lag() -> None:
    """Tell the log every second how late the event loop was, and when."""
    lags: list[tuple[float, float]] = []
    while True:
        due = time.monotonic() + _TICK_S
        await asyncio.sleep(_TICK_S)
        lags.append((round(due, 3), round(time.monotonic() - due, 4)))
        if len(lags) == _TICKS:
            log.info("lag", lags=lags)
            lags = []


def main(environment: Mapping[str, str]) -> None:
    """Read the environment and serve."""
    if crash := environment.get("FAULTS_CRASH"):
        point, _, passing = crash.rpartition(":")
        crash_at(point, int(passing))
    deadline = float(environment.get("FAULTS_COMMAND_TIMEOUT", "30"))
    chosen = settings.read(environment)
    logs.configure(chosen.log_format, chosen.log_level)
    hurry_exports(json.loads(environment.get("FAULTS_EXPORTS", "{}")))
    compressed = json.loads(environment.get("FAULTS_TIMINGS", "{}"))
    uvloop.run(serve(chosen, replace(Timings(), **compressed), deadline))


if __name__ == "__main__":
    main(os.environ)
