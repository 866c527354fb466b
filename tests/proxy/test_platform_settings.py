"""The platform sets metering as one owner among others: nobody gets coarser values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.platform_settings import keep, shared
from storage.records import ChargerKey
from storage.store import Storage
from tests.proxy.stage import Stage, staged

INTERVAL, LIST = "MeterValueSampleInterval", "MeterValuesSampledData"
TX_UPDATED = "SampledDataCtrlr.TxUpdatedInterval"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


async def beside_a_target(stage: Stage, **wishes: str) -> ChargerKey:
    key = await stage.enrol("ws://192.0.2.1/{charge_box_id}")
    (target,) = await stage.storage.proxy_configurations.list(stage.organization_uuid)
    for name, value in wishes.items():
        await stage.storage.overlays.note_shared(key, target.id, name, value)
    return key


async def changed(storage: Storage, key: ChargerKey, name: str, value: str) -> str:
    """Set a key of 1.6, let the charger accept it, and return what it was told."""
    told = await shared(storage.overlays, key, "ChangeConfiguration", {"key": name, "value": value})
    await keep(storage.overlays, key, told.taken({"status": "Accepted"}))
    sent: str = told.fields["value"]
    return sent


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "sent"),
    [
        (INTERVAL, "30", "60", "30"),
        (INTERVAL, "30", "10", "10"),
        (INTERVAL, "30", "0", "30"),
        (INTERVAL.lower(), "30", "60", "30"),
        (LIST, "Power.Active.Import", "Voltage", "Voltage,Power.Active.Import"),
        ("Vendor", "30", "60", "60"),
        (INTERVAL, "30", "often", "often"),
    ],
)
async def test_the_charger_gets_the_finest(
    stage: Stage, name: str, theirs: str, ours: str, sent: str
) -> None:
    stored = LIST if name == LIST else INTERVAL
    key = await beside_a_target(stage, **{stored: theirs})

    assert await changed(stage.storage, key, name, ours) == sent


async def test_without_a_target_the_value_stays_as_it_is(stage: Stage) -> None:
    key = await stage.enrol()

    assert await changed(stage.storage, key, INTERVAL, " 60") == " 60"
    assert await changed(stage.storage, key, INTERVAL, "90") == "90"  # no more of the 60
    assert (await stage.storage.overlays.shared(key))[0] == {INTERVAL: "90"}


async def test_what_the_charger_refuses_is_no_wish(stage: Stage) -> None:
    key, overlays = await stage.enrol(), stage.storage.overlays
    told = await shared(overlays, key, "ChangeConfiguration", {"key": INTERVAL, "value": "60"})
    await keep(overlays, key, told.taken({"status": "Rejected"}))

    assert await overlays.shared(key) == {}


NAMED = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}


@pytest.mark.parametrize(
    "answer",
    [
        {"status": []},
        {"status": {"a": 1}},
        {"setVariableResult": [None, 1, [], {}, {"attributeStatus": []}]},
        {"setVariableResult": [{**NAMED, "attributeStatus": []}]},
        {"setVariableResult": 1},
    ],
)
async def test_an_answer_that_makes_no_sense_accepts_nothing(stage: Stage, answer: Any) -> None:
    key, overlays = await stage.enrol(), stage.storage.overlays
    told = await shared(overlays, key, "ChangeConfiguration", {"key": INTERVAL, "value": "60"})

    assert told.taken(answer) == {}


def item(variable: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "component": {"name": "SampledDataCtrlr"},
        "variable": {"name": variable},
        "attributeValue": value,
        **more,
    }


async def test_each_variable_is_kept_where_its_own_result_accepts_it(stage: Stage) -> None:
    key = await beside_a_target(stage, **{TX_UPDATED: "30"})
    items = [
        item("TxUpdatedInterval", "60"),
        item("TxEndedInterval", "900"),
        item("TxUpdatedInterval", "60", attributeType="Target"),
        item("Vendor", "60"),
    ]
    overlays = stage.storage.overlays
    told = await shared(overlays, key, "SetVariables", {"setVariableData": items})
    sent = [one["attributeValue"] for one in told.fields["setVariableData"]]
    assert sent == ["30", "900", "60", "60"]

    results = [
        {"attributeStatus": status, "component": one["component"], "variable": one["variable"]}
        for one, status in zip(items, ("Accepted", "Rejected", "Accepted", "Accepted"), strict=True)
    ]
    await keep(overlays, key, told.taken({"setVariableResult": results[:2]}))
    assert (await overlays.shared(key))[0] == {TX_UPDATED: "60"}


async def test_other_actions_pass(stage: Stage) -> None:
    key, fields = await stage.enrol(), {"key": [INTERVAL]}

    assert (await shared(stage.storage.overlays, key, "GetConfiguration", fields)).fields is fields
