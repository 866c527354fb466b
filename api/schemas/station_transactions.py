"""A station's charging transactions (seed 002)."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.common import next_cursor
from api.schemas.stations import CamelCase, StationTransaction
from api.schemas.transactions import Authorized, MeterValue, WantedQuery


class StationTransactionQuery(CamelCase, WantedQuery):
    """Which of a station's transactions."""


class StationTransactions(CamelCase):
    """A page of a station's transactions, newest first."""

    transactions = fields.List(fields.Nested(StationTransaction), required=True)
    next_cursor = next_cursor()


class StationMeterValue(CamelCase, MeterValue):
    """One sampled value."""


class MeteredStationTransaction(StationTransaction, Authorized):
    """One charging transaction with what was measured in it."""

    class Meta:
        """Leave out what the path says."""

        exclude = ("charge_box_id",)

    meter_values = fields.List(fields.Nested(StationMeterValue), required=True)


class OneStationTransaction(CamelCase):
    """One transaction; its meter values come in pages, each of so many messages of the charger."""

    transaction = fields.Nested(MeteredStationTransaction, required=True)
    next_cursor = next_cursor()
