"""Records as rows: a field is a column of its name, and the key is two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

from storage.database import Database, Row, Statement
from storage.records import ChargerKey

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def columns(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's columns by name."""
    row = {name: getattr(record, name) for name in _names(type(record))}
    if "key" in row:
        row.update(row.pop("key")._asdict())
    return row


def keyed(row: Row) -> dict[str, Any]:
    """Return a row as the fields of a record whose charger is one key."""
    values = dict(row)
    values["key"] = ChargerKey(values.pop("organization_uuid"), values.pop("charge_box_id"))
    return values


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


async def rows_of_page(
    database: Database, between: Statement, organization_uuid: str, charge_box_ids: Sequence[str]
) -> dict[str, list[Row]]:
    """Return the rows of the chargers of one page, by charge_box_id, in the statement's order."""
    found: dict[str, list[Row]] = {name: [] for name in charge_box_ids}
    if not found:
        return found
    span = {"first": min(found), "last": max(found)}
    for row in await database.fetch(between, {"organization_uuid": organization_uuid, **span}):
        if row["charge_box_id"] in found:
            found[row["charge_box_id"]].append(row)
    return found
