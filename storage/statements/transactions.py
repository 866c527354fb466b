"""Transactions and meter readings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    and_,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.schema import meter_readings, transactions
from storage.statements.parts import (
    among,
    given,
    insert_into,
    limit,
    of_charger,
    partitioned,
    values,
)

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

# An orphan of one charger has an id that may be another one's.
transaction_named = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .order_by(transactions.c.state == "orphan", transactions.c.started_at.desc())
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
running_among = (
    select(transactions)
    .where(
        transactions.c.organization_uuid == given(transactions.c.organization_uuid),
        among(transactions.c.charge_box_id),
        schema.RUNNING,
    )
    .order_by(transactions.c.charge_box_id, transactions.c.started_at)
)


def _if_given(column: Column[Any]) -> ColumnElement[bool]:
    wanted = given(column, f"only_{column.key}")
    return or_(wanted.is_(null()), column == wanted)


def _newest(started_at: ColumnElement[Any]) -> Any:
    order = (started_at, transactions.c.charge_box_id, transactions.c.transaction_id)
    return (
        select(transactions)
        .where(
            transactions.c.organization_uuid == given(transactions.c.organization_uuid),
            tuple_(*order)
            < tuple_(
                given(transactions.c.started_at, "before_started_at"),
                given(transactions.c.charge_box_id, "before_charge_box_id"),
                given(transactions.c.transaction_id, "before_transaction_id"),
            ),
            started_at >= given(transactions.c.started_at, "since"),
            _if_given(transactions.c.evse_id),
            _if_given(transactions.c.state),
        )
        .order_by(*(column.desc() for column in order))
        .limit(limit())
    )


_OF_CHARGER = transactions.c.charge_box_id == given(transactions.c.charge_box_id)
transactions_before = _newest(transactions.c.started_at)
transactions_of_charger_before = transactions_before.where(_OF_CHARGER)
# What runs has an index of its own: of a long history it is little. By a value, not by the column:
# else SQLite goes through that history, newest first.
running_before = _newest(func.abs(transactions.c.started_at)).where(schema.RUNNING)
running_of_charger_before = running_before.where(_OF_CHARGER)

_TRANSACTION_KEY = ("organization_uuid", "charge_box_id", "transaction_id")
_LATER = [column for column in transactions.c if column.key not in _TRANSACTION_KEY]
_added = upsert(transactions).values(values(transactions.c))
# Of what was taken for an orphan the start is told after all.
add_transaction = _added.on_conflict_do_update(
    index_elements=_TRANSACTION_KEY,
    set_={column.key: _added.excluded[column.key] for column in _LATER},
    where=transactions.c.state == literal_column("'orphan'"),
)
add_orphan = _added.on_conflict_do_nothing()
# What the charger itself has ended does not change any more.
_CHANGEABLE = and_(
    transactions.c.organization_uuid == given(transactions.c.organization_uuid, "of_organization"),
    transactions.c.charge_box_id == given(transactions.c.charge_box_id, "of_charger"),
    transactions.c.transaction_id == given(transactions.c.transaction_id, "of_transaction"),
    or_(
        transactions.c.state != literal_column("'ended'"),
        transactions.c.ended_by.in_((literal_column("'superseded'"), literal_column("'boot'"))),
    ),
)
change_transaction = update(transactions).where(_CHANGEABLE).values(values(_LATER))
note_progress = (
    update(transactions)
    .where(_CHANGEABLE)
    .values(values((transactions.c.meter_start_wh, transactions.c.energy_wh)))
)
add_reading = insert_into(meter_readings, without=("id",))

_SLACK: ColumnElement[int] = literal_column(str(30 * 86_400 * 10**6))  # µs


def readings_from() -> ColumnElement[Any]:
    """Return the moment before which no reading of a transaction came, whatever the clocks did.

    A charger's clock may be ahead, and ours may have been set back; where that was by so much that
    the transaction has not begun yet, nothing is known.
    """
    started = type_coerce(transactions.c.started_at, BigInteger)
    ahead = transactions.c.started_at > given(transactions.c.started_at, "now")
    return case((ahead, literal_column("0")), else_=started - _SLACK)


# The partitions of the weeks before are not looked at.
_started = (
    select(readings_from())
    .where(
        of_charger(transactions),
        transactions.c.transaction_id == given(transactions.c.transaction_id),
    )
    .scalar_subquery()
)
readings = (
    select(meter_readings.c.samples)
    .where(
        partitioned(meter_readings.c.received_at) >= func.coalesce(_started, literal_column("0")),
        of_charger(meter_readings),
        meter_readings.c.transaction_id == given(meter_readings.c.transaction_id),
    )
    .order_by(meter_readings.c.id)
)
readings_after = (
    readings.add_columns(meter_readings.c.id)
    .where(meter_readings.c.id > given(meter_readings.c.id, "after"))
    .limit(limit())
)
