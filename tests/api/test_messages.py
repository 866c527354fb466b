"""The message log: paired, filtered, byte for byte."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.conftest import Api, Connect

BOOT = b'{"chargePointVendor": "V", "chargePointModel":"M", "x": 6.0, "y": 12345678901234567890123}'


def path(api: Api) -> str:
    return f"{api.organization}/chargers/CP-1/messages"


@pytest.fixture
async def talked(api: Api, connect: Connect) -> None:
    """A heartbeat at 10:00, a boot at 10:01, a frame that is none and a refused call at 10:02."""
    await api.enrol()
    peer = (await connect()).peer
    await peer.calls("Heartbeat", id="h-1")
    await peer.hears()
    api.clock.forward(minutes=1)
    await peer.calls("BootNotification", BOOT, id="b-1")
    await peer.hears()
    api.clock.forward(minutes=1)
    await peer.says(b"\xff broken")
    await peer.calls("Sing", id="s-1")
    while (await peer.hears())[1] != "s-1":
        pass
    await api.storage.journal.flush()


@pytest.mark.usefixtures("talked")
async def test_a_call_is_shown_with_its_answer(api: Api) -> None:
    (shown,) = (await api.get(f"{path(api)}?action=Heartbeat"))["messages"]

    assert shown["message_type"] == "Call"
    assert shown["direction"] == "charger_to_platform"
    assert (shown["message_id"], shown["ocpp_version"]) == ("h-1", "1.6")
    assert shown["timestamp"] == "2026-11-21T10:00:00.000Z"
    assert shown["payload"] == {}
    assert shown["answer"]["message_type"] == "CallResult"
    assert shown["answer"]["payload"] == {"currentTime": "2026-11-21T10:00:00.000Z"}
    assert shown["latency_ms"] == 0.0


@pytest.mark.usefixtures("talked")
async def test_payloads_are_shown_as_they_were_on_the_wire(api: Api) -> None:
    got = await api("GET", f"{path(api)}?action=BootNotification")

    assert BOOT.decode() in got.text
    pretty = await api("GET", f"{path(api)}?action=BootNotification&pretty=true")
    assert '"y": 12345678901234567890123\n' in pretty.text


@pytest.mark.usefixtures("talked")
async def test_an_error_is_shown_as_one(api: Api) -> None:
    (shown,) = (await api.get(f"{path(api)}?message_id=s-1"))["messages"]

    assert shown["answer"]["message_type"] == "CallError"
    assert shown["answer"]["error_code"] == "NotImplemented"


async def test_what_2_1_says_without_an_answer_is_shown_by_itself(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    peer = (await connect(version="2.1")).peer
    await peer.says('[6,"s-1","NotifyPeriodicEventStream",{"id": 1.0}]')
    await peer.says('[5,"h-0","FormatViolation","no time",{"field":"currentTime"}]')
    await peer.calls("Heartbeat", id="h-1")
    await peer.hears()

    _heartbeat, complaint, send = (await api.get(path(api)))["messages"]

    assert (send["message_type"], send["action"]) == ("Send", "NotifyPeriodicEventStream")
    assert (send["payload"], send["answer"]) == ({"id": 1.0}, None)
    assert (complaint["message_type"], complaint["message_id"]) == ("CallResultError", "h-0")
    assert complaint["error_code"] == "FormatViolation"
    assert complaint["error_details"] == {"field": "currentTime"}


@pytest.mark.usefixtures("talked")
async def test_what_is_no_frame_is_shown_as_text(api: Api) -> None:
    messages = (await api.get(path(api)))["messages"]
    broken = [each for each in messages if each["message_type"] == "Unreadable"]

    assert [each["raw"] for each in broken] == ["\N{REPLACEMENT CHARACTER} broken"]


@pytest.mark.usefixtures("talked")
@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("", ["Sing", None, "BootNotification", "Heartbeat"]),
        ("since=2026-11-21T10:01:00Z", ["Sing", None, "BootNotification"]),
        (f"since={quote('2026-11-21T11:01:00+01:00')}", ["Sing", None, "BootNotification"]),
        ("until=2026-11-21T10:01:00Z", ["Heartbeat"]),
        ("direction=charger_to_platform&action=Sing", ["Sing"]),
        ("direction=platform_to_target", []),
        ("message_id=b-1", ["BootNotification"]),
        ("action=Nothing", []),
    ],
)
async def test_messages_are_filtered_and_newest_first(
    api: Api, query: str, actions: list[str]
) -> None:
    messages = (await api.get(f"{path(api)}?{query}"))["messages"]
    calls = [each for each in messages if each["direction"] == "charger_to_platform"]

    assert [each["action"] for each in calls] == actions


@pytest.mark.usefixtures("talked")
async def test_messages_come_page_by_page(api: Api) -> None:
    whole: list[Any] = (await api.get(path(api)))["messages"]
    first = await api.get(f"{path(api)}?limit=2")
    rest = await api.get(f"{path(api)}?cursor={first['next_cursor']}")

    assert first["messages"] + rest["messages"] == whole
    assert rest["next_cursor"] is None


@pytest.mark.usefixtures("talked")
async def test_a_command_is_in_the_log_too(api: Api, connect: Connect) -> None:
    peer = (await connect()).peer
    got, _ = await asyncio.gather(
        api("POST", "/api/chargingStations/CP-1/reset", {"type": "Immediate"}),
        peer.answers(b'{"status": "Accepted"}'),
    )
    assert got.status == 200
    (shown,) = (await api.get(f"{path(api)}?direction=platform_to_charger&action=Reset"))[
        "messages"
    ]

    assert shown["answer"]["payload"] == {"status": "Accepted"}


async def test_an_unknown_charger_has_no_messages(api: Api) -> None:
    assert (await api("GET", path(api))).error == (404, "not_found")


@pytest.mark.parametrize("query", ["since=yesterday", "direction=up", "limit=1001", "cursor=x"])
async def test_a_filter_that_cannot_be_is_refused(api: Api, query: str) -> None:
    await api.enrol()

    assert (await api("GET", f"{path(api)}?{query}")).fields == {query.partition("=")[0]}


@pytest.mark.usefixtures("talked")
async def test_what_all_chargers_said_is_listed_together(api: Api) -> None:
    of_one = (await api.get(path(api)))["messages"]
    of_all = (await api.get(f"{api.organization}/messages"))["messages"]
    named = (await api.get(f"{api.organization}/messages?charge_box_id=CP-1"))["messages"]

    assert [each["action"] for each in of_all] == ["Sing", None, "BootNotification", "Heartbeat"]
    assert of_one == of_all == named
    assert {each["charge_box_id"] for each in of_all} == {"CP-1"}
