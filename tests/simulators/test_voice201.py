from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.hardware import Sample, Transaction
from simulators.profiles import Supply
from simulators.voice201 import Voice201

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLE = Sample(NOON, 1234.56, 6900.0, Supply())
IDLE = Sample(NOON, 1234.56, 0.0, Supply())


@pytest.fixture
def own() -> Transaction:
    return Transaction(1, "A", "Central", NOON, 1000.4)


def test_the_id_is_the_stations_own_and_numbers_have_no_gap(own: Transaction) -> None:
    voice = Voice201()
    _, started = voice.started(own, SAMPLE, offline=False)
    _, updated = voice.sampled(own, SAMPLE, offline=False)
    own.stop_reason = "Local"
    _, ended = voice.stopped(own, SAMPLE, offline=False)

    events = [started, updated, ended]
    assert [event["seqNo"] for event in events] == [0, 1, 2]
    assert {event["transactionInfo"]["transactionId"] for event in events} == {own.reference}


def test_the_state_follows_the_power(own: Transaction) -> None:
    _, event = Voice201().sampled(own, IDLE, offline=False)

    assert event["transactionInfo"]["chargingState"] == "SuspendedEVSE"


def test_an_event_from_offline_says_so_and_another_says_nothing(own: Transaction) -> None:
    assert Voice201().sampled(own, SAMPLE, offline=True)[1]["offline"] is True
    assert "offline" not in Voice201().sampled(own, SAMPLE, offline=False)[1]


@pytest.mark.parametrize(
    ("reason", "trigger", "stopped"),
    [
        ("Local", "StopAuthorized", "Local"),
        ("Remote", "RemoteStop", "Remote"),
        ("DeAuthorized", "Deauthorized", "DeAuthorized"),
        ("SoftReset", "ResetCommand", "ImmediateReset"),
        ("EVDisconnected", "EVDeparted", "EVDisconnected"),
    ],
)
def test_an_end_has_its_trigger_and_its_reason(
    own: Transaction, reason: str, trigger: str, stopped: str
) -> None:
    own.stop_reason = reason
    _, event = Voice201().stopped(own, SAMPLE, offline=False)

    assert event["triggerReason"] == trigger
    assert event["transactionInfo"]["stoppedReason"] == stopped


def test_a_reservation_is_named_at_the_start(own: Transaction) -> None:
    own.reservation_id = 5

    assert Voice201().started(own, SAMPLE, offline=False)[1]["reservationId"] == 5
