"""What the message log keeps of a message that tells a password."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms import frames
from csms.errors import MalformedFrame
from csms.secrecy import CONCEALED, concealed, has_password, is_secret, loggable


def logged_call(action: str, payload: str) -> bytes:
    frame = frames.parse(b'[2, "1", "%b", %b]' % (action.encode(), payload.encode()))
    return loggable(frame, frame.text, action)


def logged_answer(action: str, payload: str) -> bytes:
    frame = frames.parse(b'[3, "1", %b]' % payload.encode())
    return loggable(frame, frame.text, action)


@pytest.mark.parametrize(
    "key",
    ["AuthorizationKey", "authorizationkey", " Authorization-Key", "AuthorizationKey\\u0000"],
)
def test_a_key_of_16_is_set_to_nobody_knows_what(key: str) -> None:
    text = logged_call("ChangeConfiguration", f'{{"key": "{key}", "value": "hunter2"}}')

    assert orjson.loads(text)[3] == {"key": orjson.loads(f'"{key}"'), "value": CONCEALED}


def test_of_several_variables_only_the_password_is_concealed() -> None:
    text = logged_call(
        "SetVariables",
        """{"setVariableData": [
            {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"},
             "attributeValue": "60"},
            {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
             "attributeValue": "hunter2"}]}""",
    )

    items = orjson.loads(text)[3]["setVariableData"]
    assert [item["attributeValue"] for item in items] == ["60", CONCEALED]


def test_passwords_of_a_network_are_concealed() -> None:
    text = logged_call(
        "SetNetworkProfile", '{"connectionData": {"vpn": {"user": "u", "password": "hunter2"}}}'
    )

    assert orjson.loads(text)[3]["connectionData"]["vpn"] == {"user": "u", "password": CONCEALED}


def test_a_charger_that_tells_its_password_tells_it_us_alone() -> None:
    text = logged_answer(
        "GetConfiguration",
        '{"configurationKey": [{"key": "AuthorizationKey", "readonly": true, "value": "hunter2"}]}',
    )

    assert b"hunter2" not in text
    assert orjson.loads(text)[:2] == [3, "1"]


def test_what_is_sent_is_looked_at_too() -> None:
    frame = frames.call("1", "ChangeConfiguration", b'{"key":"AuthorizationKey","value":"hunter2"}')

    assert b"hunter2" not in loggable(frame, frame.text, "ChangeConfiguration")


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("ChangeConfiguration", '{"key": "HeartbeatInterval",  "value": "6.0", "x": 1e3}'),
        ("SetVariables", '{"setVariableData": [null, {}, {"component": 7, "variable": []}]}'),
        ("ChangeConfiguration", '[{"key": 1}]'),
        ("DataTransfer", '{"data": {"password": "a vendor\'s affair"}}'),
        ("MeterValues", '{"key": "AuthorizationKey", "value": 1}'),
    ],
)
def test_all_else_stays_as_it_came(action: str, payload: str) -> None:
    assert logged_call(action, payload) == b'[2, "1", "%b", %b]' % (
        action.encode(),
        payload.encode(),
    )


def test_refusals_and_what_cannot_be_read_stay_as_they_came() -> None:
    refusal = frames.call_error("1", "InternalError")
    assert loggable(refusal, refusal.text, "ChangeConfiguration") == refusal.text

    assert loggable(MalformedFrame("-1", "FormatViolation", ""), b"[2", None) == b"[2"


@pytest.mark.parametrize("name", ["x" * 256, "Private_Key", "apnPassword", "WifiPSK", "ApiKey"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert not is_secret("HeartbeatInterval")


def test_a_value_below_the_name_of_a_password_is_concealed_at_every_depth() -> None:
    item = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "variableAttribute": [{"type": "Actual", "value": "hunter2"}],
    }
    told = concealed({"reportData": [item, {**item, "variable": {"name": "Identity"}}]})

    assert told["reportData"][0]["variableAttribute"] == [{"type": "Actual", "value": CONCEALED}]
    assert told["reportData"][1]["variableAttribute"][0]["value"] == "hunter2"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetDiagnostics", {"location": "ftp://me:hunter2@host/logs"}),
        ("UpdateFirmware", {"location": "ftp://me:hunter2@host/new.bin", "retrieveDate": "x"}),
        ("UpdateFirmware", {"firmware": {"location": "https://hunter2@host/new.bin"}}),
        ("SignedUpdateFirmware", {"firmware": {"location": "sftp://a:hunter2@b@host/"}}),
        ("GetLog", {"log": {"remoteLocation": "ftp://me:hunter2@host:21"}}),
        ("PublishFirmware", {"location": "ftp://me:hunter2@host/new.bin"}),
        ("GetLog", {"log": {"remoteLocation": f"http://host/uploads/{'hunter2':-<43}/log.gz"}}),
    ],
)
def test_what_lets_one_into_a_place_is_concealed_and_the_place_is_not(
    action: str, payload: dict[str, Any]
) -> None:
    """S-19: no user information of URLs in logs, streams and records."""
    text = logged_call(action, orjson.dumps(payload).decode())

    assert b"hunter2" not in text
    assert b"host" in text
    assert orjson.loads(text)[3] == concealed(payload)
    assert not has_password(payload)


def test_a_place_without_a_password_stays_as_it_came() -> None:
    text = b'[2, "1", "GetDiagnostics", {"location":  "ftp://host/a@b?c=d@e"}]'
    frame = frames.parse(text)

    assert loggable(frame, text, "GetDiagnostics") == text
