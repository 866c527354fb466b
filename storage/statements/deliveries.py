"""The queue of each target: what waits in the journal, what was skipped, what is dead."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import groupby
from typing import Any, Final, TypeAlias

from sqlalchemy import CompoundSelect, and_, asc, delete, desc, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from storage.schema import messages
from storage.statements.parts import given, limit
from storage.statements.spoken import CONTENT, page_of_spoken, spoken
from storage.target_schema import cursors, dead_letters, proxy_configurations, skipped

# OCPP version and action of what a queue keeps.
Kinds: TypeAlias = frozenset[tuple[str, str]]

# Where a range ends that is still open.
FOREVER: Final = 2**63 - 1

# ---- what waits ----

_TARGET = given(cursors.c.proxy_configuration_id)
# The first range that ends at or behind a message is the only one that may hold it.
_begin_of_range = (
    select(skipped.c.first)
    .where(skipped.c.proxy_configuration_id == _TARGET, skipped.c.last >= messages.c.seq)
    .order_by(skipped.c.last, skipped.c.first)
    .limit(1)
    .scalar_subquery()
)
_WAITING = and_(
    messages.c.direction == "charger_to_platform",
    messages.c.message_type == "Call",
    func.coalesce(_begin_of_range, messages.c.seq + 1) > messages.c.seq,
)
_AFTER = given(messages.c.seq, "after")


def _waiting(*conditions: ColumnElement[bool]) -> CompoundSelect[Any]:
    waiting = select(*CONTENT).where(_WAITING, *conditions)
    return page_of_spoken(waiting, asc, after=_AFTER)


waiting_after = _waiting()

_copies = messages.alias("copies")
_answers = messages.alias("answers")
_IS_COPY = and_(
    _copies.c.proxy_configuration_id == _TARGET,
    _copies.c.message_type == "Call",
    _copies.c.origin.is_not(None),
)


def _tried(origin: ColumnElement[int]) -> tuple[Any, Any]:
    """Return the columns that tell how often a message went out, and if without an answer."""
    of_it = and_(_IS_COPY, _copies.c.origin == origin)
    answered = exists().where(_answers.c.answers == _copies.c.seq).correlate(_copies)
    attempts = select(func.count()).select_from(_copies).where(of_it).scalar_subquery()
    return attempts.label("attempts"), exists().where(of_it, ~answered).label("maybe_duplicate")


_BYTES = func.length(messages.c.frame)


@cache
def queue_page(kinds: Kinds) -> Any:
    """Return the query for what waits of these kinds, without the messages themselves."""
    shown = select(
        messages.c.action,
        messages.c.timestamp,
        _BYTES.label("bytes"),
        *_tried(messages.c.seq),
    ).where(_WAITING, of_kinds(kinds))
    return page_of_spoken(shown, asc, after=_AFTER)


@cache
def queue_size(kinds: Kinds) -> Any:
    """Return the query for how much waits of these kinds up to a position, and since when."""
    sizes = select(_BYTES.label("bytes"), messages.c.timestamp).where(_WAITING, of_kinds(kinds))
    through = given(messages.c.seq, "through")
    waiting = spoken(sizes, after=_AFTER, through=through).subquery()
    return select(
        func.count().label("messages"),
        func.coalesce(func.sum(waiting.c.bytes), 0).label("bytes"),
        func.min(waiting.c.timestamp).label("oldest"),
    ).select_from(waiting)


@cache
def kept_page(kinds: Kinds) -> Any:
    """Return the query for the messages that wait of these kinds."""
    return _waiting(of_kinds(kinds))


def of_kinds(kinds: Kinds) -> ColumnElement[bool]:
    """Return the condition that a message is of one of these kinds."""
    by_version = groupby(sorted(kinds), lambda kind: kind[0])
    return or_(
        *(
            and_(messages.c.ocpp_version == version, _one_of(action for _, action in actions))
            for version, actions in by_version
        )
    )


def _one_of(actions: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(messages.c.action == action for action in actions))


# ---- how far a target has got ----

# A purge may have been quicker than what was noted before it.
note_position = (
    update(cursors)
    .where(
        cursors.c.proxy_configuration_id == given(cursors.c.proxy_configuration_id, "of_id"),
        cursors.c.position < given(cursors.c.position, "reached"),
    )
    .values(position=given(cursors.c.position, "reached"))
)
_told = (
    select(
        _copies.c.origin,
        _answers.c.message_type.label("answer_type"),
        _answers.c.frame.label("answer"),
    )
    .select_from(_copies.outerjoin(_answers, _answers.c.answers == _copies.c.seq))
    .where(_IS_COPY)
)
copies_of = _told.where(_copies.c.origin == given(messages.c.origin, "seq")).order_by(_copies.c.seq)
# A copy comes behind its message. One is out at a time: of very many the newest tell which.
copies_after = page_of_spoken(
    _told.where(_copies.c.origin > _AFTER), desc, said=_copies, after=_AFTER
)
queues_of_organization = (
    select(
        proxy_configurations.c.id,
        proxy_configurations.c.organization_uuid,
        proxy_configurations.c.charge_box_id,
        cursors.c.position,
    )
    .select_from(
        proxy_configurations.join(
            cursors, cursors.c.proxy_configuration_id == proxy_configurations.c.id
        )
    )
    .where(
        proxy_configurations.c.organization_uuid == given(proxy_configurations.c.organization_uuid)
    )
    .order_by(proxy_configurations.c.id)
)

# ---- what no target will get ----

_OF_SKIPPED = given(skipped.c.proxy_configuration_id, "of_id")
add_skipped = upsert(skipped).from_select(
    ["proxy_configuration_id", "first", "last", "reason", "messages"],
    # A configuration that was deleted meanwhile takes its queue along.
    select(
        proxy_configurations.c.id,
        given(skipped.c.first),
        given(skipped.c.last),
        given(skipped.c.reason),
        given(skipped.c.messages),
    ).where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id")),
)
_OPEN = and_(skipped.c.proxy_configuration_id == _OF_SKIPPED, skipped.c.last == FOREVER)
open_range = select(skipped.c.id).where(_OPEN)
close_range = update(skipped).where(_OPEN).values(last=given(skipped.c.last, "through"))
skipped_messages = select(func.coalesce(func.sum(skipped.c.messages), 0).label("messages")).where(
    skipped.c.proxy_configuration_id == given(skipped.c.proxy_configuration_id)
)

# ---- what is dead ----

_OF_DEAD = and_(
    dead_letters.c.proxy_configuration_id == given(dead_letters.c.proxy_configuration_id, "of_id"),
    dead_letters.c.seq == given(dead_letters.c.seq, "of_seq"),
)
_buried = upsert(dead_letters).from_select(
    ["proxy_configuration_id", "seq", "action", "reason", "attempts", "created_at"],
    select(
        proxy_configurations.c.id,
        given(dead_letters.c.seq),
        given(dead_letters.c.action),
        given(dead_letters.c.reason),
        given(dead_letters.c.attempts),
        given(dead_letters.c.created_at),
    ).where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id")),
)
bury = _buried.on_conflict_do_update(
    index_elements=["proxy_configuration_id", "seq"],
    set_={
        "reason": _buried.excluded["reason"],
        "attempts": dead_letters.c.attempts + _buried.excluded["attempts"],
        "created_at": _buried.excluded["created_at"],
        "retry_at": None,
    },
)
dead_letters_after = (
    select(
        *dead_letters.c,
        messages.c.timestamp,
        _BYTES.label("bytes"),
        _tried(dead_letters.c.seq)[1],
    )
    .select_from(dead_letters.outerjoin(messages, messages.c.seq == dead_letters.c.seq))
    .where(
        dead_letters.c.proxy_configuration_id == _TARGET,
        dead_letters.c.seq > given(dead_letters.c.seq, "after"),
    )
    .order_by(dead_letters.c.seq)
    .limit(limit())
)
dead_letters_to_retry = (
    select(dead_letters)
    .where(dead_letters.c.proxy_configuration_id == _TARGET, dead_letters.c.retry_at.is_not(None))
    .order_by(dead_letters.c.seq)
)
count_dead_letters = select(func.count().label("dead_letters")).where(
    dead_letters.c.proxy_configuration_id == _TARGET
)
retry_dead_letter = (
    update(dead_letters)
    .where(_OF_DEAD)
    .values(retry_at=given(dead_letters.c.retry_at))
    .returning(dead_letters.c.seq)
)
drop_dead_letter = delete(dead_letters).where(_OF_DEAD)
drop_dead_letters = (
    delete(dead_letters)
    .where(
        dead_letters.c.proxy_configuration_id == _TARGET,
        dead_letters.c.seq <= given(dead_letters.c.seq, "through"),
    )
    .returning(dead_letters.c.seq)
)
