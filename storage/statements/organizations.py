"""Organizations and their API keys."""

from __future__ import annotations

from sqlalchemy import literal_column, null, select, update
from sqlalchemy.sql import ColumnElement

from storage.schema import api_keys, organizations
from storage.statements.parts import given, insert_into, limit, point, values

# What it may set and what is noted of it comes later.
_LATER = ("keep_messages", "keep_meter_values", "keep_commands", "keep_audit", "swept_at")
add_organization = insert_into(organizations, without=_LATER)
organization = select(organizations).where(
    organizations.c.organization_uuid == given(organizations.c.organization_uuid)
)
_THIS = organizations.c.organization_uuid == given(
    organizations.c.organization_uuid, "of_organization"
)
_SET = ("authorization", "keep_messages", "keep_meter_values", "keep_commands", "keep_audit")
change_organization = (
    update(organizations).where(_THIS).values(values(organizations.c[name] for name in _SET))
)
note_swept = update(organizations).where(_THIS).values(swept_at=given(organizations.c.swept_at))
all_organizations = select(organizations).order_by(
    organizations.c.created_at, organizations.c.organization_uuid
)
# Two are as good as more.
organizations_named = (
    select(organizations.c.organization_uuid)
    .where(organizations.c.name == given(organizations.c.name))
    .limit(limit())
)

add_api_key = insert_into(api_keys)
_SHOWN_KEY = [column for column in api_keys.c if column.key != "digest"]
api_key_by_digest = point(select(*_SHOWN_KEY).where(api_keys.c.digest == given(api_keys.c.digest)))
all_api_keys = select(*_SHOWN_KEY).order_by(api_keys.c.created_at, api_keys.c.key_id)
api_keys_of = all_api_keys.where(
    api_keys.c.organization_uuid == given(api_keys.c.organization_uuid)
)
revoke_api_key = (
    update(api_keys)
    .where(api_keys.c.key_id == given(api_keys.c.key_id), api_keys.c.revoked_at.is_(null()))
    .values(revoked_at=given(api_keys.c.revoked_at, "at"))
    .returning(api_keys.c.key_id)
)
use_api_key = (
    update(api_keys)
    .where(api_keys.c.key_id == given(api_keys.c.key_id, "of_key"))
    .values(last_used_at=given(api_keys.c.last_used_at, "at"))
)

# What a command line is completed with.
_OFFERED: ColumnElement[int] = literal_column("50")
some_organizations = (
    select(organizations.c.organization_uuid, organizations.c.name)
    .order_by(organizations.c.created_at)
    .limit(_OFFERED)
)
some_keys = (
    select(api_keys.c.key_id, api_keys.c.name)
    .where(api_keys.c.revoked_at.is_(null()))
    .order_by(api_keys.c.created_at)
    .limit(_OFFERED)
)
