"""What the keys of a target's link say of our patience with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.overlay import link_key, timings_of, value_of
from proxy.timings import Timings

BASE = Timings()


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("HeartbeatInterval", "60", {"ordered_heartbeat": 60}),
        ("WebSocketPingInterval", "5", {"ping": 5}),
        ("TransactionMessageAttempts", "7", {"attempts": 7}),
        ("TransactionMessageRetryInterval", "0", {"attempt_interval": 0}),
        ("RetryBackOffWaitMinimum", "4", {"first_backoff": 4, "longest_backoff": 64}),
        ("RetryBackOffRepeatTimes", "3", {"first_backoff": 1, "longest_backoff": 8}),
        ("RetryBackOffRandomRange", "1", {"jitter": 1}),
        ("OCPPCommCtrlr.HeartbeatInterval", "60", {"ordered_heartbeat": 60}),
        ("OCPPCommCtrlr.MessageAttempts", "7", {"attempts": 7}),
        ("OCPPCommCtrlr.MessageAttemptInterval", "9", {"attempt_interval": 9}),
        ("OCPPCommCtrlr.MessageTimeout", "20", {"answer": 20}),
    ],
)
def test_a_key_changes_one_thing_and_reads_as_it_was_set(
    name: str, value: str, changed: dict[str, float]
) -> None:
    key = link_key(name)
    assert key is not None
    assert key.number(value) is not None
    timings = timings_of(BASE, {key.name: value})

    assert timings == replace(BASE, **changed)  # type: ignore[arg-type]  # all are numbers
    assert value_of(key, timings) == value


def test_what_was_never_set_reads_as_it_is() -> None:
    key = link_key("heartbeatinterval")

    assert key is not None
    assert value_of(key, BASE) == "300"


@pytest.mark.parametrize("name", ["AuthorizationKey", "HeartbeatInterval ", "X.MessageAttempts"])
def test_another_name_is_no_key_of_the_link(name: str) -> None:
    assert link_key(name) is None


def test_a_stored_value_that_makes_no_sense_changes_nothing() -> None:
    assert timings_of(BASE, {"attempts": "many", "heartbeat_interval": "0", "x": "1"}) == BASE
