"""Show a target how the connectors are now: the latest status of each, as the charger told it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson

from csms.readings import availabilities, items, mapping, whole
from storage.records import ConnectorStatus


class Shown(NamedTuple):
    """One message that tells a status."""

    action: str
    payload: bytes


_Show: TypeAlias = Callable[[ConnectorStatus, Mapping[str, Any]], Shown | None]


def shown(version: str, statuses: Iterable[ConnectorStatus]) -> Iterator[Shown]:
    """Yield what tells the latest statuses, in the form and with the timestamps received.

    Nothing that has been overtaken is among it, and nothing of another OCPP version
    (2.0.1 B01.FR.05, B04.FR.01).
    """
    for status in statuses:
        fields = mapping(orjson.loads(status.payload))
        told = next(filter(None, (show(status, fields) for show in _SHOW[version])), None)
        if told is not None:
            yield told


def _status16(status: ConnectorStatus, fields: Mapping[str, Any]) -> Shown | None:
    return Shown("StatusNotification", status.payload) if "errorCode" in fields else None


def _status201(status: ConnectorStatus, fields: Mapping[str, Any]) -> Shown | None:
    return Shown("StatusNotification", status.payload) if "connectorStatus" in fields else None


def _event(status: ConnectorStatus, fields: Mapping[str, Any]) -> Shown | None:
    place = (status.evse_id, status.connector_id)
    events = items(fields.get("eventData"))
    own = [
        event
        for event, evse_id, connector_id in availabilities(events)
        if (whole(evse_id), whole(connector_id)) == place
    ]
    if not own:
        return None
    if len(events) == 1:
        return Shown("NotifyEvent", status.payload)
    # The others of its message may be overtaken, or were delivered with it.
    alone = {**fields, "seqNo": 0, "tbc": False, "eventData": own[-1:]}
    return Shown("NotifyEvent", orjson.dumps(alone))


_SHOW: Mapping[str, tuple[_Show, ...]] = {
    "1.6": (_status16,),
    "2.0.1": (_status201, _event),
    "2.1": (_status201, _event),
}
