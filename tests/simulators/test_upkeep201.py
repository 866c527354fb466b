from __future__ import annotations

import hashlib
from typing import Any

import pytest

from simulators.charger import Habits
from simulators.target import Target
from tests.simulators.depot import Depot
from tests.simulators.stage import BRISK, NAME, TOKEN, broken_rules, playing
from tests.simulators.test_certificates import root

MONITOR = {
    "value": 1,
    "type": "UpperThreshold",
    "severity": 5,
    "component": {"name": "OCPPCommCtrlr"},
    "variable": {"name": "HeartbeatInterval"},
}
MESSAGE = {"id": 1, "priority": "InFront", "message": {"format": "ASCII", "content": "hello"}}


async def ask(target: Target, action: str, **payload: Any) -> dict[str, Any]:
    return await target.command(NAME, action, payload)


async def test_monitors_are_kept_reported_and_cleared(target: Target) -> None:
    unknown = {**MONITOR, "variable": {"name": "NoSuch"}}
    async with playing(target, "2.0.1"):
        set_answer = await ask(
            target, "SetVariableMonitoring", setMonitoringData=[MONITOR, unknown]
        )
        report = await ask(target, "GetMonitoringReport", requestId=3)
        part = (await target.until(lambda t: t.calls("NotifyMonitoringReport")))[0].fields
        cleared = await ask(target, "ClearVariableMonitoring", id=[1, 2])
        empty = await ask(target, "GetMonitoringReport", requestId=4)

    results = set_answer["setMonitoringResult"]
    assert [one["status"] for one in results] == ["Accepted", "UnknownVariable"]
    assert (report["status"], empty["status"]) == ("Accepted", "EmptyResultSet")
    assert part["monitor"][0]["variableMonitoring"][0]["id"] == 1
    assert [one["status"] for one in cleared["clearMonitoringResult"]] == ["Accepted", "NotFound"]
    assert broken_rules(target, "2.0.1") == []


async def test_messages_are_kept_reported_and_cleared(target: Target) -> None:
    async with playing(target, "2.0.1"):
        await ask(target, "SetDisplayMessage", message=MESSAGE)
        found = await ask(target, "GetDisplayMessages", requestId=1, priority="InFront")
        report = (await target.until(lambda t: t.calls("NotifyDisplayMessages")))[0].fields
        missed = await ask(target, "GetDisplayMessages", requestId=2, id=[7])
        cleared = [await ask(target, "ClearDisplayMessage", id=1) for _ in range(2)]

    assert (found["status"], missed["status"]) == ("Accepted", "Unknown")
    assert report["messageInfo"] == [MESSAGE]
    assert [one["status"] for one in cleared] == ["Accepted", "Unknown"]
    assert broken_rules(target, "2.0.1") == []


async def test_nothing_is_known_of_a_customer_and_that_is_told(target: Target) -> None:
    async with playing(target, "2.0.1"):
        await ask(target, "CustomerInformation", requestId=1, report=True, clear=False)
        await target.until(lambda t: t.calls("NotifyCustomerInformation"))

    assert broken_rules(target, "2.0.1") == []


CUSTOMER = {"requestId": 1, "report": True, "clear": False}


async def test_what_was_charged_with_a_token_is_told_in_parts(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        for _ in range(8):
            await charger.start(1, TOKEN)
            await charger.stop(1)
        await charger.start(1, "OTHER")
        token = {"idToken": TOKEN, "type": "ISO14443"}
        await ask(target, "CustomerInformation", idToken=token, **CUSTOMER)
        await target.until(
            lambda t: [one for one in t.calls("NotifyCustomerInformation") if not one.fields["tbc"]]
        )

    parts = [one.fields for one in target.calls("NotifyCustomerInformation")]
    lines = "".join(part["data"] for part in parts).splitlines()
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert len(parts) > 1
    assert len(lines) == 8
    assert all(TOKEN in line for line in lines)
    assert broken_rules(target, "2.0.1") == []


async def test_long_lists_come_in_parts(target: Target) -> None:
    """Messages, monitors and variables, each part but the last saying that more follow."""
    habits = Habits(items_per_part=2)
    async with playing(target, "2.0.1", habits=habits):
        for id in (1, 2, 3):
            await ask(target, "SetDisplayMessage", message={**MESSAGE, "id": id})
        await ask(target, "SetVariableMonitoring", setMonitoringData=[MONITOR] * 3)
        named = [{"component": {"name": "AuthCtrlr"}}]
        await ask(target, "GetDisplayMessages", requestId=1)
        await ask(target, "GetMonitoringReport", requestId=2)
        await ask(target, "GetReport", requestId=3, componentVariable=named)
        await target.until(lambda t: all(False in _more(t, action) for action in LONG))

    assert [_more(target, action) for action in LONG] == [[True, False]] * 3
    assert broken_rules(target, "2.0.1") == []


LONG = ("NotifyDisplayMessages", "NotifyMonitoringReport", "NotifyReport")


def _more(target: Target, action: str) -> list[bool]:
    return [one.fields["tbc"] for one in target.calls(action)]


async def test_monitors_are_reported_of_the_variables_asked_for(target: Target) -> None:
    other = {"component": {"name": "AuthCtrlr"}}
    same = {"component": MONITOR["component"], "variable": MONITOR["variable"]}
    async with playing(target, "2.0.1"):
        await ask(target, "SetVariableMonitoring", setMonitoringData=[MONITOR])
        answers = [
            await ask(target, "GetMonitoringReport", requestId=1, componentVariable=[wanted])
            for wanted in (other, same)
        ]

    assert [one["status"] for one in answers] == ["EmptyResultSet", "Accepted"]


def published(target: Target) -> list[str]:
    told = target.calls("PublishFirmwareStatusNotification")
    return [one.fields["status"] for one in told]


async def test_firmware_is_published_until_it_is_withdrawn(target: Target, depot: Depot) -> None:
    depot.files["new.bin"] = b"firmware"
    checksum = hashlib.md5(b"firmware", usedforsecurity=False).hexdigest()
    publish = {"location": f"{depot.url}/new.bin", "checksum": checksum, "requestId": 1}
    async with playing(target, "2.0.1", habits=BRISK):
        await ask(target, "PublishFirmware", **publish)
        await target.until(lambda t: "Published" in published(t))
        answers = [await ask(target, "UnpublishFirmware", checksum=checksum) for _ in range(2)]

    assert published(target) == ["Downloading", "Downloaded", "ChecksumVerified", "Published"]
    assert [one["status"] for one in answers] == ["Unpublished", "NoFirmware"]
    assert broken_rules(target, "2.0.1") == []


@pytest.mark.parametrize(("name", "end"), [("new.bin", "InvalidChecksum"), ("x", "DownloadFailed")])
async def test_firmware_that_is_not_right_is_not_published(
    target: Target, depot: Depot, name: str, end: str
) -> None:
    depot.files["new.bin"] = b"other"
    async with playing(target, "2.0.1", habits=BRISK):
        place = f"{depot.url}/{name}"
        await ask(target, "PublishFirmware", location=place, checksum="abc", requestId=1)
        await target.until(lambda t: end in published(t))
        answer = await ask(target, "UnpublishFirmware", checksum="abc")

    assert answer == {"status": "NoFirmware"}
    assert broken_rules(target, "2.0.1") == []


async def test_certificates_are_installed_listed_and_deleted(target: Target) -> None:
    kind = "CSMSRootCertificate"
    async with playing(target, "2.0.1"):
        none = await ask(target, "GetInstalledCertificateIds")
        await ask(target, "InstallCertificate", certificateType=kind, certificate=root())
        some = await ask(target, "GetInstalledCertificateIds", certificateType=[kind])
        data = some["certificateHashDataChain"][0]["certificateHashData"]
        gone = await ask(target, "DeleteCertificate", certificateHashData=data)

    assert [one["status"] for one in (none, some, gone)] == ["NotFound", "Accepted", "Accepted"]
