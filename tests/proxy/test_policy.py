"""Who answers a charger, and how its target hears of what it said."""

from __future__ import annotations

import pytest

from csms.schemas import Schemas
from proxy.policy import _RULES, Authority, Hearing, rule
from proxy.verdicts import _COMMANDS

VERSIONS = ("1.6", "2.0.1", "2.1")
BOTH_WAYS = {"DataTransfer"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_action_of_the_version_is_in_exactly_one_table(version: str) -> None:
    said, commanded = set(_RULES[version]), set(_COMMANDS[version])

    assert said | commanded == Schemas(version).actions
    assert said & commanded == BOTH_WAYS


@pytest.mark.parametrize(
    ("version", "action", "authority", "hearing"),
    [
        ("1.6", "BootNotification", Authority.OURS, Hearing.NEVER),
        ("1.6", "Heartbeat", Authority.OURS, Hearing.NEVER),
        ("1.6", "StatusNotification", Authority.OURS, Hearing.LATEST),
        ("1.6", "MeterValues", Authority.OURS, Hearing.DURABLE),
        ("1.6", "StopTransaction", Authority.OURS, Hearing.DURABLE),
        ("1.6", "StartTransaction", Authority.THEIRS, Hearing.DURABLE),
        ("1.6", "Authorize", Authority.THEIRS, Hearing.LIVE),
        ("1.6", "DataTransfer", Authority.THEIRS, Hearing.LIVE),
        ("1.6", "SecurityEventNotification", Authority.OURS, Hearing.DURABLE),
        ("1.6", "SignCertificate", Authority.OURS, Hearing.NEVER),
        ("2.0.1", "BootNotification", Authority.OURS, Hearing.NEVER),
        ("2.0.1", "Heartbeat", Authority.OURS, Hearing.NEVER),
        ("2.0.1", "StatusNotification", Authority.OURS, Hearing.LATEST),
        ("2.0.1", "TransactionEvent", Authority.THEIRS, Hearing.DURABLE),
        ("2.0.1", "Authorize", Authority.THEIRS, Hearing.LIVE),
        ("2.0.1", "Get15118EVCertificate", Authority.THEIRS, Hearing.LIVE),
        ("2.0.1", "NotifyReport", Authority.OURS, Hearing.DURABLE),
        ("2.0.1", "VendorAction", Authority.THEIRS, Hearing.LIVE),
        ("1.6", "VendorAction", Authority.THEIRS, Hearing.LIVE),
        ("2.1", "TransactionEvent", Authority.THEIRS, Hearing.DURABLE),
        ("2.1", "NotifyDERAlarm", Authority.OURS, Hearing.DURABLE),
        ("2.1", "NotifySettlement", Authority.THEIRS, Hearing.DURABLE),
        ("2.1", "NotifyPeriodicEventStream", Authority.OURS, Hearing.LIVE),
        ("2.1", "GetCertificateChainStatus", Authority.THEIRS, Hearing.LIVE),
        ("2.1", "PullDynamicScheduleUpdate", Authority.OURS, Hearing.NEVER),
    ],
)
def test_the_rule_of_an_action(
    version: str, action: str, authority: Authority, hearing: Hearing
) -> None:
    assert (rule(version, action).authority, rule(version, action).hearing) == (authority, hearing)
