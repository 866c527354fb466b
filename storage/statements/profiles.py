"""Charging profiles: as their owners gave them, and as they lie on the charger."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select

from storage.statements.parts import given, insert_or_update, of_charger
from storage.target_schema import charging_profiles, installed_profiles, proxy_configurations

_PLATFORM = 0


def _between(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is of the chargers of one page."""
    return and_(
        table.c.organization_uuid == given(table.c.organization_uuid),
        table.c.charge_box_id >= given(table.c.charge_box_id, "first"),
        table.c.charge_box_id <= given(table.c.charge_box_id, "last"),
    )


# What a configuration wants that is deleted, or disabled for now, is nobody's wish.
_WANTED = or_(
    charging_profiles.c.owner == _PLATFORM,
    exists().where(
        proxy_configurations.c.id == charging_profiles.c.owner, proxy_configurations.c.enabled
    ),
)

put_charging_profile = insert_or_update(
    charging_profiles, ("organization_uuid", "charge_box_id", "owner", "profile_id")
)
charging_profiles_of = (
    select(charging_profiles)
    .where(of_charger(charging_profiles), _WANTED)
    .order_by(
        charging_profiles.c.owner, charging_profiles.c.created_at, charging_profiles.c.profile_id
    )
)
charging_profiles_between = (
    select(charging_profiles)
    .where(_between(charging_profiles), _WANTED)
    .order_by(
        charging_profiles.c.charge_box_id,
        charging_profiles.c.owner,
        charging_profiles.c.created_at,
        charging_profiles.c.profile_id,
    )
)
remove_charging_profile = delete(charging_profiles).where(
    charging_profiles.c.organization_uuid
    == given(charging_profiles.c.organization_uuid, "of_organization"),
    charging_profiles.c.charge_box_id == given(charging_profiles.c.charge_box_id, "of_charger"),
    charging_profiles.c.owner == given(charging_profiles.c.owner, "of_owner"),
    charging_profiles.c.profile_id == given(charging_profiles.c.profile_id, "of_profile"),
)

_PLACE = ("organization_uuid", "charge_box_id", "evse_id", "purpose", "stack_level")
put_installed_profile = insert_or_update(installed_profiles, _PLACE)
installed_profiles_of = (
    select(installed_profiles)
    .where(of_charger(installed_profiles))
    .order_by(
        installed_profiles.c.evse_id,
        installed_profiles.c.purpose,
        installed_profiles.c.stack_level,
    )
)
installed_profiles_between = (
    select(installed_profiles)
    .where(_between(installed_profiles))
    .order_by(*installed_profiles.primary_key.columns)
)
remove_installed_profile = delete(installed_profiles).where(
    installed_profiles.c.organization_uuid
    == given(installed_profiles.c.organization_uuid, "of_organization"),
    installed_profiles.c.charge_box_id == given(installed_profiles.c.charge_box_id, "of_charger"),
    installed_profiles.c.evse_id == given(installed_profiles.c.evse_id, "of_evse"),
    installed_profiles.c.purpose == given(installed_profiles.c.purpose, "of_purpose"),
    installed_profiles.c.stack_level == given(installed_profiles.c.stack_level, "of_level"),
)
