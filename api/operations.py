"""Availability, unlock, restart, start and stop: what is asked of a station (seed 002)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from api.chargers import stored_charger
from api.charging_profiles import kept_with, without_ours
from api.commands import perform
from api.errors import NotFound, Taken
from api.evses import evse_of
from api.outcomes import info_of
from api.routing import Request, route
from api.schemas.common import Done
from api.schemas.operations import (
    AvailabilityRequest,
    FromStation,
    OneWaitingReset,
    ResetQuery,
    ResetRequest,
    Started,
    StartRequest,
    Stopped,
    UnlockRequest,
    Wishes,
)
from api.stations import STATION, TAG
from csms.commands import (
    ChangeAvailability,
    Outcome,
    RemoteStart,
    RemoteStop,
    Reset,
    UnlockConnector,
)
from csms.numbers import OF_THE_PLATFORM, draw
from csms.parties import PLATFORM
from storage.records import Charger

FAILURES = (409, 422, 502, 504)
OF_EVSE = STATION + "/evses/{evseId}"
RESET = STATION + "/reset"
AD_HOC_TOKEN_LENGTH = 20
START = StartRequest()
# What the session does not keep as a detail: it has these, or is limited by them.
_NO_DETAILS = frozenset({"idToken", "chargingProfile"})


# ---- availability, unlock ----


@route(
    "PUT",
    STATION + "/availability",
    tag=TAG,
    scope="operate",
    body=AvailabilityRequest(),
    answer=FromStation(),
    errors=FAILURES,
)
async def change_station_availability(request: Request) -> Mapping[str, Any]:
    """Make a whole station available for charging, or not.

    What a third-party CSMS keeps closed stays closed; `statusInfo` says so.
    """
    return await _change(request, await stored_charger(request), 0)


@route("GET", STATION + "/availability", tag=TAG, scope="read", answer=Wishes())
async def get_availability(request: Request) -> Mapping[str, Any]:
    """Show what is kept closed at a station, by whom and why."""
    charger = await stored_charger(request)
    wishes = await request.parts.storage.availability.of(charger.key)
    shown = [{**one._asdict(), "owner": "target" if one.owner else "platform"} for one in wishes]
    return {"availability": shown}


@route(
    "PUT",
    OF_EVSE + "/availability",
    tag=TAG,
    scope="operate",
    body=AvailabilityRequest(),
    answer=FromStation(),
    errors=FAILURES,
)
async def change_evse_availability(request: Request) -> Mapping[str, Any]:
    """Make one EVSE, on OCPP 1.6 one connector, available for charging, or not.

    What a third-party CSMS keeps closed stays closed; `statusInfo` says so.
    """
    charger = await stored_charger(request)
    return await _change(request, charger, await evse_of(request, charger))


@route(
    "POST",
    OF_EVSE + "/unlock",
    tag=TAG,
    scope="operate",
    body=UnlockRequest(),
    answer=FromStation(),
    errors=FAILURES,
)
async def unlock_evse(request: Request) -> Mapping[str, Any]:
    """Unlock the cable of a connector; the answer is the charger's own."""
    charger = await stored_charger(request)
    command = UnlockConnector(await evse_of(request, charger), request.body["connector_id"])
    asked = {"evseId": command.evse_id, "connectorId": command.connector_id}
    return _from_station(await perform(request, charger, command, asked))


async def _change(request: Request, charger: Charger, evse_id: int) -> Mapping[str, Any]:
    body = request.body
    command = ChangeAvailability(evse_id, body["type"], body["disable_text_reason"] or None)
    asked = {"evseId": evse_id, "type": command.type, "disableTextReason": command.reason}
    return _from_station(await perform(request, charger, command, asked))


def _from_station(outcome: Outcome) -> Mapping[str, Any]:
    return {"response_from_station": outcome.status, **info_of(outcome)}


# ---- restart ----


@route(
    "POST",
    RESET,
    tag=TAG,
    scope="operate",
    body=ResetRequest(),
    query=ResetQuery(),
    answer=FromStation(),
    errors=FAILURES,
)
async def reset_station(request: Request) -> Mapping[str, Any]:
    """Restart a charging station.

    Immediate ends running transactions first. OnIdle waits: an OCPP 1.6 charger that is busy is
    restarted by us when no session, cable, reservation, update or upload is left, also after it
    was away; the answer is Scheduled then. On OCPP 1.6 `hard` asks for a hard reset, which may
    lose messages that the charger has not delivered yet.
    """
    charger = await stored_charger(request)
    command = Reset(request.body["type"], request.query["hard"], request.query["evse_id"])
    one = {} if command.evse_id is None else {"evseId": command.evse_id}
    asked = {"type": command.kind, "hard": command.hard, **one}
    return _from_station(await perform(request, charger, command, asked))


@route("GET", RESET, tag=TAG, scope="read", answer=OneWaitingReset())
async def get_reset(request: Request) -> Mapping[str, Any]:
    """Show the restart that waits until nothing goes on at the station."""
    charger = await stored_charger(request)
    for one in await request.parts.storage.deferred_resets.of(charger.key):
        if one.owner == PLATFORM:
            hard = orjson.loads(one.payload)["type"] == "Hard"
            return {"reset": {**one._asdict(), "type": "OnIdle", "hard": hard}}
    raise NotFound


@route("DELETE", RESET, tag=TAG, scope="operate", answer=Done())
async def cancel_reset(request: Request) -> Mapping[str, Any]:
    """Cancel the restart that waits; what has gone out cannot be called back."""
    charger, parts = await stored_charger(request), request.parts
    cancelled = await parts.storage.deferred_resets.take(charger.key, PLATFORM)
    if cancelled is None:
        raise NotFound
    if cancelled.command_id is not None:
        told = {"error": "It was cancelled before it went out."}
        await parts.storage.commands.note_ended(
            cancelled.command_id, "failed", told, parts.clock.now()
        )
    return {"message": "The restart is cancelled."}


# ---- start, stop ----


@route(
    "POST",
    OF_EVSE + "/transactions",
    tag=TAG,
    scope="operate",
    body=START,
    answer=Started(),
    errors=FAILURES,
)
async def start_transaction(request: Request) -> Mapping[str, Any]:
    """Start charging on one EVSE, or on one connector of OCPP 1.6.

    The answer is the charger's own: whether it will try, not that energy flows. The body is kept
    with the session that comes of it.
    """
    charger = await stored_charger(request)
    command = _start(request, await evse_of(request, charger))
    asked = {**START.dump(request.body), "evseId": command.evse_id, "idToken": command.id_token}
    outcome = await perform(request, charger, command, asked)
    return {"transaction_start_response": {"status": outcome.status, **info_of(outcome)}}


def _start(request: Request, evse_id: int) -> RemoteStart:
    body, chance = request.body, request.parts.new_id()
    id_token = body["id_token"] or chance.replace("-", "")[:AD_HOC_TOKEN_LENGTH]
    given = {name: value for name, value in START.dump(body).items() if value is not None}
    asked = body["charging_profile"]
    return RemoteStart(
        evse_id=evse_id,
        id_token=id_token,
        id_token_type=body["id_token_type"] or ("RFID" if body["id_token"] else "AD_HOC_USER"),
        remote_start_id=draw(OF_THE_PLATFORM, lambda count: zlib.crc32(chance.encode()) % count),
        contract_id=body["contract_id"],
        profile=None if asked is None else without_ours(asked),
        meta={} if asked is None else kept_with(request, asked),
        details={name: value for name, value in given.items() if name not in _NO_DETAILS},
    )


@route(
    "POST",
    STATION + "/transactions/{transactionId}/stop",
    tag=TAG,
    scope="operate",
    answer=Stopped(),
    errors=FAILURES,
)
async def stop_transaction(request: Request) -> Mapping[str, Any]:
    """Stop a transaction; the answer is the charger's own."""
    charger = await stored_charger(request)
    transaction_id = request.path["transactionId"]
    found = await request.parts.storage.transactions.get(charger.key, transaction_id)
    if found is None:
        raise NotFound
    if found.state == "ended" or found.stopped_at is not None:
        raise Taken("The transaction has ended already.")
    asked = {"transactionId": transaction_id}
    outcome = await perform(request, charger, RemoteStop(transaction_id), asked)
    return {"transaction_stop_response": {"status": outcome.status, **info_of(outcome)}}
