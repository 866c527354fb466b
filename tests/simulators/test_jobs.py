from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from simulators.charger import Charger, Habits
from simulators.jobs import newer
from simulators.target import Target
from simulators.watched import Fields
from tests.doubles import until
from tests.simulators.depot import Depot
from tests.simulators.stage import BRISK, NAME, TOKEN, broken_rules, playing

WHEN = "2026-01-01T00:00:00Z"


def log_order(url: str, **more: Any) -> Fields:
    return {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": url}, **more}


# How each version is told to send a log and to install firmware, and what tells of it.
LOGS = {
    ("1.6", "GetLog"): "LogStatusNotification",
    ("1.6", "GetDiagnostics"): "DiagnosticsStatusNotification",
    ("2.0.1", "GetLog"): "LogStatusNotification",
    ("2.1", "GetLog"): "LogStatusNotification",
}
FIRMWARE = {
    ("1.6", "UpdateFirmware"): "FirmwareStatusNotification",
    ("1.6", "SignedUpdateFirmware"): "SignedFirmwareStatusNotification",
    ("2.0.1", "UpdateFirmware"): "FirmwareStatusNotification",
    ("2.1", "UpdateFirmware"): "FirmwareStatusNotification",
}


def order(version: str, action: str, url: str, **more: Any) -> Fields:
    firmware = {"location": url, "retrieveDateTime": WHEN}
    orders: dict[tuple[str, str], Fields] = {
        ("1.6", "GetDiagnostics"): {"location": url},
        ("1.6", "UpdateFirmware"): {"location": url, "retrieveDate": WHEN},
        ("1.6", "SignedUpdateFirmware"): {
            "requestId": 8,
            "firmware": {**firmware, "signature": "x", "signingCertificate": "x"},
        },
        ("2.0.1", "UpdateFirmware"): {"requestId": 8, "firmware": firmware},
        ("2.1", "UpdateFirmware"): {"requestId": 8, "firmware": firmware},
    }
    return {**orders.get((version, action), log_order(url)), **more}


async def told(target: Target, action: str, last: Sequence[str]) -> list[str]:
    """Return all statuses once one of the last ones is told."""
    await target.until(
        lambda t: any(one.fields["status"] in last for one in t.calls(action)), timeout=20
    )
    return [one.fields["status"] for one in target.calls(action)]


def request_ids(target: Target, action: str) -> set[Any]:
    return {one.fields.get("requestId") for one in target.calls(action)}


# ---- logs ----


@pytest.mark.parametrize(("version", "action"), LOGS)
async def test_a_log_is_really_sent_and_its_steps_are_told(
    target: Target, depot: Depot, version: str, action: str
) -> None:
    ask = order(version, action, f"{depot.url}/once/abc")
    async with playing(target, version) as charger:
        answer = await target.command(NAME, action, ask)
        steps = await told(target, LOGS[version, action], ["Uploaded"])

        name = f"{charger.identity.serial_number}.log"
    [(method, place, body)] = depot.taken
    assert name in {answer.get("filename"), answer.get("fileName")}
    assert (method, place) == ("PUT", "once/abc")
    assert b"connected" in body
    assert steps == ["Uploading", "Uploaded"]
    assert request_ids(target, LOGS[version, action]) == {ask.get("requestId")}
    assert broken_rules(target, version) == []


@pytest.mark.parametrize(("version", "action"), LOGS)
@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://127.0.0.1:1/", "nowhere", "http://["])
async def test_where_it_cannot_be_sent_that_is_told(
    target: Target, version: str, action: str, url: str
) -> None:
    failed = {"GetLog": "UploadFailure", "GetDiagnostics": "UploadFailed"}[action]
    async with playing(target, version):
        await target.command(NAME, action, order(version, action, url))

        assert await told(target, LOGS[version, action], [failed]) == ["Uploading", failed]


async def test_a_folder_gets_the_name_and_who_takes_no_put_gets_a_post(
    target: Target, depot: Depot
) -> None:
    depot.methods = frozenset({"POST"})
    async with playing(target) as charger:
        await target.command(NAME, "GetLog", log_order(f"{depot.url}/folder/"))
        await told(target, "LogStatusNotification", ["Uploaded"])

        place = f"folder/{charger.identity.serial_number}.log"
    assert [(method, name) for method, name, _ in depot.taken] == [("POST", place)]


@pytest.mark.parametrize(("retries", "end"), [({}, "UploadFailure"), ({"retries": 2}, "Uploaded")])
async def test_it_is_tried_again_as_often_as_the_csms_wants(
    target: Target, depot: Depot, retries: Fields, end: str
) -> None:
    depot.refusals = [500, 403]
    async with playing(target, "2.0.1"):
        ask = log_order(f"{depot.url}/x", **retries)
        await target.command(NAME, "GetLog", ask)

        assert await told(target, "LogStatusNotification", [end]) == ["Uploading", end]


async def test_what_was_said_is_not_in_the_log(target: Target, depot: Depot) -> None:
    change = {"key": "CpoName", "value": "hidden"}
    async with playing(target):
        await target.command(NAME, "ChangeConfiguration", change)
        await target.command(NAME, "GetLog", log_order(f"{depot.url}/x"))
        await told(target, "LogStatusNotification", ["Uploaded"])

    assert b"ChangeConfiguration" in depot.taken[0][2]
    assert b"hidden" not in depot.taken[0][2]


async def test_a_newer_order_takes_the_place_of_one_that_is_not_done(
    target: Target, depot: Depot, version: str
) -> None:
    """2.0.1 N01.FR.20."""
    slow = Habits(job_step_s=3600)
    async with playing(target, version, habits=slow) as charger:
        first = await target.command(NAME, "GetLog", log_order(f"{depot.url}/a"))
        await told(target, "LogStatusNotification", ["Uploading"])
        charger.habits = BRISK
        second = await target.command(NAME, "GetLog", log_order(f"{depot.url}/b", requestId=10))
        await told(target, "LogStatusNotification", ["Uploaded"])

    steps = [
        (one.fields["requestId"], one.fields["status"])
        for one in target.calls("LogStatusNotification")
    ]
    assert (first["status"], second["status"]) == ("Accepted", "AcceptedCanceled")
    assert ((9, "AcceptedCanceled") in steps) is (version != "1.6")  # 1.6 has no such word
    assert [status for id, status in steps if id == 10] == ["Uploading", "Uploaded"]
    assert [name for _, name, _ in depot.taken] == ["b"]
    assert broken_rules(target, version) == []


async def test_a_job_that_is_not_done_tells_where_it_is_when_asked(
    target: Target, depot: Depot
) -> None:
    trigger = {"requestedMessage": "LogStatusNotification"}
    slow = Habits(job_step_s=3600)
    async with playing(target, "2.0.1", habits=slow) as charger:
        await target.command(NAME, "GetLog", log_order(f"{depot.url}/a"))
        await told(target, "LogStatusNotification", ["Uploading"])
        await target.command(NAME, "TriggerMessage", trigger)
        again = await target.until(lambda t: t.calls("LogStatusNotification")[1:])

        assert again[0].fields == {"status": "Uploading", "requestId": 9}
        assert charger.jobs.current("FirmwareStatusNotification") == {"status": "Idle"}


# ---- firmware ----


@pytest.mark.parametrize(("version", "action"), FIRMWARE)
async def test_firmware_is_fetched_installed_and_run_after_a_restart(
    target: Target, depot: Depot, version: str, action: str
) -> None:
    depot.files["new.bin"] = b"firmware"
    ask = order(version, action, f"{depot.url}/new.bin")
    notice = FIRMWARE[version, action]
    async with playing(target, version):
        answer = await target.command(NAME, action, ask)
        steps = await told(target, notice, ["Installed"])

    signed = ["SignatureVerified"] if action.startswith("Signed") else []
    boots = [str(one.fields) for one in target.calls("BootNotification")]
    order_of = [one.action for one in target.received]
    assert answer.get("status", "Accepted") == "Accepted"
    assert steps == ["Downloading", "Downloaded", *signed, "Installing", "Installed"]
    assert request_ids(target, notice) == {ask.get("requestId")}
    assert ["1.0.1" in boot for boot in boots] == [False, True]
    assert order_of[::-1].index(notice) < order_of[::-1].index("BootNotification")
    assert broken_rules(target, version) == []


@pytest.mark.parametrize(("version", "action"), FIRMWARE)
async def test_firmware_that_is_not_there_is_not_installed(
    target: Target, depot: Depot, version: str, action: str
) -> None:
    async with playing(target, version):
        ask = order(version, action, f"{depot.url}/none")
        await target.command(NAME, action, ask)
        steps = await told(target, FIRMWARE[version, action], ["DownloadFailed"])

    assert steps == ["Downloading", "DownloadFailed"]
    assert len(target.calls("BootNotification")) == 1


async def test_firmware_waits_for_the_vehicle(target: Target, depot: Depot, version: str) -> None:
    """2.0.1 L01.FR.06."""
    depot.files["new.bin"] = b""
    async with playing(target, version) as charger:
        await charger.start(1, TOKEN)
        ask = order(version, "UpdateFirmware", f"{depot.url}/new.bin")
        await target.command(NAME, "UpdateFirmware", ask)
        await told(target, "FirmwareStatusNotification", ["Downloaded"])
        for _ in range(20):
            await charger.call("Heartbeat", {})
        before = await told(target, "FirmwareStatusNotification", ["Downloaded"])
        await charger.stop(1)
        after = await told(target, "FirmwareStatusNotification", ["Installed"])

    assert "Installing" not in before
    assert after[-2:] == ["Installing", "Installed"]


async def test_a_lost_link_does_not_end_a_job(target: Target, depot: Depot) -> None:
    async with playing(target, "2.0.1", habits=Habits(job_step_s=0.02)) as charger:
        await target.command(NAME, "GetLog", log_order(f"{depot.url}/x"))
        await charger.until(lambda c: c.seen("answer", "LogStatusNotification"))
        async with charger.offline():
            await until(lambda: depot.taken)
        steps = await told(target, "LogStatusNotification", ["Uploaded"])

    assert steps == ["Uploading", "Uploaded"]
    assert len(target.connections) == 2


async def test_a_job_that_has_told_nothing_yet_does_not_tell_of_the_last(
    target: Target, depot: Depot
) -> None:
    async with playing(target, "2.0.1") as charger:
        await target.command(NAME, "GetLog", log_order(f"{depot.url}/x"))
        await told(target, "LogStatusNotification", ["Uploaded"])
        await until(lambda: not charger.jobs.under_way("LogStatusNotification"))
        charger.jobs.begin(charger, "LogStatusNotification", asyncio.sleep(3600))

        assert charger.jobs.current("LogStatusNotification") == {"status": "Idle"}


async def test_a_charger_that_does_not_play_has_no_jobs() -> None:
    charger = Charger("ws://127.0.0.1:1", NAME)

    async def job() -> None:
        raise AssertionError

    assert charger.jobs.begin(charger, "LogStatusNotification", job()) is None
    assert charger.jobs.current("LogStatusNotification") == {"status": "Idle"}


@pytest.mark.parametrize(
    ("version", "next_one"), [("1.0.0", "1.0.1"), ("7", "7.1"), ("v2.b", "v2.b.1"), ("1.9", "1.10")]
)
def test_a_new_version_has_a_higher_number(version: str, next_one: str) -> None:
    assert newer(version) == next_one
