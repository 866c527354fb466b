"""
Take what is published as it is written, though what it sends is no JSON (ADR 0028).

The curl line for Google puts the text of a key file between quotes, which is read as the object
that it is: `"service_account_json": "{ "type": … }"`. The sample that stores connection details
has comments at the end of its lines, which are passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from api.errors import InvalidJson
from api.parsing import Parser

_QUOTED = re.compile(r'"service_account_json"[ \t\r\n]*:[ \t\r\n]*(")(?=[ \t\r\n]*\{)')
_WHITESPACE = re.compile(r"[ \t\r\n]*")
_OBJECT = json.JSONDecoder()
# A text ends at its quote or with the body, so that no place is looked at twice.
_TEXT_OR_COMMENT = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+"?)|//[^\r\n]*', re.DOTALL)

# Returns a body as it was meant, None where it is not broken in this way.
Mend: TypeAlias = Callable[[bytes], bytes | None]


class MendingParser(Parser):
    """Read every body as all routes do, and one that is broken in one way as it was meant."""

    def __init__(self, mend: Mend) -> None:
        super().__init__()
        self._mend = mend

    def decoded(self, text: bytes) -> Any:
        """Return what a text holds; raise InvalidJson."""
        try:
            return super().decoded(text)
        except InvalidJson:
            mended = self._mend(text)
            if mended is None:
                raise
        return super().decoded(mended)


def without_comments(text: bytes) -> bytes | None:
    """Return a text without what stands behind `//`, None where there is none."""
    bare = _TEXT_OR_COMMENT.sub(lambda found: found[1] or b"", text)
    return None if bare == text else bare


def unquoted(text: bytes) -> bytes | None:
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
