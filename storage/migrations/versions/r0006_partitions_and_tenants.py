"""The message log and meter readings in partitions, and each organization's rows for itself.

Both are about PostgreSQL alone; SQLite gets the column that readings are divided by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.elements import conv

from storage.migrations.ddl import (
    OF_ORGANIZATION,
    by_parent,
    index,
    on_postgresql,
    protect,
    unprotect,
)

revision = "0006"
down_revision = "0005"

KEY = ("organization_uuid", "charge_box_id")
READINGS, RECEIVED_AT = "meter_readings", "received_at"
RECEIVED = """
UPDATE meter_readings SET received_at = coalesce((
    SELECT started_at FROM transactions AS t
    WHERE t.organization_uuid = meter_readings.organization_uuid
    AND t.charge_box_id = meter_readings.charge_box_id
    AND t.transaction_id = meter_readings.transaction_id), 0)
"""

# ---- partitions; the program makes more of them, see storage.partitions ----

SPAN = 2**20  # positions
WEEK = 7 * 86_400 * 10**6  # µs
MONDAY = 4 * 86_400 * 10**6  # 1970-01-05


OF_TRANSACTION = "ix_meter_readings_transaction"
BY_NUMBER = (*KEY, "transaction_id", "id")


class Divided(NamedTuple):
    """A table that is divided by a column, with its keys and its indexes."""

    name: str
    column: str
    key: tuple[str, ...]
    former_key: tuple[str, ...]
    indexes: Mapping[str, tuple[tuple[str, ...], str | None]] = {}


DIVIDED = (
    Divided(
        "messages",
        "seq",
        ("seq",),
        ("seq",),
        {
            "ix_messages_answers": (("answers",), "answers IS NOT NULL"),
            "ix_messages_origin": (("origin",), "origin IS NOT NULL"),
        },
    ),
    Divided("charger_messages", "seq", (*KEY, "seq"), (*KEY, "seq")),
    Divided(
        READINGS,
        RECEIVED_AT,
        ("id", RECEIVED_AT),
        ("id",),
        {OF_TRANSACTION: (BY_NUMBER, None)},
    ),
)
POSITIONS = "SELECT seq / :size FROM messages UNION SELECT seq / :size FROM charger_messages"
DIVIDED_BY = "PARTITION BY RANGE ({})"
WEEKS = """
SELECT DISTINCT floor((received_at - :begin) / cast(:size AS numeric)) FROM meter_readings
"""

# ---- texts that earlier revisions added without an order of their own ----

DISORDERED = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name <> 'alembic_version'
AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
"""

# ---- tenants ----

BY_ORGANIZATION = (
    "organizations",
    "api_keys",
    "chargers",
    "connectors",
    "transactions",
    "meter_readings",
    "id_tokens",
    "messages",
    "audit",
    "commands",
    "command_batches",
    "remote_starts",
    "known_tokens",
    "reservations",
    "local_lists",
    "jobs",
    "station_limits",
    "proxy_configurations",
    "shared_settings",
    "deferred_resets",
    "availability",
    "charging_profiles",
    "installed_profiles",
    "client_certificates",
)
BY_TARGET = ("cursors", "id_pairs", "dead_letters", "skipped", "link_settings")
TARGET = ("proxy_configuration_id", "proxy_configurations", "id")
# How each table's rows are told to be an organization's.
OWNED: Mapping[str, str] = {
    **dict.fromkeys(BY_ORGANIZATION, OF_ORGANIZATION),
    **{table: by_parent(table, *TARGET) for table in BY_TARGET},
    "command_parts": by_parent("command_parts", "command_id", "commands", "command_id"),
    "charger_messages": OF_ORGANIZATION,
}
# How far the log is filed is told by entries of nobody, and everybody has to know.
SEEN_BY_ALL = {"charger_messages": "organization_uuid = ''"}


def upgrade() -> None:
    """Note when readings came; divide what grows, and tell organizations apart."""
    column = sa.Column(RECEIVED_AT, sa.BigInteger(), server_default="0", nullable=False)
    op.add_column(READINGS, column)
    op.execute(RECEIVED)
    op.drop_index(OF_TRANSACTION, READINGS)
    index(OF_TRANSACTION, READINGS, *BY_NUMBER)
    if on_postgresql():
        op.alter_column(READINGS, RECEIVED_AT, server_default=None)
        for table, name in op.get_bind().execute(sa.text(DISORDERED)).all():
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "{name}" TYPE text COLLATE "C"')
        _divide()
        for table, condition in OWNED.items():
            protect(table, condition, SEEN_BY_ALL.get(table))


def downgrade() -> None:
    """Let all rows be seen by all, in tables that are whole; forget when readings came."""
    if on_postgresql():
        for name in OWNED:
            unprotect(name)
        for table in DIVIDED:
            _make_anew(table, table.former_key)
    op.drop_index(OF_TRANSACTION, READINGS)
    index(OF_TRANSACTION, READINGS, *KEY, "transaction_id")
    with op.batch_alter_table(READINGS) as batch:
        batch.drop_column(RECEIVED_AT)


def _divide() -> None:
    spans = [(str(n), n * SPAN, (n + 1) * SPAN) for n in _numbers(POSITIONS, size=SPAN)]
    weeks = [
        (_day(n), MONDAY + n * WEEK, MONDAY + (n + 1) * WEEK)
        for n in _numbers(WEEKS, begin=MONDAY, size=WEEK)
    ]
    for table in DIVIDED:
        by_week = table.column == RECEIVED_AT
        _make_anew(table, table.key, DIVIDED_BY, weeks if by_week else spans)


def _numbers(query: str, **given: int) -> list[int]:
    return sorted(int(number) for (number,) in op.get_bind().execute(sa.text(query), given))


def _day(week: int) -> str:
    return (datetime(1970, 1, 5, tzinfo=UTC) + week * timedelta(weeks=1)).strftime("%Y%m%d")


def _make_anew(
    table: Divided,
    key: Sequence[str],
    divided_by: str = "",
    partitions: Sequence[tuple[str, int, int]] = (),
) -> None:
    """Make a table again, with the rows that are there and the sequence that numbers them."""
    name = table.name
    op.rename_table(name, "aside")
    divided = divided_by.format(table.column)
    op.execute(f"CREATE TABLE {name} (LIKE aside INCLUDING DEFAULTS) {divided}")
    for suffix, first, end in partitions:
        part = f"{name}_{suffix}"
        op.execute(f"CREATE TABLE {part} PARTITION OF {name} FOR VALUES FROM ({first}) TO ({end})")
        op.execute(f"ALTER TABLE {part} ENABLE ROW LEVEL SECURITY")
    op.execute(f"INSERT INTO {name} SELECT * FROM aside")  # noqa: S608 - a table of ours
    if "id" in key:
        op.execute(f"ALTER SEQUENCE {name}_id_seq OWNED BY {name}.id")
    op.drop_table("aside")
    op.create_primary_key(conv(f"pk_{name}"), name, list(key))
    for called, (columns, where) in table.indexes.items():
        index(called, name, *columns, where=where)
