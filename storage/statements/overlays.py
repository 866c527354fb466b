"""What targets set and read back: keys of their own link, keys that owners share, wishes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, literal_column, not_, or_, select, update

from storage.operations_schema import OPEN, commands
from storage.statements.parts import given, insert_or_update, of_charger
from storage.target_schema import (
    availability,
    deferred_resets,
    link_settings,
    proxy_configurations,
    shared_settings,
)

_OWNED = ("organization_uuid", "charge_box_id", "owner")


def _is_there(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is of the platform or of a target that is still there."""
    targets = select(proxy_configurations.c.id).where(
        proxy_configurations.c.id == table.c.owner, proxy_configurations.c.enabled
    )
    return or_(table.c.owner == 0, table.c.owner.in_(targets))


note_link_setting = insert_or_update(link_settings, ("proxy_configuration_id", "name"))
link_settings_of = (
    select(link_settings.c.name, link_settings.c.value)
    .where(link_settings.c.proxy_configuration_id == given(link_settings.c.proxy_configuration_id))
    .order_by(link_settings.c.name)
)

note_shared_setting = insert_or_update(shared_settings, (*_OWNED, "name"))
shared_settings_of = (
    select(shared_settings.c.owner, shared_settings.c.name, shared_settings.c.value)
    .where(of_charger(shared_settings), _is_there(shared_settings))
    .order_by(shared_settings.c.owner, shared_settings.c.name)
)

note_availability = insert_or_update(availability, (*_OWNED, "evse_id", "connector_id"))
forget_availability = delete(availability).where(
    of_charger(availability), availability.c.owner == given(availability.c.owner)
)
drop_availability = forget_availability.where(
    availability.c.evse_id == given(availability.c.evse_id),
    availability.c.connector_id == given(availability.c.connector_id),
)
_WISHES = (
    select(
        availability.c.owner,
        availability.c.evse_id,
        availability.c.connector_id,
        availability.c.type,
        availability.c.reason,
    )
    .where(of_charger(availability))
    .order_by(availability.c.owner, availability.c.evse_id, availability.c.connector_id)
)
availability_of = _WISHES.where(_is_there(availability))
availability_left = _WISHES.where(not_(_is_there(availability)))

note_deferred_reset = insert_or_update(deferred_resets, _OWNED)
deferred_resets_of = (
    select(deferred_resets)
    .where(of_charger(deferred_resets), _is_there(deferred_resets))
    .order_by(deferred_resets.c.asked_at, deferred_resets.c.owner)
)
_THIS_RESET = and_(
    deferred_resets.c.organization_uuid
    == given(deferred_resets.c.organization_uuid, "of_organization"),
    deferred_resets.c.charge_box_id == given(deferred_resets.c.charge_box_id, "of_charger"),
    deferred_resets.c.owner == given(deferred_resets.c.owner, "of_owner"),
)
take_deferred_reset = delete(deferred_resets).where(_THIS_RESET).returning(*deferred_resets.c)
# And not one that has taken its place.
_SAME_RESET = and_(
    _THIS_RESET, deferred_resets.c.asked_at == given(deferred_resets.c.asked_at, "of_moment")
)
note_reset_attempts = (
    update(deferred_resets)
    .where(_SAME_RESET)
    .values(attempts=given(deferred_resets.c.attempts))
    .returning(deferred_resets.c.owner)
)
end_deferred_reset = delete(deferred_resets).where(_SAME_RESET).returning(deferred_resets.c.owner)
# A charger is at these until it has told their end.
_JOBS: tuple[ColumnElement[Any], ...] = tuple(
    literal_column(f"'{action}'")
    for action in ("GetDiagnostics", "GetLog", "SignedUpdateFirmware", "UpdateFirmware")
)
job_running = (
    select(commands.c.command_id)
    .where(
        of_charger(commands),
        OPEN,
        commands.c.action.in_(_JOBS),
        commands.c.created_at >= given(commands.c.created_at, "since"),
    )
    .limit(1)
)
