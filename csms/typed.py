"""Read a request of OCPP as the command that it asks for, where the platform has one.

So what several parties share (profiles, availability, sessions, reservations) is looked after in
whatever words it is asked for. All else, and what no command of ours can say, goes out as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from csms.availability import read_wish
from csms.commands import (
    Ask,
    CancelReservation,
    ChangeAvailability,
    Command,
    RemoteStart,
    RemoteStop,
    Reserve,
    Reset,
    TokenType,
)
from csms.errors import InvalidCommand
from csms.numbers import OF_THE_PLATFORM, draw
from csms.operator_profiles import from_request
from csms.profile_words import Words
from csms.readings import mapping
from csms.tokens import type_of

Fields: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[str, Fields], "Command | None"]

_KINDS: tuple[TokenType, ...] = ("RFID", "OTHER")


def command_of(version: str, action: str, fields: Fields) -> Command:
    """Return the command of a request that follows its schema.

    Raises InvalidCommand for what may go out only by a command that cannot say it.
    """
    read = _READERS.get(action)
    command = read(version, fields) if read else None
    return command or Ask(action, fields)


def _profile(action: str) -> Read:
    return lambda version, fields: from_request(version, action, fields)


def _availability(version: str, fields: Fields) -> Command | None:
    place, kind = read_wish(version, fields)
    if place is None:
        return None
    return ChangeAvailability(place.evse_id, kind, connector_id=place.connector_id)


def _reset(version: str, fields: Fields) -> Command | None:
    if version == "1.6":
        return Reset("Immediate", hard=fields["type"] == "Hard")
    if fields["type"] not in {"Immediate", "OnIdle"} or "customData" in fields:
        return None
    return Reset(fields["type"], evse_id=fields.get("evseId"))


def _start(version: str, fields: Fields) -> Command | None:
    words = Words.of(version)
    profile = fields.get("chargingProfile")
    token = _token(version, fields)
    if token is None or "customData" in fields:
        if profile is None:
            return None
        told = "A profile goes along only with a plain token: set it apart from the start."
        raise InvalidCommand(told, {"chargingProfile": [told]})
    return RemoteStart(
        evse_id=fields.get(words.evse) or None,
        id_token=token.text,
        id_token_type=token.kind,
        remote_start_id=fields.get("remoteStartId", draw(OF_THE_PLATFORM)),
        profile=None if profile is None else words.read(profile),
    )


def _stop(_version: str, fields: Fields) -> Command:
    return RemoteStop(str(fields["transactionId"]))


def _reserve(version: str, fields: Fields) -> Command | None:
    token, group = _token(version, fields), mapping(fields.get("groupIdToken"))
    until = _moment(fields.get("expiryDate", fields.get("expiryDateTime")))
    if token is None or until is None or group or "customData" in fields:
        return None
    return Reserve(
        reservation_id=fields.get("reservationId", fields.get("id")),
        evse_id=fields.get(Words.of(version).evse) or None,
        id_token=token.text,
        expires_at=until,
        id_token_type=token.kind,
        group_id_token=fields.get("parentIdTag"),
        connector_type=fields.get("connectorType"),
    )


def _cancel(_version: str, fields: Fields) -> Command:
    return CancelReservation(fields["reservationId"])


class _Token(NamedTuple):
    text: str
    kind: TokenType


def _token(version: str, fields: Fields) -> _Token | None:
    """Return the token of a request, None where the platform has no word for its kind."""
    if version == "1.6":
        return _Token(fields["idTag"], "OTHER")
    told = fields["idToken"]
    if set(told) != {"idToken", "type"} or "groupIdToken" in fields:
        return None
    text = told["idToken"]
    kind = next((kind for kind in _KINDS if type_of(text, kind) == told["type"]), None)
    return None if kind is None else _Token(text, kind)


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        return None


_READERS: Mapping[str, Read] = {
    "CancelReservation": _cancel,
    "ChangeAvailability": _availability,
    "ClearChargingProfile": _profile("ClearChargingProfile"),
    "RemoteStartTransaction": _start,
    "RemoteStopTransaction": _stop,
    "RequestStartTransaction": _start,
    "RequestStopTransaction": _stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SetChargingProfile": _profile("SetChargingProfile"),
}
