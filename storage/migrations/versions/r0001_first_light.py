"""First light: organizations, chargers, targets, transactions and the message log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.migrations.ddl import (
    belongs,
    blobs,
    index,
    integers,
    primary_key,
    serial,
    texts,
    unique,
)

revision = "0001"
down_revision = None

KEY = ("organization_uuid", "charge_box_id")
# In the order of their making: each belongs to those before it.
TABLES = (
    "organizations",
    "api_keys",
    "chargers",
    "connectors",
    "proxy_configurations",
    "cursors",
    "id_pairs",
    "transactions",
    "meter_readings",
    "id_tokens",
    "commands",
    "messages",
)


def upgrade() -> None:
    """Make the tables."""
    _organizations()
    _api_keys()
    _chargers()
    _connectors()
    _proxy_configurations()
    _cursors()
    _id_pairs()
    _transactions()
    _meter_readings()
    _id_tokens()
    _commands()
    _messages()


def downgrade() -> None:
    """Drop the tables and all that is in them."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _organizations() -> None:
    op.create_table(
        "organizations",
        *texts("organization_uuid", "name"),
        *integers("created_at"),
        primary_key("organizations", "organization_uuid"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        *texts("key_id", "organization_uuid"),
        *blobs("digest"),
        *texts("scope"),
        *integers("created_at"),
        *integers("expires_at", "revoked_at", "last_used_at", nullable=True),
        primary_key("api_keys", "key_id"),
        unique("api_keys", "digest"),
        belongs("api_keys", ("organization_uuid",), "organizations", goes=False),
    )
    index("ix_api_keys_organization_uuid", "api_keys", "organization_uuid")


def _chargers() -> None:
    op.create_table(
        "chargers",
        *texts(*KEY, "charger_name"),
        *texts("vendor_name", "model_name", "serial_number", nullable=True),
        *texts("firmware_version", "ocpp_version", nullable=True),
        *integers("security_profile"),
        *texts("allowed_versions"),
        *blobs("password_digest"),
        *blobs("boot_payload", nullable=True),
        *integers("last_seen", "last_disconnect", "last_close_code", nullable=True),
        *texts("last_close_reason", nullable=True),
        *integers("created_at"),
        primary_key("chargers", *KEY),
        belongs("chargers", ("organization_uuid",), "organizations", goes=False),
    )


def _connectors() -> None:
    op.create_table(
        "connectors",
        *texts(*KEY),
        *integers("evse_id", "connector_id"),
        *texts("status"),
        *texts("error_code", nullable=True),
        *blobs("payload"),
        *integers("updated_at"),
        primary_key("connectors", *KEY, "evse_id", "connector_id"),
        belongs("connectors", KEY, "chargers"),
    )


def _proxy_configurations() -> None:
    op.create_table(
        "proxy_configurations",
        serial("id"),
        *texts(*KEY, "target_platform_identifier", "target_websocket_url"),
        *texts("target_authentication_method"),
        *texts("target_auth_basic_username", nullable=True),
        *blobs("target_auth_basic_password", nullable=True),
        *texts("target_auth_client_cert_id", "target_charge_box_id", nullable=True),
        *texts("target_ca_certificate", nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *texts("mode", "role", "policy"),
        *integers("created_at", "updated_at"),
        primary_key("proxy_configurations", "id"),
        unique("proxy_configurations", *KEY),
        belongs("proxy_configurations", KEY, "chargers"),
        sqlite_autoincrement=True,
    )


def _cursors() -> None:
    op.create_table(
        "cursors",
        *integers("proxy_configuration_id", "position"),
        *integers("booted_at", nullable=True),
        primary_key("cursors", "proxy_configuration_id"),
        belongs("cursors", ("proxy_configuration_id",), "proxy_configurations", "id"),
    )


def _id_pairs() -> None:
    op.create_table(
        "id_pairs",
        serial("id"),
        *integers("proxy_configuration_id"),
        *texts("kind", "ours", "theirs"),
        primary_key("id_pairs", "id"),
        unique("id_pairs", "proxy_configuration_id", "kind", "ours"),
        belongs("id_pairs", ("proxy_configuration_id",), "proxy_configurations", "id"),
    )
    index("ix_id_pairs_theirs", "id_pairs", "proxy_configuration_id", "kind", "theirs")


def _transactions() -> None:
    table = "transactions"
    op.create_table(
        table,
        *texts(*KEY, "transaction_id"),
        *integers("evse_id"),
        *integers("connector_id", nullable=True),
        *texts("id_token", nullable=True),
        *integers("started_at"),
        *integers("stopped_at", nullable=True),
        *(
            sa.Column(name, sa.Double(), nullable=True)
            for name in ("meter_start_wh", "meter_stop_wh", "energy_wh")
        ),
        *texts("state"),
        *texts("stop_reason", nullable=True),
        *integers("remote_start_id", nullable=True),
        *texts("start_timestamp"),
        primary_key(table, *KEY, "transaction_id"),
    )
    organization, charger = KEY
    newest = ("started_at", charger, "transaction_id")
    newest_of_charger = (charger, "started_at", "transaction_id")
    index("ix_transactions_id", table, organization, "transaction_id", "started_at")
    index("ix_transactions_newest", table, organization, *newest)
    index("ix_transactions_newest_of_charger", table, organization, *newest_of_charger)
    index("ix_transactions_running", table, *KEY, "started_at", where="state = 'running'")


def _meter_readings() -> None:
    op.create_table(
        "meter_readings",
        serial("id"),
        *texts(*KEY, "transaction_id", "samples"),
        primary_key("meter_readings", "id"),
    )
    index("ix_meter_readings_transaction", "meter_readings", *KEY, "transaction_id")


def _id_tokens() -> None:
    op.create_table(
        "id_tokens",
        *texts(*KEY, "id_token", "source"),
        *integers("accepted_at"),
        primary_key("id_tokens", "organization_uuid", "id_token", "source", "charge_box_id"),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        *texts("command_id", *KEY, "action", "request", "requested_by", "state"),
        *texts("response", nullable=True),
        *integers("created_at"),
        *integers("finished_at", nullable=True),
        primary_key("commands", "command_id"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        serial("seq", assigned=False),
        *integers("timestamp"),
        *texts(*KEY, "direction", "ocpp_version", "message_type"),
        *texts("message_id", "action", nullable=True),
        *blobs("frame"),
        *integers("proxy_configuration_id", "answers", "origin", nullable=True),
        sa.Column("maybe_duplicate", sa.Boolean(), nullable=True),
        primary_key("messages", "seq"),
    )
    index("ix_messages_charger", "messages", *KEY, "seq", where="answers IS NULL")
    index("ix_messages_answers", "messages", "answers", where="answers IS NOT NULL")
    origin = ("proxy_configuration_id", "origin")
    index("ix_messages_origin", "messages", *origin, where="origin IS NOT NULL")
