"""OCPP-J envelopes: guarded parsing and exact encoding, no I/O.

Text goes in, frozen frames come out. A frame keeps the received text and the exact bytes of its
payload, so that what is only relayed leaves as it came (6.0, 1e3, 20-digit integers, duplicate
keys, whitespace); ``fields`` is the same payload decoded, for whoever answers it.

The guard refuses what breaks decoders, databases and other people's parsers further down: bad
UTF-8, lone surrogates, NaN and infinities (also as 1e400 or as 400 digits), deep or vast
documents, ids nobody can correlate. Sources: OCPP-J 1.6 §4.2, OCPP 2.0.1 Part 4 §4.2-4.4, and
2.1 for CALLRESULTERROR and SEND.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import msgspec
import orjson
from msgspec import Struct

from csms.errors import MalformedFrame

UNREADABLE_ID = "-1"
MAX_ID = 255

CALL, CALL_RESULT, CALL_ERROR, CALL_RESULT_ERROR, SEND = 2, 3, 4, 5, 6


# Structs, because a frozen dataclass takes eight times as long to make.
class Call(Struct, frozen=True):
    """A request: [2, id, action, payload]."""

    id: str
    action: str
    payload: bytes
    fields: Any
    text: bytes


class CallResult(Struct, frozen=True):
    """The answer to a Call: [3, id, payload]."""

    id: str
    payload: bytes
    fields: Any
    text: bytes


class CallError(Struct, frozen=True):
    """The refusal of a Call: [4, id, code, description, details]."""

    id: str
    code: str
    description: str
    details: bytes
    text: bytes


class CallResultError(Struct, frozen=True):
    """The complaint about a CallResult (2.1): [5, id, code, description, details]."""

    id: str
    code: str
    description: str
    details: bytes
    text: bytes


class Send(Struct, frozen=True):
    """A message that is never answered (2.1): [6, id, action, payload]."""

    id: str
    action: str
    payload: bytes
    fields: Any
    text: bytes


Frame: TypeAlias = Call | CallResult | CallError | CallResultError | Send
Reply: TypeAlias = CallResult | CallError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one frame may cost: bytes of text, nesting, and values in it."""

    max_bytes: int = 1 << 20
    max_depth: int = 32
    max_nodes: int = 50_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the OCPP versions spell differently on the wire.

    ``unknown_type`` is None where an unknown message type is ignored (OCPP-J 1.6 §4.1.3), else
    the code to answer it with (OCPP 2.0.1 Part 4 §4.4).
    """

    message_types: frozenset[int]
    format_violation: str
    framework_error: str
    unknown_type: str | None


OCPP16 = Dialect(
    message_types=frozenset({CALL, CALL_RESULT, CALL_ERROR}),
    format_violation="FormationViolation",
    framework_error="FormationViolation",
    unknown_type=None,
)
OCPP201 = Dialect(
    message_types=frozenset({CALL, CALL_RESULT, CALL_ERROR}),
    format_violation="FormatViolation",
    framework_error="RpcFrameworkError",
    unknown_type="MessageTypeNotSupported",
)
OCPP21 = Dialect(
    message_types=frozenset({CALL, CALL_RESULT, CALL_ERROR, CALL_RESULT_ERROR, SEND}),
    format_violation="FormatViolation",
    framework_error="RpcFrameworkError",
    unknown_type="MessageTypeNotSupported",
)

_DEFAULT_LIMITS = Limits()
_ENVELOPE = msgspec.json.Decoder(list[msgspec.Raw])
# What nearly all frames are in every version: a CALL or a CALLRESULT whose names are plain and
# readable, so that only its payload is left to be cut out.
_NAME = rb'"[ !#-\[\]-~]{1,%d}"' % MAX_ID
_PLAIN = re.compile(
    rb"\[(?:%d,%b,%b|%d,%b),\s*(.*\S)\s*\]\s*" % (CALL, _NAME, _NAME, CALL_RESULT, _NAME), re.DOTALL
)
# Where the document is broken further on, its head may still tell who waits for an answer.
_HEAD = re.compile(
    rb"\s*\[\s*(-?(?:0|[1-9]\d{0,17}))(?![\d.eE])"
    rb'(?:\s*,\s*"([^"\\\x00-\x1f]{1,1020})"\s*[,\]])?'
)


def parse(text: bytes, dialect: Dialect = OCPP201, limits: Limits = _DEFAULT_LIMITS) -> Frame:
    """Read one frame; raise MalformedFrame with the id and code to answer."""
    length = len(text)
    if length > limits.max_bytes:
        raise _refused(*_head(text), dialect, f"frame is longer than {limits.max_bytes} bytes")
    try:
        items = orjson.loads(text)
    except ValueError as bad:
        raise _refused(*_head(text), dialect, f"not JSON: {bad}"[:120]) from None
    if type(items) is not list or not items:
        raise _refused(CALL, None, dialect, "frame is not a JSON array with something in it")
    kind, size = items[0], len(items)
    id: Any = items[1] if size > 1 else None
    # Bytes bound both figures from above, as no value has less than one; only suspects are walked.
    # To take out what opens takes half the time of counting it.
    opened = length - len(text.replace(b"[", b"").replace(b"{", b""))
    if (opened > limits.max_depth or length > limits.max_nodes) and _too_large(items, limits):
        raise _refused(kind, id, dialect, "frame is nested too deeply or has too many values")
    if (plain := _PLAIN.fullmatch(text)) is not None:
        if kind == CALL and size == 4:
            return Call(id, items[2], plain[1], items[3], text)
        if kind == CALL_RESULT and size == 3:
            return CallResult(id, plain[1], items[2], text)
    if fault := _fault(kind, id, items, dialect):
        raise _refused(kind, id, dialect, fault)
    return _READERS[kind].build(items, text)


def _fault(kind: Any, id: Any, items: list[Any], dialect: Dialect) -> str | None:
    if type(kind) is not int or kind not in dialect.message_types or not _readable(id):
        return "message id is unreadable"
    fewest, most, _ = _READERS[kind]
    if not fewest <= len(items) <= most:
        return f"frame has {len(items)} elements"
    if kind in (CALL, SEND) and not _readable(items[2]):
        return "action is unreadable"
    if kind in (CALL_ERROR, CALL_RESULT_ERROR) and type(items[2]) is not str:
        return "error code is not a string"
    return None


def _readable(name: Any) -> bool:
    """Tell whether an id or action can be correlated, printed, logged and indexed."""
    return type(name) is str and 0 < len(name) <= MAX_ID and name.isprintable()


def _call(items: list[Any], text: bytes) -> Call:
    return Call(items[1], items[2], bytes(_ENVELOPE.decode(text)[3]), items[3], text)


def _send(items: list[Any], text: bytes) -> Send:
    return Send(items[1], items[2], bytes(_ENVELOPE.decode(text)[3]), items[3], text)


def _call_result(items: list[Any], text: bytes) -> CallResult:
    return CallResult(items[1], bytes(_ENVELOPE.decode(text)[2]), items[2], text)


def _error_parts(items: list[Any], text: bytes) -> tuple[str, str, str, bytes, bytes]:
    # Real peers leave out description and details, or send null: lenient in.
    description = items[3] if len(items) > 3 and type(items[3]) is str else ""
    details = bytes(_ENVELOPE.decode(text)[4]) if len(items) > 4 else b"{}"
    code = items[2] if _readable(items[2]) else ascii(items[2][:MAX_ID])
    return items[1], code, description, details, text


class _Reader(NamedTuple):
    """How many elements a message type has, and what they make."""

    fewest: int
    most: int
    build: Callable[[list[Any], bytes], Frame]


_READERS: dict[int, _Reader] = {
    CALL: _Reader(4, 4, _call),
    CALL_RESULT: _Reader(3, 3, _call_result),
    CALL_ERROR: _Reader(3, 5, lambda items, text: CallError(*_error_parts(items, text))),
    CALL_RESULT_ERROR: _Reader(
        3, 5, lambda items, text: CallResultError(*_error_parts(items, text))
    ),
    SEND: _Reader(4, 4, _send),
}


def _too_large(items: list[Any], limits: Limits) -> bool:
    level, left = [items], limits.max_nodes
    for _ in range(limits.max_depth):
        left -= sum(map(len, level))
        if left < 0:
            return True
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return True


def _children(node: Any) -> list[Any]:
    inside = node.values() if type(node) is dict else node
    return [child for child in inside if type(child) in (dict, list)]


def _head(text: bytes) -> tuple[int, str | None]:
    """Read message type and id of a broken document; a CALL without id where there are none."""
    head = _HEAD.match(text)
    if head is None:
        return CALL, None
    return int(head[1]), (head[2] or b"").decode(errors="surrogateescape")


def _refused(kind: Any, id: Any, dialect: Dialect, reason: str) -> MalformedFrame:
    to = id if _readable(id) else UNREADABLE_ID
    if type(kind) is not int:
        return MalformedFrame(to, dialect.framework_error, "message type is not an integer")
    if kind not in dialect.message_types:
        answerable = dialect.unknown_type is not None
        code = dialect.unknown_type or dialect.framework_error
        return MalformedFrame(to, code, "message type is not known", answerable=answerable)
    code = dialect.format_violation if to is id else dialect.framework_error
    # A broken answer or SEND is never answered: two peers would complain to each other for ever.
    return MalformedFrame(to, code, reason, answerable=kind == CALL)


def message_ids() -> Iterator[str]:
    """Yield fresh message ids for ever: a UUID's 36 characters (OCPP 2.0.1 Part 4 §4.1.4).

    The first half is drawn once, as they need not be secret.
    """
    drawn = f"{random.getrandbits(128):032x}"
    head = f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-a{drawn[17:20]}-"
    return (f"{head}{number:012x}" for number in count(random.getrandbits(40)))


def call(id: str, action: str, payload: bytes, fields: Any = None) -> Call:
    """Build the CALL whose payload is exactly these bytes."""
    text = b"[2,%b,%b,%b]" % (orjson.dumps(id), orjson.dumps(action), payload)
    return Call(id, action, payload, fields, text)


def send(id: str, action: str, payload: bytes, fields: Any = None) -> Send:
    """Build the SEND whose payload is exactly these bytes (2.1)."""
    text = b"[6,%b,%b,%b]" % (orjson.dumps(id), orjson.dumps(action), payload)
    return Send(id, action, payload, fields, text)


def call_result(id: str, payload: bytes, fields: Any = None) -> CallResult:
    """Build the CALLRESULT whose payload is exactly these bytes."""
    return CallResult(id, payload, fields, b"[3,%b,%b]" % (orjson.dumps(id), payload))


def call_error(id: str, code: str, description: str = "", details: bytes = b"{}") -> CallError:
    """Build a CALLERROR; the description is cut to the 255 characters OCPP-J allows."""
    description = description[:255]
    parts = (orjson.dumps(id), orjson.dumps(code), orjson.dumps(description), details)
    return CallError(id, code, description, details, b"[4,%b,%b,%b,%b]" % parts)
