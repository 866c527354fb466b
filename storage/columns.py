"""What tables are made of: names of constraints, portable types, common columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)

from storage.clock import EPOCH, MICROSECOND

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
        return _microseconds(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Return the same as one call: there are many rows with a moment."""
        return _microseconds

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Return the moment, aware and in UTC."""
        return None if value is None else EPOCH + value * MICROSECOND


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MICROSECOND


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

# What is only one engine's is marked by this, in its `info`.
ONLY_ON = "only_on"

metadata = MetaData(naming_convention=NAMING_CONVENTION)


def key_columns() -> tuple[Column[str], Column[str]]:
    """Return the two columns that name a charger."""
    return (
        Column("organization_uuid", Text, nullable=False),
        Column("charge_box_id", Text, nullable=False),
    )


def of_charger() -> ForeignKeyConstraint:
    """Tie rows to their charger: they go with it."""
    return ForeignKeyConstraint(
        ["organization_uuid", "charge_box_id"],
        ["chargers.organization_uuid", "chargers.charge_box_id"],
        ondelete="CASCADE",
    )


def proxy_configuration_id() -> Column[int]:
    """Return the column that ties rows to a proxy configuration: they go with it."""
    owner = ForeignKey("proxy_configurations.id", ondelete="CASCADE")
    return Column("proxy_configuration_id", BigInteger, owner, nullable=False)


def sink_id() -> Column[str]:
    """Return the column that ties a row to a sink: it goes with it, and each sink has one."""
    return Column("sink_id", Text, ForeignKey("sinks.id", ondelete="CASCADE"), primary_key=True)
