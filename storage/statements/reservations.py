"""Reservations, and the lists of tokens that chargers have for themselves."""

from __future__ import annotations

from sqlalchemy import or_, select, tuple_, update

from storage.operations_schema import local_lists, reservations
from storage.statements.parts import given, insert_or_update, limit, of_charger

_KEY = ("organization_uuid", "charge_box_id")
_THIS = reservations.c.reservation_id == given(reservations.c.reservation_id)
ACTIVE, ASKED = "Active", "Asked"

put_reservation = insert_or_update(reservations, (*_KEY, "reservation_id"))
reservation = select(reservations).where(of_charger(reservations), _THIS)
_NEWEST = (reservations.c.created_at, reservations.c.reservation_id)
reservations_before = (
    select(reservations)
    .where(
        of_charger(reservations),
        tuple_(*_NEWEST)
        < tuple_(
            given(reservations.c.created_at, "before_created_at"),
            given(reservations.c.reservation_id, "before_reservation_id"),
        ),
    )
    .order_by(*(column.desc() for column in _NEWEST))
    .limit(limit())
)
_STORED = update(reservations).where(
    reservations.c.organization_uuid == given(reservations.c.organization_uuid, "of_organization"),
    reservations.c.charge_box_id == given(reservations.c.charge_box_id, "of_charger"),
    reservations.c.reservation_id == given(reservations.c.reservation_id, "of_reservation"),
)
# A charger may use a reservation before its answer has got here.
accept_reservation = _STORED.where(reservations.c.state == ASKED).values(
    state=ACTIVE, updated_at=given(reservations.c.updated_at)
)
# What has ended stays as it ended.
end_reservation = _STORED.where(
    or_(reservations.c.state == ACTIVE, reservations.c.state == ASKED)
).values(
    state=given(reservations.c.state),
    updated_at=given(reservations.c.updated_at),
)

put_local_list = insert_or_update(local_lists, _KEY)
local_list = select(local_lists).where(of_charger(local_lists))
