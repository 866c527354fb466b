from __future__ import annotations

from typing import Any

import pytest

from csms.schemas import Schemas
from tests.schema_payloads import VERSIONS, full, minimal

ACTIONS = [(version, action) for version in VERSIONS for action in Schemas(version).actions]

BOOT16 = {"chargePointVendor": "Volt", "chargePointModel": "One"}
BOOT201 = {"chargingStation": {"vendorName": "Volt", "model": "One"}, "reason": "PowerUp"}
SAMPLE = {"value": "1", "context": "Trigger"}
METER16 = {
    "connectorId": 1,
    "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [SAMPLE]}],
}


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


@pytest.mark.parametrize(("version", "action"), sorted(ACTIONS))
def test_what_a_schema_describes_is_no_violation(version: str, action: str) -> None:
    schemas = Schemas(version)

    for suffix, check in (("request", schemas.request), ("response", schemas.response)):
        if suffix == "response" and action in schemas.sends:
            continue
        assert check(action, minimal(version, action, suffix)) is None
        assert check(action, full(version, action, suffix)) is None


@pytest.mark.parametrize(
    ("version", "action", "fields", "code", "message"),
    [
        (
            "1.6",
            "BootNotification",
            without(BOOT16, "chargePointVendor"),
            "OccurenceConstraintViolation",
            '"chargePointVendor" is a required property',
        ),
        (
            "2.0.1",
            "BootNotification",
            without(BOOT201, "reason"),
            "OccurrenceConstraintViolation",
            '"reason" is a required property',
        ),
        (
            "1.6",
            "BootNotification",
            BOOT16 | {"meterType": 7},
            "TypeConstraintViolation",
            'meterType: value is not of type "string"',
        ),
        (
            "2.0.1",
            "BootNotification",
            BOOT201 | {"reason": "Boredom"},
            "PropertyConstraintViolation",
            "reason: value is not one of",
        ),
        (
            "1.6",
            "BootNotification",
            BOOT16 | {"chargePointModel": "x" * 21},
            "PropertyConstraintViolation",
            "chargePointModel: value is longer than 20 characters",
        ),
        (
            "1.6",
            "BootNotification",
            BOOT16 | {"colour": "red"},
            "FormationViolation",
            "'colour' was unexpected",
        ),
        (
            "2.0.1",
            "BootNotification",
            BOOT201 | {"colour": "red"},
            "FormatViolation",
            "'colour' was unexpected",
        ),
        (
            "1.6",
            "MeterValues",
            METER16 | {"meterValue": []},
            "OccurenceConstraintViolation",
            "meterValue: value has less than 1 item",
        ),
        ("1.6", "Heartbeat", [], "FormationViolation", "payload is not an object"),
        ("2.0.1", "Heartbeat", None, "FormatViolation", "payload is not an object"),
        ("1.6", "TransactionEvent", {}, "NotImplemented", "action is not known"),
        ("2.0.1", "../../v16/schemas/Reset", {}, "NotImplemented", "action is not known"),
    ],
)
def test_a_violation_has_the_code_of_its_version_and_names_the_field(
    version: str, action: str, fields: Any, code: str, message: str
) -> None:
    violation = Schemas(version).request(action, fields)

    assert violation is not None
    assert violation.code == code
    assert message in violation.message


def test_a_nested_field_is_named_with_its_place() -> None:
    broken = METER16 | {"meterValue": [{"timestamp": "", "sampledValue": [SAMPLE, {"value": 5}]}]}

    violation = Schemas("1.6").request("MeterValues", broken)

    assert violation is not None
    assert violation.message.startswith("meterValue.0.sampledValue.1.value: ")


def test_a_violation_tells_no_value() -> None:
    violation = Schemas("1.6").request("Authorize", {"idTag": "A SECRET TAG " * 5})

    assert violation is not None
    assert "SECRET" not in violation.message


def test_a_timestamp_of_any_shape_is_text_like_any_other() -> None:
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": "noon"}

    assert Schemas("1.6").request("StatusNotification", status) is None


def test_decimals_are_whole_tenths_where_the_schema_says_so() -> None:
    profile = full("1.6", "SetChargingProfile", "request")
    period = profile["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]

    period["limit"] = 16.1
    assert Schemas("1.6").request("SetChargingProfile", profile) is None

    period["limit"] = 16.25
    assert Schemas("1.6").request("SetChargingProfile", profile) is not None


def test_a_version_knows_its_own_actions_only() -> None:
    assert Schemas("1.6").knows("StartTransaction")
    assert not Schemas("1.6").knows("TransactionEvent")
    assert Schemas("2.0.1").knows("TransactionEvent")
    assert not Schemas("2.0.1").knows("TransactionEventRequest")
    assert [len(Schemas(version).actions) for version in VERSIONS] == [39, 64, 91]


def test_a_send_of_2_1_has_no_answer() -> None:
    assert [set(Schemas(version).sends) for version in VERSIONS] == [
        set(),
        set(),
        {"NotifyPeriodicEventStream"},
    ]
    assert Schemas("2.1").knows("NotifyPeriodicEventStream")
    assert Schemas("2.1").response("NotifyPeriodicEventStream", {}) is not None


@pytest.mark.parametrize(
    ("version", "action", "fields", "paths"),
    [
        ("1.6", "ChangeConfiguration", {"key": "A", "value": "B"}, set()),
        ("1.6", "ChangeConfiguration", {"key": 7, "more": 1, "most": 2},
         {"key", "value", "more", "most"}),
        ("2.0.1", "GetReport", {"requestId": 1, "componentVariable": [{"component": {}}]},
         {"componentVariable.0.component.name"}),
        ("2.0.1", "GetReport", {"requestId": 1, "componentCriteria": ["x"]},
         {"componentCriteria.0"}),
    ],
)  # fmt: skip
def test_each_fault_has_the_path_of_its_field(
    version: str, action: str, fields: Any, paths: set[str]
) -> None:
    assert set(Schemas(version).faults(action, fields)) == paths


def test_of_very_many_faults_the_first_are_told_and_no_values() -> None:
    items = [{"requestedMessage": "s3cret"} for _ in range(5000)]
    fields = {"listVersion": "s3cret", "updateType": "Full", "localAuthorizationList": items}
    told = Schemas("1.6").faults("SendLocalList", {**fields, "x" * 5000: 1})

    assert len(told) <= 40
    assert all(len(path) <= 100 for path in told)
    assert "s3cret" not in repr(told)


def test_a_request_has_the_fields_of_its_schema() -> None:
    assert Schemas("2.0.1").names("GetReport", "requestId")
    assert not Schemas("1.6").names("UpdateFirmware", "requestId")


def test_what_a_user_asks_for_keeps_to_the_formats() -> None:
    schemas = Schemas("1.6")
    wrong = {"location": "no address", "startTime": "yesterday"}

    assert schemas.request("GetDiagnostics", wrong) is None
    assert schemas.faults("GetDiagnostics", wrong).keys() == {"location", "startTime"}
    assert schemas.faults("GetDiagnostics", {"location": "ftp://logs.example.com"}) == {}
