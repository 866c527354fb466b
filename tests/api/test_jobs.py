"""A charger fetches firmware or sends a log: what it is asked, what it tells, what it sends."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.api.conftest import Answer, Api, Connect, LiveCharger

STATION = "/api/chargingStations/CP-1"
FIRMWARE = {"location": "https://example.com/fw.bin"}


async def asked(
    api: Api, live: LiveCharger, path: str, body: Any, answer: dict[str, Any]
) -> tuple[Any, Answer]:
    call = asyncio.create_task(api("POST", f"{STATION}{path}", body))
    told = await live.peer.answers(orjson.dumps(answer))
    return told, await call


async def tells(live: LiveCharger, action: str, **fields: Any) -> None:
    await live.peer.calls(action, orjson.dumps(fields))
    assert (await live.peer.hears())[0] == 3


async def job(api: Api, job_id: str) -> Any:
    return (await api.get(f"{STATION}/jobs/{job_id}"))["job"]


async def send(api: Api, url: str, data: bytes, method: str = "PUT") -> int:
    async with api.session.request(method, url, data=data) as response:
        return response.status


async def log_of_201(api: Api, live: LiveCharger) -> tuple[str, Any, str]:
    """Ask a 2.0.1 charger for its log; return the job, the request and the URL."""
    told, got = await asked(api, live, "/logs", {}, {"status": "Accepted", "filename": "a.log"})
    assert got.status == 200, got.text
    return got.body["jobId"], told[3], told[3]["log"]["remoteLocation"]


# ---- logs ----


async def test_a_log_of_2x_comes_to_us_and_can_be_fetched(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect(version="2.0.1")
    job_id, told, url = await log_of_201(api, live)
    assert told["logType"] == "DiagnosticsLog"
    assert urlsplit(url).netloc == urlsplit(api.base).netloc

    await tells(live, "LogStatusNotification", status="Uploading", requestId=told["requestId"])
    assert (await job(api, job_id))["state"] == "collecting"
    assert await send(api, f"{url}/a%20log.txt", b"all is well") == 201
    await tells(live, "LogStatusNotification", status="Uploaded", requestId=told["requestId"])

    done = await job(api, job_id)
    assert done["state"] == "complete"
    assert [one["status"] for one in done["statuses"]] == ["Uploading", "Uploaded"]
    assert (done["file"]["name"], done["file"]["size"]) == ("a log.txt", 11)
    headers = {"x-api-key": api.key}
    async with api.session.get(f"{api.base}{STATION}/jobs/{job_id}/file", headers=headers) as file:
        assert (file.status, await file.read()) == (200, b"all is well")
        assert file.headers["Content-Disposition"] == 'attachment; filename="a log.txt"'
        assert file.headers["Content-Type"] == "application/octet-stream"


async def test_diagnostics_of_16_have_no_number(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    body = {"since": "2026-11-20T10:00:00Z", "retries": 2}
    told, got = await asked(api, live, "/logs", body, {"fileName": "diag.zip"})
    assert told[2] == "GetDiagnostics"
    assert set(told[3]) == {"location", "startTime", "retries"}
    assert got.body["response"] == "Accepted"

    await tells(live, "DiagnosticsStatusNotification", status="Uploading")
    await tells(live, "DiagnosticsStatusNotification", status="UploadFailed")
    done = await job(api, got.body["jobId"])
    assert (done["state"], done["file"]) == ("complete", None)
    assert [one["status"] for one in done["statuses"]] == ["Uploading", "UploadFailed"]


async def test_a_16_charger_without_diagnostics_refuses(api: Api, connect: Connect) -> None:
    await api.enrol()
    _, got = await asked(api, await connect(), "/logs", {}, {})

    assert got.body["response"] == "Rejected"
    assert (await job(api, got.body["jobId"]))["state"] == "answered"


async def test_the_security_log_of_16_is_asked_for_with_a_number(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    live = await connect()
    told, got = await asked(
        api, live, "/logs", {"type": "SecurityLog"}, {"status": "AcceptedCanceled"}
    )
    assert (told[2], told[3]["logType"]) == ("GetLog", "SecurityLog")
    assert got.body["response"] == "AcceptedCanceled"

    await tells(live, "LogStatusNotification", status="Uploaded", requestId=told[3]["requestId"])
    assert (await job(api, got.body["jobId"]))["state"] == "complete"


async def test_a_log_may_go_elsewhere(api: Api, connect: Connect) -> None:
    await api.enrol()
    body = {"location": "ftp://logs.example.com/in/"}
    told, _ = await asked(api, await connect(), "/logs", body, {"fileName": "x"})

    assert told[3] == {"location": "ftp://logs.example.com/in/"}


async def test_the_url_is_in_no_record(api: Api, connect: Connect) -> None:
    await api.enrol()
    job_id, _, url = await log_of_201(api, await connect(version="2.0.1"))
    shown = await api.get(f"{STATION}/commands/{job_id}")

    assert url not in orjson.dumps(shown).decode()
    assert shown["command"]["request"]["log"]["remoteLocation"].startswith("(")


async def test_a_url_that_is_told_by_a_setting(api: Api, connect: Connect) -> None:
    await api.enrol()
    object.__setattr__(api.parts, "public_http_url", "https://ringmain.example.com/api")
    _, _, url = await log_of_201(api, await connect(version="2.0.1"))

    assert url.startswith("https://ringmain.example.com/api/uploads/")


# ---- firmware ----


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_firmware_of_2x_has_a_number_of_ours(
    api: Api, connect: Connect, version: str
) -> None:
    await api.enrol()
    live = await connect(version=version)
    body = {**FIRMWARE, "installAt": "2026-11-22T03:00:00Z", "retries": 3, "retryInterval": 60}
    told, got = await asked(api, live, "/firmware", body, {"status": "Accepted"})
    assert told[2] == "UpdateFirmware"
    assert told[3] == {
        "requestId": told[3]["requestId"],
        "retries": 3,
        "retryInterval": 60,
        "firmware": {
            "location": FIRMWARE["location"],
            "retrieveDateTime": "2026-11-21T10:00:00.000Z",
            "installDateTime": "2026-11-22T03:00:00.000Z",
        },
    }
    for status in ("Downloading", "Downloaded", "Installing", "Installed"):
        number = {"requestId": told[3]["requestId"]}
        await tells(live, "FirmwareStatusNotification", status=status, **number)

    done = await job(api, got.body["jobId"])
    assert (done["kind"], done["state"]) == ("firmware", "complete")
    assert done["statuses"][-1]["status"] == "Installed"


async def test_firmware_of_16_is_plain_or_signed(api: Api, connect: Connect) -> None:
    await api.enrol()
    live = await connect()
    told, got = await asked(api, live, "/firmware", FIRMWARE, {})
    assert told[2:] == [
        "UpdateFirmware",
        {"location": FIRMWARE["location"], "retrieveDate": "2026-11-21T10:00:00.000Z"},
    ]
    assert got.body["response"] == "Accepted"
    await tells(live, "FirmwareStatusNotification", status="Installed")
    assert (await job(api, got.body["jobId"]))["state"] == "complete"

    signed = {**FIRMWARE, "signature": "c2ln", "signingCertificate": "PEM"}
    told, got = await asked(api, live, "/firmware", signed, {"status": "InvalidCertificate"})
    assert (told[2], told[3]["firmware"]["signature"]) == ("SignedUpdateFirmware", "c2ln")
    assert got.body["response"] == "InvalidCertificate"


async def test_what_16_cannot_say_is_named(api: Api, connect: Connect) -> None:
    await api.enrol()
    await connect()
    got = await api(
        "POST", f"{STATION}/firmware", {**FIRMWARE, "installAt": "2026-11-22T03:00:00Z"}
    )
    assert got.fields == {"installAt"}


# ---- the list ----


async def test_jobs_are_listed_newest_first_and_deleted_with_their_file(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    live = await connect(version="2.0.1")
    first, _, url = await log_of_201(api, live)
    api.clock.forward(seconds=1)
    second, *_ = await log_of_201(api, live)
    assert await send(api, url, b"x") == 201
    page = await api.get(f"{STATION}/jobs?limit=1")
    rest = await api.get(f"{STATION}/jobs?limit=1&cursor={page['nextCursor']}")
    assert [one["jobId"] for one in page["jobs"] + rest["jobs"]] == [second, first]

    assert api.storage.files.path(first).is_file()
    assert (await api("DELETE", f"{STATION}/jobs/{first}")).status == 200
    assert not api.storage.files.path(first).exists()
    assert (await api("GET", f"{STATION}/jobs/{first}")).error == (404, "not_found")


async def test_a_job_without_a_file_has_none_to_fetch(api: Api, connect: Connect) -> None:
    await api.enrol()
    job_id, *_ = await log_of_201(api, await connect(version="2.0.1"))
    assert (await api("GET", f"{STATION}/jobs/{job_id}/file")).error == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/firmware", {}, "location"),
        ("/firmware", {"location": "javascript:1"}, "location"),
        ("/firmware", {"location": "https://x.example/" + "x" * 600}, "location"),
        ("/firmware", {**FIRMWARE, "retries": -1}, "retries"),
        ("/firmware", {**FIRMWARE, "signature": "c2ln"}, "signingCertificate"),
        ("/logs", {"type": "Syslog"}, "type"),
        ("/logs", {"since": "2026-11-21T10:00:00Z", "until": "2026-11-21T09:00:00Z"}, "until"),
    ],
)
async def test_what_cannot_be_is_named(api: Api, path: str, body: Any, named: str) -> None:
    await api.enrol()
    assert (await api("POST", f"{STATION}{path}", body)).fields == {named}


async def test_an_offline_charger_is_asked_for_nothing(api: Api) -> None:
    await api.enrol()
    assert (await api("POST", f"{STATION}/logs", {})).error == (409, "charger_offline")
    assert (await api.get(f"{STATION}/jobs"))["jobs"] == []
