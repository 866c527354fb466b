"""Composite schedules: what a charger reckons with, beside what it should (seed 002)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import Invalid
from api.power_limits import FAILURES
from api.routing import Request, route
from api.schemas.composite_schedules import CompositeAnswer, CompositeQuery
from api.schemas.stations import UNKNOWN
from api.stations import STATION, TAG
from csms.commands import GetCompositeSchedule, Outcome
from csms.composite import Lying, answered, is_above, schedule_of
from csms.errors import LinkError
from csms.readings import mapping
from csms.schedules import Supply
from storage.records import Charger, ChargerKey


@route(
    "GET",
    STATION + "/compositeSchedule",
    tag=TAG,
    scope="read",
    query=CompositeQuery(),
    answer=CompositeAnswer(),
    errors=FAILURES,
)
async def get_composite_schedule(request: Request) -> Mapping[str, Any]:
    """Ask a charger for the schedule that it reckons with, and show what should hold.

    A charger that accepts a limit and forgets it shows here: `differs` is true.
    """
    charger = await stored_charger(request)
    asked = await _asked(request, charger)
    outcome = await perform(request, charger, GetCompositeSchedule(**asked), _in_camel_case(asked))
    return await _answer(request, charger.key, asked, outcome)


async def _asked(request: Request, charger: Charger) -> Mapping[str, Any]:
    evse_id = request.query["evse_id"]
    connectors = await request.parts.storage.chargers.connectors(charger.key)
    told = {one.evse_id for one in connectors if one.evse_id}
    if evse_id and told and evse_id not in told:
        message = "The station has no such EVSE."
        raise Invalid({"evseId": [message]}, message)
    return {name: request.query[name] for name in ("evse_id", "duration", "unit")}


def _in_camel_case(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    unit = {} if asked["unit"] is None else {"unit": asked["unit"]}
    return {"evseId": asked["evse_id"], "duration": asked["duration"], **unit}


async def _answer(
    request: Request, key: ChargerKey, asked: Mapping[str, Any], outcome: Outcome
) -> Mapping[str, Any]:
    evse_id, duration = asked["evse_id"], timedelta(seconds=asked["duration"])
    now, supply = request.parts.clock.now(), await _supply(request, key, evse_id)
    steps = (await _lying(request, key)).steps(evse_id, now, duration, supply)
    theirs = answered(outcome.response, evse_id, now) if outcome.status == "Accepted" else None
    unit = asked["unit"] or (theirs["chargingRateUnit"] if theirs else None)
    above = None if theirs is None else is_above(theirs, steps, supply)
    return {
        "status": outcome.status,
        **_status_info(outcome),
        **({} if theirs is None else {"schedule": _inside(theirs)}),
        "computed": _inside(schedule_of(steps, evse_id, duration, unit, supply)),
        "differs": UNKNOWN if above is None else above,
    }


async def _lying(request: Request, key: ChargerKey) -> Lying:
    storage = request.parts.storage
    return Lying.of(
        await storage.charging_profiles.installed(key),
        await storage.station_limits.of(key),
        await storage.transactions.running(key),
    )


async def _supply(request: Request, key: ChargerKey, evse_id: int) -> Supply:
    """Return what is known of the mains; a charger that has gone meanwhile is as one unknown."""
    connection = request.parts.registry.find(key)
    if connection is None:
        return Supply()
    try:
        return (await connection.station.profiles.abilities(evse_id)).supply
    except LinkError:
        return Supply()


def _status_info(outcome: Outcome) -> Mapping[str, Any]:
    info = mapping(outcome.status_info)
    if not isinstance(info.get("reasonCode"), str):
        return {}
    named = {"reason_code": "reasonCode", "additional_info": "additionalInfo"}
    return {"status_info": {name: info[told] for name, told in named.items() if told in info}}


def _inside(schedule: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schedule by the names of its fields."""
    periods = [
        {_PERIOD[name]: value for name, value in period.items()}
        for period in schedule["chargingSchedulePeriod"]
    ]
    told = {_SCHEDULE[name]: value for name, value in schedule.items() if name in _SCHEDULE}
    return {**told, "charging_schedule_period": periods}


_SCHEDULE = {
    "evseId": "evse_id",
    "duration": "duration",
    "scheduleStart": "schedule_start",
    "chargingRateUnit": "charging_rate_unit",
}
_PERIOD = {
    "startPeriod": "start_period",
    "limit": "limit",
    "numberPhases": "number_phases",
    "phaseToUse": "phase_to_use",
}
