"""Who may ask for what could lock a charger out."""

from __future__ import annotations

from typing import Any

import pytest

from api.errors import Invalid, Offline, Unauthorized
from api.guarded import check_heard, check_scope, secured
from csms.commands import RaiseProfile, RotatePassword


def change(key: str) -> tuple[str, Any]:
    return "ChangeConfiguration", {"key": key, "value": "x"}


def variables(*names: tuple[str, str]) -> tuple[str, Any]:
    items = [
        {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": "x"}
        for component, variable in names
    ]
    return "SetVariables", {"setVariableData": items}


OF_ADMINS = [
    ("SetNetworkProfile", {}),
    ("InstallCertificate", {}),
    ("CertificateSigned", {}),
    ("DeleteCertificate", {}),
    change("SecurityProfile"),
    change("SECURITY PROFILE"),
    change("FtpPassword"),
    variables(("SecurityCtrlr", "SecurityProfile")),
    variables(("X", "Y"), ("OCPPCommCtrlr", "NetworkConfigurationPriority")),
]
PASSWORDS = [
    change("AuthorizationKey"),
    change("authorizationkey\0"),
    change(" Authorization-Key "),
    variables(("SecurityCtrlr", "BasicAuthPassword")),
    variables(("X", "Y"), ("securityctrlr", "basicauthpassword")),
]
OPEN = [
    ("ClearCache", {}),
    change("HeartbeatInterval"),
    change("MeterValueSampleInterval"),
    variables(("SampledDataCtrlr", "TxUpdatedInterval")),
    ("ChangeConfiguration", {"key": 7}),  # which its schema refuses
]


@pytest.mark.parametrize(("action", "fields"), OF_ADMINS + PASSWORDS, ids=str)
def test_what_may_lock_a_charger_out_needs_an_admin(action: str, fields: Any) -> None:
    check_scope(action, fields, "admin")
    with pytest.raises(Unauthorized):
        check_scope(action, fields, "operate")


@pytest.mark.parametrize(("action", "fields"), OPEN, ids=str)
def test_all_else_is_the_operators(action: str, fields: Any) -> None:
    check_scope(action, fields, "operate")


# ---- what a charger comes in with ----


def asked(version: str, action: str, fields: Any) -> Any:
    return secured(version, action, fields, "id-1", "key-1", lambda _: None)


def setting(name: str, value: str, **more: Any) -> tuple[str, str, Any]:
    return "1.6", "ChangeConfiguration", {"key": name, "value": value, **more}


def variable(name: str, value: str, **more: Any) -> tuple[str, str, Any]:
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": name}}
    item = {**place, "attributeValue": value, **more}
    return "2.0.1", "SetVariables", {"setVariableData": [item]}


def network(profile: int, **more: Any) -> tuple[str, str, Any]:
    return "2.1", "SetNetworkProfile", {"connectionData": {"securityProfile": profile, **more}}


@pytest.mark.parametrize(
    ("given", "password"),
    [
        (setting("AuthorizationKey", "61" * 16), b"a" * 16),
        (setting("authorizationKEY", "fF" * 20), b"\xff" * 20),
        (variable("BasicAuthPassword", "a" * 16), b"a" * 16),
        (variable("BasicAuthPassword", "\u00e9" * 40, attributeType="Actual"), b"\xc3\xa9" * 40),
    ],
    ids=str,
)
def test_a_password_goes_the_way_of_a_rotation(given: Any, password: bytes) -> None:
    assert asked(*given) == RotatePassword(password, "id-1", "key-1")


@pytest.mark.parametrize(
    ("given", "profile"),
    [
        (setting("SecurityProfile", "2"), 2),
        (variable("SecurityProfile", "3"), 3),
        (network(1), 1),
    ],
    ids=str,
)
def test_a_profile_is_sent_as_it_was_asked_for(given: Any, profile: int) -> None:
    assert asked(*given) == RaiseProfile(profile, given[1], given[2])


@pytest.mark.parametrize(
    "given",
    [
        setting("AuthorizationKey", "a-password-of-20-cha"),
        setting("AuthorizationKey", "61" * 15),
        setting("AuthorizationKey", "61" * 21),
        setting("AuthorizationKey", "6" * 33),
        setting("AuthorizationKey", "61" * 16 + "\n"),
        setting("AuthorizationKey", "61" * 16, customData={}),
        setting("Authorization-Key", "61" * 16),
        setting("AuthorizationKey\0", "61" * 16),
        setting("AuthKey", "61" * 16),
        setting("SecurityCtrlr.BasicAuthPassword", "61" * 16),
        setting("SecurityProfile", "4"),
        setting("SecurityProfile", "two"),
        setting("SecurityProfile", "-1"),
        variable("BasicAuthPassword", "a" * 15),
        variable("BasicAuthPassword", "a" * 41),
        variable("BasicAuthPassword", "a" * 16 + "\0"),
        variable("BasicAuthPassword", "a" * 16, attributeType="Target"),
        variable("BasicAuthPassword", "a" * 16, customData={}),
        variable("SecurityProfile", ""),
        ("2.0.1", *variables(("SecurityCtrlr", "BasicAuthPassword"), ("X", "Y"))),
        ("2.0.1", *variables(("Other", "BasicAuthPassword"))),
        network(4),
        network(1, basicAuthPassword="a" * 16),
    ],
    ids=str,
)
def test_what_could_lock_a_charger_out_is_refused(given: Any) -> None:
    with pytest.raises(Invalid):
        asked(*given)


@pytest.mark.parametrize("given", [setting("SecurityProfile", "2"), network(3)], ids=str)
def test_a_profile_that_nobody_could_come_in_with_is_refused(given: Any) -> None:
    with pytest.raises(Invalid, match="there is no TLS"):
        secured(given[0], given[1], given[2], "id-1", "key-1", lambda _: "there is no TLS")


@pytest.mark.parametrize(("action", "fields"), OPEN[:-1], ids=str)
def test_all_else_is_no_business_of_this(action: str, fields: Any) -> None:
    assert asked("1.6", action, fields) is None
    check_heard(action, fields)


@pytest.mark.parametrize(
    ("action", "fields"), [change("AuthorizationKey"), ("SetNetworkProfile", {})], ids=str
)
def test_a_charger_that_was_never_heard_is_offline_for_it(action: str, fields: Any) -> None:
    with pytest.raises(Offline):
        check_heard(action, fields)
