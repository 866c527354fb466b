"""Hold a target's Reset back while the charger charges: it must not end another party's session.

It waits among the other resets of the charger (`csms/resets.py`). 2.x has a word for that,
Scheduled; 1.6 has none, so the target is told Accepted and the charger gets a Soft reset. OnIdle
(2.x) is the charger's own business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from csms import frames
from csms.frames import Reply
from csms.resets import ACTION
from proxy.asked import Asked
from proxy.wishes import Wishes
from storage.repositories.availability import DeferredReset

if TYPE_CHECKING:
    from csms.station import Station
    from proxy.auditing import TargetAudit


class _Words(NamedTuple):
    """How a version says it: the answer to a reset that waits, and what the charger gets."""

    deferred: bytes
    payload: bytes | None


_IN_2 = _Words(b'{"status":"Scheduled"}', None)
_WORDS: Mapping[str, _Words] = {
    "1.6": _Words(b'{"status":"Accepted"}', b'{"type":"Soft"}'),
    "2.0.1": _IN_2,
    "2.1": _IN_2,
}


class TargetResets:
    """Serve the resets of one connected charger's target."""

    def __init__(self, station: Station, audit: TargetAudit) -> None:
        self._station = station
        self._words = _WORDS[station.version]
        self._audit = audit

    async def serve(self, asked: Asked) -> Reply | None:
        """Serve Reset: None where it goes to the charger now."""
        call, configuration, resets = asked.call, asked.configuration, self._station.resets
        broken = self._station.schemas.request(ACTION, call.fields)
        if broken is not None:
            return frames.call_error(call.id, broken.code, broken.message)
        at_once = Wishes.of(configuration.policy).actions.get(ACTION) == "forward"
        if at_once or call.fields["type"] == "OnIdle" or not await resets.charges(call.fields):
            return None
        payload, now = self._words.payload or call.payload, self._station.books.clock.now()
        await resets.hold(DeferredReset(configuration.key, configuration.id, payload, now))
        self._audit.note(configuration, ACTION, "deferred", type=call.fields["type"])
        return frames.call_result(call.id, self._words.deferred)
