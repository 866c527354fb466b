"""A verdict in the words of each version."""

from __future__ import annotations

import pytest

from csms.authorization import Verdict, Word
from csms.payloads import wire_fields
from csms.verdict_words import id_tag_info, id_token_info
from tests.storage.doubles import NOON


@pytest.mark.parametrize(
    ("word", "in_16"),
    [
        ("Accepted", "Accepted"),
        ("Blocked", "Blocked"),
        ("Expired", "Expired"),
        ("Invalid", "Invalid"),
        ("Unknown", "Invalid"),  # 1.6 has no such word
    ],
)
def test_the_word(word: Word, in_16: str) -> None:
    assert id_tag_info(Verdict(word)).status == in_16
    assert id_token_info(Verdict(word)).status == word


def test_group_and_expiry_go_along() -> None:
    verdict = Verdict("Accepted", "Fleet", NOON)

    assert wire_fields(id_tag_info(verdict)) == {
        "status": "Accepted",
        "parentIdTag": "Fleet",
        "expiryDate": "2026-03-01T12:00:00.000Z",
    }
    assert wire_fields(id_token_info(verdict)) == {
        "status": "Accepted",
        "groupIdToken": {"idToken": "Fleet", "type": "Central"},
        "cacheExpiryDateTime": "2026-03-01T12:00:00.000Z",
    }


def test_a_group_that_a_version_cannot_say_is_left_out() -> None:
    verdict = Verdict("Accepted", "F" * 21)

    assert id_tag_info(verdict).parent_id_tag is None
    assert id_token_info(verdict).group_id_token is not None
    assert id_token_info(Verdict("Accepted", "F" * 37)).group_id_token is None
