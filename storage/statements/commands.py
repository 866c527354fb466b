"""Tokens and commands."""

from __future__ import annotations

from sqlalchemy import select, update

from storage.operations_schema import commands
from storage.schema import id_tokens
from storage.statements.parts import given, insert_into, insert_or_update, of_charger

accept_token = insert_or_update(
    id_tokens, ("organization_uuid", "id_token", "source", "charge_box_id")
)
_TOKEN_SINCE = (
    select(id_tokens.c.id_token)
    .where(
        id_tokens.c.organization_uuid == given(id_tokens.c.organization_uuid),
        id_tokens.c.id_token == given(id_tokens.c.id_token),
        id_tokens.c.accepted_at >= given(id_tokens.c.accepted_at, "since"),
    )
    .limit(1)
)
token_anywhere = _TOKEN_SINCE.where(id_tokens.c.source == given(id_tokens.c.source))
token_here = token_anywhere.where(id_tokens.c.charge_box_id == given(id_tokens.c.charge_box_id))

add_command = insert_into(commands)
finish_command = (
    update(commands)
    .where(commands.c.command_id == given(commands.c.command_id, "of_command"))
    .values(
        state=given(commands.c.state),
        response=given(commands.c.response),
        finished_at=given(commands.c.finished_at),
    )
)
command = select(commands).where(
    of_charger(commands), commands.c.command_id == given(commands.c.command_id)
)
