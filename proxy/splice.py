"""Change values inside a JSON text and leave every other byte as it came.

A payload is opened here only to exchange an id or to set a flag: whitespace, escapes, number
spellings, the order of members and repeated keys around it survive.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

# Keys of objects, and EACH for every element of an array; what is no array is its own only element.
Path: TypeAlias = tuple[str, ...]
Span: TypeAlias = tuple[int, int]
_Change: TypeAlias = tuple[Span, str]

EACH: Final = "[]"

_SEVERAL = 2
# The spelling of what is neither object nor array, in a text without escapes; it never goes back.
_SCALAR = r"""(?:"[^"]*+"|[^\s"\[\]{},]++)"""
_MEMBER = rf"""\s*+"[^"]*+"\s*+:\s*+{_SCALAR}\s*+,"""

_BLANKS = re.compile(r"[ \t\n\r]*")
# Numbers stay text: some have more digits than Python likes to convert.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


class _Member(NamedTuple):
    """Where one member of an object is in a text, or one element of an array: its key is EACH."""

    key: str
    key_at: int
    value_at: int
    end: int


class Places(Struct, frozen=True):
    """Where the values at one path are in a payload."""

    payload: bytes
    text: str
    spans: list[Span]

    @property
    def values(self) -> list[bytes]:
        """Return the raw values, several where a key is repeated."""
        return [self.text[start:end].encode() for start, end in self.spans]

    def exchanged(self, values: list[bytes]) -> bytes:
        """Return the payload with other values; with the same ones it stays itself."""
        if values == self.values:
            return self.payload
        changes = zip(self.spans, (value.decode() for value in values), strict=True)
        return _exchange(self.payload, self.text, list(changes))


def find(payload: bytes, path: Path, *, any_case: bool = False) -> Places:
    """Find the values at a path."""
    mentions = _mentions(payload, path[-1] if path[-1] != EACH else _last_key(path))
    if not mentions:
        return Places(payload, "", [])
    text = payload.decode()
    if mentions == 1 and len(path) == 1 and (early := _early(path[0], any_case).match(text)):
        return Places(payload, text, [early.span(1)])
    return Places(payload, text, _spans(text, path, any_case=any_case))


def values_at(payload: bytes, path: Path) -> list[bytes]:
    """Return the raw values at a path, several where a key is repeated."""
    return find(payload, path).values


def replace(payload: bytes, path: Path, change: Callable[[bytes], bytes]) -> bytes:
    """Exchange every value at a path; without one the payload stays itself."""
    places = find(payload, path)
    return places.exchanged([change(value) for value in places.values])


def remove(payload: bytes, path: Path, *, any_case: bool = False) -> bytes:
    """Take every member at a path of object keys out; without one the payload stays itself."""
    text = payload.decode()
    cuts: list[Span] = []
    for at in _objects(text, path[:-1], any_case=any_case):
        members = list(_members(text, at))
        cuts += _cuts(members, [_same(m.key, path[-1], any_case=any_case) for m in members])
    return _exchange(payload, text, [(span, "") for span in cuts])


def sift(
    payload: bytes, path: Path, values: Sequence[bytes | None], *, any_case: bool = False
) -> bytes:
    """Exchange the elements of the arrays at a path, in order, and take out those that are None.

    An array that keeps none goes with its key; with the same values the payload stays itself.
    """
    text, left = payload.decode(), iter(values)
    changes: list[_Change] = []
    for at in _objects(text, path[:-1], any_case=any_case):
        members, gone = list(_members(text, at)), []
        for member in members:
            named = _same(member.key, path[-1], any_case=any_case)
            elements = list(_elements(text, member.value_at)) if named else []
            kept = [next(left) for _ in elements]
            gone.append(bool(elements) and not any(value is not None for value in kept))
            changes += [] if gone[-1] else _sifted(text, elements, kept)
        changes += [(span, "") for span in _cuts(members, gone)]
    return _exchange(payload, text, sorted(changes))


def put(payload: bytes, key: str, value: bytes) -> bytes:
    """Give an object's member this value, before the others where it is new.

    What is no object stays itself.
    """
    if values_at(payload, (key,)):
        return replace(payload, (key,), lambda _: value)
    text = payload.decode()
    at = _after_blanks(text, 0)
    if text[at] != "{":
        return payload
    comma = "," if next(_members(text, at), None) else ""
    member = f"{json.dumps(key)}:{value.decode()}{comma}"
    return _exchange(payload, text, [((at + 1, at + 1), member)])


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


def _sifted(text: str, elements: list[_Member], values: list[bytes | None]) -> Iterator[_Change]:
    for element, value in zip(elements, values, strict=True):
        if value is not None and text[element.value_at : element.end] != value.decode():
            yield (element.value_at, element.end), value.decode()
    for span in _cuts(elements, [value is None for value in values]):
        yield span, ""


def _exchange(payload: bytes, text: str, changes: list[_Change]) -> bytes:
    if not changes:
        return payload
    parts, done = [], 0
    for (start, end), new in changes:
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]]).encode()


def _spans(text: str, path: Path, *, any_case: bool) -> list[Span]:
    return [
        (member.value_at, member.end)
        for at in _objects(text, path[:-1], any_case=any_case)
        for member in _inside(text, at, path[-1], any_case=any_case)
    ]


def _objects(text: str, path: Path, *, any_case: bool) -> list[int]:
    """Return where the values at a path begin."""
    found = [0]
    for key in path:
        found = [
            member.value_at for at in found for member in _inside(text, at, key, any_case=any_case)
        ]
    return found


def _last_key(path: Path) -> str:
    return next((key for key in reversed(path) if key != EACH), "")


def _mentions(payload: bytes, key: str) -> int:
    """Tell how often a key may be in a payload: most are in none, and this is found out quickly."""
    if b"\\" in payload:  # an escape may spell any letter
        return _SEVERAL
    if payload.isascii():
        return payload.lower().count(key.casefold().encode())
    return payload.decode().casefold().count(key.casefold())


@functools.cache
def _early(key: str, any_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - what is cached by
    """Match an object that has a key before any object or array: the rest need not be read."""
    at = rf"""\s*+\{{(?:{_MEMBER})*?\s*+"{re.escape(key)}"\s*+:\s*+({_SCALAR})"""
    return re.compile(at, re.ASCII | (re.IGNORECASE if any_case else 0))


def _same(key: str, wanted: str, *, any_case: bool) -> bool:
    return key == wanted or (any_case and key.casefold() == wanted.casefold())


def _cuts(members: list[_Member], gone: list[bool]) -> Iterator[Span]:
    """Tell what to cut so that members go with one comma each."""
    stays = False
    for number, member in enumerate(members):
        if not gone[number]:
            stays = True
        elif stays:
            yield members[number - 1].end, member.end
        else:
            last = number + 1 == len(members)
            yield member.key_at, member.end if last else members[number + 1].key_at


def _inside(text: str, at: int, key: str, *, any_case: bool) -> Iterator[_Member]:
    """Yield what one step of a path leads to."""
    if key == EACH:
        yield from _elements(text, at)
        return
    for member in _members(text, at):
        if _same(member.key, key, any_case=any_case):
            yield member


def _elements(text: str, at: int) -> Iterator[_Member]:
    at = _after_blanks(text, at)
    if text[at] != "[":
        yield _Member(EACH, at, at, _DECODER.raw_decode(text, at)[1])
        return
    at = _after_blanks(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield _Member(EACH, at, at, end)
        at = _after_comma(text, end)


def _members(text: str, at: int) -> Iterator[_Member]:
    at = _after_blanks(text, at)
    if text[at] != "{":
        return
    at = _after_blanks(text, at + 1)
    while text[at] != "}":
        key, after = _DECODER.raw_decode(text, at)
        start = _after_blanks(text, _after_blanks(text, after) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield _Member(key, at, start, end)
        at = _after_comma(text, end)


def _after_comma(text: str, at: int) -> int:
    at = _after_blanks(text, at)
    return _after_blanks(text, at + 1) if text[at] == "," else at


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()
