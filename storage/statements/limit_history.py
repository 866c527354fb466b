"""What was to limit chargers, as it was foreseen from time to time."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, literal_column, select, tuple_, union

from storage.history_schema import limit_history
from storage.operations_schema import station_limits
from storage.schema import chargers
from storage.statements.parts import given, insert_of_charger, limit, of_charger
from storage.target_schema import installed_profiles

_foreseen = insert_of_charger(limit_history)
put_limits = _foreseen.on_conflict_do_update(
    index_elements=list(limit_history.primary_key.columns),
    set_={"steps": _foreseen.excluded["steps"]},
)
limits_within = (
    select(limit_history)
    .where(
        of_charger(limit_history),
        limit_history.c.at > given(limit_history.c.at, "since"),
        limit_history.c.at <= given(limit_history.c.at, "until"),
    )
    .order_by(limit_history.c.at.desc())
    .limit(limit())
)
# From one EVSE to the next by the index, however much there is of each.
_first = select(func.min(limit_history.c.evse_id).label("evse_id")).where(of_charger(limit_history))
_evses = _first.cte("evses", recursive=True)
_other = limit_history.alias("other")
_next = (
    select(func.min(_other.c.evse_id))
    .where(of_charger(_other), _other.c.evse_id > _evses.c.evse_id)
    .scalar_subquery()
)
_evses = _evses.union_all(select(_next).where(_evses.c.evse_id.is_not(None)))
_newest = limit_history.alias("newest")
_newest_at = (
    select(func.max(_newest.c.at))
    .where(
        of_charger(_newest),
        _newest.c.evse_id == _evses.c.evse_id,
        _newest.c.at <= given(limit_history.c.at, "until"),
    )
    .correlate(_evses)
    .scalar_subquery()
)
limits_at = (
    select(limit_history)
    .select_from(_evses.join(limit_history, limit_history.c.evse_id == _evses.c.evse_id))
    .where(of_charger(limit_history), limit_history.c.at == _newest_at)
)
# The newest of each EVSE holds on, however old it is.
_newer = limit_history.alias("newer")
_OLD = (
    select(*limit_history.primary_key.columns)
    .where(
        limit_history.c.organization_uuid == given(limit_history.c.organization_uuid),
        limit_history.c.at < given(limit_history.c.at, "before"),
        exists(literal_column("1")).where(
            _newer.c.organization_uuid == limit_history.c.organization_uuid,
            _newer.c.charge_box_id == limit_history.c.charge_box_id,
            _newer.c.evse_id == limit_history.c.evse_id,
            _newer.c.at > limit_history.c.at,
            _newer.c.at <= given(limit_history.c.at, "before"),
        ),
    )
    .limit(limit())
)
drop_limits = (
    delete(limit_history)
    .where(tuple_(*limit_history.primary_key.columns).in_(_OLD))
    .returning(limit_history.c.at)
)
# One probe of the index for each charger: its history may be long.
_ever = (
    select(limit_history.c.evse_id)
    .where(
        limit_history.c.organization_uuid == chargers.c.organization_uuid,
        limit_history.c.charge_box_id == chargers.c.charge_box_id,
    )
    .limit(literal_column("1"))
    .correlate(chargers)
    .scalar_subquery()
)
limited_chargers = union(
    *(
        select(table.c.organization_uuid, table.c.charge_box_id)
        for table in (installed_profiles, station_limits)
    ),
    select(chargers.c.organization_uuid, chargers.c.charge_box_id).where(_ever.is_not(None)),
)
