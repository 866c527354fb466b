"""What waits for many targets: counted at once, and the same as for each alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.records import ChargerKey, DeadLetter
from storage.repositories import backlogs
from storage.repositories.backlogs import Counted
from storage.repositories.queues import Place
from storage.statements.spoken import file_messages
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import charger, proxy

METERS, BEAT = "MeterValues", "Heartbeat"
KINDS = frozenset({("1.6", METERS)})


@pytest.fixture
async def places(storage: Storage) -> dict[ChargerKey, Place]:
    await storage.chargers.enroll(charger(BOB), None)
    made = [await storage.proxy_configurations.create(proxy(key)) for key in (ALICE, BOB)]
    return {one.key: Place(one.id, one.key, 0) for one in made}


def said(storage: Storage, key: ChargerKey, action: str = METERS) -> int:
    frame = f'[2,"1","{action}",{{}}]'.encode()
    append = storage.journal.append
    append(key, "platform_to_charger", "1.6", "Call", "2", action, frame)
    return append(key, "charger_to_platform", "1.6", "Call", "1", action, frame).position


async def file(storage: Storage) -> None:
    await storage.journal.flush()
    await storage.group.submit(file_messages, {})


async def counted(storage: Storage, places: dict[ChargerKey, Place]) -> dict[int, Counted]:
    await storage.journal.flush()
    ids = [place.proxy_configuration_id for place in places.values()]
    return await storage.backlogs.of_page(ORGANIZATION, ids, KINDS)


async def test_it_is_what_each_queue_says_of_itself(
    storage: Storage, places: dict[ChargerKey, Place], clock: HandClock
) -> None:
    storage.journal.append(ALICE, "charger_to_platform", "1.6", "Call", "0", METERS, b"[]")
    for filed in (True, False):
        for key in (ALICE, BOB, BOB):
            clock.pass_time(seconds=1)
            said(storage, key)
            said(storage, key, BEAT)
        taken_out = said(storage, BOB)
        alice, bob = (places[key].proxy_configuration_id for key in (ALICE, BOB))
        storage.queues.note_skipped(bob, taken_out, "expired")
        if filed:
            await file(storage)
    storage.queues.note_position(alice, 1)

    found = await counted(storage, places)

    for key, place in places.items():
        reached = place._replace(position=1 if key == ALICE else 0)
        size = await storage.queues.size(reached, KINDS)
        at = found[place.proxy_configuration_id]
        assert (at.messages, at.oldest) == (size.messages, size.oldest)
    assert found[alice] == Counted(2, NOON + timedelta(seconds=1))
    assert found[bob] == Counted(4, NOON + timedelta(seconds=2))


async def test_of_a_long_queue_only_the_first_are_counted(
    storage: Storage, places: dict[ChargerKey, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "LEAST", 4)
    monkeypatch.setattr(backlogs, "LOOKED_AT", 0)
    for _ in range(3):
        said(storage, ALICE)
    said(storage, BOB)
    await file(storage)

    found = await counted(storage, places)

    # Each of ours is an entry as well.
    assert found[places[ALICE].proxy_configuration_id] == Counted(2, NOON, more=True)
    assert found[places[BOB].proxy_configuration_id] == Counted(1, NOON)


async def test_what_is_between_those_on_a_page_takes_no_longer(
    storage: Storage, places: dict[ChargerKey, Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of links in one state may leave out thousands between two."""
    far = ChargerKey(ORGANIZATION, "CP-FAR")
    await storage.chargers.enroll(charger(far), None)
    last = await storage.proxy_configurations.create(proxy(far))
    ends = {ALICE: places[ALICE], far: Place(last.id, far, 0)}
    monkeypatch.setattr(backlogs, "LEAST", 1)
    monkeypatch.setattr(backlogs, "LOOKED_AT", 12)  # four of each of three
    for _ in range(3):
        said(storage, ALICE)
    await file(storage)

    found = await counted(storage, ends)

    assert found[places[ALICE].proxy_configuration_id] == Counted(2, NOON, more=True)


async def test_another_organization_s_ids_count_nothing(
    storage: Storage, places: dict[ChargerKey, Place]
) -> None:
    said(storage, ALICE)
    ids = [place.proxy_configuration_id for place in places.values()]

    assert await storage.backlogs.of_page("another", ids, KINDS) == {}
    assert await storage.backlogs.dead_letters("another", ids) == {}


async def test_dead_letters_are_counted_for_each(
    storage: Storage, places: dict[ChargerKey, Place]
) -> None:
    alice, bob = (places[key].proxy_configuration_id for key in (ALICE, BOB))
    for seq in (1, 2):
        letter = DeadLetter(
            proxy_configuration_id=bob,
            seq=seq,
            action=METERS,
            reason="no",
            attempts=3,
            created_at=NOON,
        )
        await storage.dead_letters.note(letter)

    assert await storage.backlogs.dead_letters(ORGANIZATION, [alice, bob]) == {alice: 0, bob: 2}


async def test_when_messages_were_logged_is_told_of_those_that_are_there(
    storage: Storage, clock: HandClock
) -> None:
    first = said(storage, ALICE)
    second_at = clock.pass_time(seconds=5)
    second = said(storage, ALICE)
    await storage.journal.flush()

    asked = [first, second, *range(10_000, 10_150)]
    assert await storage.backlogs.moments_of(asked) == {first: NOON, second: second_at}
    assert await storage.backlogs.moments_of([]) == {}
