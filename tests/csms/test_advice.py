from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.advice import Why, advice
from storage.records import Charger, ChargerKey

CHARGER = Charger(
    key=ChargerKey("O", "CP01"),
    charger_name="CP01",
    security_profile=2,
    password_digest=b"",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("why", "event", "words"),
    [
        (Why("password"), "FailedToAuthenticateAtCsms", "rotate-password"),
        (Why("profile"), "SecurityProfileMismatch", '{"security_profile": 1}'),
        (
            Why("certificate", "was revoked here"),
            "InvalidChargingStationCertificate",
            "Its certificate was revoked here: ",
        ),
    ],
)
def test_each_reason_has_its_event_and_says_what_to_do(why: Why, event: str, words: str) -> None:
    assert why.event == event
    assert words in advice(why, 1, CHARGER)


def test_an_unknown_charger_is_one_to_enrol() -> None:
    assert Why("unknown").event == "UnknownCharger"
    assert "enrol it" in advice(Why("unknown"), 1, None)


def test_a_proxy_is_suspected_only_where_tls_is_missing() -> None:
    assert "X-Forwarded-Proto" in advice(Why("profile"), 1, CHARGER)
    assert "X-Forwarded-Proto" not in advice(Why("profile"), 3, CHARGER)
