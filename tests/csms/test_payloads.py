from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp import charge_point
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as call_result16
from ocpp.v16 import datatypes as datatypes16
from ocpp.v16.enums import (
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
)
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as call_result21
from ocpp.v21 import datatypes as datatypes21
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as call_result201
from ocpp.v201 import datatypes as datatypes201

from csms.payloads import arguments, encode, wire_fields
from tests.schema_payloads import JSON, schema


def dataclasses_of(module: ModuleType) -> Iterator[type[Any]]:
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if kind.__module__ == module.__name__ and is_dataclass(kind):
            yield kind


def keys_of(kind: type[Any]) -> set[str]:
    """What a payload of this kind says when it says everything."""
    everything = kind(**{field.name: "1" for field in fields(kind)})
    return set(wire_fields(everything))


MESSAGES = [
    pytest.param(kind, version, side, id=f"{version}-{kind.__name__}-{side}")
    for version, side, module in (
        ("1.6", "request", call16),
        ("1.6", "response", call_result16),
        ("2.0.1", "request", call201),
        ("2.0.1", "response", call_result201),
        ("2.1", "request", call21),
        ("2.1", "response", call_result21),
    )
    for kind in dataclasses_of(module)
]


# Names of 2.1 that the library spells as no schema does. No station of ours says them: whatever
# it says is checked against its schema, and an owner's own commands go out in camelCase as they
# came.
BROKEN_OF_2_1 = {
    "Get15118EVCertificate": {"prioritizedEmaids": "prioritizedEMAIDs"},
    "NotifySettlement": {"receiptURL": "receiptUrl"},
    "ReportDERControl": {"fixedPfAbsorb": "fixedPFAbsorb", "fixedPfInject": "fixedPFInject"},
    "SetDERControl": {"fixedPfAbsorb": "fixedPFAbsorb", "fixedPfInject": "fixedPFInject"},
}


@pytest.mark.parametrize(("kind", "version", "side"), MESSAGES)
def test_every_message_has_the_names_of_its_schema(
    kind: type[Any], version: str, side: str
) -> None:
    broken = BROKEN_OF_2_1.get(kind.__name__, {}) if version == "2.1" else {}
    spelled = {broken.get(name, name) for name in keys_of(kind)}

    assert spelled == set(schema(version, kind.__name__, side).get("properties", {}))
    assert not broken.keys() & schema(version, kind.__name__, side).get("properties", {}).keys()


def all_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for child in node.values():
            yield from all_names(child)
    elif isinstance(node, list):
        for child in node:
            yield from all_names(child)


# Nested types of 2.1 with such names: of profiles (limit_L2), batteries, DER and taxes.
BROKEN_TYPES_OF_2_1 = {
    "BatteryDataType",
    "ChargingSchedulePeriodType",
    "ChargingScheduleUpdateType",
    "DERChargingParametersType",
    "FixedPFGetType",
    "LimitAtSoCType",
    "TaxRuleType",
    "V2XChargingParametersType",
}


@pytest.mark.parametrize(
    ("version", "datatypes", "calls"),
    [
        ("1.6", datatypes16, call16),
        ("2.0.1", datatypes201, call201),
        ("2.1", datatypes21, call21),
    ],
)
def test_every_type_within_a_message_has_names_that_a_schema_knows(
    version: str, datatypes: ModuleType, calls: ModuleType
) -> None:
    known = {
        name
        for kind in dataclasses_of(calls)
        for side in ("request", "response")
        for name in all_names(schema(version, kind.__name__, side))
    }

    unknown = {kind.__name__ for kind in dataclasses_of(datatypes) if not keys_of(kind) <= known}
    assert unknown == (BROKEN_TYPES_OF_2_1 if version == "2.1" else set())


@pytest.mark.parametrize(("kind", "version", "side"), MESSAGES)
def test_names_come_back_as_they_went(kind: type[Any], version: str, side: str) -> None:
    del version, side
    everything = {field.name: 0 for field in fields(kind)}
    # The library reads 2.1 with the names of 2.0.1, and so do our handlers.
    named = {name.replace("iso_15118", "iso15118") for name in everything}

    assert arguments(wire_fields(kind(**everything))) == dict.fromkeys(named, 0)


def profile() -> datatypes16.ChargingProfile:
    schedule = datatypes16.ChargingSchedule(
        charging_rate_unit=ChargingRateUnitType.watts,
        charging_schedule_period=[datatypes16.ChargingSchedulePeriod(start_period=0, limit=11.5)],
    )
    return datatypes16.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=ChargingProfilePurposeType.tx_profile,
        charging_profile_kind=ChargingProfileKindType.absolute,
        charging_schedule=schedule,
    )


def test_a_nested_payload_is_written_as_the_library_would() -> None:
    request = call16.SetChargingProfile(connector_id=1, cs_charging_profiles=profile())

    library: Any = charge_point  # has no types here
    written = library.snake_to_camel_case(library.serialize_as_dict(request))
    assert orjson.loads(encode(request)) == library.remove_nones(written)


def test_fields_that_are_none_are_left_out() -> None:
    assert encode(call16.RemoteStartTransaction("TAG")) == b'{"idTag":"TAG"}'
    assert encode(call_result16.Heartbeat("now")) == b'{"currentTime":"now"}'
    assert encode(call_result16.MeterValues()) == b"{}"


def test_vendor_data_leaves_as_it_is() -> None:
    vendor = {"my_key": None, "URLList": [1, None], "associationId": {"IDTag": 1}}

    sent = orjson.loads(encode(call201.DataTransfer(vendor_id="org.example", data=vendor)))

    assert sent == {"vendorId": "org.example", "data": vendor}


def test_what_is_nested_in_an_argument_stays_as_on_the_wire() -> None:
    received = {"connectorId": 1, "meterValue": [{"sampledValue": [{"unitOfMeasure": {}}]}]}

    assert arguments(received) == {
        "connector_id": 1,
        "meter_value": [{"sampledValue": [{"unitOfMeasure": {}}]}],
    }


def test_two_keys_that_become_one_name_are_one_argument() -> None:
    assert arguments({"idTag": 1, "id_tag": 2, "IdTag": 3}).keys() == {"id_tag"}


def test_a_key_longer_than_any_name_is_not_looked_at() -> None:
    key = "aB" * 100_000

    assert arguments({key: 1}) == {key: 1}


@given(st.dictionaries(st.text(), JSON))
def test_any_object_becomes_arguments(received: dict[str, Any]) -> None:
    assert len(dict(**arguments(received))) <= len(received)
