"""Charging profiles of stations and their EVSEs (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import Invalid
from api.evses import evse_of
from api.outcomes import answered
from api.routing import Request, route
from api.schemas.charging_profiles import (
    ClearRequest,
    ProfileAnswer,
    ProfileQuery,
    ProfileRequest,
)
from api.stations import STATION, TAG
from csms.commands import PutProfile, RemoveProfiles
from storage.clock import timestamp
from storage.records import Charger

FAILURES = (409, 422, 502, 504)
OF_STATION = STATION + "/chargingProfile"
OF_EVSE = STATION + "/evses/{evseId}/chargingProfile"
_OURS = frozenset({"condition", "meta"})


@route(
    "PUT",
    OF_STATION,
    tag=TAG,
    scope="operate",
    body=ProfileRequest(),
    query=ProfileQuery(),
    answer=ProfileAnswer(),
    errors=FAILURES,
)
async def set_station_profile(request: Request) -> Mapping[str, Any]:
    """Put a charging profile on a station, in the words of OCPP 2.0.1.

    It holds beside all power limits and whatever a third-party CSMS wants: the lowest of them goes.
    What the charger's OCPP version cannot say is refused; what is changed is told.
    """
    return await _put(request, await stored_charger(request), 0)


@route(
    "PUT",
    OF_EVSE,
    tag=TAG,
    scope="operate",
    body=ProfileRequest(),
    query=ProfileQuery(),
    answer=ProfileAnswer(),
    errors=FAILURES,
)
async def set_evse_profile(request: Request) -> Mapping[str, Any]:
    """Put a charging profile on one EVSE, on OCPP 1.6 on one connector.

    It holds beside all power limits and whatever a third-party CSMS wants: the lowest of them goes.
    What the charger's OCPP version cannot say is refused; what is changed is told.
    """
    charger = await stored_charger(request)
    return await _put(request, charger, await evse_of(request, charger))


@route(
    "DELETE",
    OF_STATION,
    tag=TAG,
    scope="operate",
    body=ClearRequest(),
    answer=ProfileAnswer(),
    errors=FAILURES,
)
async def clear_station_profiles(request: Request) -> Mapping[str, Any]:
    """Take back charging profiles of a station and its EVSEs: one by its id, or by criteria.

    Power limits and what a third-party CSMS wants stay. `Unknown` where there was none.
    """
    return await _clear(request, await stored_charger(request))


@route(
    "POST",
    OF_STATION + "/clear",
    tag=TAG,
    scope="operate",
    body=ClearRequest(),
    answer=ProfileAnswer(),
    errors=FAILURES,
)
async def clear_station_profiles_by_post(request: Request) -> Mapping[str, Any]:
    """Take back charging profiles, where a client sends no body with DELETE."""
    return await _clear(request, await stored_charger(request))


@route(
    "DELETE",
    OF_EVSE,
    tag=TAG,
    scope="operate",
    body=ClearRequest(),
    answer=ProfileAnswer(),
    errors=FAILURES,
)
async def clear_evse_profiles(request: Request) -> Mapping[str, Any]:
    """Take back charging profiles of one EVSE, without a body all of them.

    Power limits and what a third-party CSMS wants stay. `Unknown` where there was none.
    """
    charger = await stored_charger(request)
    return await _clear(request, charger, await evse_of(request, charger))


async def _put(request: Request, charger: Charger, evse_id: int) -> Mapping[str, Any]:
    asked = request.body["charging_profile"]
    kept = kept_with(request, asked, request.query["comment"])
    command = PutProfile(evse_id, without_ours(asked), kept)
    recorded = {"evseId": evse_id, "chargingProfile": asked}
    return answered(await perform(request, charger, command, recorded))


def without_ours(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a profile without what is never sent."""
    return {name: value for name, value in asked.items() if name not in _OURS}


def kept_with(
    request: Request, asked: Mapping[str, Any], comment: str | None = None
) -> Mapping[str, Any]:
    """Return what is kept with a profile; what its own ``meta`` says stays apart from ours."""
    given = asked.get("meta", {})
    conditions = [name for name, holds in asked.get("condition", {}).items() if holds]
    return {
        "comment": comment or given.get("comment"),
        "createdAt": timestamp(request.parts.clock.now()),
        "createdBy": request.caller.id,
        **({"condition": conditions[0]} if conditions else {}),
        **({"meta": given} if given else {}),
    }


async def _clear(
    request: Request, charger: Charger, evse_id: int | None = None
) -> Mapping[str, Any]:
    body = request.body
    asked = {name: value for name, value in _CLEAR.dump(body).items() if value is not None}
    recorded = asked if evse_id is None else {**asked, "evseId": evse_id}
    return answered(await perform(request, charger, _removal(body, evse_id), recorded))


def _removal(body: Mapping[str, Any], evse_id: int | None) -> RemoveProfiles:
    criteria = body["charging_profile_criteria"] or {}
    named = criteria.get("evse_id")
    if None not in {evse_id, named} and evse_id != named:
        path, told = "chargingProfileCriteria.evseId", "The path names another EVSE."
        raise Invalid({path: [told]}, told)
    here = named if evse_id is None else evse_id
    if body["charging_profile_id"] is not None:  # an id stands alone (K10.FR.02)
        return RemoveProfiles(profile_id=body["charging_profile_id"], evse_id=evse_id)
    return RemoveProfiles(
        evse_id=here,
        purpose=criteria.get("charging_profile_purpose"),
        stack_level=criteria.get("stack_level"),
    )


_CLEAR = ClearRequest()
