"""What can be a token in which version, and of what kind it is."""

from __future__ import annotations

import pytest

from csms.errors import InvalidCommand
from csms.tokens import check, type_of


@pytest.mark.parametrize(
    ("version", "id_token"),
    [
        ("1.6", "Zoë's card №7"),  # CiString20Type
        ("1.6", "x" * 20),
        ("2.0.1", "AZaz09*-_=:+|@."),  # identifierString
        ("2.1", "x" * 36),
    ],
)
def test_what_a_version_can_say(version: str, id_token: str) -> None:
    check(version, [("idToken", id_token), ("groupIdToken", None)])


@pytest.mark.parametrize(
    ("version", "id_token"),
    [
        ("1.6", "x" * 21),
        ("1.6", "line\u2028feed"),
        ("1.6", "\x9bcontrol"),
        ("2.0.1", "with space"),
        ("2.0.1", "Zoë"),
        ("2.0.1", "a/b"),
        ("2.1", "x\n"),
        ("2.1", "٣"),
        ("2.1", "x" * 37),
    ],
)
def test_what_it_cannot_say_is_named(version: str, id_token: str) -> None:
    with pytest.raises(InvalidCommand) as wrong:
        check(version, [("idToken", "A"), ("entries.1.idToken", id_token)])
    assert wrong.value.fields.keys() == {"entries.1.idToken"}


@pytest.mark.parametrize(
    ("id_token", "kind", "type"),
    [
        ("04E91A2B", "RFID", "ISO14443"),
        ("04e91a2b112233", "RFID", "ISO14443"),
        ("E004010203040506", "RFID", "ISO15693"),
        ("04E91A2", "RFID", "Central"),
        ("04E91A2B", "APP_USER", "Central"),
    ],
)
def test_a_card_is_known_by_its_serial_number(id_token: str, kind: str, type: str) -> None:
    assert type_of(id_token, kind) == type
