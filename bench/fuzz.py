"""Feed mutated frames to real stations over real Links: ``python -m bench.fuzz``.

The rule that must hold for every frame: a CALL is answered exactly once and in order, an answer
is never answered, our own code does not fail, and the link outlives all of it. The first frame
that breaks it is printed with the seed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any, cast

import orjson
import structlog
import uvloop

from bench.mutants import Mutants, valid_payloads
from csms.books import open_books
from csms.commands import Command, RemoteStart, RemoteStop, Reset
from csms.errors import LinkClosed, RingmainError
from csms.frames import CALL, MAX_ID, UNREADABLE_ID, Dialect
from csms.link import Link
from csms.ports import Answer, Socket
from csms.station import Station
from csms.stations import STATIONS
from storage.clock import SystemClock
from storage.records import ChargerKey, Transaction
from storage.repositories.known_tokens import Permission

PATIENCE = 30.0  # s: nothing here waits for anything outside
ROUND = 20_000  # frames on one link
COMMANDS: tuple[Command, ...] = (Reset(), RemoteStop("7"), RemoteStart(1, "AABBCCDD"))
STATUSES: tuple[Any, ...] = ("Accepted", "Rejected", "?", None, 7, [], {})
_HEAD = re.compile(rb"\s*\[\s*(-?(?:0|[1-9]\d{0,17}))(?![\d.eE])")


class Finding(Exception):
    """A frame that broke the rule."""

    def __init__(self, what: str, frame: bytes, answer: bytes = b"") -> None:
        super().__init__(what)
        self.what, self.frame, self.answer = what, frame, answer


# ---- the rule, told apart from the code that must follow it ----


def owed(text: bytes, dialect: Dialect) -> set[str] | None:
    """Return the ids that the one answer to this text may carry, None if there must be none."""
    if not text.strip():
        return None
    try:
        items = orjson.loads(text)
    except ValueError:
        kind, ids = _kind_by_head(text), {UNREADABLE_ID, *_spelled_id(text)}
    else:
        items = items if isinstance(items, list) else []
        kind, ids = items[0] if items else None, _ids(items)
    if type(kind) is not int or kind == CALL:
        return ids
    known = kind in dialect.message_types  # of the known types only a CALL is answered
    return None if known or dialect.unknown_type is None else ids


def _kind_by_head(text: bytes) -> int | None:
    head = _HEAD.match(text)
    return int(head[1]) if head else None


def _ids(items: list[Any]) -> set[str]:
    id = items[1] if len(items) > 1 else None
    readable = isinstance(id, str) and 0 < len(id) <= MAX_ID and id.isprintable()
    return {str(id)} if readable else {UNREADABLE_ID}


def _spelled_id(text: bytes) -> list[str]:
    parts = text[: 4 * MAX_ID + 100].split(b'"', 2)
    return [parts[1].decode(errors="replace")] if len(parts) == 3 else []


# ---- a socket that feeds and counts ----


@dataclass
class Count:
    """What has happened so far."""

    frames: int = 0
    calls: int = 0
    answers: int = 0
    own_calls: int = 0


@dataclass
class Feed(Socket):
    """The far end of the link: sends the frames, and holds every answer against the rule."""

    frames: Iterator[bytes]
    dialect: Dialect
    random: Random
    count: Count
    unanswered: deque[tuple[bytes, set[str]]] = field(default_factory=deque)
    replies: deque[bytes] = field(default_factory=deque)
    finding: Finding | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    all_answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> bytes:
        """Return the next frame; after the last one, wait for the answers and hang up."""
        text = self.replies.popleft() if self.replies else next(self.frames, None)
        if self.closed.is_set() or text is None:
            await self._last_answers()
            raise LinkClosed(1000)
        self.count.frames += 1
        if not self.count.frames % 64:
            await asyncio.sleep(0)
        if (ids := owed(text, self.dialect)) is not None:
            self.count.calls += 1
            self.unanswered.append((text, ids))
        return text

    async def _last_answers(self) -> None:
        while self.unanswered and not self.closed.is_set():
            self.all_answered.clear()
            await self.all_answered.wait()

    async def send(self, text: bytes) -> None:
        """Take one frame of the link's."""
        frame = orjson.loads(text)
        if frame[0] == CALL:
            self.count.own_calls += 1
            self.replies.append(self._reply(frame[1]))
            return
        self.count.answers += 1
        if not self.unanswered:
            self._found("answered twice, or an answer was answered", b"", text)
        asked, ids = self.unanswered.popleft()
        if frame[1] not in ids:
            self._found("not answered, or answered out of order", asked, text)
        if frame[2] == "InternalError":
            self._found("our own fault", asked, text)
        if not self.unanswered:
            self.all_answered.set()

    async def close(self, _code: int, _reason: str) -> None:
        """Note the end."""
        self.closed.set()
        self.all_answered.set()

    def _reply(self, id: str) -> bytes:
        status: Any = self.random.choice(STATUSES)
        shapes: tuple[list[Any], ...] = (
            [3, id, {"status": status}], [3, id, status], [3, id], [4, id, "NotSupported", "", {}],
            [4, id, status], [4, id, "\n", status, status], [3, "other", {}], ["3", id, {}],
        )  # fmt: skip
        return orjson.dumps(self.random.choice(shapes))

    def _found(self, what: str, asked: bytes, answer: bytes) -> None:
        self.finding = self.finding or Finding(what, asked, answer)
        raise LinkClosed(1000)


# ---- a store that is always there ----


class Notes:
    """Take every note and keep none; every transaction asked for is running."""

    def __getattr__(self, name: str) -> Any:
        return self._noted

    def _noted(self, *_: Any, **__: Any) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def get(self, key: ChargerKey, transaction_id: str | None = None) -> Transaction | None:
        """Return a running transaction with this id; know of no charger."""
        if transaction_id is None:
            return None
        return Transaction(
            key=key,
            transaction_id=transaction_id,
            evse_id=1,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            start_timestamp="",
        )

    async def permission(self, *_: Any) -> Permission:
        """Accept every token."""
        return Permission("accept_all")

    async def find_start(self, *_: Any) -> None:
        """Know of no start."""

    async def of(self, *_: Any) -> list[Any]:
        """Know of nothing that waits."""
        return []

    async def of_owners(self, _key: ChargerKey) -> list[Any]:
        """Know of no charging profile."""
        return []

    async def installed(self, _key: ChargerKey) -> list[Any]:
        """Know of none on the charger."""
        return []

    async def flush(self) -> None:
        """Have nothing left to write."""

    async def taken(self, *_: Any) -> bool:
        """Know of no id."""
        return False

    async def running(self, _key: ChargerKey) -> list[Transaction]:
        """Know of nothing that runs."""
        return []


class Nowhere:
    """Be a storage whose every part keeps notes only."""

    def __getattr__(self, _part: str) -> Notes:
        return Notes()


def station_of(kind: type[Station], link: Link) -> Station:
    """Build a station on the store that is always there."""
    books = open_books(cast("Any", Nowhere()), SystemClock())
    return kind(ChargerKey("fuzz", "CP01"), books, link)


# ---- running it ----


async def converse(
    feed: Feed, link: Link, station: Station, answer: Answer, patience: float = PATIENCE
) -> None:
    """Feed one link until its frames are used up; raise Finding where the rule was broken."""
    asking = asyncio.create_task(_ask(station, feed.random))
    running = asyncio.create_task(link.run(answer))
    try:
        while not running.done():
            before = feed.count.frames, feed.count.answers
            await asyncio.wait((running, asking), timeout=patience, return_when="FIRST_COMPLETED")
            if asking.done():
                raise Finding(f"a command failed: {asking.exception()!r}", b"")
            if before == (feed.count.frames, feed.count.answers):
                raise Finding("nothing moves any more", _first(feed))
    finally:
        asking.cancel()
        running.cancel()
        await asyncio.gather(asking, running, return_exceptions=True)
    if feed.finding:
        raise feed.finding
    if feed.unanswered or running.result().code != 1000:
        raise Finding(f"the link died: {running.result()}", _first(feed))


def _first(feed: Feed) -> bytes:
    return feed.unanswered[0][0] if feed.unanswered else b""


async def _ask(station: Station, random: Random) -> None:
    """Send commands all the while; what the charger answers may be anything."""
    while True:
        with contextlib.suppress(RingmainError, TimeoutError):
            async with asyncio.timeout(0.05):
                await station.perform(random.choice(COMMANDS))
        await asyncio.sleep(0.001)


async def fuzz(kind: type[Station], frames: Iterator[bytes], seed: int, count: Count) -> None:
    """Feed these frames to one station of this kind over one link."""
    feed = Feed(frames, kind.dialect, Random(seed), count)
    link = Link(feed, dialect=kind.dialect)
    station = station_of(kind, link)
    await converse(feed, link, station, station.answer)


def rounds(total: int, seed: int, deadline: float) -> Iterator[tuple[type[Station], list[bytes]]]:
    """Yield frames for one link after the other, the versions by turns."""
    sources = [(kind, _mutants(kind, Random(f"{seed} {name}"))) for name, kind in STATIONS.items()]
    for number, start in enumerate(range(0, total, ROUND)):
        if time.monotonic() > deadline:
            return
        kind, mutants = sources[number % len(sources)]
        yield kind, [next(mutants) for _ in range(min(ROUND, total - start))]


def _mutants(kind: type[Station], random: Random) -> Mutants:
    ours = frozenset(kind.handlers)
    return Mutants(valid_payloads(kind.version, ours, random), random)


def run(total: int, seed: int, seconds: float) -> Count:
    """Fuzz until the frames or the seconds are used up; raise Finding."""
    count, begun = Count(), time.monotonic()
    for kind, texts in rounds(total, seed, begun + seconds):
        uvloop.run(fuzz(kind, iter(texts), seed, count))
        took = time.monotonic() - begun
        print(f"{count.frames:>9,} frames  {count.frames / took:>7,.0f}/s", file=sys.stderr)
    return count


def main() -> int:
    """Read the arguments, fuzz and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(2**32))
    parser.add_argument("--seconds", type=float, default=float("inf"))
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        count = run(chosen.frames, chosen.seed, chosen.seconds)
    except Finding as found:
        print(f"seed {chosen.seed}: {found.what}\nframe:  {found.frame[:2000]!r}")
        print(f"answer: {found.answer[:2000]!r}")
        return 1
    print(
        f"seed {chosen.seed}: {count.frames:,} frames, {count.calls:,} to answer, "
        f"{count.answers:,} answered; {count.own_calls:,} commands sent meanwhile; "
        "no loop died, nothing was answered twice"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
