"""A target's queue: listed page by page, purged, a dead letter sent again, without the target."""

from __future__ import annotations

from typing import Any

import pytest

from storage.records import DeadLetter, Origin
from tests.api.conftest import Api

FRAME = b'[2,"1","MeterValues",{"connectorId":1}]'


async def enrolled(api: Api) -> int:
    """Enrol a charger with a proxy and return its configuration's id."""
    return int((await api.enrol_with_proxy())["proxy_configuration"]["id"])


def path(api: Api, id: int) -> str:
    return f"{api.organization}/proxy_configurations/{id}/queue"


def said(api: Api, action: str = "MeterValues") -> int:
    append, key = api.storage.journal.append, api.charger_key("CP-1")
    return append(key, "charger_to_platform", "1.6", "Call", "1", action, FRAME).position


async def passed_on(api: Api, id: int, seq: int) -> None:
    append, key = api.storage.journal.append, api.charger_key("CP-1")
    origin = Origin(seq, maybe_duplicate=True)
    append(key, "platform_to_target", "1.6", "Call", "x", "MeterValues", FRAME, id, origin)
    await api.storage.journal.flush()


async def died(api: Api, id: int, seq: int) -> None:
    letter = DeadLetter(
        proxy_configuration_id=id,
        seq=seq,
        action="MeterValues",
        reason="The target answered InternalError: no",
        attempts=3,
        created_at=api.clock.now(),
    )
    await api.storage.dead_letters.note(letter)
    await api.storage.queues.note_position(id, seq)


async def entries(api: Api, id: int, query: str = "") -> Any:
    return (await api.get(path(api, id) + query))["entries"]


async def test_a_queue_shows_the_dead_before_what_waits(api: Api) -> None:
    id = await enrolled(api)
    dead = said(api)
    sent, waiting = said(api), said(api)
    said(api, "Heartbeat")
    await died(api, id, dead)
    await passed_on(api, id, sent)

    shown = await entries(api, id)
    assert [(each["entry"], each["state"], each["attempts"]) for each in shown] == [
        (dead, "dead", 3),
        (sent, "sent", 1),
        (waiting, "queued", 0),
    ]
    assert [each["maybe_duplicate"] for each in shown] == [False, True, False]
    assert shown[0]["reason"] == "The target answered InternalError: no"
    assert shown[2] == {
        "entry": waiting,
        "action": "MeterValues",
        "queued_at": "2026-11-21T10:00:00.000Z",
        "state": "queued",
        "reason": None,
        "attempts": 0,
        "maybe_duplicate": False,
        "bytes": len(FRAME),
    }


async def test_a_queue_is_listed_page_by_page(api: Api) -> None:
    id = await enrolled(api)
    told = [said(api) for _ in range(5)]
    for seq in told[:2]:
        await died(api, id, seq)
    found: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        body = await api.get(f"{path(api, id)}?limit=2{cursor and '&cursor=' + cursor}")
        assert len(body["entries"]) <= 2
        found += [each["entry"] for each in body["entries"]]
        cursor = body["next_cursor"]

    assert found == told


async def test_a_purge_takes_all_and_says_how_much(api: Api) -> None:
    id = await enrolled(api)
    await died(api, id, said(api))
    said(api)
    said(api)
    said(api, "Heartbeat")
    got = await api("DELETE", path(api, id))

    assert got.body == {
        "success": True,
        "message": "Queue purged successfully",
        "purged": 2,
        "dead_letters": 1,
    }
    assert await entries(api, id) == []
    row, *_ = await api.storage.audit.list(api.organization_uuid)
    assert (row.action, row.result) == ("purge_queue", "200 ok")
    assert row.actor.startswith("key:")
    assert row.details == {"proxy_configuration_id": id, "waiting": 2, "dead_letters": 1}


async def test_a_dead_letter_is_to_go_out_again(api: Api) -> None:
    id = await enrolled(api)
    dead = said(api)
    await died(api, id, dead)
    got = await api("POST", f"{path(api, id)}/{dead}/retry")

    assert got.body == {"success": True, "message": "The message goes out again"}
    [shown] = await entries(api, id)
    assert (shown["state"], shown["attempts"]) == ("queued", 3)
    row, *_ = await api.storage.audit.list(api.organization_uuid)
    assert (row.action, row.details) == (
        "retry_queue_entry",
        {"proxy_configuration_id": id, "position": dead},
    )


async def test_only_the_dead_are_sent_again(api: Api) -> None:
    id = await enrolled(api)
    waiting = said(api)
    await api.storage.journal.flush()

    for entry in (waiting, 999, "x"):
        got = await api("POST", f"{path(api, id)}/{entry}/retry")
        assert got.error == (404, "not_found")


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("DELETE", ""), ("POST", "/1/retry")])
async def test_a_queue_is_its_organization_s_own(api: Api, method: str, end: str) -> None:
    id = await enrolled(api)
    await died(api, id, said(api))
    other = await api.neighbour()

    assert (await other(method, path(other, id) + end)).error == (404, "not_found")
    assert len(await entries(api, id)) == 1


@pytest.mark.parametrize(("method", "end"), [("DELETE", ""), ("POST", "/1/retry")])
async def test_who_may_only_read_changes_nothing(api: Api, method: str, end: str) -> None:
    id = await enrolled(api)
    reader = await api.with_scope("read")

    assert (await reader(method, path(api, id) + end)).status == 403
    assert (await reader("GET", path(api, id))).status == 200


async def test_the_message_log_names_what_was_passed_on(api: Api) -> None:
    id = await enrolled(api)
    seq = said(api)
    await passed_on(api, id, seq)
    copy, own = (await api.get(f"{api.organization}/chargers/CP-1/messages"))["messages"]

    assert (copy["origin"], copy["maybe_duplicate"]) == (seq, True)
    assert (own["origin"], own["maybe_duplicate"]) == (None, None)
