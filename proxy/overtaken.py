"""Leave out of what is told late the statuses that the target has been shown since.

After each Boot and on each new link a target is shown the latest status of every connector. A 2.x
charger may tell its statuses as events, which are delivered whatever happens; an earlier status
among them would come behind the latest one and be taken for it. All other events stay.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from csms.readings import availabilities, whole, word
from csms.schemas import Schemas
from proxy import splice
from proxy.splice import EACH

_ACTION, _EVENTS = "NotifyEvent", "eventData"
_SCHEMAS: Mapping[str, Schemas] = {version: Schemas(version) for version in ("2.0.1", "2.1")}


def told_since(version: str, action: str, payload: bytes) -> bytes | None:
    """Return what is left of a payload, None where nothing is."""
    if action != _ACTION:
        return payload
    fields = orjson.loads(payload)
    if _SCHEMAS[version].request(_ACTION, fields) is not None:
        return payload  # what we refused we did not note either
    shown = _shown(fields[_EVENTS])
    raw = splice.values_at(payload, (_EVENTS, EACH))
    if len(raw) != len(fields[_EVENTS]):  # a repeated key
        return payload
    left = [None if place in shown else event for place, event in enumerate(raw)]
    return splice.sift(payload, (_EVENTS,), left) if any(left) else None


def _shown(events: list[object]) -> set[int]:
    """Return which events tell a status that was noted, and so is shown."""
    return {
        place
        for place, event in enumerate(events)
        for told, *where in availabilities([event])
        if word(told.get("actualValue")) and None not in map(whole, where)
    }
