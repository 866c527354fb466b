"""What a charger has measured in a span of time, within its transactions."""

from __future__ import annotations

from sqlalchemy import BigInteger, func, literal_column, or_, select

from storage import schema
from storage.schema import meter_readings, transactions
from storage.statements.parts import given, limit, of_charger

# A span of 2^16 is spread over ids that may come at any distance from one another.
SHARES = 1 << 16
_SPREAD = literal_column("40503", BigInteger)

sessions_within = (
    select(
        transactions.c.transaction_id,
        transactions.c.evse_id,
        transactions.c.started_at,
        transactions.c.stopped_at,
        transactions.c.state,
    )
    .where(
        of_charger(transactions),
        transactions.c.started_at <= given(transactions.c.started_at, "until"),
        transactions.c.started_at >= given(transactions.c.started_at, "oldest"),
        or_(
            transactions.c.stopped_at.is_(None),
            transactions.c.stopped_at >= given(transactions.c.stopped_at, "since"),
        ),
    )
    .order_by(transactions.c.started_at.desc())
    .limit(limit())
)
running_before = (
    select(*sessions_within.selected_columns)
    .where(
        of_charger(transactions),
        schema.RUNNING,
        transactions.c.started_at < given(transactions.c.started_at, "oldest"),
    )
    .limit(limit())
)
# Ids grow with the time at which readings come.
first_reading_from = (
    select(meter_readings.c.id)
    .where(
        meter_readings.c.organization_uuid == given(meter_readings.c.organization_uuid),
        meter_readings.c.received_at >= given(meter_readings.c.received_at, "moment"),
    )
    .order_by(meter_readings.c.received_at)
    .limit(literal_column("1"))
)
_OF_SESSION = (
    of_charger(meter_readings),
    meter_readings.c.transaction_id == given(meter_readings.c.transaction_id),
    meter_readings.c.id > given(meter_readings.c.id, "after"),
    meter_readings.c.id < given(meter_readings.c.id, "end"),
)
count_readings = select(func.count().label("readings")).select_from(
    select(meter_readings.c.id).where(*_OF_SESSION).limit(limit()).subquery()
)
# By the index alone: of very many readings few are opened.
_some = (
    select(meter_readings.c.id)
    .where(
        *_OF_SESSION,
        (meter_readings.c.id * _SPREAD) % literal_column(str(SHARES), BigInteger)
        < given(meter_readings.c.id, "share"),
    )
    .order_by(meter_readings.c.id)
    .limit(limit())
    .subquery()
)
some_readings = (
    select(meter_readings.c.id, meter_readings.c.samples)
    .select_from(_some.join(meter_readings, meter_readings.c.id == _some.c.id))
    .where(
        meter_readings.c.received_at >= given(meter_readings.c.received_at, "since"),
        meter_readings.c.received_at < given(meter_readings.c.received_at, "until"),
    )
    .order_by(meter_readings.c.id)
)
