"""The revisions lead to the tables that the code speaks of, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from storage.migrate import configuration, connected, upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new.sqlite3'}"


def test_the_revisions_make_the_tables_of_the_schema(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_the_way_back_leads_to_an_empty_database_and_forth_again(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_there_is_one_line_of_revisions(url: str) -> None:
    with connected(url) as connection:
        script = ScriptDirectory.from_config(configuration(connection))

        assert len(script.get_heads()) == 1


SAY = """
INSERT INTO messages (seq, timestamp, organization_uuid, charge_box_id, direction, ocpp_version,
    message_type, frame, answers)
VALUES (:seq, 0, 'organization', 'CP-' || (:seq % 2), 'charger_to_platform',
    '1.6', 'Call', '', :call)
"""
ENTRIES = "SELECT charge_box_id, seq FROM charger_messages ORDER BY charge_box_id, seq"
LOG = "SELECT seq FROM messages ORDER BY seq"


def rows(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(statement))]


def test_what_was_said_before_is_filed_by_charger(url: str) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0003")
        for seq, call in ((2, None), (3, None), (5, 3)):
            connection.execute(text(SAY), {"seq": seq, "call": call})

    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == [("", 5), ("CP-0", 2), ("CP-1", 3)]
        command.downgrade(configuration(connection), "0003")
        assert rows(connection, LOG) == [(2,), (3,), (5,)]
        assert "charger_messages" not in inspect(connection).get_table_names()
    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == [("", 5), ("CP-0", 2), ("CP-1", 3)]


def test_an_empty_log_has_nothing_to_be_filed(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == []


def test_entries_by_charger_are_stored_once(url: str) -> None:
    upgrade(url)

    with connected(url) as connection:
        [(made,)] = rows(
            connection, "SELECT sql FROM sqlite_master WHERE name = 'charger_messages'"
        )
    assert str(made).rstrip().endswith("WITHOUT ROWID")


# ---- resets by owner ----

CHARGER = """
INSERT INTO organizations (organization_uuid, name, created_at) VALUES ('o', 'Depot', 0);
INSERT INTO chargers (organization_uuid, charge_box_id, charger_name, security_profile,
    allowed_versions, password_digest, created_at) VALUES ('o', 'CP-1', 'Lobby', 1, '[]', '', 0);
INSERT INTO proxy_configurations (id, organization_uuid, charge_box_id, target_platform_identifier,
    target_websocket_url, target_authentication_method, enabled, mode, role, policy, created_at,
    updated_at) VALUES (7, 'o', 'CP-1', '', '', 'None', 1, 'hybrid', 'control', '{}', 0, 0);
INSERT INTO deferred_resets (proxy_configuration_id, payload, asked_at) VALUES (7, 'Soft', 42)
"""


def test_a_target_s_waiting_reset_is_kept_in_both_directions(url: str) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0004")
        for statement in CHARGER.split(";"):
            connection.execute(text(statement))

    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, "SELECT * FROM deferred_resets") == [
            ("o", "CP-1", 7, "Soft", 42, None, 0)
        ]
        ours = "INSERT INTO deferred_resets SELECT 'o', 'CP-1', 0, '', 43, 'command', 1"
        connection.execute(text(ours))
        command.downgrade(configuration(connection), "0004")
        assert rows(connection, "SELECT * FROM deferred_resets") == [(7, "Soft", 42)]


ACCEPT = """
INSERT INTO id_tokens (organization_uuid, charge_box_id, id_token, source, accepted_at)
VALUES ('organization', 'CP-1', :token, 'target', :at)
"""


def test_what_was_accepted_before_is_found_whatever_its_letters(url: str) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0004")
        for token, at in (
            ("Ab", 1),
            ("aB", 2),
            ("cd", 3),
            ("CD", 4),
            ("EF", 5),
            ("gh", 7),
            ("GH", 6),
        ):
            connection.execute(text(ACCEPT), {"token": token, "at": at})

    upgrade(url)

    with connected(url) as connection:
        kept = rows(connection, "SELECT id_token, accepted_at FROM id_tokens ORDER BY id_token")
    assert kept == [("ab", 2), ("cd", 4), ("ef", 5), ("gh", 7)]
