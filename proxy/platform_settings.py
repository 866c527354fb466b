"""Set keys that owners share, for the platform: nobody gets coarser values than it asked for.

One charger has one metering interval and one list of measurands. The platform is one owner among
its targets (`proxy/metering.py`): the charger gets the finest of all wishes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from csms.parties import PLATFORM
from csms.readings import mapping, word
from proxy import keys, metering

if TYPE_CHECKING:
    from storage.records import ChargerKey
    from storage.repositories.overlays import Overlays

_TAKEN = frozenset({"Accepted", "RebootRequired"})
Finest = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Shared:
    """What the charger is told, and the platform's own wishes in it by stored name."""

    fields: Mapping[str, Any]
    wishes: Mapping[str, str] = field(default_factory=dict)

    def taken(self, response: Mapping[str, Any]) -> Mapping[str, str]:
        """Return those of the wishes that the charger's answer accepts."""
        if "status" in response:
            return self.wishes if word(response["status"]) in _TAKEN else {}
        results = map(mapping, keys.items_of(response, "setVariableResult"))
        accepted = {
            _shared_name(one) for one in results if word(one.get("attributeStatus")) in _TAKEN
        }
        return {name: value for name, value in self.wishes.items() if name in accepted}


async def shared(
    overlays: Overlays, key: ChargerKey, action: str, fields: Mapping[str, Any]
) -> Shared:
    """Return a request with the finest values that anybody wants; raise StorageError."""
    if action not in _SHARE:
        return Shared(fields)
    wishes = await overlays.shared(key)
    own: dict[str, str] = {}

    def finest(name: str, value: str) -> str:
        if not metering.is_legal(name, value):
            return value  # for the charger to refuse
        own[name] = value
        after = metering.with_wish(wishes, PLATFORM, name, value)
        alone = all(owner == PLATFORM or name not in after[owner] for owner in after)
        return value if alone else metering.joined(after, name) or value

    return Shared(_SHARE[action](fields, finest), own)


async def keep(overlays: Overlays, key: ChargerKey, wishes: Mapping[str, str]) -> None:
    """Remember what the platform wishes; raise StorageError."""
    for name, value in wishes.items():
        await overlays.note_shared(key, PLATFORM, name, value)


def _in_key(fields: Mapping[str, Any], finest: Finest) -> Mapping[str, Any]:
    name = metering.metering_key(fields["key"])
    return fields if name is None else {**fields, "value": finest(name, fields["value"])}


def _in_variables(fields: Mapping[str, Any], finest: Finest) -> Mapping[str, Any]:
    items: Sequence[Any] = keys.items_of(fields, "setVariableData")
    return {**fields, "setVariableData": [_in_variable(item, finest) for item in items]}


def _in_variable(item: Mapping[str, Any], finest: Finest) -> Mapping[str, Any]:
    name = _shared_name(item)
    if name is None:
        return item
    return {**item, "attributeValue": finest(name, item["attributeValue"])}


def _shared_name(item: Any) -> str | None:
    """Return by which name a variable is shared; one of an instance or EVSE is not."""
    spelled = keys.name_of(item)
    if spelled is None or item.get("attributeType") not in (None, "Actual"):
        return None
    component, variable = mapping(item["component"]), mapping(item["variable"])
    if component.get("instance") or component.get("evse") or variable.get("instance"):
        return None
    return metering.metering_key(spelled)


_SHARE: Mapping[str, Callable[[Mapping[str, Any], Finest], Mapping[str, Any]]] = {
    "ChangeConfiguration": _in_key,
    "SetVariables": _in_variables,
}
