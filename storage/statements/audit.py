"""The audit: rows are added, read and tied into a chain, and dropped from its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.sql import ColumnElement

from storage.audit_chain import FAR
from storage.schema import audit
from storage.security_schema import audit_chains
from storage.statements.parts import given, insert_into, insert_or_update, limit

# The chain comes later: who adds a row does not know the one before it.
_LATER = ("place", "seal")
add_audit_entry = insert_into(audit, without=("id", *_LATER))
_SHOWN = [column for column in audit.c if column.key != "seal"]
_OF = audit.c.organization_uuid == given(audit.c.organization_uuid)

# As they are stored: what somebody has put there need be no moment and no JSON.
_RAW = [
    *(column for column in audit.c if column.key not in ("timestamp", "details")),
    type_coerce(audit.c.timestamp, BigInteger).label("timestamp"),
    type_coerce(audit.c.details, Text).label("details"),
]

# ---- reading ----

_FILTERS: Mapping[str, ColumnElement[bool]] = {
    "action": audit.c.action == given(audit.c.action),
    "actor": audit.c.actor == given(audit.c.actor),
    "category": audit.c.category == given(audit.c.category),
    "charge_box_id": audit.c.charge_box_id == given(audit.c.charge_box_id),
    "since": audit.c.timestamp >= given(audit.c.timestamp, "since"),
    "until": audit.c.timestamp < given(audit.c.timestamp, "until"),
    # As its index has it, which a parameter would not find.
    "security": audit.c.category == literal_column("'security'"),
}


@cache
def audit_entries_before(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page, newest first; each combination of filters is built once."""
    return (
        select(*_SHOWN)
        .where(_OF, audit.c.id < given(audit.c.id, "before"))
        .where(*(_FILTERS[name] for name in sorted(filters)))
        .order_by(audit.c.id.desc())
        .limit(limit())
    )


@cache
def audit_entries_after(filters: frozenset[str]) -> Select[Any]:
    """Return the query for a page as it is stored, oldest first and with the seals."""
    return (
        select(*_RAW)
        .where(_OF, audit.c.id > given(audit.c.id, "after"))
        .where(*(_FILTERS[name] for name in sorted(filters)))
        .order_by(audit.c.id)
        .limit(limit())
    )


# ---- the chain ----

chain_of = select(audit_chains).where(
    audit_chains.c.organization_uuid == given(audit_chains.c.organization_uuid)
)
all_chains = select(audit_chains.c.organization_uuid).order_by(audit_chains.c.organization_uuid)
put_chain = insert_or_update(audit_chains, ("organization_uuid",))
unsealed = select(*_RAW).where(audit.c.place.is_(None)).order_by(audit.c.id).limit(limit())
count_unsealed = select(func.count().label("rows")).where(_OF, audit.c.place.is_(None))
last_place = (
    select(audit.c.place)
    .where(_OF, audit.c.place.is_not(None), audit.c.place < FAR)
    .order_by(audit.c.place.desc())
    .limit(literal_column("1"))
)
seal_entry = (
    update(audit)
    .where(audit.c.id == given(audit.c.id, "of_entry"))
    .values(place=given(audit.c.place), seal=given(audit.c.seal))
)
sealed_after = (
    select(*_RAW)
    .where(_OF, audit.c.place.is_not(None), audit.c.place > given(audit.c.place, "after"))
    .order_by(audit.c.place, audit.c.id)
    .limit(limit())
)
# Before the beginning of the chain, where nothing of ours is.
buried = (
    select(*_RAW)
    .where(_OF, audit.c.place.is_not(None), audit.c.place <= given(audit.c.place, "through"))
    .order_by(audit.c.place)
    .limit(limit())
)
drop_sealed = delete(audit).where(
    _OF, audit.c.place.is_not(None), audit.c.place <= given(audit.c.place, "through")
)
