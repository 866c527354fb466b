"""Keep an EVSE for somebody, and note what became of it.

Sources: 1.6 §5.2, §5.13; 2.0.1 Part 2 H01 to H03. A reservation is stored before it is asked for:
a charger that does not answer may keep it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ocpp.v16 import call as call16
from ocpp.v201 import call as call201
from ocpp.v201 import datatypes
from ocpp.v201.enums import ConnectorEnumType, IdTokenEnumType

from csms.commands import CancelReservation, Outcome, Performers, Reserve
from csms.errors import CallRefused, ChargerOffline, InvalidCommand, LinkBusy, NotSupported
from csms.readings import mapping, whole
from csms.tokens import check, type_of
from storage.clock import timestamp
from storage.operation_records import Reservation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from csms.books import Hear
    from csms.frames import Call, Send
    from csms.station import Station
    from storage.clock import Clock
    from storage.records import ChargerKey
    from storage.repositories.reservations import Reservations

ACTIVE, ASKED, USED = "Active", "Asked", "Used"
CANCELLED, EXPIRED, REFUSED, REMOVED = "Cancelled", "Expired", "Refused", "Removed"
STATES = (ACTIVE, ASKED, CANCELLED, EXPIRED, REFUSED, REMOVED, USED)
_ACCEPTED = "Accepted"
# Refused, or never sent; after anything else the charger may keep it.
_NOT_KEPT = (CallRefused, ChargerOffline, InvalidCommand, LinkBusy, NotSupported)
# What a reservation is after an answer to its cancellation.
_WITHOUT: Mapping[str, str] = {_ACCEPTED: CANCELLED, "Rejected": REMOVED}
# 2.x ReservationUpdateStatusEnumType
_ENDS: Mapping[str, str] = {"Expired": EXPIRED, "Removed": REMOVED, "NoTransaction": EXPIRED}


async def reserve(station: Station, command: Reserve) -> Outcome:
    """Ask for a reservation and keep it if the charger accepts it.

    Raises InvalidCommand where the charger's version cannot say it, and as ``Station.ask``.
    """
    tokens = {"idToken": command.id_token, "groupIdToken": command.group_id_token}
    check(station.version, tokens.items())
    request = _REQUESTS[station.version](command)
    kept, clock = station.books.reservations, station.books.clock
    await kept.note_asked(_wanted(station, command))
    try:
        outcome = await station.ask(request)
    except _NOT_KEPT:
        await kept.note_ended(station.key, command.reservation_id, REFUSED, clock.now())
        raise
    if outcome.status == _ACCEPTED:
        await kept.note_accepted(station.key, command.reservation_id, clock.now())
    else:
        await kept.note_ended(station.key, command.reservation_id, REFUSED, clock.now())
    return outcome


async def cancel(station: Station, command: CancelReservation) -> Outcome:
    """Cancel a reservation; raise as ``Station.ask``.

    A charger that rejects it has no such reservation (1.6 §6.9, 2.0.1 H02.FR.01).
    """
    outcome = await station.ask(_CANCELS[station.version](command.reservation_id))
    if outcome.status in _WITHOUT:
        state, now = _WITHOUT[outcome.status], station.books.clock.now()
        await station.books.reservations.note_ended(station.key, command.reservation_id, state, now)
    return outcome


def state_of(reservation: Reservation, now: datetime) -> str:
    """Return the state of a reservation now: no 1.6 charger tells that one has expired."""
    over = reservation.state in {ACTIVE, ASKED} and reservation.expires_at <= now
    return EXPIRED if over else reservation.state


def hearing(kept: Reservations, clock: Clock) -> Mapping[str, Hear]:
    """Return what notes how reservations end, by the action that tells it."""

    def used(key: ChargerKey, call: Call | Send) -> None:
        if number := whole(mapping(call.fields).get("reservationId")):
            kept.note_ended(key, number, USED, clock.now())

    def updated(key: ChargerKey, call: Call | Send) -> None:
        fields = mapping(call.fields)
        end = _ENDS.get(str(fields.get("reservationUpdateStatus")))
        number = whole(fields.get("reservationId"))
        if end is not None and number is not None:
            kept.note_ended(key, number, end, clock.now())

    return {"StartTransaction": used, "TransactionEvent": used, "ReservationStatusUpdate": updated}


def _wanted(station: Station, command: Reserve) -> Reservation:
    now = station.books.clock.now()
    return Reservation(
        key=station.key,
        reservation_id=command.reservation_id,
        evse_id=command.evse_id,
        id_token=command.id_token,
        id_token_type=command.id_token_type,
        expires_at=command.expires_at,
        state=ASKED,
        created_at=now,
        updated_at=now,
    )


def _request16(command: Reserve) -> DataclassInstance:
    if command.connector_type is not None:
        told = "1.6 cannot reserve by the type of connector."
        raise InvalidCommand(told, {"connectorType": [told]})
    return call16.ReserveNow(
        connector_id=command.evse_id or 0,
        expiry_date=timestamp(command.expires_at),
        id_tag=command.id_token,
        reservation_id=command.reservation_id,
        parent_id_tag=command.group_id_token,
    )


def _request201(command: Reserve) -> DataclassInstance:
    group, plug = command.group_id_token, command.connector_type
    return call201.ReserveNow(
        id=command.reservation_id,
        expiry_date_time=timestamp(command.expires_at),
        id_token=_token(command.id_token, command.id_token_type),
        connector_type=None if plug is None else ConnectorEnumType(plug),
        evse_id=command.evse_id,
        group_id_token=None if group is None else _token(group, "OTHER"),
    )


def _token(id_token: str, kind: str) -> datatypes.IdTokenType:
    return datatypes.IdTokenType(id_token, IdTokenEnumType(type_of(id_token, kind)))


_REQUESTS: Mapping[str, Callable[[Reserve], DataclassInstance]] = {
    "1.6": _request16,
    "2.0.1": _request201,
    "2.1": _request201,  # the same on the wire
}
_CANCELS: Mapping[str, Callable[[int], Any]] = {
    "1.6": call16.CancelReservation,
    "2.0.1": call201.CancelReservation,
    "2.1": call201.CancelReservation,
}
PERFORMERS: Performers = MappingProxyType({Reserve: reserve, CancelReservation: cancel})
