"""What a target is told of one message, if it is told at all."""

from __future__ import annotations

import asyncio

import pytest

from proxy.entries import Entry
from proxy.errors import NotTaken
from proxy.ledger import IdMap
from proxy.telling import Telling
from storage.store import Storage
from tests.proxy.post import posted
from tests.proxy.stage import QUICK, Stage


@pytest.fixture
async def ids(stage: Stage) -> IdMap:
    post = await posted(stage.storage, QUICK)
    storage: Storage = stage.storage
    return IdMap(storage.id_pairs, post.stored.id, "1.6")


def entry(action: str, seq: int = 10, version: str = "1.6", ours: str | None = None) -> Entry:
    return Entry(seq, action, b'{"transactionId":5}', version, ours)


@pytest.mark.parametrize(
    ("action", "live", "wanted"),
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
    ids: IdMap, action: str, *, live: bool, wanted: bool
) -> None:
    told = await Telling("1.6", ids, "minus_one").wanted(entry(action), 5 if live else 10)

    assert told is wanted


async def test_a_question_is_asked_while_somebody_waits(ids: IdMap) -> None:
    waiting = Entry(10, "Authorize", b"{}", "1.6", None, asyncio.Future())

    assert await Telling("1.6", ids, "minus_one").wanted(waiting, 5)


async def test_a_start_is_told_until_the_target_has_given_its_number(ids: IdMap) -> None:
    telling = Telling("1.6", ids, "minus_one")
    assert await telling.wanted(entry("StartTransaction", ours="5"), 0)
    assert not await telling.wanted(entry("StartTransaction"), 0)

    await ids.learn("5", "77")
    assert not await telling.wanted(entry("StartTransaction", ours="5"), 0)


async def test_nobody_translates_another_version(ids: IdMap) -> None:
    telling = Telling("2.0.1", ids, "minus_one")
    with pytest.raises(NotTaken, match="another OCPP version"):
        await telling.wanted(entry("MeterValues"), 0)

    assert not await telling.wanted(entry("StatusNotification"), 0)


@pytest.mark.parametrize(
    ("action", "payload", "withheld"),
    [
        ("MeterValues", b'{"transactionId":5}', True),
        ("StopTransaction", b'{"transactionId":5}', True),
        ("MeterValues", b'{"transactionId":6}', False),
        ("MeterValues", b'{"connectorId":1}', False),
        ("StopTransaction", b'{"transactionId":-1}', False),
        ("MeterValues", b'{"transactionId":0}', False),
        ("DataTransfer", b'{"transactionId":5}', False),
    ],
)
async def test_orphans_are_withheld_where_their_owner_wants_that(
    ids: IdMap, action: str, payload: bytes, *, withheld: bool
) -> None:
    await ids.learn("6", "77")
    told = Entry(10, action, payload, "1.6")

    assert await Telling("1.6", ids, "skip").withheld(told) is withheld
    assert not await Telling("1.6", ids, "minus_one").withheld(told)


async def test_the_target_hears_its_own_number(ids: IdMap) -> None:
    telling = Telling("1.6", ids, "minus_one")
    assert await telling.copy(entry("MeterValues"), 0) == b'{"transactionId":-1}'
    await ids.learn("5", "77")

    assert await telling.copy(entry("MeterValues"), 0) == b'{"transactionId":77}'
