"""What a target is told of one message, if it is told at all."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from proxy import policy
from proxy.entries import Entry, Waiter
from proxy.errors import NotTaken
from proxy.ledger import IdMap
from proxy.telling import Telling
from tests.proxy.post import posted
from tests.proxy.stage import QUICK, Stage
from tests.proxy.test_overtaken import events, status


@pytest.fixture
async def ids(stage: Stage) -> IdMap:
    post = await posted(stage.storage, QUICK)
    return IdMap(stage.storage.id_pairs, post.stored.id, "1.6")


def telling(ids: IdMap, version: str = "1.6") -> Telling:
    return Telling(version, ids, "minus_one", nobody)


def nobody(entry: Entry, _reason: str) -> None:
    """Let nothing stay here."""
    pytest.fail(f"{entry.action} was withheld")


def entry(
    action: str,
    payload: bytes = b"{}",
    version: str = "1.6",
    ours: str | None = None,
    answer: Waiter | None = None,
) -> Entry:
    """Return what was said at position 10."""
    hearing = policy.rule(version, action).hearing
    return Entry(10, action, payload, version, hearing, ours, answer)


@pytest.mark.parametrize(
    ("action", "live", "told"),
    [
        ("MeterValues", False, True),
        ("MeterValues", True, True),
        ("StatusNotification", False, False),
        ("StatusNotification", True, True),
        ("Authorize", False, False),
        ("Authorize", True, False),
        ("Heartbeat", True, False),
    ],
)
async def test_what_is_no_news_is_told_only_if_it_lasts(
    ids: IdMap, action: str, *, live: bool, told: bool
) -> None:
    copy = await telling(ids).copy_of(entry(action), 5 if live else 10)

    assert copy == (b"{}" if told else None)


async def test_a_question_is_asked_while_somebody_waits(ids: IdMap) -> None:
    waiting = entry("Authorize", answer=asyncio.Future())
    assert await telling(ids).copy_of(waiting, 5) == b"{}"
    assert await telling(ids).copy_of(waiting, 10) is None

    waiting.settle(None)
    assert await telling(ids).copy_of(waiting, 5) is None


async def test_a_start_is_told_until_the_target_has_given_its_number(ids: IdMap) -> None:
    start = entry("StartTransaction", ours="5")
    assert await telling(ids).copy_of(start, 0) == b"{}"
    assert await telling(ids).copy_of(entry("StartTransaction"), 0) is None

    await ids.learn("5", "77")
    assert await telling(ids).copy_of(start, 0) is None


async def test_nobody_translates_another_version(ids: IdMap) -> None:
    with pytest.raises(NotTaken, match="another OCPP version"):
        await telling(ids, "2.0.1").copy_of(entry("MeterValues"), 0)

    assert await telling(ids, "2.0.1").copy_of(entry("StatusNotification"), 0) is None


@pytest.mark.parametrize(
    ("action", "payload", "withheld"),
    [
        ("MeterValues", b'{"transactionId":5}', True),
        ("StopTransaction", b'{"transactionId":5}', True),
        ("MeterValues", b'{"transactionId":6}', False),
        ("MeterValues", b'{"connectorId":1}', False),
        ("StopTransaction", b'{"transactionId":-1}', False),
        ("MeterValues", b'{"transactionId":0}', False),
        ("SecurityEventNotification", b'{"transactionId":5}', False),
    ],
)
async def test_orphans_are_withheld_where_their_owner_wants_that(
    ids: IdMap, action: str, payload: bytes, *, withheld: bool
) -> None:
    await ids.learn("6", "77")
    told, left = entry(action, payload), list[tuple[Entry, str]]()
    copy = await Telling("1.6", ids, "skip", lambda *stays: left.append(stays)).copy_of(told, 0)

    assert (copy is None, left) == (withheld, [(told, "orphan")] if withheld else [])
    assert await telling(ids).copy_of(told, 0) is not None


async def test_the_target_hears_its_own_number(ids: IdMap) -> None:
    meters = entry("MeterValues", b'{"transactionId":5}')
    assert await telling(ids).copy_of(meters, 0) == b'{"transactionId":-1}'
    await ids.learn("5", "77")

    assert await telling(ids).copy_of(meters, 0) == b'{"transactionId":77}'


async def test_a_status_that_was_overtaken_is_told_as_news_only(ids: IdMap) -> None:
    occupied = orjson.dumps(events(status("Occupied")))
    event, left = entry("NotifyEvent", occupied, "2.0.1"), list[tuple[Entry, str]]()
    tells = Telling("2.0.1", ids, "minus_one", lambda *stays: left.append(stays))

    assert await tells.copy_of(event, 5) is event.payload
    assert left == []
    assert await tells.copy_of(event, 10) is None
    assert left == [(event, "overtaken")]
