"""What running transactions have measured last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, func, literal_column, select, type_coerce
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.columns import Json
from storage.schema import meter_readings, transactions
from storage.statements.parts import given, partitioned
from storage.statements.transactions import readings_from

_ENOUGH = 4  # messages: enough to tell how often a charger measures
# In one column, each of them a list: PostgreSQL would not join them by their index.
_begin, _comma, _end = (literal_column(f"'{sign}'", Text) for sign in "[,]")


def newest_of(messages: int) -> ColumnElement[Any]:
    """Return the column `newest`: what so many messages have told last of a transaction."""
    newest = (
        select(meter_readings.c.samples)
        .where(
            meter_readings.c.organization_uuid == transactions.c.organization_uuid,
            meter_readings.c.charge_box_id == transactions.c.charge_box_id,
            meter_readings.c.transaction_id == transactions.c.transaction_id,
            partitioned(meter_readings.c.received_at) >= readings_from(),
        )
        .order_by(meter_readings.c.id.desc())
        .limit(literal_column(str(messages)))
        .correlate(transactions)
        .subquery()
    )
    joined = func.aggregate_strings(newest.c.samples, _comma)  # type: ignore[arg-type] # a text would become a parameter
    listed = select(_begin + joined + _end).correlate(transactions).scalar_subquery()
    return type_coerce(listed, Json).label("newest")


newest_readings_between = (
    select(
        transactions.c.charge_box_id,
        transactions.c.transaction_id,
        transactions.c.organization_uuid,
        newest_of(_ENOUGH),
    )
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
        schema.RUNNING,
    )
    .order_by(transactions.c.started_at)
)
