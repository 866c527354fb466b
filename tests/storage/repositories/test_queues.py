"""Queues: what waits, what was skipped, how far a target has got."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.records import Copy, DeadLetter, Origin, Purged, Waiting
from storage.repositories.queues import Place
from storage.statements.spoken import file_messages
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import proxy

METERS, EVENT, BEAT = "MeterValues", "FirmwareStatusNotification", "Heartbeat"
KINDS = frozenset({("1.6", METERS), ("1.6", EVENT)})


@pytest.fixture
async def place(storage: Storage) -> Place:
    created = await storage.proxy_configurations.create(proxy(ALICE))
    return Place(created.id, ALICE, 0)


def said(storage: Storage, action: str = METERS, version: str = "1.6", key: object = ALICE) -> int:
    """Let a charger say something."""
    assert key in (ALICE, BOB)
    charger = ALICE if key == ALICE else BOB
    frame = f'[2,"1","{action}",{{}}]'.encode()
    kept = storage.journal.append
    return kept(charger, "charger_to_platform", version, "Call", "1", action, frame).position


def passed_on(storage: Storage, place: Place, seq: int, id: str, answer: str | None = None) -> None:
    """Tell the target, which answers or does not."""
    append, configuration = storage.journal.append, place.proxy_configuration_id
    append(
        ALICE, "platform_to_target", "1.6", "Call", id, METERS, b"[]", configuration, Origin(seq)
    )
    if answer == "CallResult":
        append(ALICE, "target_to_platform", "1.6", "CallResult", id, METERS, b"ok", configuration)
    elif answer == "CallError":
        append(ALICE, "target_to_platform", "1.6", "CallError", id, METERS, b"no", configuration)


async def seqs(storage: Storage, place: Place) -> list[int]:
    """Return what waits, after all has been committed."""
    await storage.journal.flush()
    return [message.seq for message in await storage.queues.waiting(place, 100)]


async def test_what_a_charger_says_waits_in_order(storage: Storage, place: Place) -> None:
    first, second = said(storage), said(storage, BEAT)
    said(storage, key=BOB)

    assert await seqs(storage, place) == [first, second]
    assert await seqs(storage, place._replace(position=first)) == [second]


async def test_only_what_a_queue_keeps_is_counted_and_listed(
    storage: Storage, place: Place, clock: HandClock
) -> None:
    first = said(storage)
    clock.pass_time(seconds=5)
    said(storage, BEAT)
    said(storage, METERS, "2.0.1")
    last = said(storage, EVENT)
    await storage.journal.flush()

    kept = await storage.queues.kept(place, KINDS, 10)
    assert [message.seq for message in kept] == [first, last]
    size = len(kept[0].frame) + len(kept[1].frame)
    assert await storage.queues.size(place, KINDS) == Waiting(2, size, NOON)
    assert await storage.queues.size(place, KINDS, first) == Waiting(1, len(kept[0].frame), NOON)
    page = await storage.queues.page(place, KINDS, 10)
    assert [(each.seq, each.action, each.queued_at) for each in page] == [
        (first, METERS, NOON),
        (last, EVENT, NOON + timedelta(seconds=5)),
    ]


async def test_an_empty_queue_is_empty(storage: Storage, place: Place) -> None:
    assert await storage.queues.size(place, KINDS) == Waiting(0, 0, None)
    assert await storage.queues.page(place, KINDS, 10) == []
    assert await storage.queues.skipped(place.proxy_configuration_id) == 0


@pytest.mark.parametrize("filed", [False, True])
async def test_what_went_out_says_how_often_and_whether_without_an_answer(
    storage: Storage, place: Place, *, filed: bool
) -> None:
    first, second, third = (said(storage) for _ in range(3))
    passed_on(storage, place, first, "a", "CallError")
    passed_on(storage, place, first, "b", "CallError")
    passed_on(storage, place, second, "c")
    await storage.journal.flush()
    if filed:
        await storage.database.execute(file_messages)

    page = await storage.queues.page(place, KINDS, 10)
    assert [(each.attempts, each.maybe_duplicate) for each in page] == [
        (2, False),
        (1, True),
        (0, False),
    ]
    id = place.proxy_configuration_id
    assert await storage.queues.copies_of(id, first) == [Copy(first, "CallError", b"no")] * 2
    assert await storage.queues.copies_of(id, second) == [Copy(second, None, None)]
    assert await storage.queues.copies_of(id, third) == []
    assert await storage.queues.copies_of(id + 1, first) == []
    behind = place._replace(position=first)
    assert await storage.queues.copies_after(behind) == [Copy(second, None, None)]


async def test_of_much_that_a_target_was_told_the_last_is_known(
    storage: Storage, place: Place
) -> None:
    told = [said(storage) for _ in range(4)]
    for number, seq in enumerate(told):
        passed_on(storage, place, seq, str(number))
    await storage.journal.flush()

    last = await storage.queues.copies_after(place, limit=2)
    assert [copy.origin for copy in last] == told[2:]


async def test_single_messages_are_skipped(storage: Storage, place: Place) -> None:
    told = [said(storage) for _ in range(5)]
    await storage.journal.flush()
    await storage.queues.skip(place.proxy_configuration_id, [told[1], told[3]], "thinned")
    storage.queues.note_skipped(place.proxy_configuration_id, told[4], "orphan")

    assert await seqs(storage, place) == [told[0], told[2]]
    assert await storage.queues.skipped(place.proxy_configuration_id) == 3


async def test_what_is_said_while_a_configuration_is_disabled_never_waits(
    storage: Storage, place: Place
) -> None:
    stored = await storage.proxy_configurations.for_charger(ALICE)
    assert stored
    told = []
    for enabled in (True, False, False, True, False, True):
        await storage.proxy_configurations.replace(replace(stored, enabled=enabled))
        if enabled:
            told.append(said(storage))
        else:
            said(storage)
        await storage.journal.flush()

    assert await seqs(storage, place) == told


async def test_what_is_made_disabled_begins_so(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(replace(proxy(ALICE), enabled=False))
    said(storage)

    assert await seqs(storage, Place(created.id, ALICE, 0)) == []


async def test_a_purge_takes_what_waits_and_what_is_dead(storage: Storage, place: Place) -> None:
    id = place.proxy_configuration_id
    dead = said(storage)
    for _ in range(3):
        said(storage)
    said(storage, BEAT)
    through = storage.journal.head
    later = said(storage)
    letter = DeadLetter(
        proxy_configuration_id=id,
        seq=dead,
        action=METERS,
        reason="refused",
        attempts=3,
        created_at=NOON,
    )
    await storage.dead_letters.note(letter)
    there = place._replace(position=dead)

    assert await storage.queues.purge(there, KINDS, through, "purged") == Purged(3, 1)
    assert await storage.queues.skipped(id) == 3
    assert await storage.dead_letters.count(id) == 0
    cursor = await storage.proxy_configurations.cursor(id)
    assert cursor
    assert await seqs(storage, place._replace(position=cursor.position)) == [later]


async def test_what_is_discarded_leaves_the_dead_letters(storage: Storage, place: Place) -> None:
    said(storage)
    await storage.journal.flush()
    through = storage.journal.head

    assert await storage.queues.discard(place, KINDS, through, "changed") == 1
    assert await storage.queues.discard(place, frozenset({("1.6", EVENT)}), through, "changed") == 0


async def test_a_target_never_goes_back(storage: Storage, place: Place) -> None:
    for position in (5, 3):
        storage.queues.note_position(place.proxy_configuration_id, position)
    await storage.journal.flush()

    assert await storage.queues.of_organization(ORGANIZATION) == [place._replace(position=5)]
    assert await storage.queues.of_organization("another") == []


async def test_a_deleted_configuration_takes_its_queue_along(
    storage: Storage, place: Place
) -> None:
    await storage.proxy_configurations.delete(ORGANIZATION, place.proxy_configuration_id)
    storage.queues.note_skipped(place.proxy_configuration_id, 1, "orphan")
    await storage.queues.skip(place.proxy_configuration_id, [1], "thinned")
    await storage.journal.flush()

    assert await storage.queues.skipped(place.proxy_configuration_id) == 0
