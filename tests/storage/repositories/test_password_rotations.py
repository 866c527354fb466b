"""A password that a charger may have taken over counts until it is known that it has not."""

from __future__ import annotations

from datetime import timedelta

from storage.repositories.password_rotations import MOST_RUN_OUT
from storage.secrets import digest_secret, secret_matches
from storage.security_records import PasswordRotation
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

DAY = timedelta(hours=24)


def rotation(name: str = "one", after: int = 0) -> PasswordRotation:
    at = NOON + timedelta(minutes=after)
    return PasswordRotation(
        key=ALICE,
        rotation_id=name,
        state="asked",
        next_digest=digest_secret(name.encode()),
        requested_by="key-1",
        requested_at=at,
        expires_at=at + DAY,
    )


async def names(storage: Storage) -> list[str]:
    return [one.rotation_id for one in await storage.password_rotations.of(ALICE)]


async def has(storage: Storage, password: str) -> bool:
    charger = await storage.chargers.get(ALICE)
    assert charger is not None
    return secret_matches(password.encode(), charger.password_digest)


async def test_it_is_kept_as_it_was_stored(storage: Storage) -> None:
    kept = storage.password_rotations
    stored = rotation()
    await kept.begin(stored)

    assert await kept.of(ALICE) == [stored]
    assert await kept.of(BOB) == []


async def test_settled_it_is_the_only_password_with_what_was_asked_before(
    storage: Storage,
) -> None:
    kept = storage.password_rotations
    for number, name in enumerate(("one", "two", "three")):
        await kept.begin(rotation(name, number))

    assert await kept.settle(ALICE, "two")
    assert await has(storage, "two")
    assert await names(storage) == ["three"]
    assert not await kept.settle(ALICE, "one")
    assert await has(storage, "two")


async def test_dropped_it_leaves_the_password_and_the_others(storage: Storage) -> None:
    kept = storage.password_rotations
    await kept.begin(rotation("one"))
    await kept.begin(rotation("two", 1))

    assert await kept.drop(ALICE, "one")
    assert not await kept.drop(ALICE, "one")
    assert not await kept.drop(BOB, "two")
    assert await names(storage) == ["two"]
    assert not await has(storage, "one")


async def test_of_those_that_ran_out_the_newest_stay(storage: Storage) -> None:
    kept = storage.password_rotations
    for day in range(MOST_RUN_OUT + 3):
        await kept.begin(rotation(str(day), day * 24 * 60))

    assert await names(storage) == [str(day) for day in range(2, MOST_RUN_OUT + 3)]


async def test_what_waits_for_a_restart_does_not_run_out(storage: Storage) -> None:
    kept = storage.password_rotations
    await kept.begin(rotation("one"))
    await kept.await_restart(ALICE, "one")

    (found,) = await kept.of(ALICE)
    assert (found.state, found.expires_at) == ("at_restart", None)
    assert found.is_open(NOON + 1000 * DAY)
    assert not rotation().is_open(NOON + DAY)


async def test_it_goes_with_its_charger(storage: Storage) -> None:
    await storage.password_rotations.begin(rotation())
    await storage.chargers.delete(ALICE)
    assert await names(storage) == []
    assert not await storage.password_rotations.settle(ALICE, "one")


async def test_what_ran_out_is_opened_again_and_nothing_else(storage: Storage) -> None:
    kept, later = storage.password_rotations, NOON + 2 * DAY
    await kept.begin(rotation("one"))
    await kept.begin(rotation("two", 1))
    await kept.await_restart(ALICE, "two")

    assert await kept.reopen(ALICE, NOON, later) == 0
    assert await kept.reopen(BOB, later, later + DAY) == 0
    assert await kept.reopen(ALICE, NOON + DAY, later) == 1
    assert [one.expires_at for one in await kept.of(ALICE)] == [later, None]
