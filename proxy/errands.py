"""Know what a target that has us pending has asked for: only that may it hear.

Before it has accepted us a target may read and configure, and have messages sent that it wants
to see first (OCPP 1.6 §4.2, 2.0.1 B02.FR.02).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from csms.frames import Call, CallResult, Reply
from csms.readings import mapping

_TRIGGERS = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
_MANY: Final = 1_000_000
# What comes in several messages, each of them asked for.
_REPORTS: Mapping[str, str] = {
    "CustomerInformation": "NotifyCustomerInformation",
    "GetBaseReport": "NotifyReport",
    "GetChargingProfiles": "ReportChargingProfiles",
    "GetDERControl": "ReportDERControl",
    "GetDisplayMessages": "NotifyDisplayMessages",
    "GetMonitoringReport": "NotifyMonitoringReport",
    "GetReport": "NotifyReport",
}


class Errands:
    """Remember what the charger was asked to send to a target that has us pending."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()

    def note(self, call: Call, reply: Reply) -> None:
        """Note a target's CALL and what it was answered."""
        if not isinstance(reply, CallResult) or not _accepts(reply):
            return
        if call.action in _TRIGGERS:
            self._expected[str(mapping(call.fields).get("requestedMessage"))] += 1
        elif call.action in _REPORTS:
            self._expected[_REPORTS[call.action]] = _MANY

    def take(self, action: str) -> bool:
        """Tell whether a message was asked for, and count it."""
        if not self._expected[action]:
            return False
        self._expected[action] -= 1
        return True

    def forget(self) -> None:
        """Expect nothing any more."""
        self._expected.clear()


def _accepts(reply: CallResult) -> bool:
    return mapping(orjson.loads(reply.payload)).get("status") == "Accepted"
