"""Proxy configurations and the places in their queues."""

from __future__ import annotations

from sqlalchemy import delete, select, true, update

from storage.statements.parts import among, given, insert_into, limit, of_charger, to_change, values
from storage.target_schema import cursors, proxy_configurations

add_proxy_configuration = insert_into(proxy_configurations, without=("id",)).returning(
    proxy_configurations.c.id
)
proxy_configuration = select(proxy_configurations).where(
    proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
    proxy_configurations.c.id == given(proxy_configurations.c.id),
)
proxy_configuration_of = select(proxy_configurations).where(of_charger(proxy_configurations))
proxy_configurations_among = select(proxy_configurations).where(
    proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
    among(proxy_configurations.c.charge_box_id),
)
# Else what its target sets meanwhile would be written over.
proxy_configuration_to_change = to_change(proxy_configuration_of)
proxy_configurations_after = (
    select(proxy_configurations)
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
        proxy_configurations.c.id > given(proxy_configurations.c.id, "after"),
    )
    .order_by(proxy_configurations.c.id)
    .limit(limit())
)
_FIXED = ("id", "organization_uuid", "charge_box_id", "created_at")
replace_proxy_configuration = (
    update(proxy_configurations)
    .where(
        proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id"),
        proxy_configurations.c.organization_uuid
        == given(proxy_configurations.c.organization_uuid, "of_organization"),
    )
    .values(values(c for c in proxy_configurations.c if c.key not in _FIXED))
    .returning(proxy_configurations)
)
# By the target that has set it: one that the link leads to no more may still say something.
_TARGET = ("target_websocket_url", "target_charge_box_id")
change_password = (
    update(proxy_configurations)
    .where(
        proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id"),
        *(
            proxy_configurations.c[name].is_not_distinct_from(
                given(proxy_configurations.c[name], f"of_{name}")
            )
            for name in _TARGET
        ),
    )
    .values(
        target_auth_basic_password=given(proxy_configurations.c.target_auth_basic_password),
        password_from_target=true(),
    )
)
delete_proxy_configuration = (
    delete(proxy_configurations)
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
        proxy_configurations.c.id == given(proxy_configurations.c.id),
    )
    .returning(proxy_configurations.c.id)
)


cursor = select(cursors).where(
    cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id)
)
add_cursor = insert_into(cursors)
note_target = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(target=given(cursors.c.target))
)
note_booted = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(booted_at=given(cursors.c.booted_at))
)

# Where enabled ones lead: there are many chargers, and few targets.
destinations = (
    select(
        proxy_configurations.c.target_websocket_url,
        proxy_configurations.c.target_ca_certificate.label("ca_certificate"),
        proxy_configurations.c.target_ca_certificate_domain.label("domain"),
    )
    .where(proxy_configurations.c.enabled)
    .distinct()
    .order_by(proxy_configurations.c.target_websocket_url)
)
