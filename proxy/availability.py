"""Let several owners say which connectors are operative: one Inoperative is enough.

Each owner has a wish per connector. The charger hears of what changes something, and its answer
is told as it is; an owner whose Operative would overrule another's Inoperative is told Accepted,
and no longer stands in the way when the other opens it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from csms import frames
from csms.errors import LinkError
from csms.frames import Call, Reply
from csms.readings import mapping, whole
from csms.schemas import Schemas
from proxy.asked import Ask, Asked
from storage.repositories.availability import AvailabilityWish, AvailabilityWishes

if TYPE_CHECKING:
    from storage.records import ChargerKey

PLATFORM = 0
ACTION = "ChangeAvailability"
_OPERATIVE: Final = "Operative"
_INOPERATIVE: Final = "Inoperative"
_ACCEPTED, _REJECTED = b'{"status":"Accepted"}', b'{"status":"Rejected"}'
_TAKEN = frozenset({"Accepted", "Scheduled"})


class Place(NamedTuple):
    """A connector; EVSE 0 is the whole charger, connector 0 the whole EVSE."""

    evse_id: int
    connector_id: int = 0


Covers: TypeAlias = Callable[[Place, Place], bool]


class Availability:
    """Change the availability of one charger on behalf of its owners; owner 0 is the platform."""

    def __init__(self, key: ChargerKey, version: str, wishes: AvailabilityWishes, ask: Ask) -> None:
        self._key = key
        self._words = _WORDS[version]
        self._wishes = wishes
        self._ask = ask

    async def serve(self, asked: Asked) -> Reply | None:
        """Serve a target's ChangeAvailability."""
        call = asked.call
        broken = self._words.schemas.request(ACTION, call.fields)
        if broken is not None:
            return frames.call_error(call.id, broken.code, broken.message)
        place, type = self._words.read(call)
        if place is None:
            return frames.call_result(call.id, _REJECTED)
        wish = AvailabilityWish(asked.configuration.id, *place, type)
        return frames.call_result(call.id, await self.change(wish, call.payload))

    async def change(self, wish: AvailabilityWish, payload: bytes) -> bytes:
        """Have a wish take effect and return the answer; ``payload`` says it to the charger.

        Raises the errors of ``Link.call``.
        """
        others = [
            other
            for other in await self._wishes.of(self._key)
            if other.owner != wish.owner and other.type == _INOPERATIVE
        ]
        operative = wish.type == _OPERATIVE
        if operative and any(self._words.holds(_place(other), _place(wish)) for other in others):
            await self._keep(wish)
            return _ACCEPTED
        result = await self._ask(ACTION, payload)
        if mapping(result.fields).get("status") in _TAKEN:
            await self._keep(wish)
            if operative and wish.evse_id == 0:
                await self._hold(others)
        return result.payload

    async def release(self) -> None:
        """Open what only targets closed that are gone; raise LinkError or StorageError."""
        left = await self._wishes.left(self._key)
        if not left:
            return
        staying = [wish for wish in await self._wishes.of(self._key) if wish.type == _INOPERATIVE]
        for wish in left:
            held = any(self._words.holds(_place(other), _place(wish)) for other in staying)
            if wish.type == _INOPERATIVE and not held:
                opened = wish._replace(type=_OPERATIVE)
                await self._ask(ACTION, self._words.payload(opened))
                if wish.evse_id == 0:
                    await self._hold(staying)
        for owner in {wish.owner for wish in left}:
            await self._wishes.forget(self._key, owner)

    async def _keep(self, wish: AvailabilityWish) -> None:
        if wish.evse_id == 0 and self._words.whole_is_all:
            self._wishes.forget(self._key, wish.owner)
        # Operative is what everybody wishes who says nothing.
        keep = self._wishes.drop if wish.type == _OPERATIVE else self._wishes.note
        await keep(self._key, wish)

    async def _hold(self, wishes: list[AvailabilityWish]) -> None:
        """Say again what others want of connectors, where the whole charger decides for all."""
        for wish in wishes if self._words.whole_is_all else ():
            with contextlib.suppress(LinkError):  # a word of ours, on which no answer depends
                await self._ask(ACTION, self._words.payload(wish))


class _Words(NamedTuple):
    """How a version says it; ``whole_is_all``: connector 0 sets every connector (1.6 §5.2)."""

    schemas: Schemas
    read: Callable[[Call], tuple[Place | None, Any]]
    payload: Callable[[AvailabilityWish], bytes]
    holds: Covers
    whole_is_all: bool


def _place(wish: AvailabilityWish) -> Place:
    return Place(wish.evse_id, wish.connector_id)


def _payload16(wish: AvailabilityWish) -> bytes:
    return b'{"connectorId":%d,"type":"%b"}' % (wish.evse_id, wish.type.encode())


def _payload201(wish: AvailabilityWish) -> bytes:
    evse: dict[str, Any] = {"id": wish.evse_id}
    if wish.connector_id:
        evse["connectorId"] = wish.connector_id
    place = {"evse": evse} if wish.evse_id else {}
    return orjson.dumps({"operationalStatus": wish.type, **place})


def _read16(call: Call) -> tuple[Place | None, Any]:
    connector_id = whole(call.fields["connectorId"])
    place = None if connector_id is None else Place(connector_id)
    return place, call.fields["type"]


def _read201(call: Call) -> tuple[Place | None, Any]:
    evse = mapping(call.fields.get("evse"))
    evse_id, connector_id = whole(evse.get("id", 0)), whole(evse.get("connectorId", 0))
    place = None if None in (evse_id, connector_id) else Place(evse_id or 0, connector_id or 0)
    return place, call.fields["operationalStatus"]


def _in_2(schemas: Schemas) -> _Words:
    # Station, EVSE and connector each keep their own state (OCPP 2.0.1 G03, G04).
    return _Words(
        schemas, _read201, _payload201, lambda other, place: other == place, whole_is_all=False
    )


_WORDS: Mapping[str, _Words] = {
    "1.6": _Words(
        Schemas("1.6"),
        _read16,
        _payload16,
        lambda other, place: other.evse_id in (0, place.evse_id),
        whole_is_all=True,
    ),
    "2.0.1": _in_2(Schemas("2.0.1")),
    "2.1": _in_2(Schemas("2.1")),
}
