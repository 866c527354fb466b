"""What a target may ask of a charger, and how it is told no."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms import frames
from csms.frames import Call
from csms.schemas import Schemas
from proxy.verdicts import (
    _COMMANDS,
    Answer,
    Forward,
    Kind,
    Refuse,
    Triggered,
    verdict,
)

VERSIONS = ("1.6", "2.0.1", "2.1")
COMMANDS = [(version, action) for version in VERSIONS for action in _COMMANDS[version]]
REJECTED = Answer(b'{"status":"Rejected"}')


def asked(action: str, fields: Any = None, payload: bytes | None = None) -> Call:
    fields = {} if fields is None else fields
    payload = orjson.dumps(fields) if payload is None else payload
    return frames.call("1", action, payload, fields)


# ---- what targets ask ----

FORWARDED = [
    ("1.6", "RemoteStartTransaction", {"idTag": "A"}),
    ("1.6", "RemoteStopTransaction", {"transactionId": 1}),
    ("1.6", "UnlockConnector", {"connectorId": 1}),
    ("1.6", "GetConfiguration", {}),
    ("1.6", "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}),
    ("1.6", "ReserveNow", {}),
    ("1.6", "ClearCache", {}),
    ("1.6", "Reset", {"type": "Soft"}),
    ("1.6", "DataTransfer", {"vendorId": "v"}),
    ("1.6", "TriggerMessage", {"requestedMessage": "StatusNotification"}),
    ("1.6", "ExtendedTriggerMessage", {"requestedMessage": "MeterValues"}),
    ("2.0.1", "RequestStartTransaction", {}),
    ("2.0.1", "RequestStopTransaction", {"transactionId": "x"}),
    ("2.0.1", "GetVariables", {}),
    ("2.0.1", "GetBaseReport", {}),
    ("2.0.1", "TriggerMessage", {"requestedMessage": "TransactionEvent"}),
    ("2.1", "RequestStartTransaction", {}),
    ("2.1", "GetDERControl", {"requestId": 1}),
    ("2.1", "SetDefaultTariff", {}),
    ("2.1", "RequestBatterySwap", {}),
    ("2.1", "NotifyAllowedEnergyTransfer", {}),
]


@pytest.mark.parametrize(("version", "action", "fields"), FORWARDED)
def test_a_target_in_control_reaches_the_charger(
    version: str, action: str, fields: dict[str, Any]
) -> None:
    assert verdict(version, asked(action, fields)) == Forward()


DENIED = [
    ("1.6", "InstallCertificate", {}),
    ("1.6", "CertificateSigned", {}),
    ("1.6", "SignedUpdateFirmware", {}),
    ("1.6", "GetLog", {}),
    ("1.6", "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
    ("2.0.1", "SetNetworkProfile", {}),
    ("2.0.1", "InstallCertificate", {}),
    ("2.0.1", "CertificateSigned", {}),
    ("2.0.1", "UpdateFirmware", {}),
    ("2.0.1", "PublishFirmware", {}),
    ("2.0.1", "GetLog", {}),
    ("2.0.1", "TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}),
    ("2.0.1", "TriggerMessage", {"requestedMessage": ["BootNotification"]}),
    ("2.1", "SetNetworkProfile", {}),
    ("2.1", "UsePriorityCharging", {}),
    ("2.1", "UpdateDynamicSchedule", {}),
    ("2.1", "SetDERControl", {}),
    ("2.1", "AFRRSignal", {}),
    ("2.1", "TriggerMessage", {"requestedMessage": "CustomTrigger", "customTrigger": "x"}),
    ("2.1", "TriggerMessage", {"requestedMessage": "SignV2G20Certificate"}),
]


@pytest.mark.parametrize(("version", "action", "fields"), DENIED)
def test_what_is_the_owners_is_rejected(version: str, action: str, fields: dict[str, Any]) -> None:
    assert verdict(version, asked(action, fields)) == REJECTED


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "DeleteCertificate", b'{"status":"Failed"}'),
        ("1.6", "SendLocalList", b'{"status":"NotSupported"}'),
        ("1.6", "GetLocalListVersion", b'{"listVersion":-1}'),
        ("1.6", "GetDiagnostics", b"{}"),
        ("2.0.1", "DeleteCertificate", b'{"status":"Failed"}'),
        ("2.0.1", "SendLocalList", b'{"status":"Failed"}'),
        ("2.0.1", "GetLocalListVersion", b'{"versionNumber":0}'),
    ],
)
def test_what_cannot_say_rejected_says_no_in_its_own_words(
    version: str, action: str, payload: bytes
) -> None:
    assert verdict(version, asked(action)) == Answer(payload)


def test_a_1_6_firmware_update_has_no_word_for_no_so_it_is_a_callerror() -> None:
    answer = verdict("1.6", asked("UpdateFirmware", {"location": "ftp://x", "retrieveDate": "…"}))

    assert isinstance(answer, Refuse)
    assert answer.code == "NotSupported"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_command_is_not_implemented(version: str) -> None:
    answer = verdict(version, asked("VendorCommand"), overrides={"VendorCommand": "forward"})

    assert isinstance(answer, Refuse)
    assert answer.code == "NotImplemented"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ["control", "observe"])
@pytest.mark.parametrize("message", ["BootNotification", "Heartbeat"])
def test_boot_and_heartbeat_are_triggered_on_the_targets_own_link(
    version: str, role: str, message: str
) -> None:
    answer = verdict(version, asked("TriggerMessage", {"requestedMessage": message}), role)

    assert answer == Triggered(message)
    assert isinstance(answer, Triggered)
    assert Schemas(version).response("TriggerMessage", orjson.loads(answer.payload)) is None


# ---- 2.0.1 variables ----


def variable(component: str, name: str, value: str = "1") -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}


def test_harmless_variables_are_forwarded() -> None:
    items = [
        variable("SampledDataCtrlr", "TxUpdatedInterval"),
        variable("TxCtrlr", "StopTxOnInvalidId"),
    ]

    assert verdict("2.0.1", asked("SetVariables", {"setVariableData": items})) == Forward()


def test_a_closed_request_is_rejected_variable_by_variable() -> None:
    items = [
        variable("SampledDataCtrlr", "TxUpdatedInterval"),
        {**variable("TxCtrlr", "StopTxOnInvalidId"), "attributeType": "Actual"},
    ]
    answer = verdict("2.0.1", asked("SetVariables", {"setVariableData": items}), "observe")

    assert isinstance(answer, Answer)
    assert orjson.loads(answer.payload) == {
        "setVariableResult": [
            {
                "component": {"name": "SampledDataCtrlr"},
                "variable": {"name": "TxUpdatedInterval"},
                "attributeStatus": "Rejected",
            },
            {
                "attributeType": "Actual",
                "component": {"name": "TxCtrlr"},
                "variable": {"name": "StopTxOnInvalidId"},
                "attributeStatus": "Rejected",
            },
        ]
    }
    assert Schemas("2.0.1").response("SetVariables", orjson.loads(answer.payload)) is None


# ---- what two parsers would read differently ----


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("1.6", "ChangeConfiguration", b'{"key":"AuthorizationKey","value":"x","key":"Harmless"}'),
        ("1.6", "ChangeConfiguration", b'{"Key":"AuthorizationKey","value":"x","key":"Harmless"}'),
        ("1.6", "ChangeConfiguration", b'{"value":"x"}'),
        (
            "1.6",
            "TriggerMessage",
            b'{"requestedMessage":"StatusNotification","requestedMessage":"x"}',
        ),
        ("1.6", "Reset", b"[]"),
        ("2.0.1", "SetVariables", b'{"setVariableData":[{}]}'),
        ("2.0.1", "SetVariables", b"null"),
        ("2.1", "SetVariables", b"null"),
    ],
)
def test_an_ambiguous_command_is_refused(version: str, action: str, payload: bytes) -> None:
    call = frames.parse(b'[2,"1","%b",%b]' % (action.encode(), payload))
    assert isinstance(call, Call)
    answer = verdict(version, call)

    assert isinstance(answer, Refuse)
    assert answer.code == ("FormationViolation" if version == "1.6" else "FormatViolation")


# ---- roles and overrides ----


@pytest.mark.parametrize(("version", "action"), COMMANDS)
def test_an_observer_only_reads(version: str, action: str) -> None:
    item = {**variable("TxCtrlr", "EVConnectionTimeOut")}
    fields = {"key": "LightIntensity", "value": "1", "setVariableData": [item]}
    fields |= {"requestedMessage": "StatusNotification", "getVariableData": [item]}
    forwarded = verdict(version, asked(action, fields), "observe") == Forward()

    assert forwarded == (_COMMANDS[version][action].kind is Kind.READ)


@pytest.mark.parametrize(("version", "action"), COMMANDS)
def test_every_refusal_follows_the_schema_of_its_answer(version: str, action: str) -> None:
    item = variable("TxCtrlr", "EVConnectionTimeOut")
    fields = {"key": "LightIntensity", "setVariableData": [item], "getVariableData": [item]}
    answer = verdict(version, asked(action, fields), overrides={action: "answer"})

    if isinstance(answer, Answer):
        assert Schemas(version).response(action, orjson.loads(answer.payload)) is None
    else:
        assert isinstance(answer, Refuse)
        assert answer.code == "NotSupported"


@pytest.mark.parametrize("action", ["SendLocalList", "UpdateFirmware", "GetDiagnostics", "GetLog"])
def test_an_owner_may_hand_over_an_action(action: str) -> None:
    assert verdict("1.6", asked(action), overrides={action: "forward"}) == Forward()


def test_an_owner_may_take_an_action_away() -> None:
    start = asked("RemoteStartTransaction", {"idTag": "A"})
    trigger = asked("TriggerMessage", {"requestedMessage": "BootNotification"})

    assert verdict("1.6", start, overrides={start.action: "answer"}) == REJECTED
    assert isinstance(verdict("1.6", start, overrides={start.action: "error"}), Refuse)
    assert isinstance(verdict("1.6", trigger, overrides={trigger.action: "error"}), Refuse)


def test_a_forwarded_trigger_still_boots_the_targets_own_link() -> None:
    trigger = asked("TriggerMessage", {"requestedMessage": "BootNotification"})

    answer = verdict("1.6", trigger, "observe", {"TriggerMessage": "forward"})

    assert answer == Triggered("BootNotification")


@pytest.mark.parametrize(
    ("version", "action", "fields"),
    [
        ("1.6", "InstallCertificate", {}),
        ("1.6", "DeleteCertificate", {}),
        ("1.6", "CertificateSigned", {}),
        ("2.0.1", "SetNetworkProfile", {}),
        ("2.0.1", "InstallCertificate", {}),
        ("2.0.1", "DeleteCertificate", {}),
        ("2.0.1", "CertificateSigned", {}),
        ("2.1", "SetNetworkProfile", {}),
        ("2.1", "UsePriorityCharging", {}),
        ("2.1", "UpdateDynamicSchedule", {}),
    ],
)
def test_no_override_opens_credentials_network_and_what_overrules_limits(
    version: str, action: str, fields: dict[str, Any]
) -> None:
    assert isinstance(
        verdict(version, asked(action, fields), overrides={action: "forward"}), Answer
    )
