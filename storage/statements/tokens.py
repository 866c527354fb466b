"""Whom an organization lets charge: its setting, and the tokens that it knows."""

from __future__ import annotations

from sqlalchemy import and_, delete, select

from storage.operations_schema import known_tokens
from storage.schema import organizations
from storage.statements.parts import given, insert_into, insert_or_update, limit, to_change

_KEY = ("organization_uuid", "folded")
_OF_ORGANIZATION = known_tokens.c.organization_uuid == given(known_tokens.c.organization_uuid)
_THIS = and_(_OF_ORGANIZATION, known_tokens.c.folded == given(known_tokens.c.folded))
_SHOWN = [column for column in known_tokens.c if column.key != "folded"]

add_token = insert_into(known_tokens)
replace_token = insert_or_update(known_tokens, _KEY)
known_token = select(*_SHOWN).where(_THIS)
# Else a token that is forgotten meanwhile would be known again.
token_to_change = to_change(known_token)
delete_token = delete(known_tokens).where(_THIS).returning(known_tokens.c.id_token)
tokens_after = (
    select(*_SHOWN)
    .where(_OF_ORGANIZATION, known_tokens.c.folded > given(known_tokens.c.folded, "after"))
    .order_by(known_tokens.c.folded)
    .limit(limit())
)
# One read for a verdict; the token's columns are NULL where it is not known.
authorization = (
    select(
        organizations.c.authorization,
        known_tokens.c.status,
        known_tokens.c.group_id_token,
        known_tokens.c.expires_at,
    )
    .select_from(
        organizations.outerjoin(
            known_tokens,
            and_(
                known_tokens.c.organization_uuid == organizations.c.organization_uuid,
                known_tokens.c.folded == given(known_tokens.c.folded),
            ),
        )
    )
    .where(organizations.c.organization_uuid == given(organizations.c.organization_uuid))
)
