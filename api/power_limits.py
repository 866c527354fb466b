"""Power limits of stations, their EVSEs and transactions (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.chargers import stored_charger
from api.commands import perform
from api.errors import Invalid, NotFound
from api.evses import evse_of
from api.outcomes import answered
from api.routing import Request, route
from api.schemas.power_limits import LimitAnswer, LimitQuery, LimitRequest
from api.stations import STATION, TAG
from csms.commands import ClearPowerLimit, SetPowerLimit
from csms.parties import PLATFORM
from csms.profile_ids import Reserved, is_reserved_for_targets, reserved_for
from csms.schedules import TX
from storage.clock import timestamp
from storage.records import Charger, ChargingProfile, Transaction

FAILURES = (409, 422, 502, 504)
OF_STATION = STATION + "/powerLimit"
OF_EVSE = STATION + "/evses/{evseId}/powerLimit"
OF_TRANSACTION = STATION + "/transactions/{transactionId}/powerLimit"
# What may stand in the query or in the body, by its name outside.
_OPTIONS: Mapping[str, str] = {
    "charging_profile_id": "chargingProfileId",
    "comment": "comment",
    "condition": "condition",
    "relative_delay": "relativeDelay",
    "stack_level": "stackLevel",
}


class _Place(NamedTuple):
    """What a limit is for; a transaction may have no EVSE yet."""

    charger: Charger
    evse_id: int
    transaction_id: str | None = None

    @property
    def named(self) -> dict[str, Any]:
        """Name it in the record of a command."""
        if self.transaction_id is not None:
            return {"transactionId": self.transaction_id}
        return {"evseId": self.evse_id}


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
    return await _set(request, await _station(request))


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
    return await _set(request, await _evse(request))


@route(
    "PUT",
    OF_TRANSACTION,
    tag=TAG,
    scope="operate",
    body=LimitRequest(),
    query=LimitQuery(),
    answer=LimitAnswer(),
    errors=FAILURES,
)
async def set_transaction_power_limit(request: Request) -> Mapping[str, Any]:
    """Limit the power of one running transaction, beside the limit of its EVSE.

    It goes with the transaction. Where that has no EVSE yet, the limit waits for it.
    """
    return await _set(request, await _transaction(request, running=True))


@route("DELETE", OF_STATION, tag=TAG, scope="operate", answer=LimitAnswer(), errors=FAILURES)
async def clear_station_power_limit(request: Request) -> Mapping[str, Any]:
    """Lift every power limit of a station; those of its EVSEs stay."""
    return await _clear(request, await _station(request))


@route("DELETE", OF_EVSE, tag=TAG, scope="operate", answer=LimitAnswer(), errors=FAILURES)
async def clear_evse_power_limit(request: Request) -> Mapping[str, Any]:
    """Lift every power limit of one EVSE; those of its transactions stay."""
    return await _clear(request, await _evse(request))


@route("DELETE", OF_TRANSACTION, tag=TAG, scope="operate", answer=LimitAnswer(), errors=FAILURES)
async def clear_transaction_power_limit(request: Request) -> Mapping[str, Any]:
    """Lift every power limit of one transaction; Unknown where there is none any more."""
    return await _clear(request, await _transaction(request, running=False))


async def _station(request: Request) -> _Place:
    return _Place(await stored_charger(request), 0)


async def _evse(request: Request) -> _Place:
    charger = await stored_charger(request)
    return _Place(charger, await evse_of(request, charger))


async def _transaction(request: Request, *, running: bool) -> _Place:
    """Return the transaction of the path; NotFound where it is not of this station."""
    charger, id = await stored_charger(request), request.path["transactionId"]
    await request.parts.storage.group.flush()
    found: Transaction | None = await request.parts.storage.transactions.get(charger.key, id)
    if found is None:
        raise NotFound("The station has no such transaction.")
    if running and found.state != "running":
        raise Invalid({"transactionId": ["The transaction has ended."]})
    return _Place(charger, found.evse_id, found.transaction_id)


async def _set(request: Request, place: _Place) -> Mapping[str, Any]:
    options = {name: _option(request, name) for name in _OPTIONS}
    await _check_id(request, place, options["charging_profile_id"])
    [(kind, value)] = request.body["limit"].items()
    meta = {
        "comment": options["comment"],
        "createdAt": timestamp(request.parts.clock.now()),
        "createdBy": request.caller.id,
    }
    command = SetPowerLimit(
        evse_id=place.evse_id,
        kind=kind,
        value=value,
        profile_id=options["charging_profile_id"],
        stack_level=options["stack_level"],
        meta=meta,
        condition=options["condition"],
        delay=options["relative_delay"],
        transaction_id=place.transaction_id,
    )
    given = {_OPTIONS[name]: value for name, value in options.items() if value is not None}
    asked = {**place.named, "limit": {kind: value}, **given}
    return answered(await perform(request, place.charger, command, asked))


async def _clear(request: Request, place: _Place) -> Mapping[str, Any]:
    command = ClearPowerLimit(place.evse_id, place.transaction_id)
    return answered(await perform(request, place.charger, command, place.named))


def _option(request: Request, name: str) -> Any:
    """Return an option from the body, else from the query."""
    found = request.body[name]
    return request.query[name] if found is None else found


async def _check_id(request: Request, place: _Place, profile_id: int | None) -> None:
    if profile_id is None:
        return
    kept = reserved_for(profile_id)
    own = Reserved(place.evse_id, place.transaction_id is not None)
    if kept not in {None, own} or is_reserved_for_targets(profile_id):
        raise _bad_id("This id is kept for something else.")
    for one in await request.parts.storage.charging_profiles.of_owners(place.charger.key):
        if (one.owner, one.profile_id) == (PLATFORM, profile_id) and not _same(one, place):
            raise _bad_id("This id is in use for something else at this station.")


def _same(one: ChargingProfile, place: _Place) -> bool:
    """Tell whether a profile of the platform is a power limit of the same scope."""
    if "limit" not in one.meta or (one.purpose == TX) != (place.transaction_id is not None):
        return False
    return (one.evse_id, one.transaction_id) == (place.evse_id, place.transaction_id)


def _bad_id(message: str) -> Invalid:
    return Invalid({"chargingProfileId": [message]}, message)
