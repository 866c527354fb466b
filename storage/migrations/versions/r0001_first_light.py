"""First light: organizations, chargers, targets, transactions and the message log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

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


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _integers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _blobs(*names: str, nullable: bool = False) -> list[sa.Column[bytes]]:
    return [sa.Column(name, sa.LargeBinary(), nullable=nullable) for name in names]


def _serial(name: str, *, assigned: bool = True) -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, number, autoincrement=assigned, nullable=False)


def _primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _belongs(
    table: str, columns: tuple[str, ...], owner: str, owned: str | None = None, *, goes: bool = True
) -> sa.ForeignKeyConstraint:
    """Refer to the owner's columns of the same names, and go with it when it is deleted."""
    return sa.ForeignKeyConstraint(
        columns,
        [f"{owner}.{owned or column}" for column in columns],
        name=op.f(f"fk_{table}_{'_'.join(columns)}_{owner}"),
        ondelete="CASCADE" if goes else None,
    )


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    with op.batch_alter_table(table) as batch:
        batch.create_index(
            op.f(name), list(columns), sqlite_where=condition, postgresql_where=condition
        )


def _organizations() -> None:
    op.create_table(
        "organizations",
        *_texts("organization_uuid", "name"),
        *_integers("created_at"),
        _primary_key("organizations", "organization_uuid"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        *_texts("key_id", "organization_uuid"),
        *_blobs("digest"),
        *_texts("scope"),
        *_integers("created_at"),
        *_integers("expires_at", "revoked_at", "last_used_at", nullable=True),
        _primary_key("api_keys", "key_id"),
        _unique("api_keys", "digest"),
        _belongs("api_keys", ("organization_uuid",), "organizations", goes=False),
    )
    _index("ix_api_keys_organization_uuid", "api_keys", "organization_uuid")


def _chargers() -> None:
    op.create_table(
        "chargers",
        *_texts(*KEY, "charger_name"),
        *_texts("vendor_name", "model_name", "serial_number", nullable=True),
        *_texts("firmware_version", "ocpp_version", nullable=True),
        *_integers("security_profile"),
        *_texts("allowed_versions"),
        *_blobs("password_digest"),
        *_blobs("boot_payload", nullable=True),
        *_integers("last_seen", "last_disconnect", "last_close_code", nullable=True),
        *_texts("last_close_reason", nullable=True),
        *_integers("created_at"),
        _primary_key("chargers", *KEY),
        _belongs("chargers", ("organization_uuid",), "organizations", goes=False),
    )


def _connectors() -> None:
    op.create_table(
        "connectors",
        *_texts(*KEY),
        *_integers("evse_id", "connector_id"),
        *_texts("status"),
        *_texts("error_code", nullable=True),
        *_blobs("payload"),
        *_integers("updated_at"),
        _primary_key("connectors", *KEY, "evse_id", "connector_id"),
        _belongs("connectors", KEY, "chargers"),
    )


def _proxy_configurations() -> None:
    op.create_table(
        "proxy_configurations",
        _serial("id"),
        *_texts(*KEY, "target_platform_identifier", "target_websocket_url"),
        *_texts("target_authentication_method"),
        *_texts("target_auth_basic_username", nullable=True),
        *_blobs("target_auth_basic_password", nullable=True),
        *_texts("target_auth_client_cert_id", "target_charge_box_id", nullable=True),
        *_texts("target_ca_certificate", nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *_texts("mode", "role", "policy"),
        *_integers("created_at", "updated_at"),
        _primary_key("proxy_configurations", "id"),
        _unique("proxy_configurations", *KEY),
        _belongs("proxy_configurations", KEY, "chargers"),
        sqlite_autoincrement=True,
    )


def _cursors() -> None:
    op.create_table(
        "cursors",
        *_integers("proxy_configuration_id", "position"),
        *_integers("booted_at", nullable=True),
        _primary_key("cursors", "proxy_configuration_id"),
        _belongs("cursors", ("proxy_configuration_id",), "proxy_configurations", "id"),
    )


def _id_pairs() -> None:
    op.create_table(
        "id_pairs",
        _serial("id"),
        *_integers("proxy_configuration_id"),
        *_texts("kind", "ours", "theirs"),
        _primary_key("id_pairs", "id"),
        _unique("id_pairs", "proxy_configuration_id", "kind", "ours"),
        _belongs("id_pairs", ("proxy_configuration_id",), "proxy_configurations", "id"),
    )
    _index("ix_id_pairs_theirs", "id_pairs", "proxy_configuration_id", "kind", "theirs")


def _transactions() -> None:
    table = "transactions"
    op.create_table(
        table,
        *_texts(*KEY, "transaction_id"),
        *_integers("evse_id"),
        *_integers("connector_id", nullable=True),
        *_texts("id_token", nullable=True),
        *_integers("started_at"),
        *_integers("stopped_at", nullable=True),
        *(
            sa.Column(name, sa.Double(), nullable=True)
            for name in ("meter_start_wh", "meter_stop_wh", "energy_wh")
        ),
        *_texts("state"),
        *_texts("stop_reason", nullable=True),
        *_integers("remote_start_id", nullable=True),
        *_texts("start_timestamp"),
        _primary_key(table, *KEY, "transaction_id"),
    )
    organization, charger = KEY
    newest = ("started_at", charger, "transaction_id")
    newest_of_charger = (charger, "started_at", "transaction_id")
    _index("ix_transactions_id", table, organization, "transaction_id", "started_at")
    _index("ix_transactions_newest", table, organization, *newest)
    _index("ix_transactions_newest_of_charger", table, organization, *newest_of_charger)
    _index("ix_transactions_running", table, *KEY, "started_at", where="state = 'running'")


def _meter_readings() -> None:
    op.create_table(
        "meter_readings",
        _serial("id"),
        *_texts(*KEY, "transaction_id", "samples"),
        _primary_key("meter_readings", "id"),
    )
    _index("ix_meter_readings_transaction", "meter_readings", *KEY, "transaction_id")


def _id_tokens() -> None:
    op.create_table(
        "id_tokens",
        *_texts(*KEY, "id_token", "source"),
        *_integers("accepted_at"),
        _primary_key("id_tokens", "organization_uuid", "id_token", "source", "charge_box_id"),
    )


def _commands() -> None:
    op.create_table(
        "commands",
        *_texts("command_id", *KEY, "action", "request", "requested_by", "state"),
        *_texts("response", nullable=True),
        *_integers("created_at"),
        *_integers("finished_at", nullable=True),
        _primary_key("commands", "command_id"),
    )


def _messages() -> None:
    op.create_table(
        "messages",
        _serial("seq", assigned=False),
        *_integers("timestamp"),
        *_texts(*KEY, "direction", "ocpp_version", "message_type"),
        *_texts("message_id", "action", nullable=True),
        *_blobs("frame"),
        *_integers("proxy_configuration_id", "answers", "origin", nullable=True),
        sa.Column("maybe_duplicate", sa.Boolean(), nullable=True),
        _primary_key("messages", "seq"),
    )
    _index("ix_messages_charger", "messages", *KEY, "seq", where="answers IS NULL")
    _index("ix_messages_answers", "messages", "answers", where="answers IS NOT NULL")
    origin = ("proxy_configuration_id", "origin")
    _index("ix_messages_origin", "messages", *origin, where="origin IS NOT NULL")
