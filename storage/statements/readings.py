"""What running transactions have measured last."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text, func, literal_column, select, type_coerce
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.columns import Json
from storage.schema import meter_readings, transactions
from storage.statements.parts import given
from storage.statements.transactions import readings_from

_NEWEST: ColumnElement[int] = literal_column(
    "4"
)  # messages: enough to tell how often a charger measures
_newest = (
    select(meter_readings.c.samples)
    .where(
        meter_readings.c.organization_uuid == transactions.c.organization_uuid,
        meter_readings.c.charge_box_id == transactions.c.charge_box_id,
        meter_readings.c.transaction_id == transactions.c.transaction_id,
        type_coerce(meter_readings.c.received_at, BigInteger) >= readings_from(),
    )
    .order_by(meter_readings.c.id.desc())
    .limit(_NEWEST)
    .correlate(transactions)
    .subquery()
)
# In one column, each of them a list: PostgreSQL would not join them by their index.
_begin, _comma, _end = (literal_column(f"'{sign}'", Text) for sign in "[,]")
_joined = func.aggregate_strings(_newest.c.samples, _comma)  # type: ignore[arg-type] # a text would become a parameter
_listed = select(_begin + _joined + _end)
newest_readings_between = (
    select(
        transactions.c.charge_box_id,
        transactions.c.transaction_id,
        transactions.c.organization_uuid,
        type_coerce(_listed.correlate(transactions).scalar_subquery(), Json).label("newest"),
    )
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
        schema.RUNNING,
    )
    .order_by(transactions.c.started_at)
)
