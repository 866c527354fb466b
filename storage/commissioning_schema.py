"""
The tables of commissioning: sites, stored connection details, and what of them is installed where.

What is installed at a charger goes with it; what was done to a site goes with the site.
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

from storage.columns import Serial, UtcTime, key_columns, metadata, of_charger

sites = Table(
    "sites",
    metadata,
    Column("site_id", Text, primary_key=True),
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    Column("name", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "organization_uuid", "site_id"),
)

# Never changed: a later one has another version. Of the whole operator without a serial number.
connection_details = Table(
    "connection_details",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("version", Text, nullable=False),
    Column(
        "organization_uuid", Text, ForeignKey("organizations.organization_uuid"), nullable=False
    ),
    Column("serial_number", Text),
    Column("charge_point_id", Text),
    Column("connectivity_mode", Text, nullable=False),
    Column("url", Text),
    Column("ca_certificate", Text),
    Column("ca_certificate_domain", Text),
    Column("basic_auth_password", LargeBinary),  # sealed
    Column("apply_to_new_devices", Boolean, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("organization_uuid", "version"),
    Index(None, "organization_uuid", "serial_number", "number"),
)

# What a charger is to have and what it has. Who has claimed it last decides what it gets.
installations = Table(
    "installations",
    metadata,
    *key_columns(),
    Column("wanted_version", Text),
    Column("applied_version", Text),
    Column("charge_point_id", Text),
    Column("state", Text, nullable=False),
    Column("error", Text),
    Column("claim", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("applied_at", UtcTime),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id"),
    of_charger(),
)

# Chargers that have not booted since they were enrolled.
newcomers = Table(
    "newcomers",
    metadata,
    *key_columns(),
    PrimaryKeyConstraint("organization_uuid", "charge_box_id"),
    of_charger(),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("number", Serial, primary_key=True),
    Column("rollout_id", Text, nullable=False, unique=True),
    Column("organization_uuid", Text, nullable=False),
    Column(
        "site_id", Text, ForeignKey("sites.site_id", ondelete="CASCADE"), nullable=False, index=True
    ),
    # What is applied, or else which rollout is taken back.
    Column("version", Text),
    Column("takes_back", Text),
    Column("canary_chargers", BigInteger),
    Column("canary_seconds", BigInteger),
    Column("state", Text, nullable=False),
    Column("error", Text),
    Column("requested_by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
)

# One for each charger of the site, as it was then, in the order in which they are changed.
rollout_steps = Table(
    "rollout_steps",
    metadata,
    Column(
        "rollout_id",
        Text,
        ForeignKey("rollouts.rollout_id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("place", BigInteger, nullable=False),
    *key_columns(),
    Column("wanted_version", Text),
    Column("state", Text, nullable=False),
    Column("error", Text),
    Column("before", LargeBinary),  # what was installed, sealed
    Column("finished_at", UtcTime),
    PrimaryKeyConstraint("rollout_id", "place"),
)
