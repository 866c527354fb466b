"""
What waits for each target of a page, counted as far as that is cheap.

Of what is filed by charger a few entries of each are looked at; what is not filed yet is at the end
of the log, and gone through once for all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement

from storage.schema import charger_messages, messages
from storage.statements.deliveries import Kinds, of_kinds
from storage.statements.parts import given
from storage.statements.spoken import filed_through
from storage.target_schema import cursors, dead_letters, proxy_configurations, skipped

MOST_DEAD = 1000  # letters that are counted of one queue
_PAGE = and_(
    proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid),
    proxy_configurations.c.id >= given(proxy_configurations.c.id, "first"),
    proxy_configurations.c.id <= given(proxy_configurations.c.id, "last"),
)
_QUEUES = proxy_configurations.join(
    cursors, cursors.c.proxy_configuration_id == proxy_configurations.c.id
)
# With a limit it is gone through by itself, once: SQLite would look into it for each target.
_ALL = literal_column(str(2**62), BigInteger)
_ONE = literal_column("1", BigInteger)


def _is_waiting(seq: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that what is said at a place was not taken out of the queue."""
    begin = (
        select(skipped.c.first)
        .where(skipped.c.proxy_configuration_id == proxy_configurations.c.id, skipped.c.last >= seq)
        .order_by(skipped.c.last, skipped.c.first)
        .limit(_ONE)
        .correlate_except(skipped)
        .scalar_subquery()
    )
    return func.coalesce(begin, seq + 1) > seq


def _is_kept(kinds: Kinds) -> ColumnElement[bool]:
    return and_(
        messages.c.direction == literal_column("'charger_to_platform'"),
        messages.c.message_type == literal_column("'Call'"),
        of_kinds(kinds),
    )


_behind = (
    select(charger_messages.c.seq)
    .where(
        charger_messages.c.organization_uuid == proxy_configurations.c.organization_uuid,
        charger_messages.c.charge_box_id == proxy_configurations.c.charge_box_id,
        charger_messages.c.seq > cursors.c.position,
    )
    .order_by(charger_messages.c.seq)
    .limit(bindparam("look", type_=BigInteger, required=True))
    .correlate(proxy_configurations, cursors)
    .subquery()
)
_NOTHING: ColumnElement[str] = literal_column("''", Text)
_BLANK: ColumnElement[str] = literal_column("' '", Text)


@cache
def filed_backlogs(kinds: Kinds) -> Any:
    """Return the query for what is filed behind each target's place.

    ``filed`` has three numbers: of the first ``look`` entries how many there are, how many of them
    wait, and when the first of those was said (none: nothing).
    """
    waits = and_(_is_kept(kinds), _is_waiting(messages.c.seq))
    moment = case((waits, type_coerce(messages.c.timestamp, BigInteger))).label("moment")
    # With a limit of its own it is looked at once: each of the sums would else look again.
    looked = (
        select(moment)
        .select_from(_behind.join(messages, messages.c.seq == _behind.c.seq))
        .correlate(proxy_configurations, cursors)
        .limit(_ALL)
        .subquery()
    )
    told = _NOTHING
    for number in (func.count(), func.count(looked.c.moment), func.min(looked.c.moment)):
        told = told.concat(func.coalesce(cast(number, Text), _NOTHING)).concat(_BLANK)
    filed = select(told).select_from(looked).correlate(proxy_configurations, cursors)
    return (
        select(proxy_configurations.c.id, filed.scalar_subquery().label("filed"))
        .select_from(_QUEUES)
        .where(_PAGE)
    )


@cache
def unfiled_backlogs(kinds: Kinds) -> Any:
    """Return the query for what waits for each target of what is not ``filed`` by charger yet.

    Up to where that is, is asked before: PostgreSQL would else read the whole log.
    """
    said = (
        select(messages.c.seq, messages.c.charge_box_id, messages.c.timestamp)
        .where(
            messages.c.organization_uuid == given(messages.c.organization_uuid),
            messages.c.seq > given(messages.c.seq, "filed"),
            _is_kept(kinds),
        )
        .limit(_ALL)
        .subquery()
    )
    return (
        select(
            proxy_configurations.c.id,
            func.count().label("messages"),
            func.min(said.c.timestamp).label("oldest"),
        )
        .select_from(
            _QUEUES.join(said, said.c.charge_box_id == proxy_configurations.c.charge_box_id)
        )
        .where(_PAGE, said.c.seq > cursors.c.position, _is_waiting(said.c.seq))
        .group_by(proxy_configurations.c.id)
    )


_dead = (
    select(dead_letters.c.seq)
    .where(dead_letters.c.proxy_configuration_id == proxy_configurations.c.id)
    .limit(literal_column(str(MOST_DEAD), BigInteger))
    .correlate(proxy_configurations)
    .subquery()
)
dead_letters_of_page = select(
    proxy_configurations.c.id,
    select(func.count()).select_from(_dead).scalar_subquery().label("dead_letters"),
).where(_PAGE)

# Those between the first and the last of a page, of which some may not be on it.
counted_along = (
    select(func.count().label("configurations")).select_from(proxy_configurations).where(_PAGE)
)
filed_up_to = select(filed_through().label("position"))

_PLACES = 100
moments_of = select(messages.c.seq, messages.c.timestamp).where(
    messages.c.seq.in_([given(messages.c.seq, f"seq_{place}") for place in range(_PLACES)])
)


def places_among(seqs: list[int]) -> dict[str, int]:
    """Return the parameters of `moments_of` for at least one place and 100 at most."""
    last = len(seqs) - 1
    return {f"seq_{place}": seqs[min(place, last)] for place in range(_PLACES)}
