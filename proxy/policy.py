"""Say per action who answers the charger, and how the target hears of it.

The tables are the rules; an action that is in none of them is a vendor's, and only the target
can know it. What a target may ask of the charger: `proxy/verdicts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Authority(Enum):
    """Who answers the charger."""

    OURS = "ours"
    THEIRS = "theirs"


class Hearing(Enum):
    """How the target hears what a charger said."""

    DURABLE = "durable"  # in order, from the journal, also when the target was away
    LIVE = "live"  # only now: nobody waits for the answer later
    LATEST = "latest"  # now, and after a reconnect the last one per connector
    NEVER = "never"  # the target link has its own


# For what is asked of each message: to look a member up takes as long as to call a function.
THEIRS = Authority.THEIRS
DURABLE, LIVE, LATEST = Hearing.DURABLE, Hearing.LIVE, Hearing.LATEST


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one action of the charger."""

    authority: Authority
    hearing: Hearing


_TOLD = Rule(Authority.OURS, Hearing.DURABLE)
_SHOWN = Rule(Authority.OURS, Hearing.LATEST)
_KEPT = Rule(Authority.OURS, Hearing.NEVER)
_ASKED = Rule(Authority.THEIRS, Hearing.LIVE)
_ASKED_AND_TOLD = Rule(Authority.THEIRS, Hearing.DURABLE)
_STREAMED = Rule(Authority.OURS, Hearing.LIVE)  # a Send, which passes the queue

_IN_2: Mapping[str, Rule] = {
    "Authorize": _ASKED,
    "BootNotification": _KEPT,
    "ClearedChargingLimit": _TOLD,
    "DataTransfer": _ASKED,
    "FirmwareStatusNotification": _TOLD,
    "Get15118EVCertificate": _ASKED,
    "GetCertificateStatus": _ASKED,
    "Heartbeat": _KEPT,
    "LogStatusNotification": _TOLD,
    "MeterValues": _TOLD,
    "NotifyChargingLimit": _TOLD,
    "NotifyCustomerInformation": _TOLD,
    "NotifyDisplayMessages": _TOLD,
    "NotifyEVChargingNeeds": _ASKED,
    "NotifyEVChargingSchedule": _ASKED,
    "NotifyEvent": _TOLD,
    "NotifyMonitoringReport": _TOLD,
    "NotifyReport": _TOLD,
    "PublishFirmwareStatusNotification": _TOLD,
    "ReportChargingProfiles": _TOLD,
    "ReservationStatusUpdate": _TOLD,
    "SecurityEventNotification": _TOLD,
    "SignCertificate": _KEPT,
    "StatusNotification": _SHOWN,
    "TransactionEvent": _ASKED_AND_TOLD,
}
_RULES: Mapping[str, Mapping[str, Rule]] = {
    "1.6": {
        "Authorize": _ASKED,
        "BootNotification": _KEPT,
        "DataTransfer": _ASKED,
        "DiagnosticsStatusNotification": _TOLD,
        "FirmwareStatusNotification": _TOLD,
        "Heartbeat": _KEPT,
        "LogStatusNotification": _TOLD,
        "MeterValues": _TOLD,
        "SecurityEventNotification": _TOLD,
        "SignCertificate": _KEPT,
        "SignedFirmwareStatusNotification": _TOLD,
        "StartTransaction": _ASKED_AND_TOLD,
        "StatusNotification": _SHOWN,
        "StopTransaction": _TOLD,
    },
    "2.0.1": _IN_2,
    "2.1": {
        **_IN_2,
        "BatterySwap": _TOLD,
        "ClosePeriodicEventStream": _TOLD,
        "GetCertificateChainStatus": _ASKED,
        "NotifyDERAlarm": _TOLD,
        "NotifyDERStartStop": _TOLD,
        "NotifyPeriodicEventStream": _STREAMED,
        "NotifyPriorityCharging": _TOLD,
        "NotifySettlement": _ASKED_AND_TOLD,
        "OpenPeriodicEventStream": _TOLD,
        "PullDynamicScheduleUpdate": _KEPT,  # no target's profile is dynamic
        "ReportDERControl": _TOLD,
        "VatNumberValidation": _ASKED,
    },
}


# What is ours alone to answer, by OCPP version.
OURS: Mapping[str, frozenset[str]] = {
    version: frozenset(action for action, one in rules.items() if one.authority is Authority.OURS)
    for version, rules in _RULES.items()
}
# OCPP version and action of all that a queue keeps.
KEPT: frozenset[tuple[str, str]] = frozenset(
    (version, action)
    for version, rules in _RULES.items()
    for action, one in rules.items()
    if one.hearing is Hearing.DURABLE
)


def rule(version: str, action: str) -> Rule:
    """Return the rule for what a charger of this OCPP version says."""
    return _RULES[version].get(action, _ASKED)
