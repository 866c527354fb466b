from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.hardware import Sample, Transaction
from simulators.profiles import Supply
from simulators.settings import Setting, Settings
from simulators.voice16 import Voice16

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLE = Sample(NOON, 1234.56, 6900.0, Supply())


@pytest.fixture
def own() -> Transaction:
    return Transaction(1, "A", "", NOON, 1000.4)


def test_a_key_of_40_hex_digits_is_20_bytes_and_anything_else_is_text() -> None:
    secret = Voice16().secret

    assert secret("00FF" * 10) == b"\x00\xff" * 10
    assert secret("plain password 12345") == "plain password 12345"
    assert secret("x" * 40) == "x" * 40


def test_a_start_gives_its_id_to_what_follows(own: Transaction) -> None:
    voice = Voice16()
    _, start = voice.started(own, SAMPLE, offline=False)
    goes_on = voice.heard(
        "StartTransaction", {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}, own
    )
    _, meter = voice.sampled(own, SAMPLE, offline=False)

    assert voice.complete(start, own) == start
    assert start["meterStart"] == 1000
    assert goes_on
    assert voice.complete(meter, own)["transactionId"] == 77


def test_a_meter_tells_energy_power_current_and_voltage(own: Transaction) -> None:
    _, fields = Voice16().sampled(own, SAMPLE, offline=False)
    values = fields["meterValue"][0]["sampledValue"]

    assert [(one["value"], one["unit"]) for one in values] == [
        ("1234.6", "Wh"),
        ("6900.0", "W"),
        ("10.0", "A"),
        ("230.0", "V"),
    ]


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [({"idTagInfo": {"status": "Blocked"}}, False), ({}, True), ({"idTagInfo": {}}, True)],
)
def test_only_a_spoken_refusal_refuses(answer: dict[str, object], *, allowed: bool) -> None:
    assert Voice16().authorized(answer) is allowed


def test_units_are_named_in_words() -> None:
    key = "ChargingScheduleAllowedChargingRateUnit"

    assert Voice16().rate_units(Settings({key: Setting("Current", "text")})) == {"A"}
    assert Voice16().rate_units(Settings({key: Setting("Current, Power", "text")})) == {"A", "W"}
