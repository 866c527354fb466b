"""Members: whose sessions may do what in an organization."""

from __future__ import annotations

from sqlalchemy import and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.schema import organizations
from storage.security_schema import members
from storage.statements.parts import given, insert_into, limit, values

_OF_ORGANIZATION = members.c.organization_uuid == given(members.c.organization_uuid)
_THIS = and_(_OF_ORGANIZATION, members.c.identity_id == given(members.c.identity_id))

add_member = insert_into(members)
put_member = (
    upsert(members)
    .values(values(members.c))
    .on_conflict_do_update(
        index_elements=["organization_uuid", "identity_id"],
        set_={"role": given(members.c.role)},
    )
    .returning(*members.c)
)
change_role = update(members).where(_THIS).values(role=given(members.c.role)).returning(*members.c)
remove_member = delete(members).where(_THIS).returning(members.c.identity_id)
members_after = (
    select(members)
    .where(_OF_ORGANIZATION, members.c.identity_id > given(members.c.identity_id, "after"))
    .order_by(members.c.identity_id)
    .limit(limit())
)
members_of = select(members).where(_OF_ORGANIZATION).order_by(members.c.identity_id)
# Asked at every request of a session, so that who is removed is refused from the next one on.
memberships = (
    select(organizations, members.c.role)
    .select_from(
        members.join(
            organizations, organizations.c.organization_uuid == members.c.organization_uuid
        )
    )
    .where(members.c.identity_id == given(members.c.identity_id))
    .order_by(members.c.organization_uuid)
)
