"""
The tables.

A charger is named by its organization and charge_box_id in every table. Its connectors and proxy
configuration go with it when it is deleted; messages, transactions and commands stay.
The engines differ in two things, which are PostgreSQL's alone and made by revision 0006. The three
tables that grow with time are divided by `PARTITION BY RANGE` as said here (`storage.partitions`);
the key of meter_readings is then (id, received_at), because PostgreSQL wants the dividing column in
it. And each table has a policy that shows an organization its own rows (`storage.tenancy`).
Uuids are text: they come as text and leave as text, with every message.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    literal_column,
)

from storage.columns import (
    ONLY_ON,
    Json,
    Serial,
    UtcTime,
    key_columns,
    metadata,
    of_charger,
)

organizations = Table(
    "organizations",
    metadata,
    Column("organization_uuid", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # Whose tokens may charge where no target decides: accept_all, known, reject.
    Column("authorization", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # Days; NULL is as long as the server's default.
    Column("keep_messages", BigInteger),
    Column("keep_meter_values", BigInteger),
    Column("keep_commands", BigInteger),
    Column("keep_audit", BigInteger),
    # What the clock said, as far as it was believed, when the old was last removed.
    Column("swept_at", UtcTime),
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
    Column("name", Text),
    Index(None, "organization_uuid"),
)

chargers = Table(
    "chargers",
    metadata,
    *key_columns(),
    Column("charger_name", Text, nullable=False),
    Column("vendor_name", Text),
    Column("model_name", Text),
    Column("serial_number", Text),
    Column("firmware_version", Text),
    Column("ocpp_version", Text),
    Column("security_profile", BigInteger, nullable=False),
    Column("allowed_versions", Json, nullable=False),
    Column("password_digest", LargeBinary, nullable=False),
    Column("boot_policy", Text, nullable=False),  # accept, pending
    Column("supply_phases", BigInteger),
    Column("nominal_voltage", Double),
    Column("boot_payload", LargeBinary),
    Column("last_seen", UtcTime),
    Column("last_disconnect", UtcTime),
    Column("last_close_code", BigInteger),
    Column("last_close_reason", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("site_id", Text),
    # Where it last came in from, as an address.
    Column("last_address", Text),
    # What its client certificate is issued to (CN); NULL is its charge_box_id.
    Column("certificate_name", Text),
    # Which profile it was told to change to and may use from now on.
    Column("next_security_profile", BigInteger),
    # Whether it may present its password as the hex digits that it was sent.
    Column("hex_password", Boolean, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id"),
    ForeignKeyConstraint(["organization_uuid"], ["organizations.organization_uuid"]),
)
for name, found_by in {
    "ix_chargers_site": chargers.c.site_id,
    "ix_chargers_serial": chargers.c.serial_number,
}.items():
    known = found_by.is_not(None)
    in_order = (chargers.c.organization_uuid, found_by, chargers.c.charge_box_id)
    Index(name, *in_order, sqlite_where=known, postgresql_where=known)

connectors = Table(
    "connectors",
    metadata,
    *key_columns(),
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("payload", LargeBinary, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "evse_id", "connector_id"),
    of_charger(),
)

transactions = Table(
    "transactions",
    metadata,
    *key_columns(),
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
    # Who ended it: charger, operator, superseded, boot.
    Column("ended_by", Text),
    # When we have asked the charger to end it.
    Column("stop_asked_at", UtcTime),
    # What was told of it and cannot be: a list of words.
    Column("doubts", Json, nullable=False),
    # What came along with the start that was asked for (seed 002).
    Column("remote_start", Json),
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
    *key_columns(),
    Column("transaction_id", Text, nullable=False),
    Column("samples", Json, nullable=False),
    # By our clock, whatever the charger's says.
    Column("received_at", UtcTime, nullable=False),
    Index(
        "ix_meter_readings_transaction",
        "organization_uuid",
        "charge_box_id",
        "transaction_id",
        "id",  # the newest few are wanted, of a transaction that lasts
    ),
    Index("ix_meter_readings_received", "organization_uuid", "received_at"),
    postgresql_partition_by="RANGE (received_at)",
)

id_tokens = Table(
    "id_tokens",
    metadata,
    *key_columns(),
    Column("id_token", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "id_token", "source", "charge_box_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("timestamp", UtcTime, nullable=False),
    *key_columns(),
    Column("direction", Text, nullable=False),
    Column("ocpp_version", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("message_id", Text),
    Column("action", Text),
    Column("frame", LargeBinary, nullable=False),
    Column("proxy_configuration_id", BigInteger),
    # The call's seq; 0 where that is not known; NULL in a message that is no answer.
    Column("answers", BigInteger),
    # The seq of the message that this one passes on: a charger's to its target, or a target's CALL
    # to its charger.
    Column("origin", BigInteger),
    # The target may have had it before: an earlier attempt ended without an answer.
    Column("maybe_duplicate", Boolean),
    postgresql_partition_by="RANGE (seq)",
)

# Answers are found by the call they answer, copies by the message they pass on: those entries are
# always near the end of their indexes.
AN_ANSWER = messages.c.answers.is_not(None)
Index("ix_messages_answers", messages.c.answers, sqlite_where=AN_ANSWER, postgresql_where=AN_ANSWER)
PASSED_ON = messages.c.origin.is_not(None)
Index("ix_messages_origin", messages.c.origin, sqlite_where=PASSED_ON, postgresql_where=PASSED_ON)

# An export reads what one organization's links said. There are as many pages to add to as
# organizations that talk at a time; by charger there would be too many.
Index("ix_messages_organization", messages.c.organization_uuid, messages.c.seq)

# What is no answer, by charger. An index of the log would cost a page for each charger, so this is
# filed in bulk: up to the newest entry that names nobody, all of it is here.
charger_messages = Table(
    "charger_messages",
    metadata,
    *key_columns(),
    Column("seq", BigInteger, nullable=False),
    # A message is looked for by its id among the entries: an index would cost a page for each.
    Column("message_id", Text),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "seq"),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (seq)",
)

# PostgreSQL adds to the index of one partition alone, which is small enough to stay in memory.
Index(
    "ix_charger_messages_id",
    charger_messages.c.organization_uuid,
    charger_messages.c.charge_box_id,
    charger_messages.c.message_id,
    info={ONLY_ON: "postgresql"},
)

# What anybody did or was denied, one row each, never changed.
audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("timestamp", UtcTime, nullable=False),
    Column("organization_uuid", Text, nullable=False),
    Column("charge_box_id", Text),
    Column("category", Text, nullable=False),  # api, target, platform, security
    # key:<id>, identity:<id>, target:<proxy configuration>, charger:<id>, address:<ip>, platform
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text),
    Column("result", Text, nullable=False),
    Column("request_id", Text),
    Column("details", Json, nullable=False),
    # Its place in the organization's chain and the seal that links it there, once it is sealed.
    Column("place", BigInteger),
    Column("seal", LargeBinary),
    Index("ix_audit_organization", "organization_uuid", "id"),
)
_PLACED, _UNPLACED = audit.c.place.is_not(None), audit.c.place.is_(None)
for name, columns, kept, unique in (
    ("ix_audit_place", (audit.c.organization_uuid, audit.c.place), _PLACED, True),
    ("ix_audit_unsealed", (audit.c.id,), _UNPLACED, False),
    (
        "ix_audit_security",
        (audit.c.organization_uuid, audit.c.id),
        audit.c.category == literal_column("'security'"),
        False,
    ),
):
    Index(name, *columns, unique=unique, sqlite_where=kept, postgresql_where=kept)
