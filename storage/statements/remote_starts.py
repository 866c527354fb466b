"""Starts that were asked for, and the sessions that came of them."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, or_, select, update

from storage.operations_schema import UNBOUND, remote_starts
from storage.statements.parts import given, insert_or_update, of_charger

put_start = insert_or_update(
    remote_starts, ("organization_uuid", "charge_box_id", "remote_start_id")
)
_UNBOUND = (
    select(remote_starts)
    .where(of_charger(remote_starts), UNBOUND)
    .order_by(remote_starts.c.created_at.desc())
    .limit(1)
)
start_named = _UNBOUND.where(
    remote_starts.c.remote_start_id == given(remote_starts.c.remote_start_id)
)
# OCPP tells no upper from lower case in a token; a start may have left the EVSE to the charger.
start_like = _UNBOUND.where(
    or_(
        remote_starts.c.evse_id == given(remote_starts.c.evse_id), remote_starts.c.evse_id.is_(None)
    ),
    func.lower(remote_starts.c.id_token) == func.lower(given(remote_starts.c.id_token)),
    remote_starts.c.created_at >= given(remote_starts.c.created_at, "since"),
)
_THIS = and_(
    remote_starts.c.organization_uuid
    == given(remote_starts.c.organization_uuid, "of_organization"),
    remote_starts.c.charge_box_id == given(remote_starts.c.charge_box_id, "of_charger"),
    remote_starts.c.remote_start_id == given(remote_starts.c.remote_start_id, "of_start"),
)
bind_start = (
    update(remote_starts).where(_THIS).values(transaction_id=given(remote_starts.c.transaction_id))
)
drop_start = delete(remote_starts).where(_THIS)
