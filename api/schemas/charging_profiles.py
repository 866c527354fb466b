"""Charging profiles (seed 002): those of OCPP 2.0.1, on which every charger's are modelled.

What depends on the charger, and on how the parts go together, is said by `csms/profile_lint.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from api.schemas.common import Schema
from api.schemas.fields import Boolean, FreeForm, Integer, Moment, choice, nullable, text
from api.schemas.power_limits import Amount, LimitAnswer
from api.schemas.stations import CamelCase
from csms.drafts import EXTERNAL
from csms.profile_lint import LARGEST
from csms.schedules import STATION_MAX, TX, TX_DEFAULT
from storage.clock import timestamp

_LONGEST_FREE_FORM = 8192  # bytes
_MOST_PERIODS, _MOST_PARTS = 1024, 3  # as OCPP's own schemas have it
_PURPOSES = (EXTERNAL, STATION_MAX, TX_DEFAULT, TX, "PriorityCharging", "LocalGeneration")


# ---- fields ----


class Instant(Moment):
    """A moment, handed on as the text that OCPP wants."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return timestamp(super()._deserialize(value, attr, data, **kwargs))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value


class AsItStands(fields.Nested):
    """An object that is shown as it was taken."""

    # The library names the first argument otherwise than its own base does.
    def _serialize(  # type: ignore[override]  # it cannot be right for both
        self, nested_obj: Any, attr: str | None, obj: Any, **kwargs: Any
    ) -> Any:
        return nested_obj


def short(value: Mapping[str, Any]) -> None:
    """Refuse a free-form object that is no short one; raise ValidationError."""
    if len(orjson.dumps(value)) > _LONGEST_FREE_FORM:
        raise ValidationError(f"Longer than {_LONGEST_FREE_FORM} bytes.")


def _has_vendor(value: Mapping[str, Any]) -> None:
    vendor = value.get("vendorId")
    if not isinstance(vendor, str) or len(vendor) > 255:
        raise ValidationError("It names its vendorId, of at most 255 characters.")


def _custom_data() -> FreeForm:
    about = {"description": "Free-form, with a `vendorId`; left out on OCPP 1.6."}
    checks = [_has_vendor, short]
    return FreeForm(validate=checks, metadata=about, allow_none=True)


def _number(least: int = 0, most: int = LARGEST, about: str = "", **more: Any) -> Integer:
    told = {"description": about} if about else {}
    return Integer(validate=validate.Range(min=least, max=most), metadata=told, **more)


def _list(of: type[Schema], most: int, **more: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(of), validate=validate.Length(min=1, max=most), **more)


class Wire(CamelCase):
    """What is handed on with the names of the wire, without what is null."""

    @post_load
    def _as_on_the_wire(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {
            str(self.fields[name].data_key): value
            for name, value in data.items()
            if value is not None
        }


# ---- tariffs ----


class Cost(Wire):
    """What energy costs, as one of several measures."""

    cost_kind = choice(
        "CarbonDioxideEmission",
        "RelativePricePercentage",
        "RenewableGenerationPercentage",
        required=True,
    )
    amount = _number(-LARGEST, required=True)
    amount_multiplier = _number(-3, 3, allow_none=True)
    custom_data = _custom_data()


class ConsumptionCost(Wire):
    """What energy costs from an amount on."""

    start_value = Amount("The least consumption, in the unit of the schedule.", required=True)
    cost = _list(Cost, _MOST_PARTS, required=True)
    custom_data = _custom_data()


class RelativeTimeInterval(Wire):
    """From when on, and for how long."""

    start = _number(-LARGEST, about="s from the start of the schedule.", required=True)
    duration = _number(about="s.", allow_none=True)
    custom_data = _custom_data()


class SalesTariffEntry(Wire):
    """What holds for a time."""

    relative_time_interval = fields.Nested(RelativeTimeInterval, required=True)
    e_price_level = _number(allow_none=True)
    consumption_cost = _list(ConsumptionCost, _MOST_PARTS, allow_none=True)
    custom_data = _custom_data()


class SalesTariff(Wire):
    """What a vehicle is told of prices (ISO 15118)."""

    id = _number(required=True)
    sales_tariff_description = text(32, shortest=0, allow_none=True)
    num_e_price_levels = _number(allow_none=True)
    sales_tariff_entry = _list(SalesTariffEntry, _MOST_PERIODS, required=True)
    custom_data = _custom_data()


# ---- profiles ----


class ChargingSchedulePeriod(Wire):
    """A limit, and from when on it holds: until the next period, or the end of the schedule."""

    start_period = _number(about="s from the start of the schedule.", required=True)
    limit = Amount("In the unit of the schedule; rounded down to one decimal.", required=True)
    number_phases = _number(1, 3, "Without it a charger reckons with 3.", allow_none=True)
    phase_to_use = _number(1, 3, "Only where `numberPhases` is 1; not on 1.6.", allow_none=True)
    preconditioning_request = Boolean(metadata={"description": "OCPP 2.1 only."}, allow_none=True)
    custom_data = _custom_data()


class ChargingSchedule(Wire):
    """Limits one after the other."""

    id = _number(about="Without it that of the profile.", allow_none=True)
    start_schedule = Instant(
        metadata={"description": "Without it an Absolute schedule begins now."}, allow_none=True
    )
    duration = _number(about="s; without it the last period does not end.", allow_none=True)
    charging_rate_unit = choice("A", "W", required=True)
    charging_schedule_period = _list(ChargingSchedulePeriod, _MOST_PERIODS, required=True)
    min_charging_rate = Amount("In the unit of the schedule.", allow_none=True)
    sales_tariff = fields.Nested(SalesTariff, allow_none=True)
    custom_data = _custom_data()


class Condition(Wire):
    """When the profile counts at all; not sent, the platform sees to it."""

    when_no_cloud_connection = Boolean(allow_none=True)
    when_session_not_authorized = Boolean(allow_none=True)

    @validates_schema
    def _not_both(self, data: Mapping[str, Any], **_: Any) -> None:
        if len([holds for holds in data.values() if holds]) > 1:
            raise ValidationError("One condition at a time.")


class ChargingProfile(Wire):
    """A charging profile as OCPP 2.0.1 has it; what the charger cannot take is 422."""

    id = _number(1, about="Without it a free one; one that is there is replaced.", allow_none=True)
    stack_level = _number(
        about="Orders the operator's own profiles; 0 without it.", allow_none=True
    )
    charging_profile_purpose = choice(*_PURPOSES, required=True)
    charging_profile_kind = choice("Absolute", "Recurring", "Relative", "Dynamic", required=True)
    recurrency_kind = choice("Daily", "Weekly", about="Of a Recurring profile.", allow_none=True)
    valid_from = Instant(allow_none=True)
    valid_to = Instant(allow_none=True)
    transaction_id = text(36, about="Of a TxProfile: one that is running.", allow_none=True)
    charging_schedule = _list(ChargingSchedule, _MOST_PARTS, required=True)
    dyn_update_interval = _number(about="s; of a Dynamic profile (2.1).", allow_none=True)
    custom_data = _custom_data()
    condition = fields.Nested(Condition, allow_none=True)
    meta = FreeForm(
        validate=[short],
        metadata={"description": "Free-form; kept with the profile, not sent."},
        allow_none=True,
    )


class ProfileRequest(CamelCase):
    """A charging profile."""

    charging_profile = AsItStands(ChargingProfile, required=True)


class ProfileQuery(CamelCase):
    """What is kept with a profile."""

    comment = text(1000, about="Kept with the profile.", **nullable())


class ClearCriteria(CamelCase):
    """Profiles that match all of these."""

    charging_profile_purpose = choice(*_PURPOSES, **nullable())
    evse_id = _number(0, 99_999, "0 is the station.", **nullable())
    stack_level = _number(**nullable())
    custom_data = _custom_data()


class ClearRequest(CamelCase):
    """Which profiles to take back: one by its id, or all that match."""

    charging_profile_id = _number(
        about="It stands alone: criteria beside it are not read.", **nullable()
    )
    charging_profile_criteria = fields.Nested(ClearCriteria, **nullable())


class ProfileAnswer(LimitAnswer):
    """What the charger answered, and what was changed about the profile."""
