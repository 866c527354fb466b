"""Proxy configurations, the places in their queues and their id maps."""

from __future__ import annotations

from sqlalchemy import and_, delete, null, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.statements.parts import given, insert_into, limit, of_charger, values
from storage.target_schema import cursors, id_pairs, proxy_configurations

add_proxy_configuration = insert_into(proxy_configurations, without=("id",)).returning(
    proxy_configurations.c.id
)
proxy_configuration = select(proxy_configurations).where(
    proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
    proxy_configurations.c.id == given(proxy_configurations.c.id),
)
proxy_configuration_of = select(proxy_configurations).where(of_charger(proxy_configurations))
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
change_password = (
    update(proxy_configurations)
    .where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id"))
    .values(target_auth_basic_password=given(proxy_configurations.c.target_auth_basic_password))
)
delete_proxy_configuration = (
    delete(proxy_configurations)
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
        proxy_configurations.c.id == given(proxy_configurations.c.id),
    )
    .returning(proxy_configurations.c.id)
)

sealed_passwords = select(proxy_configurations.c.target_auth_basic_password).where(
    proxy_configurations.c.target_auth_basic_password.is_not(null())
)

cursor = select(cursors).where(
    cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id)
)
add_cursor = insert_into(cursors)
note_cursor = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(position=given(cursors.c.position))
)
note_booted = (
    update(cursors)
    .where(cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"))
    .values(booted_at=given(cursors.c.booted_at))
)

add_id_pair = (
    upsert(id_pairs)
    .from_select(
        ["proxy_configuration_id", "kind", "ours", "theirs"],
        # A configuration that was deleted meanwhile takes its ids along.
        select(
            proxy_configurations.c.id,
            given(id_pairs.c.kind),
            given(id_pairs.c.ours),
            given(id_pairs.c.theirs),
        ).where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id")),
    )
    .on_conflict_do_update(
        index_elements=["proxy_configuration_id", "kind", "ours"],
        set_={"theirs": given(id_pairs.c.theirs, "theirs")},
    )
)
_OF_TARGET = and_(
    id_pairs.c.proxy_configuration_id == given(id_pairs.c.proxy_configuration_id),
    id_pairs.c.kind == given(id_pairs.c.kind),
)
their_id = select(id_pairs.c.theirs).where(_OF_TARGET, id_pairs.c.ours == given(id_pairs.c.ours))
our_id = (
    select(id_pairs.c.ours)
    .where(_OF_TARGET, id_pairs.c.theirs == given(id_pairs.c.theirs))
    .order_by(id_pairs.c.id.desc())
    .limit(1)
)
