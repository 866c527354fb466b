"""The message log as a stream: what is said, as it was on the wire, to whom it belongs."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from api.message_streams import LONGEST_FRAME
from tests.api.conftest import Api, Connect
from tests.api.listening import listens

BOOT = b'{"chargePointVendor": "V",\r\n"chargePointModel":"M", "y": 12345678901234567890123}'


def of_all(api: Api) -> str:
    return f"{api.organization}/messages/stream"


def of_one(api: Api, charge_box_id: str = "CP-1") -> str:
    return f"{api.organization}/chargers/{charge_box_id}/messages/stream"


@pytest.mark.parametrize("path", [of_all, of_one], ids=["of all", "of one"])
async def test_what_is_said_is_told_as_it_was_committed(
    api: Api, connect: Connect, path: type[str]
) -> None:
    await api.enrol()
    async with listens(api, path(api)) as events:
        peer = (await connect()).peer
        await peer.calls("Heartbeat", id="h-1")
        await peer.hears()
        call, answer = await events.take(2)
    [listed] = (await api.get(f"{api.organization}/messages"))["messages"]

    answered = listed.pop("answer")
    assert listed.pop("latency_ms") == 0.0
    assert call.data == {**listed, "answers": None}
    assert (call.name, call.id) == ("message", str(call.data["seq"]))
    assert answer.data.items() >= answered.items()
    assert answer.data["answers"] == call.data["seq"]
    assert (answer.data["direction"], answer.data["action"]) == ("platform_to_charger", "Heartbeat")


async def test_payloads_are_told_as_they_were_on_the_wire(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with listens(api, f"{of_all(api)}?action=BootNotification") as events:
        peer = (await connect()).peer
        await peer.calls("Heartbeat")
        await peer.hears()
        await peer.calls("BootNotification", BOOT)
        told = await events.response.content.readuntil(b"\n\n")

    # The browser puts lines together again.
    assert BOOT.replace(b"\r\n", b"\ndata: ") in told


async def test_what_is_no_frame_is_told_as_text(api: Api, connect: Connect) -> None:
    await api.enrol()
    async with listens(api, of_all(api)) as events:
        await (await connect()).peer.says(b"\xff\n broken")
        [told] = await events.take(1)

    assert (told.data["message_type"], told.data["action"]) == ("Unreadable", None)
    assert told.data["raw"] == "\N{REPLACEMENT CHARACTER}\n broken"


@pytest.mark.parametrize("frame", [b'[2,"1","Heartbeat"', b"[2]", b"\xff", b"{}", b"[" * 5000])
async def test_a_frame_that_is_not_what_it_is_logged_as_ends_no_stream(
    api: Api, frame: bytes
) -> None:
    journal, key = api.storage.journal, api.charger_key("CP-1")
    async with listens(api, of_all(api)) as events:
        journal.append(key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", frame)
        [told] = await events.take(1)

    assert told.data.get("raw", frame.decode(errors="replace")) == frame.decode(errors="replace")


async def test_a_frame_that_is_too_large_comes_without_what_it_says(api: Api) -> None:
    journal, key = api.storage.journal, api.charger_key("CP-1")
    large = b'[2,"1","DataTransfer",{"data":"%s"}]' % (b"x" * LONGEST_FRAME)
    async with listens(api, of_all(api)) as events:
        journal.append(key, "charger_to_platform", "1.6", "Call", "1", "DataTransfer", large)
        [told] = await events.take(1)

    assert told.data["left_out"] == len(large)
    assert told.data["action"] == "DataTransfer"
    assert not {"payload", "raw"} & told.data.keys()


async def test_a_stream_goes_on_behind_the_last_event(api: Api, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    async with listens(api, of_one(api)) as events:
        await peer.calls("Heartbeat")
        first, second = await events.take(2)
    await peer.calls("Heartbeat")
    await peer.hears()
    async with listens(api, of_one(api), after=int(second.id or "")) as events:
        third, fourth = await events.take(2)
        await peer.calls("Heartbeat")
        fifth, sixth = await events.take(2)

    told = [int(event.id or "") for event in (first, second, third, fourth, fifth, sixth)]
    assert told == list(range(told[0], told[0] + 6))


async def test_who_does_not_keep_up_is_told_how_much_he_missed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.live_log.MOST_RESUMED", 2)
    journal, key = api.storage.journal, api.charger_key("CP-1")
    for _ in range(5):
        journal.append(key, "charger_to_platform", "1.6", "Call", "1", "Heartbeat", b"[]")
    await journal.flush()
    async with listens(api, of_all(api), after=0) as events:
        gap, *messages = await events.take(3)

    assert (gap.name, gap.data) == ("gap", {"missed": 3})
    assert [event.name for event in messages] == ["message", "message"]


async def test_nobody_hears_what_is_said_elsewhere(api: Api) -> None:
    neighbour = await api.neighbour()
    await api.enrol()
    await neighbour.enrol()
    journal = api.storage.journal
    async with (
        listens(api, of_all(api)) as ours,
        listens(neighbour, of_all(api=neighbour)) as theirs,
    ):
        for whose, id in ((api, "ours"), (neighbour, "theirs"), (api, "last"), (neighbour, "last")):
            key = whose.charger_key("CP-1")
            journal.append(key, "charger_to_platform", "1.6", "Call", id, "Heartbeat", b"[]")
        heard = [[e.data["message_id"] for e in await each.take(2)] for each in (ours, theirs)]

    assert heard == [["ours", "last"], ["theirs", "last"]]
    assert (await neighbour("GET", of_all(api))).error == (404, "not_found")
    assert (await api("GET", of_one(api, "CP-9"))).error == (404, "not_found")


@pytest.mark.parametrize("said", ["", "x", "-1", "1" * 19, "٣", "1;2"])
async def test_what_is_no_position_is_refused(api: Api, said: str) -> None:
    headers = {"x-api-key": api.key, "Last-Event-ID": quote(said) if not said.isascii() else said}
    got = await api("GET", of_all(api), headers=headers)

    assert got.error == (400, "bad_request")


async def test_filters_are_checked_as_everywhere(api: Api) -> None:
    assert (await api("GET", f"{of_all(api)}?direction=up")).fields == {"direction"}
    assert (await api("GET", f"{of_all(api)}?charge_box_id=a%2Fb")).fields == {"charge_box_id"}
    for path in (of_all(api), of_one(api), f"{api.organization}/messages"):
        assert (await api("GET", f"{path}?acton=Heartbeat&pretty=true")).fields == {"acton"}


async def test_a_charger_that_nobody_knows_cannot_be_followed(api: Api) -> None:
    got = await api("GET", f"{of_all(api)}?charge_box_id=NOBODY")

    assert got.error == (404, "not_found")
