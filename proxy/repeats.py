"""Recognise what a charger says again because our answer was lost.

It comes under a new message id, often on a new link, sometimes after we were restarted, so only its
content tells. It gets the answer that it should have had, and nobody hears it twice. A repeated
1.6 start is the ledger's business, which gives it the same transaction id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import structlog

from csms import frames
from csms.frames import Call, CallResult, Dialect, Limits

if TYPE_CHECKING:
    from storage.journal import Journal
    from storage.records import ChargerKey, Exchange

log = structlog.get_logger("ringmain.relay")

Digest: TypeAlias = bytes
Fields: TypeAlias = Mapping[str, Any]

# A charger says one thing at a time, so few of its messages can have lost their answers.
WINDOW = 32


def _stop(fields: Fields) -> Any:
    return [fields.get(name) for name in ("transactionId", "timestamp", "meterStop")]


def _all_but_offline(fields: Fields) -> Any:
    # Said again after an outage, an event may have become an offline one.
    return {name: value for name, value in fields.items() if name != "offline"}


def _timed(fields: Fields) -> bool:
    return isinstance(fields.get("timestamp"), str)


def _sampled(fields: Fields) -> bool:
    values = fields.get("meterValue")
    return isinstance(values, list) and any(isinstance(v, dict) and _timed(v) for v in values)


# By what each is known, and which of them are: what tells no time may well be said twice.
_CONTENTS: Mapping[str, tuple[Callable[[Fields], bool], Callable[[Fields], Any]]] = {
    "MeterValues": (_sampled, dict),
    "SecurityEventNotification": (_timed, dict),
    "StopTransaction": (_timed, _stop),
    "TransactionEvent": (_timed, _all_but_offline),
}


def digest(call: Call) -> Digest | None:
    """Return what a repeat of this CALL has in common with it, None for what has no repeats."""
    contents = _CONTENTS.get(call.action)
    if contents is None or not isinstance(call.fields, dict) or not contents[0](call.fields):
        return None
    content = [call.action, contents[1](call.fields)]
    try:
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number that is too large to be compared
        return None
    return blake2b(text, digest_size=12).digest()


class Repeats:
    """Know what one charger said last, on this link and before."""

    def __init__(self, key: ChargerKey, dialect: Dialect, journal: Journal) -> None:
        self._key = key
        self._dialect = dialect
        self._journal = journal
        self._said: dict[Digest, tuple[int, str]] | None = None  # position and message id

    async def repeated(self, call: Call, position: int) -> int | None:
        """Return the position of the first copy, None where this is the first; raise StorageError.

        Nothing is awaited but once on each link.
        """
        content = digest(call)
        if content is None:
            return None
        if self._said is None:
            self._said = await self._look_back(position)
        found = self._said.get(content)
        if found is not None:
            return found[0]
        self._remember(self._said, content, (position, call.id))
        return None

    def refused(self, call: Call) -> None:
        """Take a CALL that we answered with a CALLERROR for one that was never said."""
        content = digest(call)
        if content is not None and self._said is not None:
            self._said.pop(content, None)

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

    async def _look_back(self, before: int) -> dict[Digest, tuple[int, str]]:
        await self._journal.flush()
        said: dict[Digest, tuple[int, str]] = {}
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

    def _remember(
        self, said: dict[Digest, tuple[int, str]], content: Digest, place: tuple[int, str]
    ) -> None:
        if _is_reused(place[1], said.values()):
            log.warning("message_id_reused", charge_box_id=self._key.charge_box_id)
        said[content] = place
        if len(said) > WINDOW:
            del said[next(iter(said))]


def _may_be_repeated(exchange: Exchange) -> bool:
    refused = exchange.answer is not None and exchange.answer.message_type != "CallResult"
    return exchange.call.message_type == "Call" and not refused


def _is_reused(message_id: str, said: Iterable[tuple[int, str]]) -> bool:
    return message_id in [id for _, id in said]  # a generator takes four times as long
