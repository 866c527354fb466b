"""Give a charger a list of tokens that it can let charge by itself.

Sources: 1.6 §5.6, §5.15; 2.0.1 Part 2 D01, D02. A list goes out in as many messages as the charger
wants it in: a full one first, then differences, each under a version of its own. It is stored once
the charger has all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson
from ocpp.v16 import call as call16
from ocpp.v16.enums import UpdateType
from ocpp.v201 import call as call201
from ocpp.v201.enums import UpdateEnumType

from csms.commands import (
    Ask,
    ChangeLocalList,
    GetLocalListVersion,
    Outcome,
    Performers,
    PutLocalList,
)
from csms.errors import BadAnswer, CallRefused, InvalidCommand, NotSupported
from csms.readings import items, mapping, whole, word
from csms.tokens import check, type_of
from csms.turns import held
from storage.operation_records import LocalList

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from csms.station import Station

Entry: TypeAlias = Mapping[str, Any]  # idToken, idTokenType, status, expiresAt, groupIdToken

_ACCEPTED, _MISMATCH = "Accepted", "VersionMismatch"
_FULL, _DIFFERENTIAL = "Full", "Differential"
_FEWEST = 10  # tokens in a message to a charger that does not say how many it takes
_HIGHEST = 2**31 - 1


class Room(NamedTuple):
    """How many tokens a charger's list has room for, and one message to it; None: not told."""

    tokens: int | None
    at_once: int


class _Part(NamedTuple):
    """What one message says: tokens to put, and tokens to take out."""

    kind: str
    put: Sequence[Entry]
    removed: Sequence[Entry] = ()


async def put(station: Station, command: PutLocalList) -> Outcome:
    """Give the charger a whole list; the first answer that is not Accepted is the outcome.

    Raises InvalidCommand for what the charger's version or list has no room for, NotSupported
    where it has no list, and as ``Station.ask``.
    """
    async with held(station.listing):
        return await _put(station, command)


async def _put(station: Station, command: PutLocalList) -> Outcome:
    _check_tokens(station, command.entries)
    room = await _room(station)
    _check_room(command.entries, room)
    first, *rest = _chunks(command.entries, room.at_once) or [()]
    parts = [_Part(_FULL, first), *(_Part(_DIFFERENTIAL, chunk) for chunk in rest)]
    return await _send(station, parts, command.entries)


async def change(station: Station, command: ChangeLocalList) -> Outcome:
    """Change the list that we have given the charger; raise as ``put``.

    A charger that has another version than we know is given the whole list.
    """
    async with held(station.listing):
        return await _change(station, command)


async def _change(station: Station, command: ChangeLocalList) -> Outcome:
    check(station.version, ((f"removed.{n}", one) for n, one in enumerate(command.removed)))
    _check_tokens(station, command.put)
    stored = await station.books.local_lists.get(station.key)
    known = {entry["idToken"].casefold(): entry for entry in (stored.entries if stored else ())}
    gone = [known.pop(one.casefold(), {"idToken": one}) for one in command.removed]
    known.update({entry["idToken"].casefold(): entry for entry in command.put})
    after = list(known.values())
    if stored is None or stored.version != await _version(station):
        return await _put(station, PutLocalList(after))
    room = await _room(station)
    _check_room(after, room)
    outcome = await _send(station, _differences(command.put, gone, room.at_once), after)
    if outcome.status == _MISMATCH:
        return await _put(station, PutLocalList(after))
    return outcome


async def version_of(station: Station, _command: GetLocalListVersion) -> Outcome:
    """Ask for the version; 0 is an empty list, -1 none at all (1.6 §5.10)."""
    version = await _version(station, least=-1)
    return Outcome(_ACCEPTED, {_WORDS[station.version].version: version})


def _differences(put: Sequence[Entry], gone: Sequence[Entry], at_once: int) -> list[_Part]:
    taken_out = [_Part(_DIFFERENTIAL, (), chunk) for chunk in _chunks(gone, at_once)]
    return [*taken_out, *(_Part(_DIFFERENTIAL, chunk) for chunk in _chunks(put, at_once))]


async def _send(station: Station, parts: Sequence[_Part], after: Sequence[Entry]) -> Outcome:
    words, version = _WORDS[station.version], await _highest_version(station)
    outcome = Outcome(_ACCEPTED, {"status": _ACCEPTED})
    for part in parts:
        version = version + 1 if version < _HIGHEST else 1
        told = [words.entry(entry) for entry in part.put]
        gone = [words.removed(entry) for entry in part.removed]
        outcome = await station.ask(words.request(version, part.kind, [*gone, *told]))
        if outcome.status != _ACCEPTED:
            return outcome
    now = station.books.clock.now()
    kept = LocalList(key=station.key, version=version, entries=after, updated_at=now)
    await station.books.local_lists.note_put(kept)
    return outcome


async def _highest_version(station: Station) -> int:
    # Of a list that a charger has lost, too: half of the next must not have its number.
    stored = await station.books.local_lists.get(station.key)
    return max(await _version(station), stored.version if stored else 0)


async def _version(station: Station, least: int = 0) -> int:
    answer = await station.link.call("GetLocalListVersion", b"{}")
    told = mapping(answer.fields).get(_WORDS[station.version].version)
    if told == -1 and least == 0:
        raise NotSupported("The charger has no list of tokens.")
    version = -1 if told == -1 else whole(told)
    if version is None:
        raise BadAnswer
    return version


async def _room(station: Station) -> Room:
    words = _WORDS[station.version]
    try:
        asked = words.asked
        answer = await station.link.call(asked.action, orjson.dumps(asked.fields))
        return words.room(answer.fields)
    except CallRefused:
        return Room(None, _FEWEST)


def _check_tokens(station: Station, entries: Sequence[Entry]) -> None:
    tokens = (
        (f"entries.{n}.{name}", entry.get(name))
        for n, entry in enumerate(entries)
        for name in ("idToken", "groupIdToken")
    )
    check(station.version, tokens)


def _check_room(entries: Sequence[Entry], room: Room) -> None:
    if room.tokens is not None and len(entries) > room.tokens:
        told = f"The charger's list has room for {room.tokens} tokens."
        raise InvalidCommand(told, {"entries": [told]})


def _chunks(found: Sequence[Entry], most: int) -> list[Sequence[Entry]]:
    return [found[start : start + most] for start in range(0, len(found), most)]


# ---- OCPP 1.6 ----

_MAX_16, _AT_ONCE_16 = "LocalAuthListMaxLength", "SendLocalListMaxLength"


def _entry16(entry: Entry) -> dict[str, Any]:
    info = {
        "status": entry.get("status") or _ACCEPTED,
        "expiryDate": entry.get("expiresAt"),
        "parentIdTag": entry.get("groupIdToken"),
    }
    given = {name: value for name, value in info.items() if value is not None}
    return {"idTag": entry["idToken"], "idTagInfo": given}


def _send16(version: int, kind: str, told: list[Any]) -> DataclassInstance:
    return call16.SendLocalList(version, UpdateType(kind), told)


def _room16(answer: Any) -> Room:
    told = {
        str(one.get("key")): whole(word(one.get("value")))
        for one in map(mapping, items(mapping(answer).get("configurationKey")))
    }
    return Room(told.get(_MAX_16), told.get(_AT_ONCE_16) or _FEWEST)


# ---- OCPP 2.x ----

_CONTROLLER = "LocalAuthListCtrlr"


def _entry201(entry: Entry) -> dict[str, Any]:
    group = entry.get("groupIdToken")
    info = {
        "status": entry.get("status") or _ACCEPTED,
        "cacheExpiryDateTime": entry.get("expiresAt"),
        "groupIdToken": None if group is None else {"idToken": group, "type": "Central"},
    }
    given = {name: value for name, value in info.items() if value is not None}
    return {"idToken": _token(entry["idToken"], entry.get("idTokenType")), "idTokenInfo": given}


def _token(id_token: str, kind: str | None) -> dict[str, Any]:
    return {"idToken": id_token, "type": type_of(id_token, kind or "RFID")}


def _variable(name: str, attribute: str) -> dict[str, Any]:
    place = {"component": {"name": _CONTROLLER}, "variable": {"name": name}}
    return {**place, "attributeType": attribute}


_ROOM_201: Mapping[str, Any] = {
    "getVariableData": [_variable("Entries", "MaxSet"), _variable("ItemsPerMessage", "Actual")]
}


def _send201(version: int, kind: str, told: list[Any]) -> DataclassInstance:
    return call201.SendLocalList(version, UpdateEnumType(kind), told or None)


def _room201(answer: Any) -> Room:
    told = {
        str(mapping(one.get("variable")).get("name")): whole(word(one.get("attributeValue")))
        for one in map(mapping, items(mapping(answer).get("getVariableResult")))
        if one.get("attributeStatus") == _ACCEPTED
    }
    return Room(told.get("Entries"), told.get("ItemsPerMessage") or _FEWEST)


class _Words(NamedTuple):
    """How an OCPP version says it."""

    version: str
    asked: Ask
    room: Callable[[Any], Room]
    entry: Callable[[Entry], dict[str, Any]]
    removed: Callable[[Entry], dict[str, Any]]
    request: Callable[[int, str, list[Any]], DataclassInstance]


_IN_201 = _Words(
    "versionNumber",
    Ask("GetVariables", _ROOM_201),
    _room201,
    _entry201,
    lambda entry: {"idToken": _token(entry["idToken"], entry.get("idTokenType"))},
    _send201,
)
_WORDS: Mapping[str, _Words] = {
    "1.6": _Words(
        "listVersion",
        Ask("GetConfiguration", {"key": [_MAX_16, _AT_ONCE_16]}),
        _room16,
        _entry16,
        lambda entry: {"idTag": entry["idToken"]},
        _send16,
    ),
    "2.0.1": _IN_201,
    "2.1": _IN_201,
}
PERFORMERS: Performers = MappingProxyType(
    {PutLocalList: put, ChangeLocalList: change, GetLocalListVersion: version_of}
)
