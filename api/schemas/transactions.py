"""Charging transactions, in the words of either half of the API."""

from __future__ import annotations

from marshmallow import Schema, fields

from api.schemas.common import PageQuery, Success, next_cursor
from api.schemas.fields import CHARGE_BOX_ID, Integer, Moment, choice, text


class TransactionQuery(PageQuery):
    """Which transactions."""

    charge_box_id = text(48, pattern=CHARGE_BOX_ID, load_default=None)


class Transaction(Schema):
    """One charging transaction."""

    transaction_id = fields.String(required=True)
    charge_box_id = fields.String(attribute="key.charge_box_id", required=True)
    evse_id = Integer(required=True)
    connector_id = Integer(allow_none=True)
    id_token = fields.String(allow_none=True)
    started_at = Moment(required=True)
    stopped_at = Moment(allow_none=True, required=True)
    meter_start_wh = fields.Float(allow_none=True)
    meter_stop_wh = fields.Float(allow_none=True)
    energy_wh = fields.Float(allow_none=True, required=True)
    state = choice("running", "ended", required=True)
    stop_reason = fields.String(allow_none=True)


class MeterValue(Schema):
    """One sampled value."""

    timestamp = Moment(attribute="taken_at", required=True)
    measurand = fields.String(required=True)
    value = fields.Float(required=True)
    unit = fields.String(required=True)
    phase = fields.String(allow_none=True)
    context = fields.String(allow_none=True)
    location = fields.String(allow_none=True)


class MeteredTransaction(Transaction):
    """One charging transaction with what was measured in it."""

    meter_values = fields.List(fields.Nested(MeterValue), required=True)


class Transactions(Success):
    """A page of transactions, newest first."""

    transactions = fields.List(fields.Nested(Transaction), required=True)
    next_cursor = next_cursor()


class OneTransaction(Success):
    """One transaction."""

    transaction = fields.Nested(MeteredTransaction, required=True)
