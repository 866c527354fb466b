"""Tokens and commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, null, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.operations_schema import OPEN, UNFINISHED, command_batches, command_parts, commands
from storage.schema import id_tokens
from storage.statements.parts import given, insert_into, insert_or_update, limit, of_charger

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

# ---- commands ----

_STATE = given(commands.c.state)
# Said of late parts when the last of them is there, which may be before the answer is stored.
ALL_THERE: Mapping[str, Any] = {"complete": True}
STILL_TO_COME: Mapping[str, Any] = {"complete": False}
_ALL_THERE = literal(ALL_THERE, commands.c.progress.type)
_COLLECTING = commands.c.state == "collecting"

add_command = insert_into(commands)
_ENDS_LATER = and_(_STATE == "collecting", commands.c.progress.is_distinct_from(_ALL_THERE))
_ENDS_NOW = and_(_STATE == "collecting", commands.c.progress == _ALL_THERE)
# The first ending stays: a reset that has to wait may have gone out before its waiting is told.
finish_command = (
    update(commands)
    .where(
        commands.c.command_id == given(commands.c.command_id, "of_command"),
        commands.c.finished_at.is_(None),
    )
    .values(
        state=case((_ENDS_NOW, "complete"), else_=_STATE),
        response=given(commands.c.response),
        finished_at=case((_ENDS_LATER, null()), else_=given(commands.c.finished_at)),
    )
)
end_overdue = (
    update(commands)
    .where(commands.c.command_id == given(commands.c.command_id, "of_command"), _COLLECTING)
    .values(state="timeout", finished_at=given(commands.c.finished_at))
)
# Of commands that were out when the server was killed nobody will ever hear.
end_interrupted = (
    update(commands)
    .where(commands.c.state == "sent", OPEN)
    .values(
        state="failed",
        response=given(commands.c.response),
        finished_at=given(commands.c.finished_at),
    )
)
_COMMANDS = select(commands).where(of_charger(commands))
command = _COMMANDS.where(commands.c.command_id == given(commands.c.command_id))
commands_collecting = _COMMANDS.where(_COLLECTING, OPEN)
_NEWEST_FIRST = (commands.c.created_at, commands.c.command_id)
_ACTION, _IN_STATE = given(commands.c.action), given(commands.c.state)
commands_before = (
    _COMMANDS.where(
        or_(_ACTION.is_(None), commands.c.action == _ACTION),
        or_(_IN_STATE.is_(None), commands.c.state == _IN_STATE),
        tuple_(*_NEWEST_FIRST)
        < tuple_(
            given(commands.c.created_at, "before_created_at"),
            given(commands.c.command_id, "before_command_id"),
        ),
    )
    .order_by(*(column.desc() for column in _NEWEST_FIRST))
    .limit(limit())
)

# ---- late parts ----

_AWAITED = and_(of_charger(commands), OPEN, commands.c.request_id == given(commands.c.request_id))
_NEWEST_AWAITED = (
    select(commands.c.command_id)
    .where(
        of_charger(commands),
        OPEN,
        commands.c.request_id.is_(None),
        commands.c.progress.is_not(None),
        commands.c.action == given(commands.c.action, "of_action"),
    )
    # By a value, not by the column: else SQLite reads all that was ever asked, newest first.
    .order_by(func.abs(commands.c.created_at).desc())
    .limit(1)
    .scalar_subquery()
)
_IS_NEWEST = commands.c.command_id == _NEWEST_AWAITED
MOST_PARTS = 5000
_PARTS_SO_FAR = (
    select(func.count())
    .select_from(command_parts)
    .where(command_parts.c.command_id == commands.c.command_id)
    .correlate(commands)
    .scalar_subquery()
)
_PART = (
    commands.c.command_id,
    given(command_parts.c.action),
    given(command_parts.c.payload),
    given(command_parts.c.digest),
    given(command_parts.c.received_at),
)
_PART_COLUMNS = ("command_id", "action", "payload", "digest", "received_at")


def _add_part(awaited: ColumnElement[bool]) -> Any:
    """Return what adds a part to a command, once and where there are not too many already."""
    part = select(*_PART).where(awaited, _PARTS_SO_FAR < MOST_PARTS)
    return upsert(command_parts).from_select(_PART_COLUMNS, part).on_conflict_do_nothing()


def _all_there(awaited: ColumnElement[bool]) -> Any:
    """Return what notes that the last part has come."""
    ended = given(commands.c.finished_at)
    return (
        update(commands)
        .where(awaited)
        .values(
            progress=_ALL_THERE,
            state=case((_COLLECTING, "complete"), else_=commands.c.state),
            finished_at=case((_COLLECTING, ended), else_=commands.c.finished_at),
        )
    )


add_part, all_there = _add_part(_AWAITED), _all_there(_AWAITED)
add_part_to_newest, newest_all_there = _add_part(_IS_NEWEST), _all_there(_IS_NEWEST)
_PARTS = command_parts.c.command_id == given(command_parts.c.command_id)
parts_after = (
    select(*(column for column in command_parts.c if column.key != "digest"))
    .where(_PARTS, command_parts.c.id > given(command_parts.c.id, "after"))
    .order_by(command_parts.c.id)
    .limit(limit())
)
parts_so_far = select(
    func.count().label("parts"), func.max(command_parts.c.received_at).label("last_at")
).where(_PARTS)

# ---- batches ----

add_batch = insert_into(command_batches)
finish_batch = (
    update(command_batches)
    .where(command_batches.c.batch_id == given(command_batches.c.batch_id, "of_batch"))
    .values(finished_at=given(command_batches.c.finished_at))
)
_BATCHES = select(command_batches)
_OF_ORGANIZATION = command_batches.c.organization_uuid == given(command_batches.c.organization_uuid)
batch = _BATCHES.where(
    _OF_ORGANIZATION, command_batches.c.batch_id == given(command_batches.c.batch_id)
)
_BATCH_ORDER = (command_batches.c.created_at, command_batches.c.batch_id)
batches_before = (
    _BATCHES.where(
        _OF_ORGANIZATION,
        tuple_(*_BATCH_ORDER)
        < tuple_(
            given(command_batches.c.created_at, "before_created_at"),
            given(command_batches.c.batch_id, "before_batch_id"),
        ),
    )
    .order_by(*(column.desc() for column in _BATCH_ORDER))
    .limit(limit())
)
unfinished_batches = _BATCHES.where(UNFINISHED).order_by(*_BATCH_ORDER)
states_of_batch = (
    select(commands.c.state, func.count().label("commands"))
    .where(commands.c.batch_id == given(commands.c.batch_id))
    .group_by(commands.c.state)
)
commands_of_batch = (
    select(commands)
    .where(commands.c.batch_id == given(commands.c.batch_id))
    .order_by(commands.c.charge_box_id)
)
