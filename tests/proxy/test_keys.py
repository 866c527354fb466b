"""A target sets what concerns charging, and nothing that concerns the charger's link to us."""

from __future__ import annotations

import orjson
import pytest

from proxy.keys import Kind, conceal, kind_of, name_of, settings_in

CLOSED = [
    "AuthorizationKey",
    "authorizationkey",
    " AuthorizationKey ",
    "AuthorizationKey\x00",
    "authorization_key",
    "Authorization-Key",
    "AuthKey",
    "Basic.Auth",
    "SecurityProfile",
    "CpoName",
    "AdditionalRootCertificateCheck",
    "HeartbeatInterval",
    "WebSocketPingInterval",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "RetryBackOffWaitMinimum",
    "CentralSystemURL",
    "BackOffice-URL-APN",
    "OcppServer",
    "ServerPort",
    "csmsUri",
    "EndpointHost",
    "ChargePointId",
    "ChargeBoxIdentity",
    "WifiSSID",
    "wifi_password",
    "ApnName",
    "PrimaryDNS",
    "HttpProxy",
    "OCPPCommCtrlr.NetworkConfigurationPriority",
    "OCPPCommCtrlr.HeartbeatInterval",
    "ocppcommctrlr.OfflineThreshold",
    "SecurityCtrlr.BasicAuthPassword",
    "SECURITYCTRLR.Identity",
    "SecurityCtrlr.OrganizationName",
    "NetworkConfiguration.OcppCsmsUrl",
    "SmartChargingCtrlr.Enabled",
    "smart_charging_enabled",
]
OPEN = [
    "AllowOfflineTxForUnknownId",
    "AuthorizationCacheEnabled",
    "AuthorizeRemoteTxRequests",
    "BlinkRepeat",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "LightIntensity",
    "LocalAuthorizeOffline",
    "LocalAuthListEnabled",
    "LocalPreAuthorize",
    "MaxEnergyOnInvalidId",
    "MeterValueSampleInterval",
    "MeterValuesSampledData",
    "MinimumStatusDuration",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnSampledData",
    "UnlockConnectorOnEVSideDisconnect",
    "UnlockDuringCharging",
    "AuthCtrlr.AuthorizeRemoteStart",
    "AlignedDataCtrlr.Interval",
    "ISO15118Ctrlr.CentralContractValidationAllowed",
    "SampledDataCtrlr.TxUpdatedMeasurands",
    "TxCtrlr.EVConnectionTimeOut",
    "OCPPCommCtrlr.UnlockOnEVSideDisconnect",
    "OCPPCommCtrlr.ResetRetries",
]


@pytest.mark.parametrize("name", CLOSED)
def test_a_key_of_the_link_is_closed(name: str) -> None:
    assert kind_of(name) is not Kind.OPEN


@pytest.mark.parametrize("name", ["Central_System", "Back End", "web-socket_mode", "Station_ID"])
def test_separators_hide_no_key_of_the_link(name: str) -> None:
    assert kind_of(name, "broker.example:80") is Kind.CLOSED


@pytest.mark.parametrize("name", OPEN)
def test_a_key_of_charging_is_open(name: str) -> None:
    assert kind_of(name, "30") is Kind.OPEN


@pytest.mark.parametrize("value", ["wss://evil.example", " ws://x", "HTTPS://x/y", "mqtt://broker"])
def test_a_key_whose_value_names_a_server_is_closed_whatever_it_is_called(value: str) -> None:
    assert kind_of("VendorOption17", value) is Kind.CLOSED


@pytest.mark.parametrize("name", ["authorizationKEY", "SECURITYCTRLR.basicAuthPassword"])
def test_the_password_of_the_link_is_a_key_of_its_own(name: str) -> None:
    assert kind_of(name) is Kind.PASSWORD


@pytest.mark.parametrize("name", ["AuthorizationKey ", "Authorization_Key", "X.BasicAuthPassword"])
def test_what_only_resembles_it_is_closed(name: str) -> None:
    assert kind_of(name) is Kind.CLOSED


def test_a_name_longer_than_any_is_closed_without_being_searched() -> None:
    assert kind_of("x" * 1_000_000) is Kind.CLOSED


def variable(component: object, name: object, **more: object) -> dict[str, object]:
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def test_the_settings_of_a_request_are_its_names_and_values() -> None:
    items = [variable("A", "B", attributeValue="1"), variable("C", "D", attributeValue="2")]

    assert settings_in("ChangeConfiguration", {"key": "K", "value": "v"}) == [("K", "v")]
    assert settings_in("SetVariables", {"setVariableData": items}) == [("A.B", "1"), ("C.D", "2")]
    assert settings_in("Reset", {"type": "Soft"}) == []


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("ChangeConfiguration", {}),
        ("ChangeConfiguration", {"Key": "AuthorizationKey", "value": "x"}),
        ("ChangeConfiguration", {"key": ["AuthorizationKey"], "value": "x"}),
        ("SetVariables", {}),
        ("SetVariables", {"setVariableData": []}),
        ("SetVariables", {"setVariableData": {"component": {}}}),
        ("SetVariables", {"setVariableData": [variable("A", "B"), 7]}),
        ("SetVariables", {"setVariableData": [variable("A", None)]}),
        ("SetVariables", {"setVariableData": [{"component": "A", "variable": "B"}]}),
    ],
)
def test_a_request_that_does_not_name_its_keys_cannot_be_read(
    action: str, fields: dict[str, object]
) -> None:
    assert settings_in(action, fields) is None


def test_a_variable_is_named_with_its_component() -> None:
    assert name_of(variable("SecurityCtrlr", "Identity")) == "SecurityCtrlr.Identity"


# ---- reading ----


def test_a_password_in_the_answer_of_a_1_6_charger_stays_here() -> None:
    fields = {
        "configurationKey": [
            {"key": "AuthorizationKey", "readonly": False, "value": "s3cret"},
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        ],
        "unknownKey": [],
    }
    shown = orjson.loads(conceal("GetConfiguration", orjson.dumps(fields), fields))

    assert shown["configurationKey"] == [
        {"key": "AuthorizationKey", "readonly": False},
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
    ]
    assert shown["unknownKey"] == []


def test_a_password_in_a_url_stays_here() -> None:
    told = [{"key": "CentralSystemURL", "readonly": True, "value": "wss://cp:s3cret@csms/x"}]
    fields = {"configurationKey": [*told, {"key": "Contact", "value": "a@b.example"}]}
    shown = orjson.loads(conceal("GetConfiguration", orjson.dumps(fields), fields))

    assert shown["configurationKey"] == [
        {"key": "CentralSystemURL", "readonly": True},
        {"key": "Contact", "value": "a@b.example"},
    ]


def test_a_password_in_a_list_that_the_answer_repeats_stays_here_too() -> None:
    payload = (
        b'{"configurationKey":[{"key":"AuthorizationKey","value":"s3cret"}],"configurationKey":[]}'
    )

    assert conceal("GetConfiguration", payload, orjson.loads(payload)) == b'{"configurationKey":[]}'


def test_a_password_in_the_answer_of_a_2_0_1_charger_stays_here() -> None:
    secret = variable("SecurityCtrlr", "BasicAuthPassword", attributeValue="s3cret")
    fields = {"getVariableResult": [{**secret, "attributeStatus": "Accepted"}]}

    assert b"s3cret" not in conceal("GetVariables", orjson.dumps(fields), fields)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetConfiguration", b'{ "configurationKey":[{"key":"X","readonly":true,"value":"6.0"}]}'),
        ("GetConfiguration", b'{"configurationKey":7}'),
        ("GetConfiguration", b'{"configurationKey":["x",{"key":3}]}'),
        ("GetConfiguration", b'{"n":1,"N":2, "configurationKey":[{"key":"X"}],"n":6.0}'),
        ("GetConfiguration", b"[]"),
        ("DataTransfer", b'{"configurationKey":[{"key":"AuthorizationKey","value":"theirs"}]}'),
    ],
)
def test_an_answer_without_secrets_keeps_its_bytes(action: str, payload: bytes) -> None:
    assert conceal(action, payload, orjson.loads(payload)) is payload
