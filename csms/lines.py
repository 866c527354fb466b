"""Write messages as lines of an export."""

from __future__ import annotations

import msgspec

from storage.records import Message


def render(message: Message, token_key: bytes | None = None) -> bytes:
    """Return a message as one JSON object on one line, without its line feed."""
    said = {
        "seq": message.seq,
        "timestamp": message.timestamp,
        "organization_uuid": message.key.organization_uuid,
        "charge_box_id": message.key.charge_box_id,
        "direction": message.direction,
        "ocpp_version": message.ocpp_version,
        "message_type": message.message_type,
        "message_id": message.message_id,
        "action": message.action,
        "raw": message.frame.decode(errors="backslashreplace"),
        "proxy_configuration_id": message.proxy_configuration_id,
    }
    return msgspec.json.encode(said)
