"""Say what may be a token, and in the words of OCPP 2.x of what kind it is (2.0.1 Part 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from csms.errors import InvalidCommand

# Serial numbers of cards: 4 or 7 bytes in ISO 14443, 8 bytes in ISO 15693.
_CARDS = {
    "ISO14443": re.compile(r"(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{14})", re.ASCII),
    "ISO15693": re.compile(r"[0-9A-Fa-f]{16}", re.ASCII),
}
_CENTRAL = "Central"
LONGEST_16, LONGEST_201 = 20, 36
# identifierString of 2.x, which its schemas do not say.
_IDENTIFIER = re.compile(r"[A-Za-z0-9*_=:+|@.-]*")


def check(version: str, tokens: Iterable[tuple[str, str | None]]) -> None:
    """Raise InvalidCommand for the first token, each with its field, that a version cannot say."""
    longest = LONGEST_16 if version == "1.6" else LONGEST_201
    for field, id_token in tokens:
        if id_token is None:
            continue
        told = _fault(version, longest, id_token)
        if told is not None:
            raise InvalidCommand(told, {field: [told]})


def _fault(version: str, longest: int, id_token: str) -> str | None:
    if len(id_token) > longest:
        return f"A token of OCPP {version} has at most {longest} characters."
    if version == "1.6":
        return None if id_token.isprintable() else "A token has characters that can be printed."
    if not _IDENTIFIER.fullmatch(id_token):
        return f"A token of OCPP {version} is made of letters without accents, digits and *-_=:+|@."
    return None


def type_of(id_token: str, kind: str) -> str:
    """Return the type of a token of a kind (seed 002): what is no card's serial number is ours."""
    if kind != "RFID":
        return _CENTRAL
    return next((name for name, form in _CARDS.items() if form.fullmatch(id_token)), _CENTRAL)
