"""Power limits of stations and their EVSEs (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import Invalid, NotFound
from api.routing import Request, route
from api.schemas.power_limits import LimitAnswer, LimitQuery, LimitRequest
from api.stations import STATION, TAG
from csms.commands import ClearPowerLimit, Outcome, SetPowerLimit
from csms.plans import MOST_EVSES, PLATFORM, is_reserved_for_targets, limit_id, scope_of
from storage.clock import timestamp
from storage.records import Charger

FAILURES = (409, 422, 502, 504)
OF_STATION = STATION + "/powerLimit"
OF_EVSE = STATION + "/evses/{evseId}/powerLimit"
_OPTIONS = ("charging_profile_id", "comment", "stack_level")


@route(
    "PUT",
    OF_STATION,
    tag=TAG,
    scope="operate",
    body=LimitRequest(),
    query=LimitQuery(),
    answer=LimitAnswer(),
    errors=FAILURES,
)
async def set_station_power_limit(request: Request) -> Mapping[str, Any]:
    """Limit the power of a whole station, shared by all that charge there.

    It holds whatever a third-party CSMS wants of the charger. A repeat replaces it.
    """
    return await _set(request, await stored_charger(request), 0)


@route(
    "PUT",
    OF_EVSE,
    tag=TAG,
    scope="operate",
    body=LimitRequest(),
    query=LimitQuery(),
    answer=LimitAnswer(),
    errors=FAILURES,
)
async def set_evse_power_limit(request: Request) -> Mapping[str, Any]:
    """Limit the power of one EVSE, on OCPP 1.6 of one connector.

    It holds whatever a third-party CSMS wants of the charger. A repeat replaces it.
    """
    charger = await stored_charger(request)
    return await _set(request, charger, await _evse(request, charger))


@route("DELETE", OF_STATION, tag=TAG, scope="operate", answer=LimitAnswer(), errors=FAILURES)
async def clear_station_power_limit(request: Request) -> Mapping[str, Any]:
    """Lift every power limit of a station; those of its EVSEs stay."""
    return await _clear(request, await stored_charger(request), 0)


@route("DELETE", OF_EVSE, tag=TAG, scope="operate", answer=LimitAnswer(), errors=FAILURES)
async def clear_evse_power_limit(request: Request) -> Mapping[str, Any]:
    """Lift every power limit of one EVSE."""
    charger = await stored_charger(request)
    return await _clear(request, charger, await _evse(request, charger))


async def _set(request: Request, charger: Charger, evse_id: int) -> Mapping[str, Any]:
    options = {name: _option(request, name) for name in _OPTIONS}
    await _check_id(request, charger, options["charging_profile_id"], evse_id)
    [(kind, value)] = request.body["limit"].items()
    meta = {
        "comment": options["comment"],
        "createdAt": timestamp(request.parts.clock.now()),
        "createdBy": request.caller.key_id,
    }
    command = SetPowerLimit(
        evse_id=evse_id,
        kind=kind,
        value=value,
        profile_id=options["charging_profile_id"],
        stack_level=options["stack_level"] or 0,
        meta=meta,
    )
    asked = {"evseId": evse_id, "limit": {kind: value}, **_given(options)}
    return _answer(await perform(request, charger, command, asked))


async def _clear(request: Request, charger: Charger, evse_id: int) -> Mapping[str, Any]:
    command = ClearPowerLimit(evse_id)
    return _answer(await perform(request, charger, command, {"evseId": evse_id}))


async def _evse(request: Request, charger: Charger) -> int:
    """Return the EVSE of the path, unless the charger has told of others only."""
    evse_id: int = request.path["evseId"]
    connectors = await request.parts.storage.chargers.connectors(charger.key)
    told = {one.evse_id for one in connectors if one.evse_id}
    if evse_id > MOST_EVSES or (told and evse_id not in told):
        raise NotFound("The station has no such EVSE.")
    return evse_id


def _option(request: Request, name: str) -> Any:
    """Return an option from the body, else from the query."""
    found = request.body[name]
    return request.query[name] if found is None else found


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    outside = dict(zip(_OPTIONS, ("chargingProfileId", "comment", "stackLevel"), strict=True))
    return {outside[name]: value for name, value in options.items() if value is not None}


async def _check_id(
    request: Request, charger: Charger, profile_id: int | None, evse_id: int
) -> None:
    if profile_id is None or profile_id == limit_id(evse_id):
        return
    if scope_of(profile_id) not in {None, evse_id} or is_reserved_for_targets(profile_id):
        raise _bad_id("This id is kept for something else.")
    for one in await request.parts.storage.charging_profiles.of_owners(charger.key):
        if (one.owner, one.profile_id) == (PLATFORM, profile_id) and one.evse_id != evse_id:
            raise _bad_id("This id is in use for another limit of this station.")


def _bad_id(message: str) -> Invalid:
    return Invalid({"chargingProfileId": [message]}, message)


def _answer(outcome: Outcome) -> Mapping[str, Any]:
    info = outcome.status_info
    if info is None:
        return {"response": outcome.status}
    named = {"reason_code": info.get("reasonCode"), "additional_info": info.get("additionalInfo")}
    custom = {"custom_data": info["customData"]} if "customData" in info else {}
    told = {name: value for name, value in {**named, **custom}.items() if value is not None}
    return {"response": outcome.status, "status_info": told}
