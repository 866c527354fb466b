"""Start, stop and restart: what is asked of a station (seed 002)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import NotFound
from api.routing import Request, route
from api.schemas.stations import Reset as ResetAnswer
from api.schemas.stations import ResetQuery, ResetRequest, Started, StartRequest, Stopped
from api.stations import STATION, TAG
from csms.commands import RemoteStart, RemoteStop, Reset
from csms.numbers import OF_THE_PLATFORM, draw

FAILURES = (409, 422, 502, 504)
AD_HOC_TOKEN_LENGTH = 20
START = StartRequest()


@route(
    "POST",
    STATION + "/evses/{evseId}/transactions",
    tag=TAG,
    scope="operate",
    body=START,
    answer=Started(),
    errors=FAILURES,
)
async def start_transaction(request: Request) -> Mapping[str, Any]:
    """Start charging on one EVSE, or on one connector of OCPP 1.6.

    The answer is the charger's own: whether it will try, not that energy flows.
    """
    charger = await stored_charger(request)
    command = _start(request)
    request.parts.storage.id_tokens.note_accepted(
        charger.key, command.id_token, "platform", request.parts.clock.now()
    )
    asked = {**START.dump(request.body), "evseId": command.evse_id}
    outcome = await perform(request, charger, command, {**asked, "idToken": command.id_token})
    return {"transaction_start_response": {"status": outcome.status}}


def _start(request: Request) -> RemoteStart:
    body, chance = request.body, request.parts.new_id()
    id_token = body["id_token"] or chance.replace("-", "")[:AD_HOC_TOKEN_LENGTH]
    return RemoteStart(
        evse_id=request.path["evseId"],
        id_token=id_token,
        id_token_type=body["id_token_type"] or ("RFID" if body["id_token"] else "AD_HOC_USER"),
        remote_start_id=draw(OF_THE_PLATFORM, lambda count: zlib.crc32(chance.encode()) % count),
        contract_id=body["contract_id"],
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
    if await request.parts.storage.transactions.get(charger.key, transaction_id) is None:
        raise NotFound
    asked = {"transactionId": transaction_id}
    outcome = await perform(request, charger, RemoteStop(transaction_id), asked)
    return {"transaction_stop_response": {"status": outcome.status}}


@route(
    "POST",
    STATION + "/reset",
    tag=TAG,
    scope="operate",
    body=ResetRequest(),
    query=ResetQuery(),
    answer=ResetAnswer(),
    errors=FAILURES,
)
async def reset_station(request: Request) -> Mapping[str, Any]:
    """Restart a charging station.

    Immediate ends running transactions first. On OCPP 1.6 `hard` asks for a hard reset, which may
    lose messages that the charger has not delivered yet.
    """
    charger = await stored_charger(request)
    command = Reset(request.body["type"], request.query["hard"])
    asked = {"type": command.kind, "hard": command.hard}
    outcome = await perform(request, charger, command, asked)
    return {"response_from_station": outcome.status}
