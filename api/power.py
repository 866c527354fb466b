"""Power over time and the limits that held: what was asked of a charger, and what it did."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from api.chargers import BASE, TAG, stored_charger
from api.errors import Invalid
from api.routing import Request, route
from api.schemas.power import LONGEST_DAYS, Power, PowerQuery
from csms.chronicle import scene_of
from csms.limit_steps import Limit, held, merged
from csms.power_series import MOST_POINTS, Point, Series, thinned
from csms.schedules import NOMINAL_VOLTAGE, Supply
from storage.clock import timestamp
from storage.history_records import LimitRecord
from storage.records import Charger
from storage.repositories.power import Session, Span, shifted
from storage.store import Storage

LONGEST = timedelta(days=LONGEST_DAYS)
_USUAL = timedelta(hours=1)
_MOST_IN_ALL = 20_000  # points of all EVSEs
_FEWEST = 40
_SAMPLES_AT_ONCE = 1000  # that are read before others have their turn


@route(
    "GET",
    BASE + "/{charge_box_id}/power",
    tag=TAG,
    scope="read",
    query=PowerQuery(),
    answer=Power(),
)
async def get_power(request: Request) -> Mapping[str, Any]:
    """Show what a charger's EVSEs took in a span of time, and what limit held when.

    Power is what meters have told of transactions: of more than 10,000 messages a part is read.
    Limits are what lies on the charger, in W; behind now, what is foreseen for a day.
    """
    charger, now = await stored_charger(request), request.parts.clock.now()
    span = _span(charger, request.query, now)
    storage = request.parts.storage
    await storage.group.flush()
    measured = await _measured(storage, charger, span)
    limits = await _limits(storage, span, now)
    return {
        "since": span.since,
        "until": span.until,
        "evses": [
            {"evse_id": evse_id, "points": [_point(one) for one in points]}
            for evse_id, points in sorted(measured.items())
        ],
        "limits": [
            {"evse_id": evse_id, "steps": [step._asdict() for step in steps]}
            for evse_id, steps in sorted(limits.items())
        ],
    }


def _span(charger: Charger, query: Mapping[str, Any], now: datetime) -> Span:
    until = query["until"] or max(now, query["since"] or now)
    since = query["since"] or shifted(until, -_USUAL)
    if since > until:
        raise Invalid({"since": ["This is later than `until`."]})
    if until - since > LONGEST:
        raise Invalid({"since": [f"At most {LONGEST_DAYS} days are shown at once."]})
    return Span(charger.key, since, until)


def _point(point: Point) -> Mapping[str, Any]:
    return {"timestamp": timestamp(point.at), "watts": point.watts}


# ---- what was taken ----


async def _measured(storage: Storage, charger: Charger, span: Span) -> dict[int, list[Point]]:
    points: defaultdict[int, list[Point]] = defaultdict(list)
    for session, found in await _by_session(storage, charger, span):
        points[session.evse_id] += [*found, *_ends(session, found)]
    most = max(_FEWEST, min(MOST_POINTS, _MOST_IN_ALL // max(len(points), 1)))
    return {
        evse_id: thinned(found, span.since, span.until, most) for evse_id, found in points.items()
    }


async def _by_session(
    storage: Storage, charger: Charger, span: Span
) -> list[tuple[Session, list[Point]]]:
    """Return the points of each session, in memory never many more than are shown.

    One message may have sampled hundreds of moments.
    """
    supply = Supply(charger.supply_phases, charger.nominal_voltage or NOMINAL_VOLTAGE)
    sessions = await storage.measured_power.sessions(span)
    most = max(_FEWEST, min(MOST_POINTS, 4 * _MOST_IN_ALL // max(len(sessions), 1)))
    series, taken = {session: Series(supply) for session in sessions}, 0
    async for session, page in storage.measured_power.readings(span, sessions):
        for samples in page:
            series[session].take(samples)
            taken += len(samples)
            if taken > _SAMPLES_AT_ONCE:
                await asyncio.sleep(taken := 0)
        series[session].thin(span.since, span.until, most)
        await asyncio.sleep(0)
    return [(session, of_it.points) for session, of_it in series.items()]


def _ends(session: Session, points: Sequence[Point]) -> Sequence[Point]:
    """Return that nothing is taken where a session is over, behind all that was measured."""
    if session.stopped_at is None or not points:
        return ()
    return [Point(max(session.stopped_at, *(point.at for point in points)), 0.0)]


# ---- what limited it ----


async def _limits(storage: Storage, span: Span, now: datetime) -> dict[int, list[Limit]]:
    past = await _past(storage, span, min(now, span.until)) if span.since < now else {}
    if span.until < now or span.since > now + LONGEST:
        return past
    scene = await scene_of(storage, span.key)
    if scene is None or not (past or scene.lying.layers):
        return past
    known = scene._replace(evses=sorted({*scene.evses, *past}))
    limits = {}
    for evse_id, prospect in known.prospects(max(now, span.since)):
        limits[evse_id] = merged([*past.get(evse_id, ()), *prospect.limits])
        await asyncio.sleep(0)
    return limits


async def _past(storage: Storage, span: Span, until: datetime) -> dict[int, list[Limit]]:
    """Return what held in the part of a span that is over, by EVSE."""
    records: defaultdict[int, list[LimitRecord]] = defaultdict(list)
    for record in [
        *await storage.limit_records.at(span.key, span.since),
        *await storage.limit_records.within(span.key, span.since, until),
    ]:
        records[record.evse_id].append(record)
    return {evse_id: held(of_it, span.since, until) for evse_id, of_it in records.items()}
