"""
The tables.

A charger is named by its organization and charge_box_id in every table. Its connectors and proxy
configuration go with it when it is deleted; messages, transactions and commands stay.
Uuids are text: they come as text and leave as text, with every message.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# Migrations must be able to name what they change.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """A moment as integer microseconds since 1970: SQLite's own type loses the time zone."""

    impl: Any = BigInteger
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds of an aware moment."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the moment, aware and in UTC."""
        return None if value is None else EPOCH + value * MICROSECOND


class Json(TypeDecorator[Any]):
    """A JSON document as text: whether a driver decodes JSON itself then makes no difference."""

    impl: Any = Text
    cache_ok: bool | None = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Write the document."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Read the document."""
        return None if value is None else orjson.loads(value)


# SQLite numbers rows by itself only in a column whose type is INTEGER to the letter.
Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(naming_convention=NAMING_CONVENTION)


def _key() -> tuple[Column[str], Column[str]]:
    return (
        Column("organization_uuid", Text, nullable=False),
        Column("charge_box_id", Text, nullable=False),
    )


def _of_charger() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_uuid", "charge_box_id"],
        ["chargers.organization_uuid", "chargers.charge_box_id"],
        ondelete="CASCADE",
    )


def _proxy_configuration_id() -> Column[int]:
    owner = ForeignKey("proxy_configurations.id", ondelete="CASCADE")
    return Column("proxy_configuration_id", BigInteger, owner, nullable=False)


organizations = Table(
    "organizations",
    metadata,
    Column("organization_uuid", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("scope", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),
    Index(None, "organization_uuid"),
)

chargers = Table(
    "chargers",
    metadata,
    *_key(),
    Column("charger_name", Text, nullable=False),
    Column("vendor_name", Text),
    Column("model_name", Text),
    Column("serial_number", Text),
    Column("firmware_version", Text),
    Column("ocpp_version", Text),
    Column("security_profile", BigInteger, nullable=False),
    Column("allowed_versions", Json, nullable=False),
    Column("password_digest", LargeBinary, nullable=False),
    Column("boot_payload", LargeBinary),
    Column("last_seen", UtcTime),
    Column("last_disconnect", UtcTime),
    Column("last_close_code", BigInteger),
    Column("last_close_reason", Text),
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id"),
    ForeignKeyConstraint(["organization_uuid"], ["organizations.organization_uuid"]),
)

connectors = Table(
    "connectors",
    metadata,
    *_key(),
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("payload", LargeBinary, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "evse_id", "connector_id"),
    _of_charger(),
)

proxy_configurations = Table(
    "proxy_configurations",
    metadata,
    Column("id", Serial, primary_key=True),
    *_key(),
    Column("target_platform_identifier", Text, nullable=False),
    Column("target_websocket_url", Text, nullable=False),
    Column("target_authentication_method", Text, nullable=False),
    Column("target_auth_basic_username", Text),
    Column("target_auth_basic_password", LargeBinary),  # sealed
    Column("target_auth_client_cert_id", Text),
    Column("target_charge_box_id", Text),
    Column("target_ca_certificate", Text),
    Column("enabled", Boolean, nullable=False),
    Column("mode", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("policy", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    UniqueConstraint("organization_uuid", "charge_box_id"),
    _of_charger(),
    sqlite_autoincrement=True,  # an id in the message log must never come to mean another target
)

cursors = Table(
    "cursors",
    metadata,
    _proxy_configuration_id(),
    Column("position", BigInteger, nullable=False),
    Column("booted_at", UtcTime),
    PrimaryKeyConstraint("proxy_configuration_id"),
)

transaction_ids = Table(
    "transaction_ids",
    metadata,
    Column("id", Serial, primary_key=True),  # the newest wins where a target repeats an id
    _proxy_configuration_id(),
    Column("ours", Text, nullable=False),
    Column("theirs", Text, nullable=False),
    UniqueConstraint("proxy_configuration_id", "ours"),
    Index("ix_transaction_ids_theirs", "proxy_configuration_id", "theirs"),
)

transactions = Table(
    "transactions",
    metadata,
    *_key(),
    Column("transaction_id", Text, nullable=False),
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger),
    Column("id_token", Text),
    Column("started_at", UtcTime, nullable=False),
    Column("stopped_at", UtcTime),
    Column("meter_start_wh", Double),
    Column("meter_stop_wh", Double),
    Column("energy_wh", Double),
    Column("state", Text, nullable=False),
    Column("stop_reason", Text),
    Column("remote_start_id", BigInteger),
    Column("start_timestamp", Text, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "transaction_id"),
    Index("ix_transactions_id", "organization_uuid", "transaction_id", "started_at"),
    Index(
        "ix_transactions_newest",
        "organization_uuid",
        "started_at",
        "charge_box_id",
        "transaction_id",
    ),
    Index(
        "ix_transactions_newest_of_charger",
        "organization_uuid",
        "charge_box_id",
        "started_at",
        "transaction_id",
    ),
)

RUNNING = transactions.c.state == literal_column("'running'")
Index(
    "ix_transactions_running",
    transactions.c.organization_uuid,
    transactions.c.charge_box_id,
    transactions.c.started_at,
    sqlite_where=RUNNING,
    postgresql_where=RUNNING,
)

# One row for all that one message sampled: a large message samples twenty values.
meter_readings = Table(
    "meter_readings",
    metadata,
    Column("id", Serial, primary_key=True),
    *_key(),
    Column("transaction_id", Text, nullable=False),
    Column("samples", Json, nullable=False),
    Index("ix_meter_readings_transaction", "organization_uuid", "charge_box_id", "transaction_id"),
)

id_tokens = Table(
    "id_tokens",
    metadata,
    *_key(),
    Column("id_token", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "id_token", "source", "charge_box_id"),
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    *_key(),
    Column("action", Text, nullable=False),
    Column("request", Json, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("response", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("timestamp", UtcTime, nullable=False),
    *_key(),
    Column("direction", Text, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("message_id", Text),
    Column("action", Text),
    Column("frame", LargeBinary, nullable=False),
    Column("proxy_configuration_id", BigInteger),
    # The call's seq; 0 where that is not known; NULL in a message that is no answer.
    Column("answers", BigInteger),
)

# Answers are found by the call they answer, the rest by charger: each row costs one index entry,
# and an answer's is always near the end of its index.
NO_ANSWER = messages.c.answers.is_(None)
AN_ANSWER = messages.c.answers.is_not(None)
Index(
    "ix_messages_charger",
    messages.c.organization_uuid,
    messages.c.charge_box_id,
    messages.c.seq,
    sqlite_where=NO_ANSWER,
    postgresql_where=NO_ANSWER,
)
Index("ix_messages_answers", messages.c.answers, sqlite_where=AN_ANSWER, postgresql_where=AN_ANSWER)
