"""A target reads in a station's report what is its own, and nothing secret."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.reports import Reports, shown
from proxy.settings import View
from proxy.timings import Timings
from tests.proxy.stage import MOMENT, OCPP201, Stage, Target, says

VIEW = View(Timings(attempts=7), {"SampledDataCtrlr.TxUpdatedInterval": "900"})


def reported(name: str, *attributes: dict[str, Any]) -> dict[str, Any]:
    component, _, variable = name.partition(".")
    return {
        "component": {"name": component},
        "variable": {"name": variable},
        "variableAttribute": list(attributes),
    }


def seen(*items: dict[str, Any]) -> list[Any]:
    payload = orjson.dumps({"requestId": 1, "seqNo": 0, "reportData": items})
    told: list[Any] = orjson.loads(shown("NotifyReport", payload, VIEW))["reportData"]
    return told


def test_a_password_stays_here_and_that_there_is_one_is_told() -> None:
    secret = reported(
        "securityctrlr.basicAuthPassword", {"value": "s3cret", "mutability": "WriteOnly"}
    )

    assert seen(secret) == [
        reported("securityctrlr.basicAuthPassword", {"mutability": "WriteOnly"})
    ]


def test_keys_of_its_link_and_its_wishes_are_the_target_s_own() -> None:
    attempts, interval = "OCPPCommCtrlr.MessageAttempts", "SampledDataCtrlr.TxUpdatedInterval"

    assert seen(
        reported(attempts, {"value": "3"}, {"type": "MaxSet", "value": "9"}),
        reported(interval, {"type": "Actual", "value": "60"}),
        reported("TxCtrlr.EVConnectionTimeOut", {"value": "30"}),
    ) == [
        reported(attempts, {"value": "7"}, {"type": "MaxSet", "value": "9"}),
        reported(interval, {"type": "Actual", "value": "900"}),
        reported("TxCtrlr.EVConnectionTimeOut", {"value": "30"}),
    ]


def test_numbers_of_a_changed_report_stay_as_they_are() -> None:
    item = orjson.dumps(reported("OCPPCommCtrlr.MessageAttempts", {"value": "3"}))
    payload = b'{"requestId":12345678901234567890123, "n":[6.0,1e3], "reportData":[%b]}' % item

    told = shown("NotifyReport", payload, VIEW)

    assert b'"requestId":12345678901234567890123' in told
    assert b"[6.0,1e3]" in told
    assert b'"value":"7"' in told


@pytest.mark.parametrize(
    "payload",
    [
        b'{ "requestId":1.0,"reportData":[{"component":{"name":"X"},"variable":{"name":"Y"}}] }',
        b'{"reportData":7}',
        b'{"reportData":[1,{"component":{"name":"OCPPCommCtrlr"}}]}',
        b'{"reportData":[{"component":{"name":"A"},"variable":{"name":"B"},"variableAttribute":[7]}]}',
        b"[]",
    ],
)
def test_a_report_of_others_keeps_its_bytes(payload: bytes) -> None:
    assert shown("NotifyReport", payload, VIEW) is payload


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b'{"a":1,"a":6.0,"reportData":[]}', b'{"a":1,"a":6.0,"reportData":[]}'),
        (b'{"reportData":[{"a":1,"a":6.0}]}', b'{"reportData":[{"a":6.0}]}'),
        (b'{"reportData":[1],"reportData":[]}', b'{"reportData":[]}'),
    ],
)
def test_what_is_said_twice_is_told_once_only_where_it_may_hide_a_secret(
    payload: bytes, told: bytes
) -> None:
    assert shown("NotifyReport", payload, VIEW) == told


def test_a_report_that_hides_a_list_behind_another_is_told_once() -> None:
    item = orjson.dumps(reported("SecurityCtrlr.BasicAuthPassword", {"value": "s3cret"}))

    told = shown("NotifyReport", b'{"reportData":[%b],"reportData":[]}' % item, VIEW)

    assert told == b'{"reportData":[]}'


def test_an_event_does_not_tell_a_password() -> None:
    event = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "actualValue": "s3cret",
        "eventId": 1,
    }
    told = shown("NotifyEvent", orjson.dumps({"eventData": [event]}), VIEW)

    assert orjson.loads(told) == {"eventData": [{**event, "actualValue": ""}]}


async def test_what_is_no_report_is_not_looked_at(stage: Stage) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    stored = await stage.configuration(key)
    await stage.storage.overlays.note_link(stored.id, "attempts", "5")
    reports = Reports(stored, stage.storage.overlays, Timings())
    item = orjson.dumps(reported("OCPPCommCtrlr.MessageAttempts", {"value": "3"}))
    report = b'{"reportData":[%b]}' % item

    assert await reports.shown("MeterValues", report) is report
    assert b'"value":"5"' in await reports.shown("NotifyReport", report)


@pytest.mark.parametrize("mode", ["hybrid", "strict"])
async def test_a_report_that_the_target_asked_for_tells_it_its_own(
    stage: Stage, target: Target, mode: str
) -> None:
    key = await stage.enrol(target.url, mode=mode)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["GetBaseReport"] = says(b'{"status":"Accepted"}')
        await stage.reaches(key, "ready")
        stored = await stage.configuration(key)
        await stage.storage.overlays.note_link(stored.id, "attempts", "5")
        asked = b'{"requestId":1,"reportBase":"FullInventory"}'
        await target.link.call("GetBaseReport", asked)
        request_id = charger.payloads("GetBaseReport")[0]["requestId"]
        items = [
            reported("OCPPCommCtrlr.MessageAttempts", {"value": "3"}),
            reported("SecurityCtrlr.BasicAuthPassword", {"value": "s3cret"}),
        ]
        report = {"requestId": request_id, "generatedAt": MOMENT, "seqNo": 0, "reportData": items}
        await charger.call("NotifyReport", report)

        assert await target.hears("NotifyReport") == {
            **report,
            "requestId": 1,
            "reportData": [
                reported("OCPPCommCtrlr.MessageAttempts", {"value": "5"}),
                reported("SecurityCtrlr.BasicAuthPassword", {}),
            ],
        }
