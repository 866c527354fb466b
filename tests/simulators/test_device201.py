from __future__ import annotations

from typing import Any

import pytest

from simulators.device201 import name_of, parts_of
from simulators.target import Target
from tests.simulators.stage import NAME, broken_rules, playing


def variable(component: str, name: str, **more: Any) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}, **more}


@pytest.mark.parametrize(
    "name",
    [
        "OCPPCommCtrlr.HeartbeatInterval",
        "EVSE#1.AvailabilityState",
        "OCPPCommCtrlr.MessageAttempts[TransactionEvent]",
        "Connector[left]#2.Available",
    ],
)
def test_a_name_comes_apart_and_together(name: str) -> None:
    assert name_of(*parts_of(name)) == name


def test_what_is_no_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        parts_of("nothing")


async def get(target: Target, *wanted: dict[str, Any]) -> list[tuple[str, str | None]]:
    answer = await target.command(NAME, "GetVariables", {"getVariableData": list(wanted)})
    return [
        (result["attributeStatus"], result.get("attributeValue"))
        for result in answer["getVariableResult"]
    ]


async def test_each_variable_is_read_with_its_own_verdict(target: Target) -> None:
    async with playing(target, "2.0.1"):
        results = await get(
            target,
            variable("OCPPCommCtrlr", "HeartbeatInterval"),
            variable("OCPPCommCtrlr", "NoSuch"),
            variable("NoSuchCtrlr", "Enabled"),
            variable("OCPPCommCtrlr", "HeartbeatInterval", attributeType="Target"),
            variable("SecurityCtrlr", "BasicAuthPassword"),
        )

    assert results == [
        ("Accepted", "300"),
        ("UnknownVariable", None),
        ("UnknownComponent", None),
        ("NotSupportedAttributeType", None),
        ("Rejected", None),
    ]


async def test_the_state_of_an_evse_is_read_as_it_is(target: Target) -> None:
    wanted = {
        "component": {"name": "EVSE", "evse": {"id": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    async with playing(target, "2.0.1") as charger:
        before = await get(target, wanted)
        charger.plug_in(1)
        after = await get(target, wanted)

    assert (before, after) == ([("Accepted", "Available")], [("Accepted", "Occupied")])


async def test_each_variable_is_written_with_its_own_verdict(target: Target) -> None:
    writes = [
        variable("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="60"),
        variable("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="soon"),
        variable("SmartChargingCtrlr", "ProfileStackLevel", attributeValue="0"),
        variable("OCPPCommCtrlr", "NoSuch", attributeValue="0"),
        variable("OCPPCommCtrlr", "HeartbeatInterval", attributeValue="1", attributeType="MaxSet"),
    ]
    async with playing(target, "2.0.1") as charger:
        answer = await target.command(NAME, "SetVariables", {"setVariableData": writes})

        assert [one["attributeStatus"] for one in answer["setVariableResult"]] == [
            "Accepted",
            "Rejected",
            "Rejected",
            "UnknownVariable",
            "NotSupportedAttributeType",
        ]
        assert charger.settings.text("OCPPCommCtrlr.HeartbeatInterval") == "60"


async def test_a_new_password_is_used_at_once(target: Target) -> None:
    write = variable("SecurityCtrlr", "BasicAuthPassword", attributeValue="new password 123")
    async with playing(target, "2.0.1"):
        await target.command(NAME, "SetVariables", {"setVariableData": [write]})
        await target.until(lambda t: len(t.connections) == 2 and t.live(NAME))

    assert target.connections[1].credentials == (NAME, b"new password 123")


async def reports(target: Target, action: str, request: dict[str, Any]) -> list[dict[str, Any]]:
    assert await target.command(NAME, action, request) == {"status": "Accepted"}
    last = await target.until(
        lambda t: [one for one in t.calls("NotifyReport") if not one.fields["tbc"]]
    )
    assert last
    return [one.fields for one in target.calls("NotifyReport")]


async def test_a_full_report_comes_in_parts_and_tells_everything_but_secrets(
    target: Target,
) -> None:
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("SecurityCtrlr.BasicAuthPassword", "hidden")
        request = {"requestId": 9, "reportBase": "FullInventory"}
        parts = await reports(target, "GetBaseReport", request)

    told = [name_of(one["component"], one["variable"]) for p in parts for one in p["reportData"]]
    assert len(parts) > 1
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert {part["requestId"] for part in parts} == {9}
    assert told == list(charger.settings)
    assert "hidden" not in str(parts)
    assert broken_rules(target, "2.0.1") == []


async def test_a_report_tells_what_was_asked_for(target: Target) -> None:
    wanted = [{"component": {"name": "EVSE", "evse": {"id": 2}}}]
    async with playing(target, "2.0.1"):
        [part] = await reports(target, "GetReport", {"requestId": 1, "componentVariable": wanted})
        empty = [{"component": {"name": "NoSuch"}}]
        none = await target.command(NAME, "GetReport", {"requestId": 2, "componentVariable": empty})

    assert {one["component"]["evse"]["id"] for one in part["reportData"]} == {2}
    assert none == {"status": "EmptyResultSet"}
