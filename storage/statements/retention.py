"""What has been kept long enough: found a page at a time, and removed row by row.

Nothing here reads along the time of day of the whole log. Each charger's messages, commands and
jobs are filed in the order of time already, so its oldest ones are a page of an index away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)

from storage.columns import Serial
from storage.operations_schema import (
    command_batches,
    command_parts,
    commands,
    jobs,
    remote_starts,
    reservations,
)
from storage.schema import (
    audit,
    charger_messages,
    id_tokens,
    messages,
    meter_readings,
    transactions,
)
from storage.statements.deliveries import Kinds, of_kinds
from storage.statements.parts import given, limit, of_charger
from storage.statements.reservations import ACTIVE, ASKED
from storage.statements.spoken import filed_through
from storage.target_schema import cursors, dead_letters, id_pairs, proxy_configurations, skipped

_UNKNOWN = literal_column("0", Serial)  # as `storage.journal` notes it


def _next_charger(table: Table) -> Select[Any]:
    """Return the query for an organization's next charger in a table that is filed by charger."""
    return (
        select(table.c.charge_box_id)
        .where(
            table.c.organization_uuid == given(table.c.organization_uuid),
            table.c.charge_box_id > given(table.c.charge_box_id, "after"),
        )
        .order_by(table.c.charge_box_id)
        .limit(literal_column("1"))
    )


# ---- messages ----

next_with_messages = _next_charger(charger_messages)
_answers = messages.alias("answers")


# The first range that ends at or behind a message is the only one that may hold it.
_begin_of_range = (
    select(skipped.c.first)
    .where(
        skipped.c.proxy_configuration_id == proxy_configurations.c.id,
        skipped.c.last >= messages.c.seq,
    )
    .order_by(skipped.c.last, skipped.c.first)
    .limit(literal_column("1"))
    .correlate(proxy_configurations, messages)
    .scalar_subquery()
)
# Of a message, or of what a copy passes on.
_to_go_out_again = exists(
    select(dead_letters.c.id)
    .where(
        dead_letters.c.proxy_configuration_id == proxy_configurations.c.id,
        dead_letters.c.seq.in_((messages.c.seq, messages.c.origin)),
        dead_letters.c.retry_at.is_not(None),
    )
    .correlate(proxy_configurations, messages)
)


def _needed(kinds: Kinds) -> ColumnElement[bool]:
    """Tell whether an enabled target is still to get a message, or what is known of its copies."""
    waits = and_(
        messages.c.seq > cursors.c.position,
        messages.c.direction == "charger_to_platform",
        messages.c.message_type == "Call",
        of_kinds(kinds),
        func.coalesce(_begin_of_range, messages.c.seq + 1) > messages.c.seq,
    )
    of_target = cursors.c.proxy_configuration_id == proxy_configurations.c.id
    return exists(
        select(proxy_configurations.c.id)
        .select_from(proxy_configurations.join(cursors, of_target))
        .where(
            proxy_configurations.c.organization_uuid == messages.c.organization_uuid,
            proxy_configurations.c.charge_box_id == messages.c.charge_box_id,
            proxy_configurations.c.enabled,
            or_(waits, messages.c.origin > cursors.c.position, _to_go_out_again),
        )
        .correlate(messages)
    )


def _of_entry(column: ColumnElement[Any], condition: ColumnElement[bool]) -> Any:
    """Return what is read for each entry by itself: of a join PostgreSQL may read the whole."""
    return select(column).where(condition).correlate(charger_messages).scalar_subquery()


_logged = messages.c.seq == charger_messages.c.seq
_MOMENT = _of_entry(messages.c.timestamp, _logged)
_ANSWER = _of_entry(
    func.min(_answers.c.seq),
    and_(_answers.c.answers == charger_messages.c.seq, _answers.c.seq > charger_messages.c.seq),
)
_BEHIND = and_(
    of_charger(charger_messages),
    charger_messages.c.seq > given(charger_messages.c.seq, "after"),
)


@cache
def oldest_messages(kinds: Kinds) -> Select[Any]:
    """Return the query for a charger's oldest messages behind a position, each with its answer.

    ``needed`` are those that a queue of these kinds still has.
    """
    needed = select(messages.c.seq).where(_logged, _needed(kinds)).correlate(charger_messages)
    return (
        select(
            charger_messages.c.seq,
            _MOMENT.label("moment"),
            _ANSWER.label("answer"),
            exists(needed).label("needed"),
        )
        .where(_BEHIND)
        .order_by(charger_messages.c.seq)
        .limit(limit())
    )


# The first of a charger's messages behind a position whose moment has come already.
known_message = (
    select(_MOMENT.label("moment"))
    .where(_BEHIND, given(messages.c.timestamp, "now") >= _MOMENT)
    .order_by(charger_messages.c.seq)
    .limit(literal_column("1"))
)
newest_moment = (
    select(messages.c.timestamp.label("moment"))
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
)
drop_message = delete(messages).where(messages.c.seq == given(messages.c.seq))
drop_entry = delete(charger_messages).where(
    of_charger(charger_messages), charger_messages.c.seq == given(charger_messages.c.seq)
)
oldest_unfiled = (
    select(messages.c.timestamp.label("moment"))
    .where(messages.c.seq > filed_through())
    .order_by(messages.c.seq)
    .limit(literal_column("1"))
)
# Of the entries that say how far the log is filed the newest says it all.
drop_former_filings = delete(charger_messages).where(
    charger_messages.c.organization_uuid == literal_column("''"),
    charger_messages.c.charge_box_id == literal_column("''"),
    charger_messages.c.seq < filed_through(),
)
# ---- a whole partition ----

_FIRST, _END = given(messages.c.seq, "first"), given(messages.c.seq, "end")
_WITHIN = and_(messages.c.seq >= _FIRST, messages.c.seq < _END)
filed = select(filed_through().label("position"))
newest_within = (
    select(messages.c.timestamp.label("moment"))
    .where(_WITHIN)
    .order_by(messages.c.seq.desc())
    .limit(literal_column("1"))
)
any_kept_within = (
    select(messages.c.seq)
    .where(
        _WITHIN,
        messages.c.timestamp >= given(messages.c.timestamp, "before"),
        messages.c.timestamp <= given(messages.c.timestamp, "now"),
    )
    .limit(literal_column("1"))
)


@cache
def any_needed_within(kinds: Kinds) -> Select[Any]:
    """Return the query for a message between two positions that a queue still has."""
    filed = charger_messages
    targets = proxy_configurations.alias("targets")
    return (
        select(messages.c.seq)
        .select_from(targets)
        .join(
            filed,
            and_(
                filed.c.organization_uuid == targets.c.organization_uuid,
                filed.c.charge_box_id == targets.c.charge_box_id,
            ),
        )
        .join(messages, messages.c.seq == filed.c.seq)
        .where(
            targets.c.enabled, filed.c.seq >= _FIRST, filed.c.seq < _END, _WITHIN, _needed(kinds)
        )
        .limit(literal_column("1"))
    )


messages_within = (
    select(messages.c.organization_uuid, func.count().label("rows"))
    .where(_WITHIN)
    .group_by(messages.c.organization_uuid)
)
readings_within = (
    select(meter_readings.c.organization_uuid, func.count().label("rows"))
    .where(
        meter_readings.c.received_at >= given(meter_readings.c.received_at, "since"),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "until"),
    )
    .group_by(meter_readings.c.organization_uuid)
)

# ---- meter values, audit ----

_OLD_READINGS = (
    select(meter_readings.c.id)
    .where(
        meter_readings.c.organization_uuid == given(meter_readings.c.organization_uuid),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "before"),
    )
    .order_by(meter_readings.c.received_at)
    .limit(limit())
)
drop_readings = (
    delete(meter_readings)
    .where(
        meter_readings.c.id.in_(_OLD_READINGS),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "before"),
    )
    .returning(meter_readings.c.id)
)
_AUDITED = audit.c.organization_uuid == given(audit.c.organization_uuid)
oldest_audited = (
    select(audit.c.id.label("seq"), audit.c.timestamp.label("moment"))
    .where(_AUDITED, audit.c.id > given(audit.c.id, "after"))
    .order_by(audit.c.id)
    .limit(limit())
)
known_audited = (
    select(audit.c.timestamp.label("moment"))
    .where(
        _AUDITED,
        audit.c.id > given(audit.c.id, "after"),
        audit.c.timestamp <= given(audit.c.timestamp, "now"),
    )
    .order_by(audit.c.id)
    .limit(literal_column("1"))
)
drop_audited = delete(audit).where(_AUDITED, audit.c.id == given(audit.c.id, "seq"))

# ---- commands, what came of them, files ----

next_with_commands = _next_charger(commands)
old_commands = (
    select(
        commands.c.command_id,
        exists(
            select(command_parts.c.id).where(command_parts.c.command_id == commands.c.command_id)
        ).label("has_parts"),
    )
    .where(
        of_charger(commands),
        commands.c.created_at < given(commands.c.created_at, "before"),
        commands.c.finished_at.is_not(None),
    )
    .order_by(commands.c.created_at)
    .limit(limit())
)
drop_command = delete(commands).where(commands.c.command_id == given(commands.c.command_id))
_SOME_PARTS = (
    select(command_parts.c.id)
    .where(command_parts.c.command_id == given(command_parts.c.command_id))
    .limit(limit())
)
drop_parts = (
    delete(command_parts).where(command_parts.c.id.in_(_SOME_PARTS)).returning(command_parts.c.id)
)
_OLD_BATCHES = (
    select(command_batches.c.batch_id)
    .where(
        command_batches.c.organization_uuid == given(command_batches.c.organization_uuid),
        command_batches.c.created_at < given(command_batches.c.created_at, "before"),
        command_batches.c.finished_at.is_not(None),
    )
    .order_by(command_batches.c.created_at)
    .limit(limit())
)
drop_batches = (
    delete(command_batches)
    .where(command_batches.c.batch_id.in_(_OLD_BATCHES))
    .returning(command_batches.c.batch_id)
)
next_with_jobs = _next_charger(jobs)
_GOES_ON = exists(
    select(commands.c.command_id).where(
        commands.c.command_id == jobs.c.job_id, commands.c.finished_at.is_(None)
    )
)
old_jobs = (
    select(jobs.c.job_id)
    .where(
        of_charger(jobs),
        jobs.c.created_at < given(jobs.c.created_at, "before"),
        or_(jobs.c.expires_at.is_(None), jobs.c.expires_at < given(jobs.c.expires_at, "now")),
        ~_GOES_ON,
    )
    .order_by(jobs.c.created_at)
    .limit(limit())
)
drop_job = delete(jobs).where(jobs.c.job_id == given(jobs.c.job_id))

# ---- small tables, looked through from end to end, a few pages at a time ----


class Walk(NamedTuple):
    """A table on the way through it: its next page, what removes a row, where the way begins."""

    page: Select[Any]
    drop: Any
    keys: Sequence[str]
    beginning: Mapping[str, Any]


def _walk(
    table: Table,
    ended_at: ColumnElement[Any],
    owner: ColumnElement[str] | None = None,
    source: FromClause | None = None,
    more: Sequence[ColumnElement[Any]] = (),
    where: Sequence[ColumnElement[bool]] = (),
) -> Walk:
    """Return the way through a table whose rows are of no more use since a moment, or NULL."""
    keys = list(table.primary_key.columns)
    after = tuple_(*(given(key, f"after_{key.key}") for key in keys))
    owned_by = table.c.organization_uuid if owner is None else owner
    ended = ended_at.label("ended_at")
    page = (
        select(*keys, owned_by.label("owner"), ended, *more)
        .select_from(table if source is None else source)
        .where(tuple_(*keys) > after, *where)
        .order_by(*keys)
        .limit(limit())
    )
    # It may have come into use again since it was looked at.
    still = ended_at == given(ended, "ended_at")
    drop = delete(table).where(*(key == given(key) for key in keys), still)
    beginning = {f"after_{key.key}": "" if isinstance(key.type, Text) else -(2**62) for key in keys}
    return Walk(page, drop, [key.key for key in keys], beginning)


def _once(moment: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return a moment where conditions hold, else NULL."""
    return case((and_(*conditions), moment), else_=null())


_STILL_IN_THE_LOG = exists(select(messages.c.seq).where(messages.c.seq == dead_letters.c.seq))


def _ended_transaction() -> ColumnElement[Any]:
    targets = proxy_configurations.alias("targets")
    of_pair = and_(
        targets.c.organization_uuid == transactions.c.organization_uuid,
        targets.c.charge_box_id == transactions.c.charge_box_id,
        transactions.c.transaction_id == id_pairs.c.ours,
    )
    return (
        select(transactions.c.stopped_at)
        .select_from(targets.join(transactions, of_pair))
        .where(targets.c.id == id_pairs.c.proxy_configuration_id)
        .correlate(id_pairs)
        .scalar_subquery()
    )


# What answers nothing belongs to no entry. What is not filed is left alone: positions that were
# given are known by the newest entry, or by messages behind it.
walk_answers_to_nothing = _walk(
    messages,
    messages.c.timestamp,
    where=(messages.c.answers == _UNKNOWN, messages.c.seq <= filed_through()),
)
walk_remote_starts = _walk(remote_starts, remote_starts.c.created_at)
walk_reservations = _walk(
    reservations,
    case(
        (
            or_(reservations.c.state == ACTIVE, reservations.c.state == ASKED),
            reservations.c.expires_at,
        ),
        else_=reservations.c.updated_at,
    ),
)
walk_id_tokens = _walk(id_tokens, id_tokens.c.accepted_at)
walk_dead_letters = _walk(
    dead_letters,
    _once(dead_letters.c.created_at, dead_letters.c.retry_at.is_(None), ~_STILL_IN_THE_LOG),
    owner=proxy_configurations.c.organization_uuid,
    source=dead_letters.join(
        proxy_configurations, proxy_configurations.c.id == dead_letters.c.proxy_configuration_id
    ),
)
_OF_TARGET = id_pairs.join(
    proxy_configurations, proxy_configurations.c.id == id_pairs.c.proxy_configuration_id
).join(cursors, cursors.c.proxy_configuration_id == proxy_configurations.c.id)
walk_id_pairs = _walk(
    id_pairs,
    _once(_ended_transaction(), id_pairs.c.kind == literal_column("'transaction'")),
    owner=proxy_configurations.c.organization_uuid,
    source=_OF_TARGET,
    more=(
        id_pairs.c.proxy_configuration_id,
        proxy_configurations.c.charge_box_id,
        cursors.c.position,
    ),
)

# ---- what was skipped: of ranges that a target has passed only the sum is of use ----

cursors_after = (
    select(cursors.c.proxy_configuration_id, cursors.c.position)
    .where(cursors.c.proxy_configuration_id > given(cursors.c.proxy_configuration_id, "after"))
    .order_by(cursors.c.proxy_configuration_id)
    .limit(limit())
)
ranges_passed = (
    select(skipped.c.id, skipped.c.messages)
    .where(
        skipped.c.proxy_configuration_id == given(skipped.c.proxy_configuration_id),
        skipped.c.last <= given(skipped.c.last, "position"),
    )
    .order_by(skipped.c.last)
    .limit(limit())
)
add_to_range = (
    update(skipped)
    .where(skipped.c.id == given(skipped.c.id, "of_id"))
    .values(messages=skipped.c.messages + given(skipped.c.messages, "more"))
)
drop_range = delete(skipped).where(skipped.c.id == given(skipped.c.id))
