"""Reservations: an EVSE kept for one token until a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import Invalid, NotFound, Taken
from api.evses import evse_of
from api.outcomes import answered
from api.pages import foreign_cursor, page, read_cursor
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.reservations import (
    Answered,
    OneReservation,
    ReservationRequest,
    Reservations,
    Reserved,
)
from api.stations import STATION
from csms.commands import CancelReservation, Reserve
from csms.numbers import OF_THE_PLATFORM, draw
from csms.reservations import ACTIVE, ASKED, REFUSED, state_of
from storage.operation_records import Reservation
from storage.records import Charger, ChargerKey

TAG = "Reservations"
FAILURES = (409, 422, 502, 504)
ALL = STATION + "/reservations"
ONE = ALL + "/{reservationId}"
_REQUEST = ReservationRequest()
_NOTHING_TO_CANCEL = {REFUSED: "The charger has refused the reservation: there is none to cancel."}


@route("GET", ALL, tag=TAG, scope="read", query=PageQuery(), answer=Reservations())
async def list_reservations(request: Request) -> Mapping[str, Any]:
    """List a station's reservations, newest first."""
    charger, limit = await stored_charger(request), request.query["limit"]
    kept = request.parts.storage.reservations
    found = await kept.list(charger.key, limit + 1, await _before(request))
    items, next_cursor = page(found, limit, lambda one: one.reservation_id)
    return {"reservations": [_shown(request, one) for one in items], "next_cursor": next_cursor}


@route(
    "POST",
    ALL,
    tag=TAG,
    scope="operate",
    body=_REQUEST,
    answer=Reserved(),
    errors=FAILURES,
)
async def reserve_station(request: Request) -> Mapping[str, Any]:
    """Keep any EVSE of a station for a token; on OCPP 1.6 this is connector 0."""
    return await _reserve(request, await stored_charger(request), None)


@route(
    "POST",
    STATION + "/evses/{evseId}/reservations",
    tag=TAG,
    scope="operate",
    body=_REQUEST,
    answer=Reserved(),
    errors=FAILURES,
)
async def reserve_evse(request: Request) -> Mapping[str, Any]:
    """Keep one EVSE, on OCPP 1.6 one connector, for a token.

    The answer is the charger's own; only what it accepts is kept.
    """
    charger = await stored_charger(request)
    return await _reserve(request, charger, await evse_of(request, charger))


@route("GET", ONE, tag=TAG, scope="read", answer=OneReservation())
async def get_reservation(request: Request) -> Mapping[str, Any]:
    """Show a reservation, and what became of it."""
    return {"reservation": _shown(request, await _stored(request, request.charger_key))}


@route("DELETE", ONE, tag=TAG, scope="operate", answer=Answered(), errors=FAILURES)
async def cancel_reservation(request: Request) -> Mapping[str, Any]:
    """Cancel a reservation that has not ended."""
    charger = await stored_charger(request)
    reservation = await _stored(request, charger.key)
    state = state_of(reservation, request.parts.clock.now())
    if state not in {ACTIVE, ASKED}:
        raise Taken(_NOTHING_TO_CANCEL.get(state, "The reservation has ended already."))
    asked = {"reservationId": reservation.reservation_id}
    command = CancelReservation(reservation.reservation_id)
    return answered(await perform(request, charger, command, asked))


async def _reserve(request: Request, charger: Charger, evse_id: int | None) -> Mapping[str, Any]:
    body = request.body
    if body["expires_at"] <= request.parts.clock.now():
        raise Invalid({"expiresAt": ["This moment is over."]})
    command = Reserve(draw(OF_THE_PLATFORM), evse_id, **body)
    asked = {**_REQUEST.dump(body), "evseId": evse_id}
    outcome = await perform(request, charger, command, asked)
    return {**answered(outcome), "reservation_id": command.reservation_id}


async def _stored(request: Request, key: ChargerKey) -> Reservation:
    found = await request.parts.storage.reservations.get(key, request.path["reservationId"])
    if found is None:
        raise NotFound
    return found


async def _before(request: Request) -> Reservation | None:
    reservation_id = read_cursor(request.query["cursor"], int)
    if reservation_id is None:
        return None
    found = await request.parts.storage.reservations.get(request.charger_key, reservation_id)
    if found is None:
        raise foreign_cursor()
    return found


def _shown(request: Request, reservation: Reservation) -> Mapping[str, Any]:
    return {**asdict(reservation), "state": state_of(reservation, request.parts.clock.now())}
