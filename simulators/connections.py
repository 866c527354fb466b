"""What a target remembers: handshakes and CALLs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from csms.errors import LinkClosed
from csms.link import Link
from simulators.sockets import WebSocket
from simulators.watched import Fields


@dataclass(slots=True)
class Received:
    """One CALL of a charger; ``text`` is the frame and ``payload`` its payload, as they came.

    ``answer`` is what the charger was told, None until then; ``refused`` that it was a CALLERROR.
    """

    at: datetime
    charge_box_id: str
    connection: int
    id: str
    action: str
    fields: Fields
    payload: bytes
    text: bytes
    answer: Fields | None = None
    refused: bool = False


@dataclass(slots=True)
class Connection:
    """One handshake and what became of it; ``link`` is None where it was refused."""

    number: int
    at: datetime
    charge_box_id: str
    path: str
    headers: Mapping[str, str]
    subprotocol: str | None = None
    link: Link | None = None
    socket: WebSocket | None = None
    closed: LinkClosed | None = None

    @property
    def live(self) -> bool:
        """Tell whether it is up."""
        return self.link is not None and self.closed is None

    @property
    def credentials(self) -> tuple[str, bytes] | None:
        """Return user and password of Basic authentication."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded, validate=True).partition(b":")
        except binascii.Error:
            return None
        return user.decode(errors="replace"), password
