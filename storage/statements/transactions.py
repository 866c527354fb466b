"""Transactions and meter readings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, and_, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.schema import meter_readings, transactions
from storage.statements.parts import given, insert_into, limit, of_charger, only_where_empty, values

transaction = select(transactions).where(
    of_charger(transactions),
    transactions.c.transaction_id == given(transactions.c.transaction_id),
)
transaction_taken = (
    select(transactions.c.transaction_id)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .limit(1)
)

transaction_named = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .order_by(transactions.c.started_at.desc())
    .limit(1)
)


def _same(column: Column[Any]) -> ColumnElement[bool]:
    return column.is_not_distinct_from(given(column))


started_like = (
    select(transactions)
    .where(
        of_charger(transactions),
        schema.RUNNING,
        transactions.c.evse_id == given(transactions.c.evse_id),
        _same(transactions.c.id_token),
        transactions.c.start_timestamp == given(transactions.c.start_timestamp),
        _same(transactions.c.meter_start_wh),
    )
    .order_by(transactions.c.started_at.desc())
    .limit(1)
)
running_transactions = (
    select(transactions)
    .where(of_charger(transactions), schema.RUNNING)
    .order_by(transactions.c.started_at)
)
running_between = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.charge_box_id >= given(transactions.c.charge_box_id, "first"),
        transactions.c.charge_box_id <= given(transactions.c.charge_box_id, "last"),
        schema.RUNNING,
    )
    .order_by(transactions.c.charge_box_id, transactions.c.started_at)
)
_TRANSACTION_ORDER = (
    transactions.c.started_at,
    transactions.c.charge_box_id,
    transactions.c.transaction_id,
)
_NEWEST_TRANSACTIONS = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        tuple_(*_TRANSACTION_ORDER)
        < tuple_(
            given(transactions.c.started_at, "before_started_at"),
            given(transactions.c.charge_box_id, "before_charge_box_id"),
            given(transactions.c.transaction_id, "before_transaction_id"),
        ),
    )
    .order_by(*(column.desc() for column in _TRANSACTION_ORDER))
    .limit(limit())
)
transactions_before = _NEWEST_TRANSACTIONS
transactions_of_charger_before = _NEWEST_TRANSACTIONS.where(
    transactions.c.charge_box_id == given(transactions.c.charge_box_id)
)
add_transaction = upsert(transactions).values(values(transactions.c)).on_conflict_do_nothing()
_START_METER = transactions.c.meter_start_wh
_STOP_METER = given(transactions.c.meter_stop_wh, "meter")
# A meter that says nothing, or less than before, leaves what the values in between told.
_ENERGY = case(
    (_STOP_METER >= _START_METER, _STOP_METER - _START_METER), else_=transactions.c.energy_wh
)
_THIS_TRANSACTION = and_(
    transactions.c.organization_uuid == given(transactions.c.organization_uuid, "of_organization"),
    transactions.c.charge_box_id == given(transactions.c.charge_box_id, "of_charger"),
    transactions.c.transaction_id == given(transactions.c.transaction_id, "of_transaction"),
    schema.RUNNING,
)
end_transaction = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        state="ended",
        stopped_at=given(transactions.c.stopped_at),
        meter_stop_wh=_STOP_METER,
        energy_wh=_ENERGY,
        stop_reason=given(transactions.c.stop_reason),
    )
)
note_progress = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        meter_start_wh=func.coalesce(_START_METER, _STOP_METER),
        energy_wh=case(
            (_STOP_METER < _START_METER, transactions.c.energy_wh),
            else_=_STOP_METER - func.coalesce(_START_METER, _STOP_METER),
        ),
    )
)
note_particulars = (
    update(transactions)
    .where(_THIS_TRANSACTION)
    .values(
        evse_id=func.coalesce(
            func.nullif(transactions.c.evse_id, 0), given(transactions.c.evse_id, "claimed_evse_id")
        ),
        connector_id=only_where_empty(transactions.c.connector_id),
        id_token=only_where_empty(transactions.c.id_token),
        remote_start_id=only_where_empty(transactions.c.remote_start_id),
    )
)
add_reading = insert_into(meter_readings, without=("id",))
readings = (
    select(meter_readings.c.samples)
    .where(
        of_charger(meter_readings),
        meter_readings.c.transaction_id == given(meter_readings.c.transaction_id),
    )
    .order_by(meter_readings.c.id)
)
