"""Read one queue from the journal, a short page at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING

from csms import frames
from csms.frames import Call, CallResult, Dialect, Limits
from proxy import policy
from proxy.entries import BEGINS, Entry
from proxy.ledger import transaction_id
from storage.repositories.queues import Place

if TYPE_CHECKING:
    from storage.records import ChargerKey, Exchange, Message
    from storage.store import Storage

LONGEST_PAGE = 50
MOST_BYTES = 1 << 18


class Reader:
    """Turn what the journal has of one queue into entries."""

    def __init__(
        self,
        proxy_configuration_id: int,
        key: ChargerKey,
        dialect: Dialect,
        storage: Storage,
        longest_page: int = LONGEST_PAGE,
    ) -> None:
        self._id = proxy_configuration_id
        self._key = key
        self._dialect = dialect
        self._journal, self._queues = storage.journal, storage.queues
        self._longest_page = longest_page
        self._page: deque[Message] = deque()
        # What was dropped or forgotten while a page was on its way must not come back.
        self._done = 0
        self._forgettings = 0

    async def first(self, position: int, through: int) -> Message | None:
        """Return what waits first behind a position, None where nothing does up to ``through``."""
        while not self._page:
            forgettings = self._forgettings
            await self._journal.flush()
            place = Place(self._id, self._key, max(position, self._done))
            page = await self._queues.waiting(place, self._longest_page)
            if forgettings != self._forgettings:
                continue
            if not page or page[0].seq > through:
                return None
            self._page.extend(_small([m for m in page if self._done < m.seq <= through]))
        return self._page[0]

    def drop(self, through: int) -> None:
        """Let go of what is done with."""
        self._done = max(self._done, through)
        while self._page and self._page[0].seq <= through:
            self._page.popleft()

    def forget(self, seqs: Collection[int]) -> None:
        """Let go of single messages."""
        self._forgettings += 1
        self._page = deque(message for message in self._page if message.seq not in seqs)

    def forget_page(self) -> None:
        """Read anew."""
        self._page.clear()

    def has(self, message: Message) -> bool:
        """Tell whether a message that was read is still to be told."""
        return message in self._page

    async def stored(self, seq: int) -> bool:
        """Tell whether the journal has this message of the charger."""
        page = await self._journal.read_calls(self._key, seq - 1, 1)
        return [message.seq for message in page] == [seq]

    async def entry(self, message: Message) -> Entry:
        """Return the entry of a message; raise MalformedFrame where nobody can read it."""
        ours = None
        if message.action == BEGINS:
            exchange = await self._exchange(message.seq)
            ours = self._our_id(exchange) if exchange else None
        return self._entry(message, ours)

    async def message_at(self, seq: int) -> Message | None:
        """Return the message at a position, None where the journal has it no longer."""
        exchange = await self._exchange(seq)
        return exchange.call if exchange else None

    async def said_before(self, entry: Entry) -> list[int]:
        """Return the positions of the charger's latest messages that say the very same."""
        latest = await self._journal.exchanges(
            self._key, direction="charger_to_platform", before=entry.seq, limit=LONGEST_PAGE
        )
        calls = [one.call for one in latest if one.call.action == entry.action]
        return [m.seq for m in calls if self._entry(m, None).payload == entry.payload]

    async def _exchange(self, seq: int) -> Exchange | None:
        before = {"direction": "charger_to_platform", "before": seq + 1, "limit": 1}
        found = await self._journal.exchanges(self._key, **before)  # type: ignore[arg-type]  # a table of arguments
        return found[0] if found and found[0].call.seq == seq else None

    def _entry(self, message: Message, ours: str | None) -> Entry:
        limits = Limits(max_bytes=len(message.frame))  # accepted once, whatever the limit is now
        call = frames.parse(message.frame, self._dialect, limits)
        assert isinstance(call, Call)  # noqa: S101 - the journal was asked for CALLs
        version = message.ocpp_version
        hearing = policy.rule(version, call.action).hearing
        return Entry(message.seq, call.action, call.payload, version, hearing, ours)

    def _our_id(self, exchange: Exchange) -> str | None:
        answer = exchange.answer
        reply = frames.parse(answer.frame, self._dialect) if answer else None
        return transaction_id(reply.payload) if isinstance(reply, CallResult) else None


def _small(page: list[Message]) -> list[Message]:
    """Return the beginning of a page that is not too large to be kept in memory."""
    kept: list[Message] = []
    size = 0
    for message in page:
        size += len(message.frame)
        if kept and size > MOST_BYTES:
            break
        kept.append(message)
    return kept
