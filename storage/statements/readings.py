"""What running transactions have measured last."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select

from storage import schema
from storage.schema import meter_readings, transactions
from storage.statements.parts import given

_NEWEST = 4  # messages: enough to tell how often a charger measures
_older = meter_readings.alias("older")
_LAST = (
    select(_older.c.id)
    .where(
        _older.c.organization_uuid == transactions.c.organization_uuid,
        _older.c.charge_box_id == transactions.c.charge_box_id,
        _older.c.transaction_id == transactions.c.transaction_id,
    )
    .order_by(_older.c.id.desc())
    .limit(bindparam("newest", _NEWEST))
    .correlate(transactions)
)
newest_readings_between = (
    select(
        transactions.c.charge_box_id,
        transactions.c.transaction_id,
        transactions.c.organization_uuid,
        meter_readings.c.samples,
    )
    .select_from(
        transactions.join(meter_readings, and_(meter_readings.c.id.in_(_LAST), schema.RUNNING))
    )
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
    )
    .order_by(meter_readings.c.id)
)
