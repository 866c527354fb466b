"""OCPP payloads from the library's own schemas, and what faults and attackers make of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from random import Random
from typing import Any, TypeAlias

import orjson

Schema: TypeAlias = Mapping[str, Any]
Items: TypeAlias = list[Any]  # an OCPP-J frame as it reads: [2, id, action, payload]

PACKAGES = {"1.6": "ocpp.v16", "2.0.1": "ocpp.v201", "2.1": "ocpp.v21"}
SAMPLES = 20  # of each action, drawn once
CUT_AT = 24  # bytes: most frames are damaged behind their id, where they must still be answered

MOMENT = "2026-11-21T03:31:25.123Z"
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 0.1, -1e308, "", "x", "9" * 30, "\x00", "😀",
    "yesterday", "222222017-01-01T00:00:00Z", "2026-02-29T00:00:00", "NaN", [], {}, [[]], [None],
    {"a": None}, "Accepted", "Started", "Ended", "x" * 51, "x" * 256, "x" * 5000,
)  # fmt: skip
KEYS = ("", "self", "message", "_", "__class__", "my_key", "URLList", "evse_id", "x" * 300, "\x00")
KINDS: tuple[Any, ...] = (
    0, 1, 3, 4, 5, 6, 7, 9, -2, 255, 2**40, 2.0, "2", "", True, None, [2], {"2": 2},
)  # fmt: skip
IDS: tuple[Any, ...] = (
    "", None, 5, 1.5, True, "x" * 255, "x" * 256, "x" * 40_000, "\x00", "a\nb", "é", "\u2028",
    "-1", " ", '"', "\\", [], {}, ["x"],
)  # fmt: skip
ACTIONS: tuple[Any, ...] = (
    ["x"], {"x": 1}, None, "", 7, "\x00", "heartbeat", "__init__", "on_heartbeat", "Reset",
    "x" * 256, "Boot\nNotification", "../Heartbeat", "Nonsense",
)  # fmt: skip
TOKENS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400000", b"9" * 30, b"9" * 5000, rb'"\ud800"', b"\xff",
    rb"\udc00", b"\x00", b"[" * 40, b"[" * 5000, b"]", b"}", b'"', b",", b":,", b"\\", b"2", b" ",
    b"\xed\xa0\x80", b"/*x*/", b"'", b"\xe2\x80\xa8", b"0," * 60_000, b"6.0", b"null",
)  # fmt: skip


def valid_payloads(version: str, actions: frozenset[str], random: Random) -> dict[str, list[bytes]]:
    """Draw some schema-valid payloads of each action."""
    folder = files(PACKAGES[version]).joinpath("schemas")
    drawn = {}
    for action in sorted(actions):
        names = (f"{action}Request.json", f"{action}.json")  # 1.6 and Sends of 2.1 have no ending
        file = next(file for name in names if (file := folder / name).is_file())
        schema = json.loads(file.read_text("utf-8-sig"))
        drawn[action] = [orjson.dumps(example(schema, schema, random)) for _ in range(SAMPLES)]
    return drawn


def example(schema: Schema, root: Schema, random: Random) -> Any:
    """Draw a value that this schema allows; what it does not require is there half the time."""
    if "$ref" in schema:
        return example(root["definitions"][schema["$ref"].rpartition("/")[2]], root, random)
    if "enum" in schema:
        return random.choice(schema["enum"])
    return _EXAMPLES[schema.get("type", "object")](schema, root, random)


def _object(schema: Schema, root: Schema, random: Random) -> Any:
    required = schema.get("required", ())
    return {
        name: example(inner, root, random)
        for name, inner in schema.get("properties", {}).items()
        if name in required or random.random() < 0.5
    }


def _array(schema: Schema, root: Schema, random: Random) -> Any:
    fewest = schema.get("minItems", 0)
    count = random.randint(fewest, min(schema.get("maxItems", 3), fewest + 2))
    return [example(schema["items"], root, random) for _ in range(count)]


def _string(schema: Schema, _root: Schema, random: Random) -> Any:
    if schema.get("format") == "date-time":
        return MOMENT
    return random.choice(("", "x", "12.5", "Zürich 😀"))[: schema.get("maxLength", 20)]


def _whole(schema: Schema, _root: Schema, random: Random) -> Any:
    return random.randint(int(schema.get("minimum", 0)), int(schema.get("maximum", 9)))


_EXAMPLES: Mapping[str, Callable[[Schema, Schema, Random], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _whole,
    "number": _whole,
    "boolean": lambda _schema, _root, random: random.random() < 0.5,
}


class Mutants:
    """Draw frames for ever: valid CALLs, and answers nobody asked for, with up to three faults."""

    def __init__(self, payloads: Mapping[str, list[bytes]], random: Random) -> None:
        self._payloads = [(name, text) for name, texts in payloads.items() for text in texts]
        self._random = random
        self._number = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._number += 1
        action, text = self._random.choice(self._payloads)
        id, payload = f"id-{self._number}", orjson.loads(text)
        frame = self._random.choices(
            ([2, id, action, payload], [3, id, payload], [4, id, "GenericError", "", payload]),
            (90, 5, 5),
        )[0]
        return self.mutate(frame, self._random.choice((0, 1, 1, 1, 2, 2, 3)))

    def mutate(self, frame: Items, faults: int) -> bytes:
        """Write the frame with this many faults, in its values, in its text, or in both."""
        in_text = self._random.randint(0, faults)
        for _ in range(faults - in_text):
            self._random.choice(_VALUE_FAULTS)(frame, self._random)
        text = orjson.dumps(frame)
        for _ in range(in_text):
            text = self._random.choice(_TEXT_FAULTS)(text, self._random)
        return text


def _place(frame: Items, random: Random) -> tuple[Any, Any] | None:
    """Pick a container within the payload and one of its keys."""
    node, found = frame[3] if len(frame) > 3 else None, None
    while isinstance(node, dict | list) and node:
        key = random.choice(list(node) if isinstance(node, dict) else range(len(node)))
        found = (node, key)
        if random.random() < 0.4:
            break
        node = node[key]
    return found


def _one_of(values: tuple[Any, ...], random: Random) -> Any:
    return orjson.loads(orjson.dumps(random.choice(values)))  # a copy: it may be damaged further


def _drop_field(frame: Items, random: Random) -> None:
    if place := _place(frame, random):
        del place[0][place[1]]


def _change_value(frame: Items, random: Random) -> None:
    if place := _place(frame, random):
        place[0][place[1]] = _one_of(VALUES, random)


def _nest_value(frame: Items, random: Random) -> None:
    if place := _place(frame, random):
        for _ in range(random.choice((1, 5, 28, 29, 30, 60))):
            place[0][place[1]] = [place[0][place[1]]]


def _repeat_value(frame: Items, random: Random) -> None:
    if place := _place(frame, random):
        times = 1000 if random.random() < 0.02 else random.choice((2, 50))
        place[0][place[1]] = [place[0][place[1]]] * times


def _add_field(frame: Items, random: Random) -> None:
    place = _place(frame, random)
    if place and isinstance(place[0], dict):
        place[0][random.choice(KEYS)] = _one_of(VALUES, random)


def _change_element(frame: Items, random: Random) -> None:
    choices = (KINDS, IDS, ACTIONS, VALUES)
    place = random.randrange(len(frame))
    frame[place] = _one_of(choices[min(place, 3)], random)


def _change_shape(frame: Items, random: Random) -> None:
    place = random.randrange(len(frame) + 1)
    if random.random() < 0.5 and len(frame) > 1:
        del frame[min(place, len(frame) - 1)]
    else:
        frame.insert(place, _one_of(VALUES, random))


def _cut(text: bytes, random: Random) -> bytes:
    return text[: _somewhere(text, random)]


def _flip_bits(text: bytes, random: Random) -> bytes:
    damaged = bytearray(text)
    for _ in range(random.randint(1, 4)):
        if damaged:
            damaged[min(_somewhere(text, random), len(text) - 1)] ^= 1 << random.randrange(8)
    return bytes(damaged)


def _insert(text: bytes, random: Random) -> bytes:
    place = _somewhere(text, random)
    return text[:place] + random.choice(TOKENS) + text[place:]


def _delete(text: bytes, random: Random) -> bytes:
    place = _somewhere(text, random)
    return text[:place] + text[place + random.randint(1, 8) :]


def _repeat(text: bytes, random: Random) -> bytes:
    place = _somewhere(text, random)
    return text[:place] + text[place : place + random.randint(1, 60)] * 2 + text[place:]


def _dress(text: bytes, random: Random) -> bytes:
    wide = text.decode(errors="replace").encode("utf-16")
    marked, padded = b"\xef\xbb\xbf" + text, b" \t\r\n" + text + b"\n"
    return random.choice((marked, wide, padded, text * 2, b""))


def _somewhere(text: bytes, random: Random) -> int:
    first = 0 if random.random() < 0.2 else min(CUT_AT, len(text))
    return random.randint(first, len(text))


_VALUE_FAULTS = (
    _drop_field, _drop_field, _change_value, _change_value, _change_value, _nest_value,
    _repeat_value, _add_field, _change_element, _change_shape,
)  # fmt: skip
_TEXT_FAULTS = (_cut, _flip_bits, _flip_bits, _insert, _insert, _delete, _repeat, _dress)
