"""Passwords that chargers may have taken over, beside the ones that they have."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from storage.schema import chargers
from storage.security_schema import password_rotations
from storage.statements.parts import given, insert_into, of_charger, to_change

_THIS = password_rotations.c.rotation_id == given(password_rotations.c.rotation_id)

add_rotation = insert_into(password_rotations)
rotations_of_charger = (
    select(password_rotations)
    .where(of_charger(password_rotations))
    .order_by(password_rotations.c.requested_at, password_rotations.c.rotation_id)
)
# So that of two who settle at once the second finds it done, and nobody waits in a circle.
charger_to_settle = to_change(select(chargers.c.charge_box_id).where(of_charger(chargers)))
take_password = (
    update(chargers)
    .where(of_charger(chargers))
    .values(password_digest=given(chargers.c.password_digest))
)
delete_rotation = (
    delete(password_rotations)
    .where(of_charger(password_rotations), _THIS)
    .returning(password_rotations.c.rotation_id)
)
_OF_THIS = (
    password_rotations.c.organization_uuid
    == given(password_rotations.c.organization_uuid, "of_organization"),
    password_rotations.c.charge_box_id == given(password_rotations.c.charge_box_id, "of_charger"),
    password_rotations.c.rotation_id == given(password_rotations.c.rotation_id, "of_rotation"),
)
await_restart = (
    update(password_rotations).where(*_OF_THIS).values(state="at_restart", expires_at=None)
)
_NOW = given(password_rotations.c.expires_at, "now")
reopen_rotations = (
    update(password_rotations)
    .where(
        password_rotations.c.organization_uuid
        == given(password_rotations.c.organization_uuid, "of_organization"),
        password_rotations.c.charge_box_id
        == given(password_rotations.c.charge_box_id, "of_charger"),
        password_rotations.c.expires_at <= _NOW,
    )
    .values(expires_at=given(password_rotations.c.expires_at))
    .returning(password_rotations.c.rotation_id)
)
