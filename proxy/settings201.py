"""Serve GetVariables and SetVariables of a target (OCPP 2.x), variable by variable.

What is the charger's goes to it in one CALL; the results come back in the order of the request.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from csms import frames
from csms.frames import Reply
from csms.readings import mapping
from csms.secrecy import is_secret
from proxy import keys
from proxy.asked import Ask, Asked
from proxy.overlay import link_key
from proxy.settings import (
    ACCEPTED,
    OTHER_ATTRIBUTE,
    REJECTED,
    Ruling,
    Setting,
    Settings,
    View,
)

Item: TypeAlias = Mapping[str, Any]

_SAME = ("attributeType", "component", "variable")
# The names of the transactions and timeouts that the link's own variables are about.
_INSTANCES = {"", "transactionevent", "default"}
_MOST_ITEMS = 200  # each may cost a commit; ItemsPerMessage of chargers is far below


class Settings201:
    """Answer what a target reads and sets, with the charger's help where it is the charger's."""

    def __init__(self, settings: Settings, ask: Ask) -> None:
        self._settings = settings
        self._ask = ask

    async def set(self, asked: Asked) -> Reply | None:
        """Serve SetVariables."""
        items = keys.items_of(asked.call.fields, "setVariableData")
        if len(items) > _MOST_ITEMS:
            return _too_many(asked)
        rulings = [
            await self._settings.rule(asked.target, asked.call.action, _setting(item))
            for item in items
        ]
        untouched = all(
            ruling.status is None and ruling.value == _value(item)
            for ruling, item in zip(rulings, items, strict=True)
        )
        if not untouched and (refusal := _unreadable(asked)):
            return refusal
        passed = [
            item if ruling.value == _value(item) else {**item, "attributeValue": ruling.value}
            for ruling, item in zip(rulings, items, strict=True)
            if ruling.status is None
        ]
        payload, theirs = await self._asked(asked, passed, untouched=untouched)
        results = _joined(items, [ruling.status for ruling in rulings], theirs)
        await _settle(rulings, results)
        if not untouched:
            payload = orjson.dumps({"setVariableResult": results})
        return frames.call_result(asked.call.id, payload)

    async def get(self, asked: Asked) -> Reply | None:
        """Serve GetVariables."""
        items = keys.items_of(asked.call.fields, "getVariableData")
        if len(items) > _MOST_ITEMS:
            return _too_many(asked)
        view = await self._settings.view(asked.configuration)
        ours = [_answer(item, view) for item in items]
        untouched = not any(ours)
        if not untouched and (refusal := _unreadable(asked)):
            return refusal
        passed = [item for item, answer in zip(items, ours, strict=True) if answer is None]
        payload, theirs = await self._asked(asked, passed, untouched=untouched)
        if untouched:
            payload = keys.conceal(asked.call.action, payload, mapping(orjson.loads(payload)))
            return frames.call_result(asked.call.id, _seen(payload, view))
        found = iter(_matched(passed, theirs))
        results = [answer or next(found) for answer in ours]
        return frames.call_result(
            asked.call.id, _seen(orjson.dumps({"getVariableResult": results}), view)
        )

    async def _asked(
        self, asked: Asked, passed: Sequence[Item], *, untouched: bool
    ) -> tuple[bytes, list[Any]]:
        """Ask the charger for its part, if it has one, and return its results."""
        call = asked.call
        if not passed and not untouched:
            return b"{}", []
        asking, answering = _MEMBERS[call.action]
        told = call.payload if untouched else orjson.dumps({**call.fields, asking: passed})
        result = await self._ask(call.action, told, asked.position)
        return result.payload, keys.items_of(result.fields, answering)


_MEMBERS = {
    "GetVariables": ("getVariableData", "getVariableResult"),
    "SetVariables": ("setVariableData", "setVariableResult"),
}


async def _settle(rulings: Sequence[Ruling], results: Sequence[Item]) -> None:
    for ruling, result in zip(rulings, results, strict=True):
        status = result.get("attributeStatus")
        await ruling.settle(status if isinstance(status, str) else None)


def _joined(
    items: Sequence[Item], statuses: Sequence[str | None], theirs: Sequence[Any]
) -> list[Item]:
    """Return our results and the charger's, in the order of the request."""
    passed = [item for item, status in zip(items, statuses, strict=True) if status is None]
    found = iter(_matched(passed, theirs))
    return [
        next(found) if status is None else {**_same(item), "attributeStatus": status}
        for item, status in zip(items, statuses, strict=True)
    ]


def _matched(asked: Sequence[Item], results: Sequence[Any]) -> list[Item]:
    """Return the charger's result for each item; what it left out was not done."""
    told: dict[str, deque[Item]] = defaultdict(deque)
    for result in results:
        if keys.name_of(result) is not None:
            told[_identity(result)].append(_readable(result))
    return [
        told[_identity(item)].popleft()
        if told[_identity(item)]
        else {**_same(item), "attributeStatus": REJECTED}
        for item in asked
    ]


def _readable(result: Item) -> Item:
    name = keys.name_of(result)
    if name is None or not keys.tells_secret(name, result.get("attributeValue")):
        return result
    return {key: value for key, value in result.items() if key != "attributeValue"}


def _identity(item: Item) -> str:
    """Name one attribute of one variable; letter case does not count."""
    component, variable = mapping(item.get("component")), mapping(item.get("variable"))
    evse = mapping(component.get("evse"))
    place = (
        component.get("name"),
        component.get("instance"),
        evse.get("id"),
        evse.get("connectorId"),
        variable.get("name"),
        variable.get("instance"),
        item.get("attributeType") or "Actual",
    )
    return repr(place).casefold()


def _setting(item: Item) -> Setting:
    return Setting(keys.name_of(item) or "", _value(item), plain=_plain(item), actual=_actual(item))


def _value(item: Item) -> str:
    return str(item.get("attributeValue"))


def _actual(item: Item) -> bool:
    return item.get("attributeType") in (None, "Actual")


def _plain(item: Item) -> bool:
    component, variable = item["component"], item["variable"]
    instance = variable.get("instance") or ""
    elsewhere = component.get("instance") or component.get("evse")
    return not elsewhere and str(instance).casefold() in _INSTANCES


def _answer(item: Any, view: View) -> Item | None:
    """Answer for a variable that is ours, None for one of the charger's."""
    name = keys.name_of(item)
    if name is None:
        return None
    if is_secret(name):  # write-only (B06.FR.09)
        return {**_same(item), "attributeStatus": REJECTED}
    if link_key(name) is None:
        return None
    if not _actual(item):
        return {**_same(item), "attributeStatus": OTHER_ATTRIBUTE}
    if not _plain(item):
        return {**_same(item), "attributeStatus": "UnknownVariable"}
    return {**_same(item), "attributeStatus": ACCEPTED, "attributeValue": view.told(name)}


def _seen(payload: bytes, view: View) -> bytes:
    """Return the results with the target's own wishes of what it shares."""
    fields = orjson.loads(payload)
    results = keys.items_of(fields, "getVariableResult")
    shown = [_wished(result, view) for result in results]
    return payload if shown == results else orjson.dumps({**fields, "getVariableResult": shown})


def _wished(result: Any, view: View) -> Any:
    name = keys.name_of(result)
    if name is None or result.get("attributeStatus") != ACCEPTED or not _actual(result):
        return result
    value = view.told(name) if _plain(result) else None
    return result if value is None else {**result, "attributeValue": value}


def _same(item: Item) -> dict[str, Any]:
    return {name: item[name] for name in _SAME if name in item}


def _too_many(asked: Asked) -> Reply:
    told = f"More than {_MOST_ITEMS} variables at once are not taken."
    return frames.call_error(asked.call.id, "OccurrenceConstraintViolation", told)


def _unreadable(asked: Asked) -> Reply | None:
    """Refuse a request that breaks its schema, as our answer would repeat parts of it."""
    call = asked.call
    broken = asked.target.kind.schemas.request(call.action, call.fields)
    return frames.call_error(call.id, broken.code, broken.message) if broken else None
