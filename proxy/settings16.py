"""Serve GetConfiguration and ChangeConfiguration of a target (OCPP 1.6)."""

from __future__ import annotations

from typing import Any

import orjson

from csms import frames
from csms.frames import Reply
from proxy import keys
from proxy.asked import Ask, Asked
from proxy.overlay import link_key
from proxy.settings import Setting, Settings, View


class Settings16:
    """Answer what a target reads and sets, with the charger's help where the key is its own."""

    def __init__(self, settings: Settings, ask: Ask) -> None:
        self._settings = settings
        self._ask = ask

    async def change(self, asked: Asked) -> Reply | None:
        """Serve ChangeConfiguration."""
        call = asked.call
        name, value = call.fields["key"], str(call.fields.get("value", ""))
        ruling = await self._settings.rule(asked.target, call.action, Setting(name, value))
        if ruling.status is not None:
            await ruling.settle(ruling.status)
            return _says(asked, {"status": ruling.status})
        if ruling.value == value:
            told = call.payload
        else:
            told = orjson.dumps({**call.fields, "value": ruling.value})
        result = await self._ask(call.action, told, asked.position)
        status = result.fields.get("status") if isinstance(result.fields, dict) else None
        await ruling.settle(status if isinstance(status, str) else None)
        return frames.call_result(call.id, result.payload)

    async def get(self, asked: Asked) -> Reply | None:
        """Serve GetConfiguration; without keys it is about all of them."""
        call = asked.call
        view = await self._settings.view(asked.configuration)
        names = keys.items_of(call.fields, "key")
        ours = [name for name in names if _is_of_the_link(name)]
        if names and len(ours) == len(names):
            return _says(asked, {"configurationKey": _entries(ours, view)})
        told = call.payload
        if ours:
            rest = [name for name in names if not _is_of_the_link(name)]
            told = orjson.dumps({**call.fields, "key": rest})
        result = await self._ask(call.action, told, asked.position)
        payload = keys.conceal(call.action, result.payload, result.fields)
        return frames.call_result(call.id, _overlaid(payload, ours, view))


def _is_of_the_link(name: Any) -> bool:
    return isinstance(name, str) and link_key(name) is not None


def _overlaid(payload: bytes, ours: list[str], view: View) -> bytes:
    """Return the charger's answer with what the target reads instead."""
    fields = orjson.loads(payload)
    shown = [_seen(item, view) for item in keys.items_of(fields, "configurationKey")]
    shown += _entries(ours, view)
    if not isinstance(fields, dict) or shown == keys.items_of(fields, "configurationKey"):
        return payload
    return orjson.dumps({**fields, "configurationKey": shown})


def _seen(item: Any, view: View) -> Any:
    name = item.get("key") if isinstance(item, dict) else None
    value = view.told(name) if isinstance(name, str) else None
    return item if value is None else {**item, "value": value}


def _entries(names: list[str], view: View) -> list[dict[str, Any]]:
    return [{"key": name, "readonly": False, "value": view.told(name)} for name in names]


def _says(asked: Asked, fields: dict[str, Any]) -> Reply:
    return frames.call_result(asked.call.id, orjson.dumps(fields), fields)
