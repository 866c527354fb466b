"""The message log as far as it has been kept long enough: a page at a time, or a partition.

Nothing here reads along the time of day of the whole log. Each charger's messages are filed in the
order of time already, so its oldest ones are a page of an index away.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from storage.schema import charger_messages, messages
from storage.statements.deliveries import Kinds, of_kinds
from storage.statements.parts import given, limit, next_charger, of_charger
from storage.statements.spoken import filed_through
from storage.statements.wanted import wanted
from storage.target_schema import cursors, dead_letters, proxy_configurations, skipped

next_with_messages = next_charger(charger_messages)
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

    ``needed`` are those that a queue of these kinds still has, ``wanted`` those that a sink has.
    """
    needed = select(messages.c.seq).where(_logged, _needed(kinds)).correlate(charger_messages)
    return (
        select(
            charger_messages.c.seq,
            _MOMENT.label("moment"),
            _ANSWER.label("answer"),
            exists(needed).label("needed"),
            # An answer goes with its call: so does its call stay with it.
            wanted(charger_messages, func.coalesce(_ANSWER, charger_messages.c.seq)),
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
