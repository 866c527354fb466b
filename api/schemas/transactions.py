"""Charging transactions, in the words of either half of the API."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.common import PageQuery, Schema, Success, next_cursor
from api.schemas.fields import CHARGE_BOX_ID, INT64, Digits, Integer, Moment, choice, text

STATES = ("running", "ended", "orphan")


class WantedQuery(PageQuery):
    """Which transactions: by their state, where they ran and when they began."""

    state = choice(*STATES, load_default=None)
    evse_id = Digits(load_default=None, validate=validate.Range(max=INT64))
    since = Moment(load_default=None)
    until = Moment(load_default=None)


class TransactionQuery(WantedQuery):
    """Which transactions of an organization."""

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
    state = choice(*STATES, required=True, about="An orphan was told of, but its start never came.")
    stop_reason = fields.String(allow_none=True, metadata={"description": "The charger's word."})
    ended_by = choice(
        "charger",
        "operator",
        "superseded",
        "boot",
        allow_none=True,
        required=True,
        about="Superseded and boot are conclusions, corrected by what the charger tells later.",
    )
    stop_asked_at = Moment(allow_none=True)
    doubts = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What was told of it and cannot be; it is not counted."},
    )


class MeterValue(Schema):
    """One sampled value."""

    timestamp = Moment(attribute="taken_at", required=True)
    measurand = fields.String(required=True)
    value = fields.Float(required=True)
    unit = fields.String(required=True)
    phase = fields.String(allow_none=True)
    context = fields.String(allow_none=True)
    location = fields.String(allow_none=True)


class Authorized(Schema):
    """What came along with the start that was asked for."""

    id_token_type = fields.String(allow_none=True)
    id_token_issuer = fields.String(allow_none=True)
    contract_id = fields.String(allow_none=True)
    authorization_reference = fields.String(allow_none=True)
    emsp_country_code = fields.String(allow_none=True)
    emsp_party_id = fields.String(allow_none=True)
    ocpi_connection_profile_id = fields.String(allow_none=True)
    vehicle_identification = fields.Dict(allow_none=True)


class MeteredTransaction(Transaction, Authorized):
    """One charging transaction with what was measured in it."""

    meter_values = fields.List(fields.Nested(MeterValue), required=True)


class Transactions(Success):
    """A page of transactions, newest first."""

    transactions = fields.List(fields.Nested(Transaction), required=True)
    next_cursor = next_cursor()


class OneTransaction(Success):
    """One transaction; its meter values come in pages, each of so many messages of the charger."""

    transaction = fields.Nested(MeteredTransaction, required=True)
    next_cursor = next_cursor()
