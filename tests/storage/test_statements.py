"""Every statement is legal in both databases, and none reads a whole table to find a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Delete, Insert, Select, Update, create_mock_engine

from storage.compiled import Compiled
from storage.database import Statement
from storage.sqlite import DIALECT
from storage.statements import (
    audit,
    certificates,
    chargers,
    commands,
    deliveries,
    id_pairs,
    messages,
    organizations,
    overlays,
    proxies,
    transactions,
)

AREAS = (
    audit,
    certificates,
    chargers,
    commands,
    deliveries,
    id_pairs,
    messages,
    organizations,
    overlays,
    proxies,
    transactions,
)

FILTERS = (
    frozenset[str](),
    frozenset({"before"}),
    frozenset({"action", "direction", "message_id", "since", "until", "before"}),
)
KINDS = frozenset({("1.6", "MeterValues"), ("2.0.1", "NotifyEvent"), ("2.0.1", "NotifyReport")})
STATEMENTS: Mapping[str, Statement] = {
    **{
        name: value
        for area in AREAS
        for name, value in vars(area).items()
        if isinstance(value, Select | Insert | Update | Delete) and not name.startswith("_")
    },
    **{
        f"exchanges by {sorted(filters)}": messages.page_of_exchanges(filters)
        for filters in FILTERS
    },
    "queue_page": deliveries.queue_page(KINDS),
    "queue_size": deliveries.queue_size(KINDS),
    "kept_page": deliveries.kept_page(KINDS),
}
# Asked by people at a command line, or once at the start.
MAY_READ_ALL = {
    "all_organizations",
    "all_api_keys",
    "client_certificates_ending",
    "sealed_passwords",
    "sealed_keys",
}


# Where another index would do, and read all that a charger or an organization ever had.
NARROWEST = {
    "calls_after": "ix_messages_charger",
    "copies_after": "ix_messages_charger",
    "copies_of": "ix_messages_origin",
    "dead_letters_after": "ix_messages_origin",
    "kept_page": "ix_skipped_last",
    "queue_page": "ix_messages_origin",
    "queue_size": "ix_messages_charger",
    "running_transactions": "ix_transactions_running",
    "started_like": "ix_transactions_running",
    "transaction_named": "ix_transactions_id",
    "transaction_taken": "ix_transactions_id",
    "waiting_after": "ix_messages_charger",
}


def plan(name: str, database: Path) -> list[str]:
    """Return the steps by which SQLite executes a statement."""
    compiled = Compiled(STATEMENTS[name], DIALECT)
    connection = sqlite3.connect(database)
    steps = connection.execute(
        f"EXPLAIN QUERY PLAN {compiled.sql}", [1] * compiled.sql.count("?")
    ).fetchall()
    connection.close()
    return [step for *_, step in steps]


@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlite_takes_it_and_finds_rows_by_an_index(name: str, empty_database: Path) -> None:
    scans = [step for step in plan(name, empty_database) if step.startswith("SCAN")]

    assert scans == [] or name in MAY_READ_ALL


@pytest.mark.parametrize("name", NARROWEST)
def test_the_narrowest_index_is_taken(name: str, empty_database: Path) -> None:
    steps = plan(name, empty_database)

    assert any(NARROWEST[name] in step for step in steps), steps


@pytest.mark.parametrize("name", STATEMENTS)
def test_postgresql_takes_its_form(name: str) -> None:
    postgresql = create_mock_engine("postgresql+psycopg2://", lambda *_: None).dialect

    compiled = STATEMENTS[name].compile(
        dialect=postgresql, compile_kwargs={"render_postcompile": True}
    )

    assert "?" not in str(compiled)
