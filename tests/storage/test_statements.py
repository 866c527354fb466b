"""Every statement is legal in both databases, and none reads a whole table to find a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import CompoundSelect, Delete, Insert, Select, Update, create_mock_engine

from storage.compiled import Compiled
from storage.database import Statement
from storage.sqlite import DIALECT
from storage.statements import (
    audit,
    certificates,
    charger_certificates,
    chargers,
    commands,
    connection_details,
    deliveries,
    exports,
    fleet,
    id_pairs,
    installations,
    jobs,
    log,
    messages,
    organizations,
    overlays,
    password_rotations,
    positions,
    profiles,
    proxies,
    readings,
    remote_starts,
    reservations,
    rollouts,
    sites,
    spoken,
    station_limits,
    tokens,
    transactions,
)

AREAS = (
    audit,
    certificates,
    charger_certificates,
    chargers,
    commands,
    connection_details,
    deliveries,
    exports,
    fleet,
    id_pairs,
    installations,
    jobs,
    messages,
    organizations,
    overlays,
    password_rotations,
    positions,
    profiles,
    proxies,
    readings,
    remote_starts,
    reservations,
    rollouts,
    sites,
    spoken,
    station_limits,
    tokens,
    transactions,
)

FILTERS = (
    frozenset[str](),
    frozenset({"action", "direction", "message_id", "since", "until"}),
)
KINDS = frozenset({("1.6", "MeterValues"), ("2.0.1", "NotifyEvent"), ("2.0.1", "NotifyReport")})
STATEMENTS: Mapping[str, Statement] = {
    **{
        name: value
        for area in AREAS
        for name, value in vars(area).items()
        if isinstance(value, Select | CompoundSelect | Insert | Update | Delete)
        and not name.startswith("_")
    },
    **{f"filed by {sorted(filters)}": messages.filed_page(filters) for filters in FILTERS},
    **{f"unfiled by {sorted(filters)}": messages.unfiled_page(filters) for filters in FILTERS},
    **{
        f"fleet_{name}_{which}": question
        for name in ("plugs", "running", "running_in_full")
        for which, question in getattr(fleet, name)._asdict().items()
    },
    "page_of_all": messages.page_of_all(FILTERS[1]),
    "sizes_of_all": messages.sizes_of_all(FILTERS[0]),
    "log_edge": log.edge(frozenset({"organization_uuid"}), newest=True),
    "log_sizes": log.sizes(frozenset(log.FILTERS), newest=True),
    "log_entries": log.entries(frozenset(log.FILTERS) - {"organization_uuid"}),
    "queue_page": deliveries.queue_page(KINDS),
    "answers_to": messages.answers_to(4),
    "queue_size": deliveries.queue_size(KINDS),
    "kept_page": deliveries.kept_page(KINDS),
}
# Asked by people at a command line, or once at the start.
MAY_READ_ALL = {
    "all_chains",
    "all_organizations",
    "all_api_keys",
    "destinations",  # what the doctor knocks at
    "chargers_by_profile",  # counted where readiness is asked
    "organizations_named",  # they are few
    "some_keys",
    "some_organizations",
    "client_certificates_ending",
    "running_rollouts",
    "all_newcomers",
    "open_requests",
    "end_interrupted",  # all that is open
    "jobs_with_files",
    "unfinished_batches",
    "unsealed",  # a page of what is not in the chain yet, which is next to nothing
}


# Where another index would do, and read all that a charger or an organization ever had.
NARROWEST = {
    "add_part": "ix_commands_open",
    "add_part_to_newest": "ix_commands_open",
    "all_there": "ix_commands_open",
    "answers_to": "ix_messages_answers",
    "chargers_of_site": "ix_chargers_site",
    "chargers_with_serial": "ix_chargers_serial",
    "commands_collecting": "ix_commands_open",
    "connectors_among": "(organization_uuid=? AND charge_box_id=?)",
    "commands_before": "ix_commands_newest",
    "copies_of": "ix_messages_origin",
    "details_among": "sqlite_autoindex_connection_details_1 (organization_uuid=? AND version=?)",
    "dead_letters_after": "ix_messages_origin",
    "first_beyond": "ix_messages_organization (organization_uuid=? AND seq>? AND seq<?)",
    "first_left_out": "ix_messages_organization (organization_uuid=? AND seq>?)",
    "installations_among": "(organization_uuid=? AND charge_box_id=?)",
    "kept_page": "ix_skipped_last",
    "log_edge": "ix_messages_organization (organization_uuid=? AND seq>? AND seq<?)",
    "log_entries": "messages USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    "log_sizes": "ix_messages_organization (organization_uuid=? AND seq>? AND seq<?)",
    "newest_readings_between": "ix_meter_readings_transaction",
    "page_of_all": "ix_messages_organization (organization_uuid=? AND seq>? AND seq<?)",
    "queue_page": "ix_messages_origin",
    "readings": "ix_meter_readings_transaction",
    "fleet_running_in_full_among": "ix_meter_readings_transaction",
    "running_among": "ix_transactions_running (organization_uuid=? AND charge_box_id=?)",
    "running_before": "ix_transactions_running",
    "running_of_charger_before": "ix_transactions_running",
    "running_transactions": "ix_transactions_running",
    "start_like": "ix_remote_starts_unbound",
    "started_like": "ix_transactions_running",
    "transaction_named": "ix_transactions_id",
    "transaction_taken": "ix_transactions_id",
}


# What is read of one charger, of whatever length its history is.
SPOKEN = (
    "calls_after",
    "copies_after",
    "kept_page",
    "queue_page",
    "waiting_after",
)
FILED = (
    "SEARCH charger_messages USING PRIMARY KEY (organization_uuid=? AND charge_box_id=? AND seq>?"
)


def plan(name: str, database: Path) -> list[str]:
    """Return the steps by which SQLite executes a statement."""
    compiled = Compiled(STATEMENTS[name], DIALECT)
    connection = sqlite3.connect(database)
    steps = connection.execute(
        f"EXPLAIN QUERY PLAN {compiled.sql}", [1] * compiled.sql.count("?")
    ).fetchall()
    connection.close()
    return [step for *_, step in steps]


def of_the_statement(step: str) -> bool:
    """Tell whether what is scanned are rows of the statement itself."""
    return step in {"SCAN CONSTANT ROW", "SCAN anon_1", "SCAN anon_2", "SCAN halves"}


@pytest.mark.parametrize("name", STATEMENTS)
def test_sqlite_takes_it_and_finds_rows_by_an_index(name: str, empty_database: Path) -> None:
    steps = plan(name, empty_database)

    scans = [step for step in steps if step.startswith("SCAN") and not of_the_statement(step)]
    assert scans == [] or name in MAY_READ_ALL


@pytest.mark.parametrize("name", NARROWEST)
def test_the_narrowest_index_is_taken(name: str, empty_database: Path) -> None:
    steps = plan(name, empty_database)

    assert any(NARROWEST[name] in step for step in steps), steps


@pytest.mark.parametrize("name", [*SPOKEN, "queue_size"])
def test_what_a_charger_said_is_read_along_what_is_filed_and_behind_it(
    name: str, empty_database: Path
) -> None:
    steps = plan(name, empty_database)

    assert any(step.startswith(FILED) for step in steps), steps
    assert any(
        step.startswith(("SEARCH messages", "SEARCH copies")) and "PRIMARY KEY (rowid>?" in step
        for step in steps
    ), steps


@pytest.mark.parametrize("name", SPOKEN)
def test_what_a_charger_said_is_merged_in_order_and_never_sorted(
    name: str, empty_database: Path
) -> None:
    steps = plan(name, empty_database)

    assert "MERGE (UNION ALL)" in steps
    # What is sorted is a page of each, read in order: PostgreSQL knows no order without that.
    for place, step in enumerate(steps):
        assert step != "USE TEMP B-TREE FOR ORDER BY" or steps[place - 1].startswith("SCAN anon_")


@pytest.mark.parametrize("filters", FILTERS)
def test_a_page_is_read_along_what_is_filed_or_behind_it_and_never_sorted(
    filters: frozenset[str], empty_database: Path
) -> None:
    names = sorted(filters)
    log = "USING INTEGER PRIMARY KEY (rowid"

    assert plan(f"filed by {names}", empty_database) == [
        f"{FILED} AND seq<?)",
        f"SEARCH messages {log}=?)",
    ]
    assert plan(f"unfiled by {names}", empty_database) == [f"SEARCH messages {log}>? AND rowid<?)"]


@pytest.mark.parametrize("name", STATEMENTS)
def test_postgresql_takes_its_form(name: str) -> None:
    postgresql = create_mock_engine("postgresql+psycopg2://", lambda *_: None).dialect

    compiled = STATEMENTS[name].compile(
        dialect=postgresql, compile_kwargs={"render_postcompile": True}
    )

    assert "?" not in str(compiled)
