"""Copy an installation of live size to the other engine and back: ``python -m bench.copying``.

Every table has rows, made of what its columns are; no value is harmless that can be otherwise.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import URL, Boolean, Column, Double, LargeBinary, Table, Text, insert

from bench import cluster
from csms.moving import move
from storage import migrate
from storage.columns import Json, UtcTime
from storage.engines import parse_url
from storage.partitions import SPAN
from storage.sides import Side
from storage.tables import metadata

MESSAGES, CHARGERS = 100_000, 1_000
AT_ONCE = 1000
DIFFERENT = frozenset(
    {"theirs", "ours", "digest", "name", "version"}
)  # parts of unique constraints
# The tables that have a row for each message, or nearly; all others have one for each charger.
LONG = frozenset({"messages", "charger_messages", "meter_readings"})
# The tables that have a row for each organization.
OF_ORGANIZATIONS = frozenset({"organizations", "audit_chains"})
FIRST = SPAN - 40  # a position that lies near the end of a partition
NOON = 1_790_000_000_000_000  # µs since 1970
MINUTE = 60_000_000
ORGANIZATIONS = 3

_TEXTS = ("plain", "NUL\0inside", "\x1a\x1a0\x1a1", "üñî \U0001f50c", "'\"\\%s:x{}\r\n\u2028", "")
_JSON = (
    '{"n":12345678901234567890123,"x":1e400000,"n":1}',
    r'["\u0000","\ud800",6.0]',
    " { } ",
    "[]",
)
_BLOBS = (b"", b"\0\xff\\x00", b'[2,"1","Heartbeat",{}]', bytes(range(256)))
_NUMBERS = (0.0, -1.5, 0.1, 1e308, 5e-324, 230.0)


def fill(url: URL, messages: int = MESSAGES, chargers: int = CHARGERS) -> None:
    """Fill every table of a database of the present schema."""
    with Side.opened(url) as side:
        for table in side.tables:
            count = messages if table.name in LONG else _fewer(table.name, chargers)
            rows = (_row(table.name, number, chargers) for number in range(count))
            while batch := list(itertools.islice(rows, AT_ONCE)):
                _add(side, table, batch)
        with side.writing() as connection:
            side.go_on_after(connection, dict.fromkeys(side.numbers(connection), 0))


def _fewer(table: str, chargers: int) -> int:
    return ORGANIZATIONS if table in OF_ORGANIZATIONS else chargers


def _add(side: Side, table: Table, rows: list[dict[str, Any]]) -> None:
    with side.writing() as connection:
        side.make_room(connection, table, [tuple(row.values()) for row in rows])
        connection.execute(insert(table), rows)


def _row(table: str, number: int, chargers: int) -> dict[str, Any]:
    return {
        column.name: _value(column, number, chargers) for column in metadata.tables[table].columns
    }


def _value(column: Column[Any], number: int, chargers: int) -> Any:
    if column.name in _NAMED:
        value = _NAMED[column.name](number, number % chargers)
        return str(value) if isinstance(column.type, Text) else value
    if column.nullable and number % 3 == 0:
        return None
    unique = column.primary_key or column.unique or column.name in DIFFERENT
    return _made(column, number, unique=unique)


def _made(column: Column[Any], number: int, *, unique: bool) -> Any:
    for kind, values in _BY_TYPE.items():
        if isinstance(column.type, kind):
            return values(number)
    if isinstance(column.type, LargeBinary):
        return _BLOBS[number % len(_BLOBS)] + (b"%d" % number if unique else b"")
    if column.type.python_type is int:
        return number + 1 if unique else (2**63 - 1 - number) * (-1) ** number
    return _TEXTS[number % len(_TEXTS)] + (str(number) if unique else "")


_BY_TYPE: Mapping[type, Callable[[int], Any]] = {
    UtcTime: lambda number: NOON + number * MINUTE,
    Json: lambda number: _JSON[number % len(_JSON)],
    Boolean: lambda number: number % 2 == 0,
    Double: lambda number: _NUMBERS[number % len(_NUMBERS)],
}
# What rows have in common, or refer to: by their number, and that of their charger.
_NAMED: Mapping[str, Callable[[int, int], Any]] = {
    "organization_uuid": lambda _, charger: f"organization-{charger % ORGANIZATIONS}",
    "charge_box_id": lambda _, charger: f"CP\0{charger}",
    "proxy_configuration_id": lambda _, charger: 1 + charger,
    "sink_id": lambda _, charger: 1 + charger,
    "site_id": lambda _, charger: 1 + charger,
    "rollout_id": lambda _, charger: 1 + charger,
    "seq": lambda number, _: FIRST + number,
    "id": lambda number, _: 1 + number,
}


# ---- how long it takes ----


def main() -> None:
    """Print how long it takes to copy to PostgreSQL, again, and back."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=MESSAGES)
    arguments.add_argument("--chargers", type=int, default=CHARGERS)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringmain-copying-") as folder:
        place = Path(folder)
        with cluster.running(place) as server:
            file, back = (f"sqlite:///{place / name}" for name in ("a.sqlite3", "b.sqlite3"))
            other = server.new_database("copied")
            migrate.upgrade(file)
            fill(parse_url(file), chosen.messages, chosen.chargers)
            for origin, destination in ((file, other), (file, other), (other, back)):
                print(json.dumps(_timed(origin, destination)))


def _timed(origin: str, destination: str) -> dict[str, Any]:
    begun = time.perf_counter()
    moved = move(origin, destination, Console(stderr=True))
    return {
        "to": parse_url(destination).get_backend_name(),
        "rows": moved["rows"],
        "copied": moved["copied"],
        "equal": all(each["source"] == each["target"] for each in moved["tables"]),
        "seconds": round(time.perf_counter() - begun, 1),
    }


if __name__ == "__main__":
    main()
