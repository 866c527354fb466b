"""Let several owners say which connectors are operative: one Inoperative is enough.

Each owner has a wish per connector. The charger hears of what changes something, and its answer
is told as it is; an owner whose Operative would overrule another's Inoperative is not passed on,
and no longer stands in the way when the other opens it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from csms.commands import ChangeAvailability, Outcome, Performers
from csms.errors import LinkError
from csms.frames import CallResult
from csms.parties import PLATFORM
from csms.readings import mapping, whole, word
from csms.turns import held
from storage.repositories.availability import AvailabilityWish, AvailabilityWishes

if TYPE_CHECKING:
    from csms.station import Station
    from storage.records import ChargerKey

ACTION = "ChangeAvailability"
_ACCEPTED, _OPERATIVE, _INOPERATIVE = "Accepted", "Operative", "Inoperative"
_TAKEN = frozenset({_ACCEPTED, "Scheduled"})
_HELD: Final = "HeldByTarget"

# Call the charger with an action and its payload, in turn with everybody else.
Ask: TypeAlias = Callable[[str, bytes], Awaitable[CallResult]]


class Place(NamedTuple):
    """A connector; EVSE 0 is the whole charger, connector 0 the whole EVSE."""

    evse_id: int
    connector_id: int = 0


class Changed(NamedTuple):
    """What the charger answered, None where it was not asked, and what others keep closed there."""

    answer: CallResult | None
    closed: tuple[Place, ...] = ()


class Availability:
    """Change the availability of one charger on behalf of its owners; owner 0 is the platform."""

    __slots__ = ("_key", "_turn", "_wishes", "_words")

    def __init__(self, key: ChargerKey, version: str, wishes: AvailabilityWishes) -> None:
        self._key = key
        self._words = _WORDS[version]
        self._wishes = wishes
        self._turn = asyncio.Lock()  # what others wish must not change while the charger is asked

    async def change(
        self, wish: AvailabilityWish, ask: Ask, payload: bytes | None = None
    ) -> Changed:
        """Have a wish take effect, said to the charger by ``payload`` where the owner has said it.

        Raises the errors of ``Link.call``, and StorageError.
        """
        async with held(self._turn):
            others = await self._closed_by_others(wish)
            operative = wish.type == _OPERATIVE
            near = tuple(_place(one) for one in others if _touches(one, wish)) if operative else ()
            if operative and any(
                self._words.holds(_place(other), _place(wish)) for other in others
            ):
                await self._keep(wish)
                return Changed(None, near)
            answer = await ask(ACTION, payload or self._words.payload(wish))
            if word(mapping(answer.fields).get("status")) in _TAKEN:
                await self._keep(wish)
                if operative and wish.evse_id == 0:
                    await self._hold(others, ask)
            return Changed(answer, near)

    async def release(self, ask: Ask) -> None:
        """Open what only targets closed that are gone; raise LinkError or StorageError."""
        async with self._turn:
            left = await self._wishes.left(self._key)
            if not left:
                return
            present = await self._wishes.of(self._key)
            staying = [wish for wish in present if wish.type == _INOPERATIVE]
            for wish in left:
                held = any(self._words.holds(_place(other), _place(wish)) for other in staying)
                if wish.type == _INOPERATIVE and not held:
                    opened = wish._replace(type="Operative")
                    await ask(ACTION, self._words.payload(opened))
                    if wish.evse_id == 0:
                        await self._hold(staying, ask)
            for owner in {wish.owner for wish in left}:
                await self._wishes.forget(self._key, owner)

    async def _closed_by_others(self, wish: AvailabilityWish) -> list[AvailabilityWish]:
        return [
            other
            for other in await self._wishes.of(self._key)
            if other.owner != wish.owner and other.type == _INOPERATIVE
        ]

    async def _keep(self, wish: AvailabilityWish) -> None:
        if wish.evse_id == 0 and self._words.whole_is_all:
            self._wishes.forget(self._key, wish.owner)
        # Operative is what everybody wishes who says nothing.
        keep = self._wishes.drop if wish.type == _OPERATIVE else self._wishes.note
        await keep(self._key, wish)

    async def _hold(self, wishes: list[AvailabilityWish], ask: Ask) -> None:
        """Say again what others want of connectors, where the whole charger decides for all."""
        for wish in wishes if self._words.whole_is_all else ():
            with contextlib.suppress(LinkError):  # a word of ours, on which no answer depends
                await ask(ACTION, self._words.payload(wish))


async def change_availability(station: Station, command: ChangeAvailability) -> Outcome:
    """Have the platform's wish take effect; the answer says what a target keeps closed.

    Raises the errors of ``Link.call``, BadAnswer and StorageError.
    """
    wish = AvailabilityWish(
        PLATFORM, command.evse_id, command.connector_id, command.type, command.reason
    )
    changed = await station.availability.change(wish, station.link.call)
    told = {"reasonCode": _HELD, "additionalInfo": _closed(changed)} if changed.closed else None
    if changed.answer is None:
        return Outcome(_ACCEPTED, {"status": _ACCEPTED}, told)
    outcome = station.outcome(ACTION, changed.answer)
    own = outcome.status_info
    return outcome if own or not told else Outcome(outcome.status, outcome.response, told)


def read_wish(version: str, fields: Mapping[str, Any]) -> tuple[Place | None, Any]:
    """Return where a request wants what type; the place is None where there can be none."""
    return _WORDS[version].read(fields)


def _closed(changed: Changed) -> str:
    names = (f"EVSE {one.evse_id}" if one.evse_id else "the station" for one in changed.closed)
    named = ", ".join(dict.fromkeys(names))
    return f"The third-party CSMS of this charger keeps closed: {named}."


class _Words(NamedTuple):
    """How a version says it; ``whole_is_all``: connector 0 sets every connector (1.6 §5.2)."""

    read: Callable[[Mapping[str, Any]], tuple[Place | None, Any]]
    payload: Callable[[AvailabilityWish], bytes]
    holds: Callable[[Place, Place], bool]
    whole_is_all: bool


def _place(wish: AvailabilityWish) -> Place:
    return Place(wish.evse_id, wish.connector_id)


def _touches(one: AvailabilityWish, other: AvailabilityWish) -> bool:
    return 0 in (one.evse_id, other.evse_id) or one.evse_id == other.evse_id


def _payload16(wish: AvailabilityWish) -> bytes:
    return b'{"connectorId":%d,"type":"%b"}' % (wish.evse_id, wish.type.encode())


def _payload201(wish: AvailabilityWish) -> bytes:
    evse: dict[str, Any] = {"id": wish.evse_id}
    if wish.connector_id:
        evse["connectorId"] = wish.connector_id
    place = {"evse": evse} if wish.evse_id else {}
    return orjson.dumps({"operationalStatus": wish.type, **place})


def _read16(fields: Mapping[str, Any]) -> tuple[Place | None, Any]:
    connector_id = whole(fields["connectorId"])
    return None if connector_id is None else Place(connector_id), fields["type"]


def _read201(fields: Mapping[str, Any]) -> tuple[Place | None, Any]:
    evse = mapping(fields.get("evse"))
    evse_id, connector_id = whole(evse.get("id", 0)), whole(evse.get("connectorId", 0))
    place = None if None in (evse_id, connector_id) else Place(evse_id or 0, connector_id or 0)
    return place, fields["operationalStatus"]


# Station, EVSE and connector each keep their own state (OCPP 2.0.1 G03, G04).
_IN_2 = _Words(_read201, _payload201, lambda other, place: other == place, whole_is_all=False)

_WORDS: Mapping[str, _Words] = {
    "1.6": _Words(
        _read16,
        _payload16,
        lambda other, place: other.evse_id in (0, place.evse_id),
        whole_is_all=True,
    ),
    "2.0.1": _IN_2,
    "2.1": _IN_2,
}


PERFORMERS: Performers = MappingProxyType({ChangeAvailability: change_availability})
