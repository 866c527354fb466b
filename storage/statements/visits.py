"""Connections of chargers, one row for each."""

from __future__ import annotations

from sqlalchemy import Delete, and_, case, delete, func, literal_column, select, tuple_, update

from storage.history_schema import charger_connections as visits
from storage.schema import chargers
from storage.statements.parts import given, insert_of_charger, limit, of_charger

MOST_VISITS = 1000  # of one charger

_begun = insert_of_charger(visits)
# Where the clock comes back to a moment, what is known of it is of the newer one.
put_visit = _begun.on_conflict_do_update(
    index_elements=list(visits.primary_key.columns),
    set_={c.key: _begun.excluded[c.key] for c in visits.c if not c.primary_key},
)
_OF_CHARGER = and_(
    visits.c.organization_uuid == given(visits.c.organization_uuid, "of_organization"),
    visits.c.charge_box_id == given(visits.c.charge_box_id, "of_charger"),
)


def trimming(most: int) -> Delete:
    """Return the statement that leaves the newest of one charger's, so many."""
    oldest = (
        select(visits.c.since)
        .where(_OF_CHARGER)
        .order_by(visits.c.since.desc())
        .limit(literal_column("1"))
        .offset(literal_column(str(most - 1)))
        .scalar_subquery()
    )
    return delete(visits).where(_OF_CHARGER, visits.c.since < oldest)


trim_visits = trimming(MOST_VISITS)
visits_before = (
    select(visits)
    .where(of_charger(visits), visits.c.since < given(visits.c.since, "before"))
    .order_by(visits.c.since.desc())
    .limit(limit())
)
# Of what a server has left open, which was killed.
_seen = (
    select(chargers.c.last_seen)
    .where(
        chargers.c.organization_uuid == visits.c.organization_uuid,
        chargers.c.charge_box_id == visits.c.charge_box_id,
    )
    .scalar_subquery()
)
_last = func.coalesce(_seen, visits.c.since)
end_abandoned_visits = (
    update(visits)
    .where(visits.c.until.is_(None))
    .values(
        until=case((_last > visits.c.since, _last), else_=visits.c.since),
        close_reason=given(visits.c.close_reason),
    )
)
_KEY = tuple_(*visits.primary_key.columns)
_OLD = (
    select(*visits.primary_key.columns)
    .where(
        visits.c.organization_uuid == given(visits.c.organization_uuid),
        visits.c.until < given(visits.c.until, "before"),
    )
    .limit(limit())
)
drop_visits = delete(visits).where(_KEY.in_(_OLD)).returning(visits.c.since)
