"""One action asked of many stations: a result for each, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from api.app import create_app
from api.batches import AT_ONCE, MOST_RUNNING, Pace
from api.server import listening
from csms.settings import Bind
from storage.operation_records import CommandBatch
from storage.records import Command
from tests.api.conftest import Answer, Api, Connect
from tests.api.robot import robot

ALL = "/api/chargingStations/commands"


async def begin(api: Api, action: str, stations: list[str], request: Any = None) -> Answer:
    body = {"stations": stations, **({} if request is None else {"request": request})}
    return await api("POST", f"{ALL}/{action}", body)


async def ended(api: Api, batch_id: str) -> Any:
    """Return a batch when all its stations were asked."""
    async with asyncio.timeout(30):
        while True:
            found = await api.get(f"{ALL}/batches/{batch_id}?limit=1000")
            if found["batch"]["finishedAt"] is not None:
                return found
            await asyncio.sleep(0.01)


def states(found: Any) -> dict[str, str]:
    return {one["stationId"]: one["state"] for one in found["results"]}


async def test_each_station_has_its_result(api: Api, connect: Connect) -> None:
    for name in ("CP-1", "CP-2", "CP-3", "CP-4"):
        await api.enrol(name)
    await (await api.neighbour()).enrol("CP-9")
    one, two = await connect("CP-1"), await connect("CP-2")
    old = await connect("CP-3", "2.0.1")
    stations = ["CP-1", "CP-2", "CP-1", "CP-3", "CP-4", "CP-9", "CP-77"]
    request = {"key": "MeterValueSampleInterval", "value": "60"}
    rejected = {"status": "Rejected"}
    async with (
        robot(one.peer),
        robot(two.peer, ChangeConfiguration=rejected),
        robot(old.peer, "2.0.1") as untouched,
    ):
        got = await begin(api, "ChangeConfiguration", stations, request)
        assert (got.status, got.body["stations"]) == (202, 6)
        found = await ended(api, got.body["batchId"])

    assert states(found) == {
        "CP-1": "answered",
        "CP-2": "answered",
        "CP-3": "failed",
        "CP-4": "offline",
        "CP-9": "notFound",
        "CP-77": "notFound",
    }
    assert untouched.asked == []
    results = {result["stationId"]: result for result in found["results"]}
    assert results["CP-2"]["response"] == rejected
    assert set(results["CP-3"]["response"]["fields"]) == {"Action"}
    counts = found["batch"]["counts"]
    assert (counts["total"], counts["answered"], counts["notFound"]) == (6, 2, 2)
    assert counts["waiting"] == counts["sent"] == 0
    command = results["CP-1"]["commandId"]
    shown = (await api.get(f"/api/chargingStations/CP-1/commands/{command}"))["command"]
    assert (shown["batchId"], shown["request"]) == (got.body["batchId"], request)


async def test_its_progress_is_told_as_it_goes(api: Api, connect: Connect) -> None:
    names = [f"CP-{number:02d}" for number in range(AT_ONCE + 5)]
    peers = []
    for name in names:
        await api.enrol(name)
        peers.append((await connect(name)).peer)
    batch_id = (await begin(api, "ClearCache", names)).body["batchId"]
    heard = [(await peer.hears())[1] for peer in peers[:AT_ONCE]]
    counts = (await api.get(f"{ALL}/batches/{batch_id}"))["batch"]["counts"]

    assert (counts["sent"], counts["waiting"]) == (AT_ONCE, 5)
    assert all(peer.socket.unread == 0 for peer in peers[AT_ONCE:])
    for peer, id in zip(peers, heard, strict=False):
        await peer.says(orjson.dumps([3, id, {"status": "Accepted"}]))
    for peer in peers[AT_ONCE:]:
        await peer.answers(b'{"status":"Accepted"}')
    found = await ended(api, batch_id)
    assert set(states(found).values()) == {"answered"}
    first = await api.get(f"{ALL}/batches/{batch_id}?limit=20")
    rest = await api.get(f"{ALL}/batches/{batch_id}?limit=20&cursor={first['nextCursor']}")
    assert first["results"] + rest["results"] == found["results"]
    assert rest["nextCursor"] is None


async def test_batches_are_listed_newest_first(api: Api) -> None:
    ids = []
    for _ in range(3):
        ids.append((await begin(api, "ClearCache", ["CP-1"])).body["batchId"])
        await ended(api, ids[-1])
        api.clock.forward(seconds=1)
    page = await api.get(f"{ALL}/batches?limit=2")
    rest = await api.get(f"{ALL}/batches?limit=2&cursor={page['nextCursor']}")

    shown = [batch["batchId"] for batch in page["batches"] + rest["batches"]]
    assert shown == ids[::-1]
    assert page["batches"][0]["counts"]["notFound"] == 1
    assert (await (await api.neighbour()).get(f"{ALL}/batches"))["batches"] == []


@pytest.mark.parametrize(
    ("action", "body", "error"),
    [
        ("Nonsense", {"stations": ["CP-1"]}, 404),
        ("ClearCache", {}, 422),
        ("ClearCache", {"stations": []}, 422),
        ("ClearCache", {"stations": "CP-1"}, 422),
        ("ClearCache", {"stations": [7]}, 422),
        ("ClearCache", {"stations": [f"CP-{n}" for n in range(1001)]}, 422),
        ("ClearCache", {"stations": ["CP-1"], "request": [1]}, 422),
        ("ClearCache", {"stations": ["CP-1"], "more": 1}, 422),
        (
            "ChangeConfiguration",
            {"stations": ["CP-1"], "request": {"key": "FtpPassword", "value": "x"}},
            422,
        ),
        (
            "ChangeConfiguration",
            {"stations": ["CP-1"], "request": {"key": "AuthorizationKey", "value": "x"}},
            422,
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_it_begins(
    api: Api, action: str, body: Any, error: int
) -> None:
    assert (await api("POST", f"{ALL}/{action}", body)).status == error
    assert (await api.get(f"{ALL}/batches"))["batches"] == []


async def test_what_is_of_admins_is_so_in_a_batch_too(api: Api) -> None:
    operator = await api.with_scope("operate")
    body = {"stations": ["CP-1"], "request": {"key": "SecurityProfile", "value": "1"}}

    assert (await operator("POST", f"{ALL}/ChangeConfiguration", body)).status == 401


async def test_there_is_an_end_to_how_many_run_at_once(api: Api, connect: Connect) -> None:
    await api.enrol()
    charger = await connect()
    for _ in range(MOST_RUNNING):
        assert (await begin(api, "ClearCache", ["CP-1"])).status == 202
    assert (await begin(api, "ClearCache", ["CP-1"])).error == (409, "conflict")

    other = await api.neighbour()
    assert (await begin(other, "ClearCache", ["CP-1"])).status == 202
    async with robot(charger.peer):
        for batch in (await api.get(f"{ALL}/batches"))["batches"]:
            await ended(api, batch["batchId"])
    assert (await begin(api, "ClearCache", ["CP-1"])).status == 202


async def test_a_station_that_is_called_commands_is_a_station(api: Api, connect: Connect) -> None:
    await api.enrol("commands")
    async with robot((await connect("commands")).peer):
        path = "/api/chargingStations/commands"
        assert (await api("POST", f"{path}/reset", {"type": "Immediate"})).status == 200
        assert (await api("POST", f"{path}/commands/ClearCache")).status == 200
        assert len((await api.get(f"{path}/commands"))["commands"]) == 2
    assert (await begin(api, "Reset", ["CP-1"])).status == 202


async def test_what_a_restart_interrupts_goes_on_and_is_not_asked_twice(
    api: Api, connect: Connect
) -> None:
    for name in ("CP-1", "CP-2", "CP-3"):
        await api.enrol(name)
    commands, now = api.storage.commands, api.clock.now()
    batch = CommandBatch(
        batch_id="b-1",
        organization_uuid=api.organization_uuid,
        action="ClearCache",
        request={},
        stations=["CP-1", "CP-2", "CP-3"],
        requested_by="key",
        created_at=now,
    )
    await commands.note_batch(batch)
    for name in ("CP-1", "CP-2"):  # one was done, one was out
        record = Command(
            command_id=name,
            key=api.charger_key(name),
            action="ClearCache",
            request={},
            requested_by="key",
            created_at=now,
            batch_id="b-1",
        )
        await commands.note_begun(record)
    await commands.note_ended("CP-1", "answered", {"status": "Accepted"}, now)
    peers = [(await connect(name)).peer for name in ("CP-1", "CP-2")]
    async with (
        robot((await connect("CP-3")).peer) as machine,
        listening(create_app(api.parts, pace=Pace(resume=0)), Bind("127.0.0.1", 0)),
    ):
        found = await ended(api, "b-1")

    assert states(found) == {"CP-1": "answered", "CP-2": "failed", "CP-3": "answered"}
    told = found["results"][1]["response"]["error"]
    assert told == "The server was restarted before the charger's answer came."
    assert machine.asked == [("ClearCache", {})]
    assert [peer.socket.unread for peer in peers] == [0, 0]


async def test_a_batch_of_firmware_is_sent_as_it_stands_and_shown_without_its_password(
    api: Api, connect: Connect
) -> None:
    await api.enrol("CP-1")
    one = await connect("CP-1")
    request = {"location": "ftp://me:hunter2@host/new.bin", "retrieveDate": "2026-03-01T12:00:00Z"}
    async with robot(one.peer) as heard:
        got = await begin(api, "UpdateFirmware", ["CP-1"], request)
        assert got.status == 202
        found = await ended(api, got.body["batchId"])

    assert heard.payloads("UpdateFirmware") == [request]
    assert found["batch"]["request"]["location"] == "ftp://(concealed)@host/new.bin"
    command_id = found["results"][0]["commandId"]
    record = await api.get(f"/api/chargingStations/CP-1/commands/{command_id}")
    assert "hunter2" not in str(record)
