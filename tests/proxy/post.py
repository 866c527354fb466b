"""One delivery with its journal, a charger that only talks, and a target that is played by hand."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson

from csms import frames
from csms.frames import CallResult
from csms.link import Link
from csms.station import Station
from csms.station16 import Station16
from csms.tap import TARGET_LINK, journal_tap
from proxy.auditing import TargetAudit
from proxy.backlog import Backlog, backlog
from proxy.delivery import Delivery
from proxy.late import LateVerdicts
from proxy.ledger import IdMap
from proxy.parts import RelayParts
from proxy.queues import Queues
from proxy.timings import Timings
from storage.records import Charger, ChargerKey, Cursor, Exchange, ProxyConfiguration
from storage.store import Storage
from tests.doubles import PATIENCE, Peer, echo, socket_pair, until
from tests.proxy.stage import CLOCK, GUARD, configuration, organization_of

# In both versions; heard whatever happens, heard if it is news, never heard.
DURABLE, PASSING, SILENT = "FirmwareStatusNotification", "StatusNotification", "Heartbeat"
METERED = "MeterValues"  # durable too; that it was told is noted later
LASTING = frozenset({DURABLE, METERED})


class Post:
    """Let a charger say things, and hear what of it a target is told."""

    def __init__(
        self,
        storage: Storage,
        stored: ProxyConfiguration,
        timings: Timings,
        kind: type[Station] = Station16,
        longest_page: int = 3,
    ) -> None:
        self._longest_page = longest_page
        self.stored = stored
        self.kind = kind
        self.said: list[int] = []  # what must arrive
        self.heard: list[int] = []
        self.passing: set[int] = set()  # what may arrive
        self.stopped: list[str] = []  # the transactions that were to be stopped
        self.storage = storage
        self._timings = timings
        self._last = storage.journal.head
        self.delivery = self._opened(Cursor(stored.id, self._last))
        self.queues = Queues(storage, CLOCK, lambda *_: self.delivery)
        self._link: Link | None = None
        self._peer: Peer | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    def _opened(self, cursor: Cursor) -> Delivery:
        storage, stored, version = self.storage, self.stored, self.kind.version
        audit = TargetAudit(storage.audit, CLOCK)
        return Delivery(
            stored,
            cursor,
            self.kind,
            ids=IdMap(storage.id_pairs, stored.id, version),
            parts=RelayParts(storage=storage, guard=GUARD, clock=CLOCK, timings=self._timings),
            late=LateVerdicts(stored, storage.transactions, audit, self.stopped.append),
            longest_tail=4,
            longest_page=self._longest_page,
        )

    # ---- the charger ----

    def asks(self, action: str, payload: bytes, answer: bytes, id: str = "1") -> CallResult:
        """Let the charger say one thing that the platform is about to answer so."""
        call = frames.call("1", action, payload)
        reply = frames.call_result(call.id, answer, orjson.loads(answer))
        kept = self._keep("charger_to_platform", "Call", id, action, call.text)
        self._last = kept
        self.delivery.offer(kept, call, reply)
        return reply

    def unanswered(self, action: str, payload: bytes) -> None:
        """Let the charger say one thing that we are killed before we answer."""
        self.asks(action, payload, b'{"transactionId":5}')

    def exchanges(self, action: str, payload: bytes, answer: bytes = b"{}") -> int:
        """Let the charger say one thing, and answer it; return its position."""
        reply = self.asks(action, payload, answer)
        position = self._last
        self._keep("platform_to_charger", "CallResult", reply.id, action, reply.text)
        return position

    async def says(self, action: str, number: int) -> int:
        """Let the charger say a number, and answer it; return its position."""
        position = self.exchanges(action, b'{"number":%d}' % number)
        if action in LASTING:
            self.said.append(number)
        elif action == PASSING and self._link:
            self.passing.add(number)
        return position

    def _keep(self, direction: Any, kind: Any, id: str, action: str, text: bytes) -> int:
        append = self.storage.journal.append
        return append(
            self.stored.key, direction, self.kind.version, kind, id, action, text
        ).position

    # ---- the target ----

    async def connects(self) -> Peer:
        """Link the target, which accepts all from now on."""
        ours, theirs = socket_pair()
        key, id = self.stored.key, self.stored.id
        tap = journal_tap(self.storage.journal, key, self.kind.version, TARGET_LINK, id)
        self._link = Link(ours, dialect=self.kind.dialect, tap=tap)
        self._peer = Peer(theirs)
        self._tasks = [
            asyncio.create_task(self._link.run(echo)),
            asyncio.create_task(self.delivery.run(self._link)),
        ]
        self.delivery.listen()
        self.delivery.flow()
        return self._peer

    @property
    def peer(self) -> Peer:
        """Return the far end of the link."""
        assert self._peer
        return self._peer

    async def buries(self) -> None:
        """Refuse the next message until it is given up."""
        for _ in range(self._timings.attempts):
            await self.hears(refuse=True)
        await self.drains()

    async def fails(self) -> None:
        """Wait until the delivery over this link ends, and raise what ended it."""
        async with asyncio.timeout(PATIENCE):
            await self._tasks[1]

    async def hangs_up(self) -> None:
        """End the link."""
        if self._link:
            await self._link.close()
            self.delivery.hold()
            self._tasks[1].cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._link = self._peer = None

    async def dies(self) -> None:
        """Be killed: nothing more is noted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._link = self._peer = None

    async def restarts(self, storage: Storage | None = None) -> None:
        """Forget all that is only in memory; go on with what a killed server left, if given."""
        await self.hangs_up()
        if storage is None:
            await self.storage.journal.flush()
        self.storage = storage or self.storage
        cursor = await self.storage.proxy_configurations.cursor(self.stored.id)
        assert cursor
        self.delivery = self._opened(cursor)
        self.queues = Queues(self.storage, CLOCK, lambda *_: self.delivery)

    async def hears(self, *, refuse: bool = False) -> bool:
        """Take one CALL and answer it; return False where all has been said."""
        call = await self.takes()
        if call is None:
            return False
        id = call[1]
        answer = frames.call_error(id, "InternalError") if refuse else frames.call_result(id, b"{}")
        await self.peer.says(answer.text)
        return True

    async def drains(self) -> None:
        """Wait until nothing waits, and all of that is on disk."""
        async with asyncio.timeout(PATIENCE):
            await self.delivery.drained.wait()
        await self.storage.journal.flush()

    async def takes(self) -> Any:
        """Take one CALL and do not answer it; return None where all has been said."""
        peer = self.peer
        await until(lambda: peer.socket.unread or self.delivery.drained.is_set())
        if not peer.socket.unread:
            return None
        call = await peer.hears()
        _, _, action, fields = call
        assert action in LASTING or fields["number"] in self.passing
        if action in LASTING:
            self.heard.append(fields["number"])
        return call

    # ---- what there is to see ----

    async def waits(self) -> tuple[int, int]:
        """Count what is still to be delivered, as an operator sees it and as the list has it."""
        waiting = (await self.backlog()).queue_length
        return waiting, len(self.said) - len(dict.fromkeys(self.heard))

    async def backlog(self) -> Backlog:
        """Count what there is for the target."""
        return await backlog(self.storage, self.stored, self.delivery.position)

    async def copies(self) -> list[Exchange]:
        """Return what the target was told, oldest first, with its origins and answers."""
        await self.storage.journal.flush()
        found = await self.storage.journal.exchanges(
            self.stored.key, direction="platform_to_target", limit=10_000
        )
        return list(reversed(found))


async def posted(
    storage: Storage,
    timings: Timings,
    kind: type[Station] = Station16,
    longest_page: int = 3,
    **wanted: Any,
) -> Post:
    """Enrol one more charger with a proxy."""
    key = ChargerKey(await organization_of(storage), str(uuid.uuid4()))
    now = CLOCK.now()
    charger = Charger(key=key, charger_name="", password_digest=b"", created_at=now)
    proxy = configuration(key, "wss://target.example", **wanted)
    stored = await storage.chargers.enroll(charger, proxy)
    assert stored
    return Post(storage, stored, timings, kind, longest_page)
