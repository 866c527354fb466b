"""Who may ask for what could lock a charger out."""

from __future__ import annotations

from typing import Any

import pytest

from api.errors import Invalid, Unauthorized
from api.guarded import check_scope


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
NOT_YET = [
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


@pytest.mark.parametrize(("action", "fields"), OF_ADMINS, ids=str)
def test_what_may_lock_a_charger_out_needs_an_admin(action: str, fields: Any) -> None:
    check_scope(action, fields, "admin")
    with pytest.raises(Unauthorized):
        check_scope(action, fields, "operate")


@pytest.mark.parametrize(("action", "fields"), NOT_YET, ids=str)
def test_the_password_of_the_link_is_not_to_be_changed_here(action: str, fields: Any) -> None:
    with pytest.raises(Invalid):
        check_scope(action, fields, "admin")
    with pytest.raises(Unauthorized):
        check_scope(action, fields, "operate")


@pytest.mark.parametrize(("action", "fields"), OPEN, ids=str)
def test_all_else_is_the_operators(action: str, fields: Any) -> None:
    check_scope(action, fields, "operate")
