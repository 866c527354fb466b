"""
Write messages as the lines of an export: one JSON object each, for readers of every kind.

The payload's own text goes in byte for byte, unless something in it is to be concealed or a name
is given twice. The names and their order are the contract's (§3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from csms.concealing import Concealing
from storage.records import Message, MessageType


class Record(Struct, frozen=True):
    """One line: `raw` stands for the payload of what could not be read."""

    seq: int
    timestamp: str
    organization_uuid: str
    charge_box_id: str
    direction: str
    ocpp_version: str
    message_type: str
    message_id: str | None
    action: str | None
    payload: Raw | UnsetType
    raw: str | UnsetType
    proxy_configuration_id: int | None


_LINE = msgspec.json.Encoder()
_PARTS = msgspec.json.Decoder(list[Raw])
_BREAKS = bytes.maketrans(b"\r\n", b"  ")
_PLAIN = Concealing()
_NULL = b"null"


def render(message: Message, token_key: bytes | None = None) -> bytes:
    """Return a message as one line, without its line feed; tokens are hashed if there is a key."""
    concealing = _PLAIN if token_key is None else Concealing(token_key)
    payload = _payload(message, concealing)
    return _LINE.encode(
        Record(
            message.seq,
            message.timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            *message.key,
            message.direction,
            message.ocpp_version,
            message.message_type,
            message.message_id,
            message.action,
            UNSET if payload is None else Raw(payload),
            _raw(message.frame, concealing) if payload is None else UNSET,
            message.proxy_configuration_id,
        )
    )


def _payload(message: Message, concealing: Concealing) -> bytes | None:
    """Return the payload on one line, None where the frame cannot be read."""
    made = _PAYLOADS.get(message.message_type)
    if made is None:
        return None
    try:
        payload = made(_PARTS.decode(message.frame), concealing)
    except (msgspec.DecodeError, IndexError, ValueError):
        return None
    # Line breaks are only ever between the tokens of JSON.
    return payload.translate(_BREAKS) if b"\n" in payload or b"\r" in payload else payload


def _at(place: int) -> Callable[[list[Raw], Concealing], bytes]:
    return lambda parts, concealing: concealing.payload(bytes(parts[place]))


def _error(parts: list[Raw], concealing: Concealing) -> bytes:
    """Return what a CALLERROR says; some leave out what they have nothing to say of."""
    code, description, details = (bytes(part) for part in (*parts[2:5], *(_NULL,) * 3)[:3])
    said = {
        "errorCode": Raw(concealing.payload(code)),
        "errorDescription": Raw(concealing.payload(description)),
        "errorDetails": Raw(concealing.payload(details)),
    }
    return _LINE.encode(said)


_PAYLOADS: Mapping[MessageType, Callable[[list[Raw], Concealing], bytes]] = {
    "Call": _at(3),
    "CallResult": _at(2),
    "CallError": _error,
    "CallResultError": _error,
    "Send": _at(3),
}


def _raw(frame: bytes, concealing: Concealing) -> str:
    # Of what is no UTF-8 the escape is written.
    return concealing.whole(frame.decode(errors="backslashreplace"))
