"""A 2.0.1 target reads and sets variables, and each of them is somebody's."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms.errors import CallRefused
from csms.frames import Call
from csms.schemas import Schemas
from tests.proxy.stage import OCPP21, OCPP201, Device, Stage, Target, refuses, says

BASIC = {
    "target_authentication_method": "Basic",
    "target_auth_basic_password": "the-first-password",
}
SCHEMAS = Schemas("2.0.1")


def variable(name: str, value: str | None = None, **more: Any) -> dict[str, Any]:
    component, _, variable = name.partition(".")
    item = {"component": {"name": component}, "variable": {"name": variable}, **more}
    return item if value is None else {**item, "attributeValue": value}


async def sets(target: Target, *items: dict[str, Any]) -> list[str]:
    """Set variables and return the statuses, after the results were matched with the request."""
    asked = orjson.dumps({"setVariableData": items})
    answer = (await target.link.call("SetVariables", asked)).fields
    assert SCHEMAS.response("SetVariables", answer) is None
    results = answer["setVariableResult"]
    assert [one["variable"] for one in results] == [one["variable"] for one in items]
    return [one["attributeStatus"] for one in results]


async def gets(target: Target, *items: dict[str, Any]) -> list[tuple[str, str | None]]:
    asked = orjson.dumps({"getVariableData": items})
    answer = (await target.link.call("GetVariables", asked)).fields
    assert SCHEMAS.response("GetVariables", answer) is None
    results = answer["getVariableResult"]
    assert [one["variable"] for one in results] == [one["variable"] for one in items]
    return [(one["attributeStatus"], one.get("attributeValue")) for one in results]


def obeys(charger: Device, status: str = "Accepted") -> None:
    """Let the charger answer each item it is asked for, the last one first."""

    def result(item: dict[str, Any], **more: Any) -> dict[str, Any]:
        same = {"component": item["component"], "variable": item["variable"]}
        return {**same, "attributeStatus": status, **more}

    def set_variables(call: Call) -> Any:
        items = reversed(call.fields["setVariableData"])
        return says({"setVariableResult": [result(item) for item in items]})(call)

    def get_variables(call: Call) -> Any:
        items = reversed(call.fields["getVariableData"])
        told = [result(item, attributeValue="told") for item in items]
        return says({"getVariableResult": told})(call)

    charger.answers |= {"SetVariables": set_variables, "GetVariables": get_variables}


async def test_each_variable_is_judged_by_itself(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key, OCPP201) as charger:
        obeys(charger)
        await stage.reaches(key, "ready")
        statuses = await sets(
            target,
            variable("TxCtrlr.EVConnectionTimeOut", "30"),
            variable("SecurityCtrlr.BasicAuthPassword", "a-new-password-for-the-link"),
            variable("SecurityCtrlr.SecurityProfile", "0"),
            variable("OCPPCommCtrlr.HeartbeatInterval", "60"),
            variable("AuthCtrlr.Enabled", "true"),
            variable("OCPPCommCtrlr.NetworkConfigurationPriority", "2,1"),
        )
        stored = await stage.configuration(key)
        noted = await stage.storage.audit.list(key.organization_uuid)

    assert statuses == ["Accepted", "Accepted", "Rejected", "Accepted", "Accepted", "Rejected"]
    assert stored.target_auth_basic_password == "a-new-password-for-the-link"
    [asked] = charger.payloads("SetVariables")
    assert [item["variable"]["name"] for item in asked["setVariableData"]] == [
        "EVConnectionTimeOut",
        "Enabled",
    ]
    assert sorted((one.result, one.details["keys"][0]) for one in noted) == [
        ("denied", "OCPPCommCtrlr.NetworkConfigurationPriority"),
        ("denied", "SecurityCtrlr.SecurityProfile"),
        ("intercepted", "SecurityCtrlr.BasicAuthPassword"),
        ("overlaid", "OCPPCommCtrlr.HeartbeatInterval"),
    ]
    assert "a-new-password" not in str(noted)


async def test_what_the_charger_does_not_answer_for_was_not_done(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["SetVariables"] = says({"setVariableResult": []})
        await stage.reaches(key, "ready")

        assert await sets(
            target,
            variable("TxCtrlr.EVConnectionTimeOut", "30"),
            variable("SecurityCtrlr.SecurityProfile", "0"),
        ) == ["Rejected", "Rejected"]


@pytest.mark.parametrize(
    ("subprotocol", "length", "status"),
    [
        (OCPP201, 40, "Accepted"),
        (OCPP201, 41, "Rejected"),
        (OCPP21, 15, "Rejected"),
        (OCPP21, 64, "Accepted"),
        (OCPP21, 65, "Rejected"),
    ],
)
async def test_how_long_a_password_may_be(
    stage: Stage, target: Target, subprotocol: str, length: int, status: str
) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key, subprotocol):
        await stage.reaches(key, "ready")
        password = variable("SecurityCtrlr.BasicAuthPassword", "x" * length)

        assert await sets(target, password) == [status]


async def test_where_the_charger_refuses_nothing_is_kept(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["SetVariables"] = refuses("InternalError")
        await stage.reaches(key, "ready")
        with pytest.raises(CallRefused):
            await sets(
                target,
                variable("TxCtrlr.EVConnectionTimeOut", "30"),
                variable("SecurityCtrlr.BasicAuthPassword", "a-new-password-for-the-link"),
            )

        stored = await stage.configuration(key)
    assert stored.target_auth_basic_password == "the-first-password"


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (variable("securityctrlr.BASICAUTHPASSWORD", "short"), "Rejected"),
        (variable("SecurityCtrlr.BasicAuthPassword", "x" * 41), "Rejected"),
        (
            variable("SecurityCtrlr.BasicAuthPassword", "x" * 20, attributeType="Target"),
            "NotSupportedAttributeType",
        ),
        (
            {
                "component": {"name": "SecurityCtrlr", "evse": {"id": 1}},
                "variable": {"name": "BasicAuthPassword"},
                "attributeValue": "x" * 20,
            },
            "Rejected",
        ),
        (
            {
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword", "instance": "1"},
                "attributeValue": "x" * 20,
            },
            "Rejected",
        ),
        (variable("VendorCtrlr.BasicAuthPassword", "x" * 20), "Rejected"),
        (variable("OCPPCommCtrlr.HeartbeatInterval", "1e3"), "Rejected"),
        (
            variable("OCPPCommCtrlr.HeartbeatInterval", "60", attributeType="MaxSet"),
            "NotSupportedAttributeType",
        ),
        (variable("OCPPCommCtrlr.OfflineThreshold", "60"), "Rejected"),
        (variable("SampledDataCtrlr.TxUpdatedInterval", "often"), "Rejected"),
    ],
)
async def test_a_trick_sets_nothing_and_the_charger_hears_nothing(
    stage: Stage, target: Target, item: dict[str, Any], status: str
) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")

        assert await sets(target, item) == [status]
        stored = await stage.configuration(key)
        assert await stage.storage.overlays.of_link(stored.id) == {"heartbeat_interval": "300"}
    assert stored.target_auth_basic_password == "the-first-password"
    assert charger.heard == []


async def test_a_request_that_breaks_its_schema_gets_no_part_of_it_back(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        item = variable("SecurityCtrlr.SecurityProfile", "0", attributeType=7)
        with pytest.raises(CallRefused) as refused:
            await sets(target, item)

    assert refused.value.error.code == "TypeConstraintViolation"
    assert charger.heard == []


@pytest.mark.parametrize("action", ["Get", "Set"])
async def test_more_variables_than_any_charger_takes_are_refused(
    stage: Stage, target: Target, action: str
) -> None:
    items = [variable("OCPPCommCtrlr.HeartbeatInterval", "60")] * 201
    asked = orjson.dumps({f"{action.lower()}VariableData": items})
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        with pytest.raises(CallRefused) as refused:
            await target.link.call(f"{action}Variables", asked)

    assert refused.value.error.code == "OccurrenceConstraintViolation"
    assert charger.heard == []


async def test_what_is_only_the_charger_s_passes_byte_for_byte(
    stage: Stage, target: Target
) -> None:
    item = b'{"component" : {"name":"TxCtrlr"}, "variable":{"name":"X"}, "attributeValue":"1" }'
    asked = b'{ "setVariableData":[%b], "customData":{"vendorId":"v","n":1e3}}' % item
    told = b'{"setVariableResult":[], "n":6.0}'
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["SetVariables"] = says(told)
        await stage.reaches(key, "ready")
        answer = await target.link.call("SetVariables", asked)

    assert (answer.payload, charger.heard[0].payload) == (told, asked)


async def test_the_target_reads_its_own_link_and_no_password(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        obeys(charger)
        await stage.reaches(key, "ready")
        attempts = variable("OCPPCommCtrlr.MessageAttempts", "7")
        attempts["variable"]["instance"] = "TransactionEvent"
        assert await sets(target, attempts) == ["Accepted"]
        elsewhere = variable("OCPPCommCtrlr.HeartbeatInterval")
        elsewhere["component"]["instance"] = "other"
        del attempts["attributeValue"]
        asked = [
            attempts,
            variable("SecurityCtrlr.BasicAuthPassword"),
            variable("OCPPCommCtrlr.HeartbeatInterval", attributeType="MaxSet"),
            elsewhere,
        ]

        assert await gets(target, *asked) == [
            ("Accepted", "7"),
            ("Rejected", None),
            ("NotSupportedAttributeType", None),
            ("UnknownVariable", None),
        ]
    assert charger.heard == []


async def test_what_is_read_of_both_comes_in_the_order_of_the_request(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        obeys(charger)
        await stage.reaches(key, "ready")

        assert await gets(
            target,
            variable("TxCtrlr.EVConnectionTimeOut"),
            variable("OCPPCommCtrlr.HeartbeatInterval"),
            variable("AuthCtrlr.Enabled"),
        ) == [("Accepted", "told"), ("Accepted", "300"), ("Accepted", "told")]


async def test_metering_is_shared_and_each_reads_its_own_wish(stage: Stage, target: Target) -> None:
    name = "SampledDataCtrlr.TxUpdatedInterval"
    key = await stage.enrol(target.url)
    stage.storage.overlays.note_shared(key, 0, name, "60")
    async with stage.charger(key, OCPP201) as charger:
        obeys(charger, "RebootRequired")
        await stage.reaches(key, "ready")

        assert await sets(target, variable(name, "900")) == ["Accepted"]
        assert charger.heard == []
        assert await sets(target, variable(name, "30")) == ["RebootRequired"]
        assert await sets(target, variable(name, "900")) == ["RebootRequired"]
        obeys(charger)
        assert await gets(target, variable(name)) == [("Accepted", "900")]
    told = [fields["setVariableData"][0] for fields in charger.payloads("SetVariables")]
    assert [item["attributeValue"] for item in told] == ["30", "60"]
