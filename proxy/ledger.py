"""Map the ids between a charger and its target: each side sees the numbers it knows.

Only the id changes, every other byte of the payload stays. A number is noted before the message
that carries it is sent; as commits keep their order, it is on disk when the message leaves.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Protocol, TypeAlias

from csms import numbers
from proxy import splice
from proxy.routes import TO_CHARGER, TO_TARGET, Choice, Foreign, Ordered, Told
from storage.repositories.id_pairs import IdKind

_NULL = b"null"
NONE = "-1"  # names no transaction (1.6 errata v4 §3.18)
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_LARGEST = 10**20
_MOST_LISTED = 1_000  # ids in one command, each of which may cost a read
_REMEMBERED = 64  # pairs in memory: a running session is named by each of its meter values


class Pairs(Protocol):
    """What storage remembers of pairs of ids."""

    def note(
        self, proxy_configuration_id: int, kind: IdKind, ours: str, theirs: str
    ) -> asyncio.Future[None]:
        """Remember one pair; the Future is done once it is on disk."""

    async def theirs(self, proxy_configuration_id: int, kind: IdKind, ours: str) -> str | None:
        """Return the target's id."""

    async def ours(self, proxy_configuration_id: int, kind: IdKind, theirs: str) -> str | None:
        """Return our id, of the latest where the target repeats its own."""


# Return the payload of an action as the target may see it, apart from ids.
Show: TypeAlias = Callable[[str, bytes], Awaitable[bytes]]


class IdMap:
    """Translate ids between one charger and one target."""

    def __init__(
        self,
        id_pairs: Pairs,
        proxy_configuration_id: int,
        version: str,
        draw: Callable[[range], int] = numbers.draw,
        show: Show | None = None,
    ) -> None:
        self._stored = id_pairs
        self._id = proxy_configuration_id
        self._told, self._ordered = TO_TARGET[version], TO_CHARGER[version]
        self._draw = draw
        self._show = show
        # What storage does not have yet; dicts keep the order in which it was noted.
        self._fresh: dict[tuple[IdKind, str], str] = {}
        self._refused: set[tuple[IdKind, str]] = set()  # of these, what storage did not take
        self._recent: dict[tuple[IdKind, str], str] = {}  # what storage has, as we alone write it

    def learn(self, ours: str, theirs: str) -> asyncio.Future[None]:
        """Remember the id that the target gave to our transaction; return the commit."""
        return self._note("transaction", ours, theirs)

    def note_again(self) -> None:
        """Note once more what storage did not take; what is noted next does not outlive it."""
        refused, self._refused = self._refused, set()
        for kind, ours in refused:
            if (theirs := self._fresh.get((kind, ours))) is not None:
                self._note(kind, ours, theirs)

    async def theirs(self, ours: str, kind: IdKind = "transaction") -> str | None:
        """Return the target's id for ours, None where there is none."""
        pair = kind, ours
        known = self._fresh.get(pair) or self._recent.get(pair)
        if known is not None:
            return known
        stored = await self._stored.theirs(self._id, kind, ours)
        if stored is not None and pair not in self._recent:  # it may have changed meanwhile
            self._remember(pair, stored)
        return stored

    async def started(self, action: str, payload: bytes) -> bool:
        """Tell whether a message names a remote start of the target (OCPP 2.x F01.FR.25)."""
        for told in self._told.get(action, ()):
            if told.kind == "remote_start":
                named = [raw for raw in _find(payload, told.path).values if raw != _NULL]
                return bool(named) and None not in [
                    await self._their_id(told, raw) for raw in named
                ]
        return False

    async def concerns_target(self, action: str, payload: bytes) -> bool:
        """Tell whether a message is this target's to hear; what answers somebody else is not.

        As a number is noted before it is used, the answer is the same at any later time.
        """
        for told in self._told.get(action, ()):
            if told.foreign is not Foreign.WITHHELD:
                continue
            for raw in _find(payload, told.path).values:
                if await self._their_id(told, raw) is None:
                    return False
        return True

    async def to_target(self, action: str, payload: bytes) -> bytes | None:
        """Return the payload with the target's ids, None where it answers somebody else."""
        for told in self._told.get(action, ()):
            if told.foreign is Foreign.ENTRY_LEFT_OUT:
                payload = await self._own_entries(told, payload)
                continue
            places = _find(payload, told.path)
            if not places.spans:
                continue
            theirs = [await self._their_id(told, raw) for raw in places.values]
            if None not in theirs or told.foreign is Foreign.MINUS_ONE:
                payload = places.exchanged([(id or NONE).encode() for id in theirs])
            elif told.foreign is Foreign.LEFT_OUT:
                payload = splice.remove(payload, told.path, any_case=True)
            else:
                return None
        return payload if self._show is None else await self._show(action, payload)

    async def to_charger(self, action: str, payload: bytes) -> bytes | None:
        """Return the payload with our ids, None where the target names what is not its own."""
        for ordered in self._ordered.get(action, ()):
            serve = self._listed if ordered.path[-1] == splice.EACH else self._exchanged
            known = await serve(ordered, payload)
            if known is None:
                return None
            payload = known
        return payload

    async def _exchanged(self, ordered: Ordered, payload: bytes) -> bytes | None:
        places = _find(payload, ordered.path)
        ours = [await self._our_id(ordered, raw) for raw in places.values]
        known = [id.encode() for id in ours if id is not None]
        return places.exchanged(known) if len(known) == len(ours) else None

    async def _listed(self, ordered: Ordered, payload: bytes) -> bytes | None:
        """Return the payload with those of its ids that are the target's, None without one."""
        named = _find(payload, ordered.path).values
        if len(named) > _MOST_LISTED:
            return None
        ours = [await self._our_id(ordered, raw) for raw in named]
        known = [None if id is None else id.encode() for id in ours]
        if named and not any(known):
            return None
        return splice.sift(payload, ordered.path[:-1], known, any_case=True)

    async def _own_entries(self, told: Told, payload: bytes) -> bytes:
        """Return the payload with those entries of a list that are the target's."""
        at = told.path.index(splice.EACH)
        entries = _find(payload, told.path[: at + 1]).values
        own = [await self._own_entry(told, told.path[at + 1 :], raw) for raw in entries]
        return splice.sift(payload, told.path[:at], own, any_case=True)

    async def _own_entry(self, told: Told, path: splice.Path, entry: bytes) -> bytes | None:
        places = _find(entry, path)
        theirs = [await self._their_id(told, raw) for raw in places.values]
        known = [id.encode() for id in theirs if id is not None]
        return places.exchanged(known) if known and len(known) == len(theirs) else None

    async def _their_id(self, told: Told, raw: bytes) -> str | None:
        """Return what the target reads for a value, None where it is no id of this target's."""
        if raw == _NULL and told.foreign is not Foreign.ENTRY_LEFT_OUT:
            return raw.decode()
        ours = decimal(raw)
        return None if ours is None else await self.theirs(ours, told.kind)

    async def _our_id(self, ordered: Ordered, raw: bytes) -> str | None:
        """Return what the charger reads for a value, None where it may not read it."""
        if raw == _NULL and ordered.path[-1] != splice.EACH:
            return raw.decode()
        theirs = decimal(raw)
        if theirs is None or theirs == NONE:
            return None
        known = None
        if ordered.choice is not Choice.FRESH:
            known = await self._known(ordered.kind, theirs)
        if known is not None or ordered.choice is Choice.KNOWN:
            return known
        ours = await self._mint(ordered.kind)
        self._note(ordered.kind, ours, theirs)
        return ours

    async def _known(self, kind: IdKind, theirs: str) -> str | None:
        for (noted, ours), known in reversed(self._fresh.items()):
            if (noted, known) == (kind, theirs):
                return ours
        return await self._stored.ours(self._id, kind, theirs)

    async def _mint(self, kind: IdKind) -> str:
        while True:
            minted = str(self._draw(numbers.OF_TARGETS))
            if await self.theirs(minted, kind) is None:
                return minted

    def _note(self, kind: IdKind, ours: str, theirs: str) -> asyncio.Future[None]:
        self._fresh[kind, ours] = theirs
        committed = self._stored.note(self._id, kind, ours, theirs)
        committed.add_done_callback(lambda done: self._settle(done, kind, ours, theirs))
        return committed

    def _settle(self, done: asyncio.Future[None], kind: IdKind, ours: str, theirs: str) -> None:
        # What storage did not take stays here, so the running session keeps its id.
        stored = not done.cancelled() and done.exception() is None
        if not stored:
            self._refused.add((kind, ours))
        elif self._fresh.get((kind, ours)) == theirs:
            self._remember((kind, ours), self._fresh.pop((kind, ours)))

    def _remember(self, pair: tuple[IdKind, str], theirs: str) -> None:
        self._recent[pair] = theirs
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]


def decimal(raw: bytes) -> str | None:
    """Return the whole number that a JSON value spells in decimal digits, None where it is none.

    Seen in the field: 12.0 and "12". Read from the text, as decoders round what has 20 digits.
    """
    text = json.loads(raw) if raw.startswith(b'"') else raw.decode()
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    whole = abs(value) < _LARGEST and value == value.to_integral_value()
    return str(int(value)) if whole else None


def transaction_id(payload: bytes) -> str | None:
    """Return the transaction id of a payload in decimal digits, None without one."""
    values = _find(payload, ("transactionId",)).values
    return decimal(values[-1]) if values else None


def _find(payload: bytes, path: splice.Path) -> splice.Places:
    # Some parsers do not tell upper from lower case, and no id is to hide from us.
    return splice.find(payload, path, any_case=True)
