"""What running transactions have measured last."""

from __future__ import annotations

from sqlalchemy import BigInteger, and_, func, literal_column, select, type_coerce

from storage import schema
from storage.columns import Serial
from storage.schema import meter_readings, transactions
from storage.statements.parts import given
from storage.statements.transactions import readings_from

# Of the four newest messages, which are enough to tell how often a charger measures.
_BEFORE_THEM = literal_column("3", Serial)
_older = meter_readings.alias("older")
_FROM = readings_from()
_oldest = (
    select(_older.c.id)
    .where(
        _older.c.organization_uuid == transactions.c.organization_uuid,
        _older.c.charge_box_id == transactions.c.charge_box_id,
        _older.c.transaction_id == transactions.c.transaction_id,
        type_coerce(_older.c.received_at, BigInteger) >= _FROM,
    )
    .order_by(_older.c.id.desc())
    .limit(literal_column("1"))
    .offset(_BEFORE_THEM)
    .correlate(transactions)
    .scalar_subquery()
)
# Apart: else PostgreSQL would look for the oldest anew with each reading.
_running = (
    select(
        transactions.c.organization_uuid,
        transactions.c.charge_box_id,
        transactions.c.transaction_id,
        _FROM.label("earliest"),
        func.coalesce(_oldest, literal_column("0")).label("first"),
    )
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
        schema.RUNNING,
    )
    .cte()
    .prefix_with("MATERIALIZED")
)
newest_readings_between = (
    select(
        _running.c.charge_box_id,
        _running.c.transaction_id,
        _running.c.organization_uuid,
        meter_readings.c.samples,
    )
    .join_from(
        _running,
        meter_readings,
        and_(
            meter_readings.c.organization_uuid == _running.c.organization_uuid,
            meter_readings.c.charge_box_id == _running.c.charge_box_id,
            meter_readings.c.transaction_id == _running.c.transaction_id,
            meter_readings.c.id >= _running.c.first,
            type_coerce(meter_readings.c.received_at, BigInteger) >= _running.c.earliest,
        ),
    )
    .order_by(meter_readings.c.id)
)
