"""Records as rows: a field is a column of its name, and the key is two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from storage.database import Database, Row, Statement
from storage.records import ChargerKey
from storage.statements.parts import AMONG, names_among

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = DataclassInstance | tuple[Any, ...]

_PATHS = {"key": tuple(f"key.{name}" for name in ChargerKey._fields)}


def columns(record: Record) -> dict[str, Any]:
    """Return a record's columns by name."""
    names, read = _columns(type(record))
    return dict(zip(names, read(record), strict=True))


def keyed(row: Row) -> dict[str, Any]:
    """Return a row as the fields of a record whose charger is one key."""
    values = dict(row)
    values["key"] = ChargerKey(values.pop("organization_uuid"), values.pop("charge_box_id"))
    return values


@cache
def _columns(kind: Any) -> tuple[Sequence[str], Callable[[Any], Any]]:
    """Return the columns of a record, and what reads them all at once."""
    named: Sequence[str] = getattr(kind, "_fields", ()) or [field.name for field in fields(kind)]
    paths = [path for name in named for path in _PATHS.get(name, (name,))]
    return [path.rpartition(".")[2] for path in paths], attrgetter(*paths)


async def rows_among(
    database: Database,
    statement: Statement,
    organization_uuid: str,
    names: Iterable[str],
    **more: object,
) -> list[Row]:
    """Return the rows of an organization that have one of many names, in no order.

    However far apart the names are, nothing between them is read.
    """
    found: list[Row] = []
    for some in by_hundreds(names):
        values = {"organization_uuid": organization_uuid, **some, **more}
        found += await database.fetch(statement, values)
    return found


def by_hundreds(names: Iterable[str]) -> Iterator[dict[str, str]]:
    """Return many names as parameters of a statement that is about AMONG of them."""
    left = list(dict.fromkeys(names))
    for begin in range(0, len(left), AMONG):
        yield names_among(left[begin : begin + AMONG])


async def rows_of_each(
    database: Database, statement: Statement, organization_uuid: str, charge_box_ids: Sequence[str]
) -> dict[str, list[Row]]:
    """Return the rows of chargers, however far apart, by charge_box_id, in the statement's order.

    A page of a site's chargers may lie anywhere among all of its organization's.
    """
    found: dict[str, list[Row]] = {name: [] for name in charge_box_ids}
    for row in await rows_among(database, statement, organization_uuid, found):
        found[row["charge_box_id"]].append(row)
    return found


async def rows_of_page(
    database: Database,
    between: Statement,
    organization_uuid: str,
    charge_box_ids: Sequence[str],
    **more: object,
) -> dict[str, list[Row]]:
    """Return the rows of the chargers of one page, by charge_box_id, in the statement's order.

    Those of all between are read: for chargers that come one after the other.
    """
    found: dict[str, list[Row]] = {name: [] for name in charge_box_ids}
    if not found:
        return found
    span = {"first": min(found), "last": max(found)}
    values = {"organization_uuid": organization_uuid, **span, **more}
    for row in await database.fetch(between, values):
        if row["charge_box_id"] in found:
            found[row["charge_box_id"]].append(row)
    return found
