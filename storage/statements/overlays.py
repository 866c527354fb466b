"""What targets set and read back: keys of their own link, keys that owners share, wishes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select

from storage.statements.parts import given, insert_or_update, of_charger
from storage.target_schema import (
    availability,
    deferred_resets,
    link_settings,
    proxy_configurations,
    shared_settings,
)

_OWNED = ("organization_uuid", "charge_box_id", "owner")


def _owners_live(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is of the platform or of a target that is still there."""
    targets = select(proxy_configurations.c.id).where(
        of_charger(proxy_configurations), proxy_configurations.c.id == table.c.owner
    )
    return and_(of_charger(table), or_(table.c.owner == 0, table.c.owner.in_(targets)))


note_link_setting = insert_or_update(link_settings, ("proxy_configuration_id", "name"))
link_settings_of = (
    select(link_settings.c.name, link_settings.c.value)
    .where(link_settings.c.proxy_configuration_id == given(link_settings.c.proxy_configuration_id))
    .order_by(link_settings.c.name)
)

note_shared_setting = insert_or_update(shared_settings, (*_OWNED, "name"))
shared_settings_of = (
    select(shared_settings.c.owner, shared_settings.c.name, shared_settings.c.value)
    .where(_owners_live(shared_settings))
    .order_by(shared_settings.c.owner, shared_settings.c.name)
)

note_availability = insert_or_update(availability, (*_OWNED, "evse_id", "connector_id"))
forget_availability = delete(availability).where(
    of_charger(availability), availability.c.owner == given(availability.c.owner)
)
availability_of = (
    select(
        availability.c.owner,
        availability.c.evse_id,
        availability.c.connector_id,
        availability.c.type,
    )
    .where(_owners_live(availability))
    .order_by(availability.c.owner, availability.c.evse_id, availability.c.connector_id)
)

note_deferred_reset = insert_or_update(deferred_resets, ("proxy_configuration_id",))
deferred_reset_of = (
    select(deferred_resets)
    .join(
        proxy_configurations,
        proxy_configurations.c.id == deferred_resets.c.proxy_configuration_id,
    )
    .where(of_charger(proxy_configurations))
)
forget_deferred_reset = delete(deferred_resets).where(
    deferred_resets.c.proxy_configuration_id == given(deferred_resets.c.proxy_configuration_id)
)
