from __future__ import annotations

from dataclasses import replace
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
            "Its certificate was revoked here: install another one in the charger.",
        ),
    ],
)
def test_each_reason_has_its_event_and_says_what_to_do(why: Why, event: str, words: str) -> None:
    assert why.event == event
    assert words in advice(why, 1, CHARGER)


@pytest.mark.parametrize(
    ("wrong", "helps"),
    [
        ("is not issued to it: CN has to be CP01", "store this one with POST …/certificates."),
        ("names another operator: O has to be Tests", "store this one with POST …/certificates."),
        ("is none of those that are stored for it", "store this one with POST …/certificates."),
        ("has an issuer that RINGMAIN_TLS_CLIENT_CA does not name", ": name it there too, or "),
        ("cannot be checked, because the list is out of date", ": put a newer list there."),
        ("expired on 2026-01-01, or is not valid yet", ": install another one in the charger."),
    ],
)
def test_only_what_helps_is_advised_for_a_certificate(wrong: str, helps: str) -> None:
    assert helps in advice(Why("certificate", wrong), 3, CHARGER)


def test_a_wrong_password_does_not_hide_that_the_profile_is_wrong_too() -> None:
    both = advice(Why("password"), 2, replace(CHARGER, security_profile=3))
    assert both.endswith(
        "without a client certificate (profile 2), besides, and security_profile is 3."
    )
    may_rise = replace(CHARGER, next_security_profile=1)
    assert advice(Why("password"), 2, CHARGER) == advice(Why("password"), 1, may_rise)


@pytest.mark.parametrize("profile", [1, 2])
def test_who_has_no_password_is_given_it_and_only_at_last_let_in_without(profile: int) -> None:
    told = advice(Why("profile"), 0, replace(CHARGER, security_profile=profile))

    assert told.index("give it its password") < told.index("unsafe") < told.index("PATCH")
    assert ("wss://" in told) is (profile == 2)


def test_an_unknown_charger_is_one_to_enrol() -> None:
    assert Why("unknown").event == "UnknownCharger"
    assert "enrol it" in advice(Why("unknown"), 1, None)


def test_a_proxy_is_suspected_only_where_what_it_passes_on_is_missing() -> None:
    by_certificate = replace(CHARGER, security_profile=3)

    assert "X-Forwarded-Proto" in advice(Why("profile"), 1, CHARGER)
    assert "X-Forwarded-Proto" not in advice(Why("profile"), 3, CHARGER)
    assert "RINGMAIN_CLIENT_CERT_HEADER" in advice(Why("profile"), 2, by_certificate)
    assert "RINGMAIN_CLIENT_CERT_HEADER" not in advice(Why("profile"), 3, CHARGER)
