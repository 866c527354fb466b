"""
What an overview shows of chargers: few columns of many, a page of them or some anywhere.

Each question is there twice: for chargers that come one after the other, which one range of an
index holds, and for AMONG of them wherever they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Column, Select, Table, and_, select
from sqlalchemy.sql import ColumnElement

from storage import schema
from storage.schema import chargers, connectors, transactions
from storage.statements.parts import among, given, limit
from storage.statements.readings import newest_of
from storage.target_schema import proxy_configurations


class Both(NamedTuple):
    """One question about chargers one after the other, and about chargers anywhere."""

    between: Select[Any]
    among: Select[Any]


def _both(query: Select[Any], table: Table) -> Both:
    name: Column[str] = table.c.charge_box_id
    own = query.where(table.c.organization_uuid == given(table.c.organization_uuid))
    span = and_(name >= given(name, "first"), name <= given(name, "last"))
    return Both(own.where(span), own.where(among(name)))


_proxy = proxy_configurations.c
_shown: Select[Any] = select(
    chargers.c.charge_box_id,
    chargers.c.charger_name,
    chargers.c.site_id,
    chargers.c.vendor_name,
    chargers.c.model_name,
    chargers.c.ocpp_version,
    chargers.c.last_seen,
    chargers.c.supply_phases,
    chargers.c.nominal_voltage,
    _proxy.id.label("proxy_configuration_id"),
    _proxy.target_platform_identifier,
    _proxy.enabled,
    _proxy.updated_at.label("configured_at"),
).select_from(
    chargers.outerjoin(
        proxy_configurations,
        and_(
            _proxy.organization_uuid == chargers.c.organization_uuid,
            _proxy.charge_box_id == chargers.c.charge_box_id,
        ),
    )
)
page = (
    _shown.where(
        chargers.c.organization_uuid == given(chargers.c.organization_uuid),
        chargers.c.charge_box_id > given(chargers.c.charge_box_id, "after"),
    )
    .order_by(chargers.c.charge_box_id)
    .limit(limit())
)
shown_among = _both(_shown, chargers).among
plugs = _both(
    select(
        connectors.c.charge_box_id,
        connectors.c.evse_id,
        connectors.c.connector_id,
        connectors.c.status,
        connectors.c.error_code,
    ).order_by(connectors.c.charge_box_id, connectors.c.evse_id, connectors.c.connector_id),
    connectors,
)


def _running(newest: ColumnElement[Any]) -> Both:
    query = select(transactions.c.charge_box_id, transactions.c.transaction_id, newest)
    return _both(query.where(schema.RUNNING), transactions)


# With what each has measured last, and where that does not tell the power with a few more.
running, running_in_full = _running(newest_of(1)), _running(newest_of(4))
