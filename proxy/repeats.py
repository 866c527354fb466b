"""Recognise what a charger says again because our answer was lost.

It comes under a new message id, often on a new link, sometimes after we were restarted, so only its
content tells. It gets the answer that it should have had, and nobody hears it twice. A repeated
1.6 start is the ledger's business, which gives it the same transaction id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import structlog

from csms import frames
from csms.frames import Call, CallResult, Dialect, Limits

if TYPE_CHECKING:
    from storage.journal import Journal
    from storage.records import ChargerKey, Exchange

log = structlog.get_logger("ringmain.relay")

Digest: TypeAlias = int
Fields: TypeAlias = Mapping[str, Any]
# Position and message id of what was said, oldest first; a dict is slow to find its oldest.
_Said: TypeAlias = "OrderedDict[Digest, tuple[int, str]]"

# A charger says one thing at a time, so few of its messages can have lost their answers.
WINDOW = 32
_NOTHING = (0, "")


def _stop(call: Call) -> bytes:
    return _written([call.fields.get(name) for name in ("transactionId", "timestamp", "meterStop")])


def _all_but_offline(call: Call) -> bytes:
    # Said again after an outage, an event may have become an offline one.
    return _written({name: value for name, value in call.fields.items() if name != "offline"})


def _written(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _timed(fields: Fields) -> bool:
    return isinstance(fields.get("timestamp"), str)


def _sampled(fields: Fields) -> bool:
    values = fields.get("meterValue")
    if isinstance(values, list):
        for value in values:  # the first one tells, as a rule
            if isinstance(value, dict) and _timed(value):
                return True
    return False


# By what each is known, and which of them are: what tells no time may well be said twice. What is
# known by all that it says is said again in the same words, which are many and not written anew.
_CONTENTS: Mapping[str, tuple[Callable[[Fields], bool], Callable[[Call], bytes]]] = {
    "MeterValues": (_sampled, attrgetter("payload")),
    "SecurityEventNotification": (_timed, attrgetter("payload")),
    "StopTransaction": (_timed, _stop),
    "TransactionEvent": (_timed, _all_but_offline),
}
REPEATED = frozenset(_CONTENTS)


def digest(call: Call) -> Digest | None:
    """Return what a repeat of this CALL has in common with it, None for what has no repeats.

    It is good for this process only: 64 bits under a secret of its own, at a fifth of the cost of
    what would be good for longer.
    """
    contents = _CONTENTS.get(call.action)
    if contents is None or not isinstance(call.fields, dict) or not contents[0](call.fields):
        return None
    try:
        return hash((call.action, contents[1](call)))
    except TypeError:  # a number that is too large to be compared
        return None


class Repeats:
    """Know what one charger said last, on this link and before."""

    def __init__(self, key: ChargerKey, dialect: Dialect, journal: Journal) -> None:
        self._key = key
        self._dialect = dialect
        self._journal = journal
        self._said: _Said | None = None
        self._ids: set[str] = set()  # of these

    async def repeated(self, call: Call, position: int) -> int | None:
        """Return the position of the first copy, None where this is the first; raise StorageError.

        Nothing is awaited but once on each link.
        """
        content = digest(call)
        if content is None:
            return None
        if self._said is None:
            self._said = await self._look_back(position)
            self._ids = {id for _, id in self._said.values()}
        found = self._said.get(content)
        if found is not None:
            return found[0]
        self._remember(self._said, content, (position, call.id))
        return None

    def refused(self, call: Call) -> None:
        """Take a CALL that we answered with a CALLERROR for one that was never said."""
        content = digest(call)
        if content is not None and self._said is not None:
            _, id = self._said.pop(content, _NOTHING)
            self._ids.discard(id)

    async def answer_to(self, position: int) -> CallResult | None:
        """Return what a CALL was answered, None where it was not; raise StorageError."""
        await self._journal.flush()
        found = await self._latest(position + 1, 1)
        answer = found[0].answer if found and found[0].call.seq == position else None
        reply = self._parsed(answer.frame) if answer else None
        return reply if isinstance(reply, CallResult) else None

    async def unanswered(self, call: Call, before: int) -> list[int]:
        """Return the positions of a CALL's copies, none where one was answered.

        Raises StorageError.
        """
        content = digest(call)
        await self._journal.flush()
        said = [
            exchange
            for exchange in await self._latest(before, WINDOW)
            if _may_be_repeated(exchange) and self._content(exchange) == content
        ]
        answered = any(exchange.answer is not None for exchange in said)
        return [] if answered else [exchange.call.seq for exchange in said]

    async def _look_back(self, before: int) -> _Said:
        await self._journal.flush()
        said: _Said = OrderedDict()
        for exchange in reversed(await self._latest(before, WINDOW)):
            content = self._content(exchange) if _may_be_repeated(exchange) else None
            if content is not None:
                said.setdefault(content, (exchange.call.seq, exchange.call.message_id or ""))
        return said

    def _content(self, exchange: Exchange) -> Digest | None:
        call = self._parsed(exchange.call.frame)
        return digest(call) if isinstance(call, Call) else None

    async def _latest(self, before: int, limit: int) -> list[Exchange]:
        return await self._journal.exchanges(
            self._key, direction="charger_to_platform", before=before, limit=limit
        )

    def _parsed(self, frame: bytes) -> Any:
        return frames.parse(frame, self._dialect, Limits(max_bytes=len(frame)))

    def _remember(self, said: _Said, content: Digest, place: tuple[int, str]) -> None:
        if place[1] in self._ids:
            log.warning("message_id_reused", charge_box_id=self._key.charge_box_id)
        said[content] = place
        self._ids.add(place[1])
        if len(said) > WINDOW:
            _, (_, id) = said.popitem(last=False)
            self._ids.discard(id)


def _may_be_repeated(exchange: Exchange) -> bool:
    refused = exchange.answer is not None and exchange.answer.message_type != "CallResult"
    return exchange.call.message_type == "Call" and not refused
