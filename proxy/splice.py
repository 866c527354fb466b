"""Change values inside a JSON text and leave every other byte as it came.

A payload is opened here only to exchange an id: whitespace, escapes, number spellings, the order
of members and repeated keys around it survive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]
Span: TypeAlias = tuple[int, int]

_BLANKS = re.compile(r"[ \t\n\r]*")
# Numbers stay text: some have more digits than Python likes to convert.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def values_at(payload: bytes, path: Path) -> list[bytes]:
    """Return the raw values at a path of object keys, several where a key is repeated."""
    text = payload.decode()
    return [text[start:end].encode() for start, end in _spans(text, 0, path)]


def replace(payload: bytes, path: Path, change: Callable[[bytes], bytes]) -> bytes:
    """Exchange every value at a path of object keys; without one the payload stays itself."""
    text, parts, done = payload.decode(), [], 0
    for start, end in _spans(text, 0, path):
        parts += [text[done:start].encode(), change(text[start:end].encode())]
        done = end
    return b"".join([*parts, text[done:].encode()]) if parts else payload


def repeats_a_key(payload: bytes) -> bool:
    """Tell whether an object has a key twice, also in other letter case.

    Two parsers may then read two different payloads: one for the guard, one for the charger.
    """
    repeated = False

    def note(members: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated |= len({key.casefold() for key, _ in members}) < len(members)

    json.loads(payload, object_pairs_hook=note, parse_int=str, parse_float=str)
    return repeated


def _spans(text: str, at: int, path: Path) -> Iterator[Span]:
    for key, start, end in _members(text, at):
        if key == path[0]:
            yield from _spans(text, start, path[1:]) if path[1:] else [(start, end)]


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    at = _after_blanks(text, at)
    if text[at] != "{":
        return
    at = _after_blanks(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _after_blanks(text, _after_blanks(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()
