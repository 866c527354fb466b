"""
Take the published curl line for Google as it is written, though what it sends is no JSON.

It puts the text of a key file between quotes: `"service_account_json": "{ "type": … }"`. What the
quotes hold is an object of JSON, so it is read as one, as if they were not there (ADR 0028).
"""

from __future__ import annotations

import json
import re
from typing import Any

from api.errors import InvalidJson
from api.parsing import Parser

_QUOTED = re.compile(r'"service_account_json"[ \t\r\n]*:[ \t\r\n]*(")(?=[ \t\r\n]*\{)')
_WHITESPACE = re.compile(r"[ \t\r\n]*")
_OBJECT = json.JSONDecoder()


class MendingParser(Parser):
    """Read every body as all routes do, and one that is broken in this way as it was meant."""

    def decoded(self, text: bytes) -> Any:
        """Return what a text holds; raise InvalidJson."""
        try:
            return super().decoded(text)
        except InvalidJson:
            mended = mend(text)
            if mended is None:
                raise
        return super().decoded(mended)


def mend(text: bytes) -> bytes | None:
    """Return a text without the quotes around its key file, None where there are none."""
    try:
        body = text.decode()
        opening = _QUOTED.search(body)
        if opening is None:
            return None
        inside = _after_blanks(body, opening.end())
        _, end = _OBJECT.raw_decode(body, inside)
    except (ValueError, RecursionError):  # no UTF-8, or no object
        return None
    closing = _after_blanks(body, end)
    if not body.startswith('"', closing):
        return None
    return (body[: opening.start(1)] + body[inside:end] + body[closing + 1 :]).encode()


def _after_blanks(body: str, place: int) -> int:
    blanks = _WHITESPACE.match(body, place)
    return blanks.end() if blanks else place
