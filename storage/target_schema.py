"""
The tables of what lies between a charger and its target.

All of it goes with the proxy configuration or the charger that it belongs to.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from storage.columns import (
    Json,
    Serial,
    UtcTime,
    key_columns,
    metadata,
    of_charger,
    proxy_configuration_id,
)

proxy_configurations = Table(
    "proxy_configurations",
    metadata,
    Column("id", Serial, primary_key=True),
    *key_columns(),
    Column("target_platform_identifier", Text, nullable=False),
    Column("target_websocket_url", Text, nullable=False),
    Column("target_authentication_method", Text, nullable=False),
    Column("target_auth_basic_username", Text),
    Column("target_auth_basic_password", LargeBinary),  # sealed
    Column("target_auth_client_cert_id", Text),
    Column("target_charge_box_id", Text),
    Column("target_ca_certificate", Text),
    Column("target_ca_certificate_domain", Text),
    Column("enabled", Boolean, nullable=False),
    Column("mode", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("policy", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # Whether the target itself has set the password since it was configured.
    Column("password_from_target", Boolean, nullable=False),
    UniqueConstraint("organization_uuid", "charge_box_id"),
    of_charger(),
    sqlite_autoincrement=True,  # an id in the message log must never come to mean another target
)

cursors = Table(
    "cursors",
    metadata,
    proxy_configuration_id(),
    Column("position", BigInteger, nullable=False),
    Column("booted_at", UtcTime),
    # Which target it is that has got so far, and that gave the ids (`ProxyConfiguration.leads_to`).
    Column("target", Text),
    PrimaryKeyConstraint("proxy_configuration_id"),
)

# A number that one side chose, and what stands for it on the other side.
id_pairs = Table(
    "id_pairs",
    metadata,
    Column("id", Serial, primary_key=True),  # the newest wins where a target repeats an id
    proxy_configuration_id(),
    Column(
        "kind", Text, nullable=False
    ),  # transaction, reservation, profile, remote_start, request, display
    Column("ours", Text, nullable=False),
    Column("theirs", Text, nullable=False),
    UniqueConstraint("proxy_configuration_id", "kind", "ours"),
    Index("ix_id_pairs_theirs", "proxy_configuration_id", "kind", "theirs"),
)

# What a target did not take, for a person to look at; the message itself is in the log.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Serial, primary_key=True),
    proxy_configuration_id(),
    Column("seq", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retry_at", UtcTime),  # since when it is to go out again
    UniqueConstraint("proxy_configuration_id", "seq"),
)

# What no target will get, as ranges of positions. Ranges behind a cursor do not overlap: one that
# ends at or behind a position and does not begin before it leaves that position waiting.
skipped = Table(
    "skipped",
    metadata,
    Column("id", Serial, primary_key=True),
    proxy_configuration_id(),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("messages", BigInteger, nullable=False),  # how many were waiting
    Index("ix_skipped_last", "proxy_configuration_id", "last"),
)

# Configuration keys that concern a target's own link: what it set, and reads back.
link_settings = Table(
    "link_settings",
    metadata,
    proxy_configuration_id(),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("proxy_configuration_id", "name"),
)

# Keys that several owners share, as each wishes them; owner 0 is the platform.
shared_settings = Table(
    "shared_settings",
    metadata,
    *key_columns(),
    Column("owner", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "owner", "name"),
    of_charger(),
)

# A reset that somebody asked for while the charger was busy; it is sent when it is not any more.
deferred_resets = Table(
    "deferred_resets",
    metadata,
    *key_columns(),
    Column("owner", BigInteger, nullable=False),  # a proxy configuration; 0 is the platform
    Column("payload", LargeBinary, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("command_id", Text),
    # How often it has gone out without an answer.
    Column("attempts", BigInteger, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "owner"),
    of_charger(),
)

# Which party wants what of a connector; it is operative only if no party says otherwise.
availability = Table(
    "availability",
    metadata,
    *key_columns(),
    Column("owner", BigInteger, nullable=False),  # a proxy configuration; 0 is the platform
    Column("evse_id", BigInteger, nullable=False),
    Column("connector_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("reason", Text),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "owner", "evse_id", "connector_id"),
    of_charger(),
)

# Charging profiles as their owners gave them; what lies on the charger is made of all of them.
charging_profiles = Table(
    "charging_profiles",
    metadata,
    *key_columns(),
    Column("owner", BigInteger, nullable=False),  # a proxy configuration; 0 is the platform
    Column("profile_id", BigInteger, nullable=False),
    Column("evse_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("stack_level", BigInteger, nullable=False),
    Column("transaction_id", Text),
    Column("profile", Json, nullable=False),
    Column("meta", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # 1.6 numbers profiles by charger and 2.x does too, but a target's numbers are its own.
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "owner", "profile_id"),
    of_charger(),
)

# What we have put on the charger, made of the above.
installed_profiles = Table(
    "installed_profiles",
    metadata,
    *key_columns(),
    Column("evse_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("stack_level", BigInteger, nullable=False),
    Column("profile", Json, nullable=False),
    Column("installed_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id", "evse_id", "purpose", "stack_level"),
    of_charger(),
)

client_certificates = Table(
    "client_certificates",
    metadata,
    Column("certificate_id", Text, primary_key=True),
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    Column("name", Text, nullable=False),
    Column("chain", Text, nullable=False),  # PEM, the certificate first
    Column("private_key", LargeBinary, nullable=False),  # sealed
    Column("sha256", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("not_after", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "organization_uuid"),
)
