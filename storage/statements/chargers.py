"""Chargers and their connectors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select, tuple_, update

from storage.schema import chargers, connectors
from storage.statements.parts import (
    among,
    given,
    insert_into,
    insert_of_charger,
    limit,
    of_charger,
    only_where_empty,
    point,
    to_change,
    values,
)

add_charger = insert_into(chargers)
charger = point(select(chargers).where(of_charger(chargers)))
# Else what a charger tells of itself meanwhile would be written over.
charger_to_change = to_change(charger)
chargers_after = (
    select(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid),
        chargers.c.charge_box_id > given(chargers.c.charge_box_id, "after"),
    )
    .order_by(chargers.c.charge_box_id)
    .limit(limit())
)
chargers_with_serial = (
    select(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid),
        chargers.c.serial_number == given(chargers.c.serial_number),
    )
    .order_by(chargers.c.charge_box_id)
    .limit(limit())
)
serials_among = select(chargers.c.serial_number, chargers.c.charge_box_id).where(
    chargers.c.organization_uuid == given(chargers.c.organization_uuid),
    among(chargers.c.serial_number),
)
chargers_among = select(chargers).where(
    chargers.c.organization_uuid == given(chargers.c.organization_uuid),
    among(chargers.c.charge_box_id),
)
chargers_of_site = (
    select(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid),
        chargers.c.site_id == given(chargers.c.site_id),
        chargers.c.charge_box_id > given(chargers.c.charge_box_id, "after"),
    )
    .order_by(chargers.c.charge_box_id)
    .limit(limit())
)
# Of every organization's; gone through by key, since a server does it once.
chargers_seen_since = (
    select(
        chargers.c.organization_uuid,
        chargers.c.charge_box_id,
        chargers.c.last_address,
        chargers.c.last_seen,
    )
    .where(
        tuple_(chargers.c.organization_uuid, chargers.c.charge_box_id)
        > tuple_(
            given(chargers.c.organization_uuid, "after_organization"),
            given(chargers.c.charge_box_id, "after"),
        ),
        chargers.c.last_address.is_not(None),
        chargers.c.last_seen >= given(chargers.c.last_seen, "since"),
    )
    .order_by(chargers.c.organization_uuid, chargers.c.charge_box_id)
    .limit(limit())
)
chargers_by_profile = select(chargers.c.security_profile, func.count().label("chargers")).group_by(
    chargers.c.security_profile
)
CHANGEABLE = (
    "charger_name",
    "vendor_name",
    "model_name",
    "serial_number",
    "security_profile",
    "allowed_versions",
    "password_digest",
    "boot_policy",
    "supply_phases",
    "nominal_voltage",
    "site_id",
    "certificate_name",
    "next_security_profile",
    "hex_password",
)
replace_charger = (
    update(chargers)
    .where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid, "of_organization"),
        chargers.c.charge_box_id == given(chargers.c.charge_box_id, "of_charger"),
    )
    .values(values(chargers.c[name] for name in CHANGEABLE))
    .returning(chargers)
)
delete_charger = delete(chargers).where(of_charger(chargers)).returning(chargers.c.charge_box_id)


def _note_charger(**changed: Any) -> Any:
    return update(chargers).where(of_charger(chargers)).values(**changed)


note_boot = _note_charger(
    vendor_name=only_where_empty(chargers.c.vendor_name),
    model_name=only_where_empty(chargers.c.model_name),
    serial_number=only_where_empty(chargers.c.serial_number),
    firmware_version=given(chargers.c.firmware_version),
    boot_payload=given(chargers.c.boot_payload),
    last_seen=given(chargers.c.last_seen, "at"),
)
note_connected = _note_charger(
    last_seen=given(chargers.c.last_seen, "at"),
    ocpp_version=given(chargers.c.ocpp_version),
    last_address=given(chargers.c.last_address),
)
note_seen = _note_charger(last_seen=given(chargers.c.last_seen, "at"))
note_disconnected = _note_charger(
    last_seen=given(chargers.c.last_seen, "at"),
    last_disconnect=given(chargers.c.last_disconnect, "gone_at"),
    last_close_code=given(chargers.c.last_close_code),
    last_close_reason=given(chargers.c.last_close_reason),
)

_CONNECTOR_KEY = ("organization_uuid", "charge_box_id", "evse_id", "connector_id")
_status = insert_of_charger(connectors)
note_status = _status.on_conflict_do_update(
    index_elements=_CONNECTOR_KEY,
    set_={c.key: _status.excluded[c.key] for c in connectors.c if c.key not in _CONNECTOR_KEY},
)
connectors_of_charger = (
    select(connectors)
    .where(of_charger(connectors))
    .order_by(connectors.c.evse_id, connectors.c.connector_id)
)
connectors_among = (
    select(connectors)
    .where(
        connectors.c.organization_uuid == given(connectors.c.organization_uuid),
        among(connectors.c.charge_box_id),
    )
    .order_by(connectors.c.charge_box_id, connectors.c.evse_id, connectors.c.connector_id)
)
