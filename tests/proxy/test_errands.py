"""What a target that has us pending may hear."""

from __future__ import annotations

import orjson
import pytest

from csms import frames
from csms.frames import Call, Reply
from proxy.errands import Errands

ACCEPTED = frames.call_result("1", b'{"status":"Accepted"}')


def call(action: str, **fields: object) -> Call:
    parsed = frames.parse(frames.call("1", action, orjson.dumps(fields)).text)
    assert isinstance(parsed, Call)
    return parsed


@pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
def test_what_is_triggered_may_go_out_once(action: str) -> None:
    errands = Errands()
    errands.note(call(action, requestedMessage="StatusNotification"), ACCEPTED)

    assert not errands.take("MeterValues")
    assert [errands.take("StatusNotification") for _ in range(2)] == [True, False]


def test_a_report_comes_in_as_many_messages_as_it_takes() -> None:
    errands = Errands()
    errands.note(call("GetBaseReport", requestId=1, reportBase="FullInventory"), ACCEPTED)

    assert all(errands.take("NotifyReport") for _ in range(100))
    assert not errands.take("NotifyMonitoringReport")


@pytest.mark.parametrize(
    "reply",
    [
        frames.call_result("1", b'{"status":"Rejected"}'),
        frames.call_result("1", b"[]"),
        frames.call_error("1", "NotSupported"),
    ],
)
def test_what_the_charger_does_not_do_is_not_expected(reply: Reply) -> None:
    errands = Errands()
    errands.note(call("TriggerMessage", requestedMessage="MeterValues"), reply)

    assert not errands.take("MeterValues")


def test_other_commands_bring_nothing() -> None:
    errands = Errands()
    errands.note(call("GetConfiguration"), ACCEPTED)
    errands.note(call("TriggerMessage", requestedMessage="Heartbeat"), ACCEPTED)
    errands.forget()

    assert not any(errands.take(action) for action in ("Heartbeat", "NotifyReport"))
