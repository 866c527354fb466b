"""Dead letters: kept, listed, sent again, forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.records import DeadLetter, Origin
from storage.store import Storage
from tests.storage.doubles import ALICE, NOON, ORGANIZATION
from tests.storage.records import proxy


@pytest.fixture
async def letter(storage: Storage) -> DeadLetter:
    created = await storage.proxy_configurations.create(proxy(ALICE))
    kept = storage.journal.append
    position = kept(
        ALICE, "charger_to_platform", "1.6", "Call", "1", "MeterValues", b"12345"
    ).position
    return DeadLetter(
        proxy_configuration_id=created.id,
        seq=position,
        action="MeterValues",
        reason="refused",
        attempts=3,
        created_at=NOON,
    )


async def test_a_letter_is_shown_with_what_the_log_knows(
    storage: Storage, letter: DeadLetter
) -> None:
    id = letter.proxy_configuration_id
    storage.journal.append(
        ALICE, "platform_to_target", "1.6", "Call", "x", "", b"", id, Origin(letter.seq)
    )
    await storage.dead_letters.note(letter)
    lost = replace(letter, seq=999)
    await storage.dead_letters.note(lost)

    shown, nowhere = await storage.dead_letters.list(id)
    assert shown.dead == replace(letter, id=1)
    assert (shown.seq, shown.action, shown.queued_at, shown.bytes) == (
        letter.seq,
        "MeterValues",
        NOON,
        5,
    )
    assert (shown.attempts, shown.maybe_duplicate) == (3, True)
    assert (nowhere.queued_at, nowhere.bytes, nowhere.maybe_duplicate) == (None, None, False)
    assert await storage.dead_letters.list(id, after=letter.seq) == [nowhere]
    assert await storage.dead_letters.list(id, limit=1) == [shown]
    assert await storage.dead_letters.count(id) == 2


async def test_a_letter_that_dies_again_adds_its_attempts(
    storage: Storage, letter: DeadLetter
) -> None:
    id, later = letter.proxy_configuration_id, NOON + timedelta(hours=1)
    await storage.dead_letters.note(letter)
    assert await storage.dead_letters.retry(id, letter.seq, NOON)
    await storage.dead_letters.note(replace(letter, reason="silence", created_at=later))

    [shown] = await storage.dead_letters.list(id)
    assert shown.dead
    assert (shown.dead.reason, shown.dead.attempts) == ("silence", 6)
    assert (shown.dead.created_at, shown.dead.retry_at) == (later, None)


async def test_what_is_to_go_out_again_is_remembered_until_it_has(
    storage: Storage, letter: DeadLetter
) -> None:
    id = letter.proxy_configuration_id
    await storage.dead_letters.note(letter)

    assert await storage.dead_letters.to_retry(id) == []
    assert await storage.dead_letters.retry(id, letter.seq, NOON)
    assert await storage.dead_letters.to_retry(id) == [replace(letter, id=1, retry_at=NOON)]
    await storage.dead_letters.note_delivered(id, letter.seq)
    assert await storage.dead_letters.count(id) == 0


async def test_nobody_sends_again_what_is_not_dead(storage: Storage, letter: DeadLetter) -> None:
    assert not await storage.dead_letters.retry(letter.proxy_configuration_id, letter.seq, NOON)


async def test_letters_go_with_their_configuration(storage: Storage, letter: DeadLetter) -> None:
    await storage.dead_letters.note(letter)
    await storage.proxy_configurations.delete(ORGANIZATION, letter.proxy_configuration_id)
    await storage.dead_letters.note(letter)

    assert await storage.dead_letters.count(letter.proxy_configuration_id) == 0
