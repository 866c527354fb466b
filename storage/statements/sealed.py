"""What is sealed, column by column: with which keys, and how it is sealed anew."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, bindparam, select, tuple_, update

from storage.database import Statement
from storage.sealed_columns import SEALED, SIGNED, SealedColumn
from storage.statements.parts import given, limit


class Anew(NamedTuple):
    """The statements by which a column is sealed anew."""

    first: Statement  # rows that are not sealed with `current`, in the order of their keys
    after: Statement  # the next ones, behind the row whose key is given as `after_…`
    change: Statement  # changes a value that still is what was read


def _key_ids(sealed: SealedColumn) -> Statement:
    """Return the query for the ids of all keys that a column has seals of."""
    of_key = sealed.key_id.label("key_id")
    return select(of_key).where(sealed.column.is_not(None)).distinct()


def _anew(sealed: SealedColumn) -> Anew:
    key = list(sealed.table.primary_key)
    behind = [given(column, f"after_{column.name}") for column in key]
    first = _sealed_otherwise(sealed)
    return Anew(first, first.where(tuple_(*key) > tuple_(*behind)), _change(sealed))


def _sealed_otherwise(sealed: SealedColumn) -> Any:
    key = list(sealed.table.primary_key)
    names = {"organization_uuid", *sealed.ids, *(column.name for column in key)}
    current = bindparam("current", type_=LargeBinary, required=True)
    return (
        select(*(sealed.table.c[name] for name in sorted(names)), sealed.column.label("sealed"))
        .where(sealed.column.is_not(None), sealed.key_id != current)
        .order_by(*key)
        .limit(limit())
    )


def _change(sealed: SealedColumn) -> Statement:
    return (
        update(sealed.table)
        .where(
            *(column == given(column, f"of_{column.name}") for column in sealed.table.primary_key),
            sealed.column == given(sealed.column, "before"),
        )
        .values({sealed.column.name: given(sealed.column, "anew")})
    )


KEY_IDS = {sealed: _key_ids(sealed) for sealed in (*SEALED, *SIGNED)}
ANEW = {sealed: _anew(sealed) for sealed in SEALED}
