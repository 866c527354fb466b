"""What limits chargers from outside, as they have told."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, or_, select, tuple_

from storage.operations_schema import station_limits
from storage.statements.parts import given, insert_or_update, of_charger

_MOST = 32  # of one charger, which may make up sources without end
_KEY = ("organization_uuid", "charge_box_id", "evse_id", "source")
_OF_CHARGER = and_(
    station_limits.c.organization_uuid
    == given(station_limits.c.organization_uuid, "of_organization"),
    station_limits.c.charge_box_id == given(station_limits.c.charge_box_id, "of_charger"),
)
_EVSE = given(station_limits.c.evse_id, "of_evse")

put_station_limit = insert_or_update(station_limits, _KEY)
_NEWEST = (
    select(station_limits.c.evse_id, station_limits.c.source)
    .where(_OF_CHARGER)
    .order_by(station_limits.c.updated_at.desc(), station_limits.c.evse_id, station_limits.c.source)
    .limit(bindparam("most", _MOST))
)
trim_station_limits = delete(station_limits).where(
    _OF_CHARGER, tuple_(station_limits.c.evse_id, station_limits.c.source).not_in(_NEWEST)
)
# A limit of the whole station that is over is over on each of its EVSEs.
remove_station_limit = delete(station_limits).where(
    _OF_CHARGER,
    station_limits.c.source == given(station_limits.c.source, "of_source"),
    or_(_EVSE == 0, station_limits.c.evse_id == _EVSE),
)
station_limits_of = (
    select(station_limits)
    .where(of_charger(station_limits))
    .order_by(station_limits.c.evse_id, station_limits.c.source)
)
station_limits_between = (
    select(station_limits)
    .where(
        station_limits.c.organization_uuid == given(station_limits.c.organization_uuid),
        station_limits.c.charge_box_id >= given(station_limits.c.charge_box_id, "first"),
        station_limits.c.charge_box_id <= given(station_limits.c.charge_box_id, "last"),
    )
    .order_by(*station_limits.primary_key.columns)
)
