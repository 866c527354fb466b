"""Small tables, looked through from end to end for what has been kept long enough, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)

from storage.columns import Serial
from storage.operations_schema import remote_starts, reservations
from storage.schema import id_tokens, messages, transactions
from storage.statements.parts import given, limit
from storage.statements.reservations import ACTIVE, ASKED
from storage.statements.spoken import filed_through
from storage.statements.wanted import wanted
from storage.target_schema import cursors, dead_letters, id_pairs, proxy_configurations, skipped

_UNKNOWN = literal_column("0", Serial)  # as `storage.journal` notes it


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
    more=(wanted(messages, messages.c.seq),),
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
