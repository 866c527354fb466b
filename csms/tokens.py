"""Say in the words of OCPP 2.x what kind of token a text is (2.0.1 Part 2, IdTokenEnumType)."""

from __future__ import annotations

import re

# Serial numbers of cards: 4 or 7 bytes in ISO 14443, 8 bytes in ISO 15693.
_CARDS = {
    "ISO14443": re.compile(r"(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{14})", re.ASCII),
    "ISO15693": re.compile(r"[0-9A-Fa-f]{16}", re.ASCII),
}
_CENTRAL = "Central"
LONGEST_16, LONGEST_201 = 20, 36


def type_of(id_token: str, kind: str) -> str:
    """Return the type of a token of a kind (seed 002): what is no card's serial number is ours."""
    if kind != "RFID":
        return _CENTRAL
    return next((name for name, form in _CARDS.items() if form.fullmatch(id_token)), _CENTRAL)
