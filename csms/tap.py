"""From a Link's tap to the journal: who spoke to whom, on which link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from csms.errors import MalformedFrame, NotStored
from csms.frames import Call, CallError, CallResult, CallResultError, Frame, Send
from csms.ports import Receipt, Tap, Tell, Way
from csms.secrecy import CONFIGURING, loggable
from storage.journal import ANSWERS, Journal
from storage.records import ChargerKey, Direction, MessageType

CHARGER_LINK: Mapping[Way, Direction] = {
    "received": "charger_to_platform",
    "sent": "platform_to_charger",
}
TARGET_LINK: Mapping[Way, Direction] = {
    "received": "target_to_platform",
    "sent": "platform_to_target",
}
_Said: TypeAlias = Frame | MalformedFrame
_MESSAGE_TYPES: Mapping[type[_Said], MessageType] = {
    Call: "Call",
    CallResult: "CallResult",
    CallError: "CallError",
    CallResultError: "CallResultError",
    Send: "Send",
    MalformedFrame: "Unreadable",
}


def _unheard(_refusal: CallError) -> None:
    """Make nothing of a refusal."""


def journal_tap(
    journal: Journal,
    key: ChargerKey,
    ocpp_version: str,
    directions: Mapping[Way, Direction] = CHARGER_LINK,
    proxy_configuration_id: int | None = None,
    refused: Callable[[CallError], None] = _unheard,
) -> Tap:
    """Return the tap that appends every frame of one link to the journal, without passwords.

    What a handler noted between a CALL and its answer is stored when the answer is, unless storage
    was away in between; then the tap raises NotStored instead of appending the answer.
    ``refused`` is told of each CALLERROR of the peer.
    """
    group = journal.group
    losses = group.losses  # as they were when the CALL came that is being answered
    version, target = ocpp_version, proxy_configuration_id

    def tap(
        way: Way, frame: _Said, text: bytes, action: str | None, origin: Any, tell: Tell | None
    ) -> Receipt:
        nonlocal losses
        kind = _MESSAGE_TYPES[type(frame)]
        if way == "sent":
            if kind in ANSWERS and losses != group.losses:
                raise NotStored
        elif kind == "Call":
            losses = group.losses
        elif isinstance(frame, CallError):
            refused(frame)
        if action in CONFIGURING:
            text = loggable(frame, text, action)
        return journal.append(
            key, directions[way], version, kind, frame.id, action, text, target, origin, tell
        )

    return tap
