"""Show a target what a station reports: its own link's values for ours, and no secret (2.x).

Where nothing has to change the payload stays itself, else the numbers in it stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from proxy import keys
from proxy.settings import View, view_of

if TYPE_CHECKING:
    from proxy.timings import Timings
    from storage.records import ProxyConfiguration
    from storage.repositories.overlays import Overlays

Show: TypeAlias = Callable[[Any, str, View], Any]


class Reports:
    """Show one target what its charger reports of the device model."""

    def __init__(
        self, configuration: ProxyConfiguration, overlays: Overlays, base: Timings
    ) -> None:
        self._configuration = configuration
        self._overlays = overlays
        self._base = base

    async def shown(self, action: str, payload: bytes) -> bytes:
        """Return what the target is told in the place of a payload."""
        if action not in _MEMBERS:
            return payload
        return shown(
            action, payload, await view_of(self._overlays, self._configuration, self._base)
        )


def shown(action: str, payload: bytes, view: View) -> bytes:
    """Return a report as a target reads it."""
    member, show = _MEMBERS[action]
    fields = json.loads(payload, parse_int=_as_it_is, parse_float=_as_it_is)
    items = keys.items_of(fields, member)
    told = [_shown(item, show, view) for item in items]
    if all(new is old for new, old in zip(told, items, strict=True)):
        return orjson.dumps(fields) if keys.hides(payload, member) else payload
    return orjson.dumps({**fields, member: told})


def _shown(item: Any, show: Show, view: View) -> Any:
    name = keys.name_of(item)
    return item if name is None else show(item, name, view)


def _reported(item: Mapping[str, Any], name: str, view: View) -> Any:
    """Show one variable of NotifyReport."""
    attributes = keys.items_of(item, "variableAttribute")
    told = [_attribute(attribute, name, view) for attribute in attributes]
    same = all(new is old for new, old in zip(told, attributes, strict=True))
    return item if same else {**item, "variableAttribute": told}


def _attribute(attribute: Any, name: str, view: View) -> Any:
    if not isinstance(attribute, dict) or "value" not in attribute:
        return attribute
    if keys.tells_secret(name, attribute["value"]):
        return {key: value for key, value in attribute.items() if key != "value"}
    value = view.told(name) if attribute.get("type") in (None, "Actual") else None
    return attribute if value is None else {**attribute, "value": value}


def _noticed(item: Mapping[str, Any], name: str, _: View) -> Any:
    """Show one event of NotifyEvent, whose value may not be left out."""
    secret = keys.tells_secret(name, item.get("actualValue"))
    return {**item, "actualValue": ""} if secret else item


_MEMBERS: Mapping[str, tuple[str, Show]] = {
    "NotifyReport": ("reportData", _reported),
    "NotifyEvent": ("eventData", _noticed),
}


def _as_it_is(number: str) -> orjson.Fragment:
    return orjson.Fragment(number)
