"""The revisions lead to the tables that the code speaks of, and back."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect, text

from storage.migrate import configuration, connected, upgrade
from storage.partitions import SPAN, charger_messages, messages, meter_readings


@pytest.fixture
def url(blank: URL) -> URL:
    return blank


def test_the_revisions_make_the_tables_of_the_schema(url: URL) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_the_way_back_leads_to_an_empty_database_and_forth_again(url: URL) -> None:
    upgrade(url)

    with connected(url) as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    upgrade(url)

    with connected(url) as connection:
        command.check(configuration(connection))


def test_there_is_one_line_of_revisions(url: URL) -> None:
    with connected(url) as connection:
        script = ScriptDirectory.from_config(configuration(connection))

        assert len(script.get_heads()) == 1


SAY = """
INSERT INTO messages (seq, timestamp, organization_uuid, charge_box_id, direction, ocpp_version,
    message_type, frame, answers)
VALUES (:seq, 0, 'organization', :charger, 'charger_to_platform',
    '1.6', 'Call', '', :call)
"""
ENTRIES = "SELECT charge_box_id, seq FROM charger_messages ORDER BY charge_box_id, seq"
LOG = "SELECT seq FROM messages ORDER BY seq"


def rows(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(statement))]


def test_what_was_said_before_is_filed_by_charger(url: URL) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0003")
        for seq, call in ((2, None), (3, None), (5, 3)):
            said = {"seq": seq, "call": call, "charger": f"CP-{seq % 2}"}
            connection.execute(text(SAY), said)

    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == [("", 5), ("CP-0", 2), ("CP-1", 3)]
        command.downgrade(configuration(connection), "0003")
        assert rows(connection, LOG) == [(2,), (3,), (5,)]
        assert "charger_messages" not in inspect(connection).get_table_names()
    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == [("", 5), ("CP-0", 2), ("CP-1", 3)]


def test_an_empty_log_has_nothing_to_be_filed(url: URL) -> None:
    upgrade(url)

    with connected(url) as connection:
        assert rows(connection, ENTRIES) == []


@pytest.mark.sqlite_only("PostgreSQL keeps the rows of a table apart from its keys")
def test_entries_by_charger_are_stored_once(url: URL) -> None:
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
    updated_at) VALUES (7, 'o', 'CP-1', '', '', 'None', true, 'hybrid', 'control', '{}', 0, 0);
INSERT INTO deferred_resets (proxy_configuration_id, payload, asked_at) VALUES (7, 'Soft', 42)
"""


def test_a_target_s_waiting_reset_is_kept_in_both_directions(url: URL) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0004")
        for statement in CHARGER.split(";"):
            connection.execute(text(statement))

    upgrade(url)

    with connected(url) as connection:
        kept = "SELECT charge_box_id, owner, length(payload), command_id, attempts"
        assert rows(connection, f"{kept}, asked_at FROM deferred_resets") == [
            ("CP-1", 7, 4, None, 0, 42)
        ]
        ours = "INSERT INTO deferred_resets SELECT 'o', 'CP-1', 0, '', 43, 'command', 1"
        connection.execute(text(ours))
        command.downgrade(configuration(connection), "0004")
        kept = "SELECT proxy_configuration_id, length(payload), asked_at FROM deferred_resets"
        assert rows(connection, kept) == [(7, 4, 42)]


ACCEPT = """
INSERT INTO id_tokens (organization_uuid, charge_box_id, id_token, source, accepted_at)
VALUES ('organization', 'CP-1', :token, 'target', :at)
"""


def test_what_was_accepted_before_is_found_whatever_its_letters(url: URL) -> None:
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


# ---- partitions ----

MEASURE = """
INSERT INTO meter_readings (organization_uuid, charge_box_id, transaction_id, samples)
VALUES ('organization', 'CP-1', :transaction, '[]')
"""
CHARGE = """
INSERT INTO transactions (organization_uuid, charge_box_id, transaction_id, evse_id, started_at,
    state, start_timestamp, doubts)
VALUES ('organization', 'CP-1', :transaction, 1, :at, 'running', '', '[]')
"""
READ = "SELECT id, transaction_id, received_at FROM meter_readings ORDER BY id"
SPRING, AUTUMN = 1_775_000_000_000_000, 1_793_000_000_000_000
POSITIONS = (1, SPAN - 1, SPAN, 5 * SPAN + 7)


def as_it_was(connection: Connection) -> None:
    """Fill a database of revision 0005."""
    command.upgrade(configuration(connection), "0005")
    for seq in POSITIONS:
        said = {"seq": seq, "call": None, "charger": "CP-1"}
        connection.execute(text(SAY), said)
        entry = "INSERT INTO charger_messages VALUES ('organization', 'CP-1', :seq)"
        connection.execute(text(entry), {"seq": seq})
    for transaction, at in (("spring", SPRING), ("autumn", AUTUMN)):
        connection.execute(text(CHARGE), {"transaction": transaction, "at": at})
    for transaction in ("spring", "autumn", "spring"):
        connection.execute(text(MEASURE), {"transaction": transaction})


def test_what_was_there_is_carried_over_and_back(url: URL) -> None:
    with connected(url) as connection:
        as_it_was(connection)
    entries = [("CP-1", seq) for seq in POSITIONS]

    for _ in range(2):
        upgrade(url)

        with connected(url) as connection:
            assert rows(connection, LOG) == [(seq,) for seq in POSITIONS]
            assert rows(connection, ENTRIES) == entries
            assert rows(connection, READ) == [
                (1, "spring", SPRING),
                (2, "autumn", AUTUMN),
                (3, "spring", SPRING),
            ]
            command.check(configuration(connection))
            command.downgrade(configuration(connection), "0005")
            assert rows(connection, LOG) == [(seq,) for seq in POSITIONS]
            assert rows(connection, ENTRIES) == entries
            assert rows(connection, "SELECT id FROM meter_readings ORDER BY id") == [
                (1,),
                (2,),
                (3,),
            ]


def test_readings_go_on_being_numbered(url: URL) -> None:
    with connected(url) as connection:
        as_it_was(connection)
    upgrade(url)
    with connected(url) as connection:
        later = MEASURE.replace("samples)", "samples, received_at)").replace("'[]')", "'[]', :at)")

        connection.execute(text(later), {"transaction": "autumn", "at": AUTUMN + 1})
        assert rows(connection, READ)[-1] == (4, "autumn", AUTUMN + 1)
        command.downgrade(configuration(connection), "0005")
        connection.execute(text(MEASURE), {"transaction": "autumn"})
        assert rows(connection, "SELECT max(id) FROM meter_readings") == [(5,)]


@pytest.mark.postgresql_only("only there is anything divided")
def test_the_partitions_of_what_was_there_are_those_that_the_program_would_make(url: URL) -> None:
    with connected(url) as connection:
        as_it_was(connection)

    upgrade(url)

    wanted = {part(seq) for part in (messages, charger_messages) for seq in POSITIONS}
    wanted |= {meter_readings(at) for at in (SPRING, AUTUMN)}
    with connected(url) as connection:
        made = rows(
            connection,
            "SELECT relname, pg_get_expr(relpartbound, oid), relrowsecurity FROM pg_class"
            " WHERE relispartition AND relkind = 'r' ORDER BY relname",
        )
    assert made == [
        (each.name, f"FOR VALUES FROM ('{each.first}') TO ('{each.end}')", True)
        for each in sorted(wanted, key=lambda each: each.name)
    ]


@pytest.mark.postgresql_only("SQLite has no other order")
def test_every_text_is_ordered_by_its_code_points(url: URL) -> None:
    upgrade(url)

    with connected(url) as connection:
        disordered = """
            SELECT table_name || '.' || column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name <> 'alembic_version'
            AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
        """
        assert rows(connection, disordered) == []


# ---- commissioning ----

SECOND = """
INSERT INTO chargers (organization_uuid, charge_box_id, charger_name, security_profile,
    allowed_versions, password_digest, created_at, boot_payload)
SELECT organization_uuid, 'CP-2', '', 1, '[]', password_digest, 0, password_digest FROM chargers
"""
CURSOR = "INSERT INTO cursors (proxy_configuration_id, position) VALUES (7, 5)"


def test_who_has_not_booted_yet_is_a_newcomer_and_what_was_configured_stays(url: URL) -> None:
    with connected(url) as connection:
        command.upgrade(configuration(connection), "0004")
        for statement in (*CHARGER.split(";"), SECOND, CURSOR):
            connection.execute(text(statement))
    configured = "SELECT id, charge_box_id, target_websocket_url FROM proxy_configurations"

    for _ in range(2):
        upgrade(url)

        with connected(url) as connection:
            assert rows(connection, "SELECT * FROM newcomers") == [("o", "CP-1")]
            assert rows(
                connection,
                "SELECT id FROM proxy_configurations WHERE NOT password_from_target"
                " AND target_ca_certificate_domain IS NULL",
            ) == [(7,)]
            assert rows(connection, "SELECT target FROM cursors") == [(" CP-1",)]
            command.downgrade(configuration(connection), "0009")
            assert rows(connection, configured) == [(7, "CP-1", "")]
            assert rows(connection, "SELECT position FROM cursors") == [(5,)]
