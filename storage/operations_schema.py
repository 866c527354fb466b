"""
The tables of what an operator asks of chargers, and of what comes back.

What belongs to a charger goes with it, but for commands and what came in answer to them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from storage.columns import Json, Serial, UtcTime, key_columns, metadata, of_charger

commands = Table(
    "commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    *key_columns(),
    Column("action", Text, nullable=False),
    Column("request", Json, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("response", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("batch_id", Text),
    # The number that its late parts carry, ours and unique on its charger.
    Column("request_id", BigInteger),
    # Whether the last of the late parts has come; NULL where none are to come.
    Column("progress", Json),
    Index("ix_commands_newest", "organization_uuid", "charge_box_id", "created_at", "command_id"),
)
OF_A_BATCH = commands.c.batch_id.is_not(None)
Index(
    "ix_commands_batch", commands.c.batch_id, sqlite_where=OF_A_BATCH, postgresql_where=OF_A_BATCH
)
# Those whose answer or late parts may still come: few at any time.
OPEN = commands.c.state.in_((literal_column("'sent'"), literal_column("'collecting'")))
Index(
    "ix_commands_open",
    commands.c.organization_uuid,
    commands.c.charge_box_id,
    commands.c.request_id,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)

# What a charger sent after its answer, one row for each message, as it was on the wire. What it
# sends again is the same, by the digest of its payload.
command_parts = Table(
    "command_parts",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("command_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Index("ix_command_parts_command", "command_id", "id"),
    UniqueConstraint("command_id", "digest"),
)

# One action asked of many chargers; each of them has a command of its own.
command_batches = Table(
    "command_batches",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("organization_uuid", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("request", Json, nullable=False),
    Column("stations", Json, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Index("ix_command_batches_newest", "organization_uuid", "created_at", "batch_id"),
)
UNFINISHED = command_batches.c.finished_at.is_(None)
Index(
    "ix_command_batches_unfinished",
    command_batches.c.created_at,
    sqlite_where=UNFINISHED,
    postgresql_where=UNFINISHED,
)

# A start that was asked for, with all that came along; it is bound to the session it leads to.
remote_starts = Table(
    "remote_starts",
    metadata,
    *key_columns(),
    Column("remote_start_id", BigInteger, nullable=False),
    Column("evse_id", BigInteger),
    Column("id_token", Text, nullable=False),
    Column("details", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("transaction_id", Text),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "remote_start_id"),
    of_charger(),
)
# Those that no session came of yet: few, whatever was ever asked for.
UNBOUND = remote_starts.c.transaction_id.is_(None)
Index(
    "ix_remote_starts_unbound",
    remote_starts.c.organization_uuid,
    remote_starts.c.charge_box_id,
    remote_starts.c.created_at,
    sqlite_where=UNBOUND,
    postgresql_where=UNBOUND,
)

# Who may charge where an organization decides by itself.
known_tokens = Table(
    "known_tokens",
    metadata,
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    # Of the token without upper case: OCPP does not tell it from lower case.
    Column("folded", Text, nullable=False),
    Column("id_token", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("group_id_token", Text),
    Column("comment", Text),
    Column("expires_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "folded"),
)

reservations = Table(
    "reservations",
    metadata,
    *key_columns(),
    Column("reservation_id", BigInteger, nullable=False),
    Column("evse_id", BigInteger),
    Column("id_token", Text, nullable=False),
    Column("id_token_type", Text, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "reservation_id"),
    of_charger(),
)

# The list of tokens that a charger has for itself, as we have last put it there.
local_lists = Table(
    "local_lists",
    metadata,
    *key_columns(),
    Column("version", BigInteger, nullable=False),
    Column("entries", Json, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id"),
    of_charger(),
)

# Firmware updates and logs: each is a command, whose late parts tell how it goes. What a charger
# sends us comes by a URL that works once.
jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),  # the command's
    *key_columns(),
    Column("kind", Text, nullable=False),  # firmware, log
    Column("upload_digest", LargeBinary, unique=True),  # of the secret in the URL
    Column("file_name", Text),
    Column("file_size", BigInteger),
    Column("file_sha256", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("uploaded_at", UtcTime),
    Index("ix_jobs_newest", "organization_uuid", "charge_box_id", "created_at", "job_id"),
    of_charger(),
)

# What limits a charger from outside, as it has told us (2.x NotifyChargingLimit).
station_limits = Table(
    "station_limits",
    metadata,
    *key_columns(),
    Column("evse_id", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "evse_id", "source"),
    of_charger(),
)
