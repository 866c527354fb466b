"""A rollout claims its chargers, remembers each step, and knows what there was before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from storage.commissioning_records import Rollout, RolloutStep
from storage.commissioning_schema import rollout_steps
from storage.errors import SealBroken, StorageError
from storage.records import ChargerKey
from storage.repositories import rollouts as module
from storage.store import Storage
from tests.storage.commissioning import (
    BEFORE,
    SITE,
    THEIRS,
    begun,
    enrolled,
    installation,
    installed,
    rollout,
    site,
    states,
    steps,
)
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock


@pytest.fixture(autouse=True)
async def both(storage: Storage) -> None:
    await enrolled(storage, BOB)


async def finished(storage: Storage, step: RolloutStep, **more: object) -> RolloutStep:
    """Note that a step was carried out."""
    done = replace(step, **{"state": "applied", "before": BEFORE, "finished_at": NOON, **more})  # type: ignore[arg-type] # by name
    wish = installation(step.key, step.rollout_id, state="applied", applied_version="some")
    assert await storage.installations.put(wish, None, done)
    return done


async def numbered(storage: Storage, of: Rollout) -> Rollout:
    found = await storage.rollouts.get(ORGANIZATION, of.rollout_id)
    assert found is not None
    assert found.number > 0
    return found


# ---- begin ----


async def test_a_rollout_is_what_it_was_and_claims_its_chargers(storage: Storage) -> None:
    asked = rollout("r", canary_chargers=1, canary_seconds=30)
    made = await begun(storage, asked)

    found = await numbered(storage, asked)
    assert replace(found, number=0) == asked
    assert await storage.rollouts.steps("r") == made
    assert await storage.rollouts.states("r") == {"pending": 2}
    assert await storage.rollouts.unfinished() == [found]
    for key in (ALICE, BOB):
        assert await storage.installations.get(key) == installation(
            key, "r", wanted_version="version of r"
        )


async def test_a_claim_leaves_what_is_installed_and_asks_for_each_charger_s_own(
    storage: Storage, clock: HandClock
) -> None:
    has = installation(
        ALICE, "own", applied_version="old", charge_point_id="CP", state="failed", error="Bad."
    )
    await storage.installations.put(replace(has, applied_at=NOON), None)
    later = rollout("r", version=None, takes_back="q", created_at=clock.pass_time(hours=1))

    await storage.rollouts.begin(later, steps(later, (ALICE, BOB)), [None, "bob's"])

    assert await storage.installations.get(ALICE) == replace(
        has,
        wanted_version=None,
        applied_at=NOON,
        state="pending",
        error=None,
        claim="r",
        requested_at=later.created_at,
    )
    assert await installed(storage, BOB) == ("bob's", "r", "pending")


async def test_a_charger_that_was_deleted_before_is_not_claimed(storage: Storage) -> None:
    await storage.chargers.delete(BOB)

    await begun(storage, rollout("r"))

    assert await states(storage, rollout("r")) == ["pending", "pending"]
    assert await storage.installations.get(BOB) is None


async def test_a_site_without_chargers_can_be_rolled_out_to(storage: Storage) -> None:
    await storage.rollouts.begin(rollout("r"), [], [])

    assert await storage.rollouts.steps("r") == []
    assert await storage.rollouts.states("r") == {}


async def test_a_rollout_to_a_site_that_is_gone_changes_nothing(storage: Storage) -> None:
    await begun(storage, rollout("r"))
    await storage.sites.delete(ORGANIZATION, SITE)

    with pytest.raises(StorageError):
        await begun(storage, rollout("s"))

    assert await installed(storage, ALICE) == ("version of r", "r", "superseded")


async def test_the_next_rollout_to_a_site_supersedes_the_one_that_runs(
    storage: Storage, clock: HandClock
) -> None:
    await storage.sites.create(site("elsewhere"), [])
    await storage.rollouts.begin(away := rollout("away", "elsewhere"), [], [])
    first = rollout("r")
    alice, _ = await begun(storage, first)
    await finished(storage, alice)
    later = rollout("s", created_at=clock.pass_time(minutes=5))

    await begun(storage, later, ALICE)  # Bob's has left the site

    old = await numbered(storage, first)
    assert (old.state, old.finished_at) == ("superseded", later.created_at)
    one, two = await storage.rollouts.steps("r")
    assert (one.state, one.finished_at) == ("applied", NOON)
    assert (two.state, two.finished_at) == ("superseded", later.created_at)
    assert await installed(storage, ALICE) == ("version of s", "s", "pending")
    assert await installed(storage, BOB) == ("version of r", "r", "superseded")
    running = [each.rollout_id for each in await storage.rollouts.unfinished()]
    assert running == [away.rollout_id, "s"]


# ---- steps ----


async def test_what_there_was_before_is_sealed_whatever_it_is(storage: Storage) -> None:
    alice, bob = await begun(storage, rollout("r"))
    done = await finished(storage, alice)

    assert await storage.rollouts.steps("r") == [done, bob]
    [row, _] = await storage.database.fetch(select(rollout_steps).order_by(rollout_steps.c.place))
    assert b"canary" not in bytes(row["before"])
    assert "canary" not in repr(done)
    # Moved to another step it does not open.
    await storage.database.execute(
        rollout_steps.update().where(rollout_steps.c.place == 1).values(before=bytes(row["before"]))
    )
    with pytest.raises(SealBroken):
        await storage.rollouts.steps("r")


async def test_what_became_of_a_charger_is_noted_once(storage: Storage) -> None:
    alice, bob = await begun(storage, rollout("r"))
    done = await finished(storage, alice)

    await storage.rollouts.finish_step(replace(alice, state="gone"))
    # As it was in another order, before the rollout was opened again.
    await storage.rollouts.finish_step(replace(alice, state="gone", place=bob.place))

    assert await storage.rollouts.steps("r") == [done, bob]


async def test_pages_of_steps(storage: Storage) -> None:
    made = await begun(storage, rollout("r"))

    assert await storage.rollouts.steps("r", 1) == made[:1]
    assert await storage.rollouts.steps("r", 1, 0) == made[1:]
    assert await storage.rollouts.steps("r", 1, 1) == []


async def test_the_end_of_a_rollout_is_that_of_what_it_did_not_come_to(
    storage: Storage, clock: HandClock
) -> None:
    carol = ChargerKey(ORGANIZATION, "CP-CAROL")
    alice, _, _ = await begun(storage, asked := rollout("r"), ALICE, BOB, carol)
    await finished(storage, alice)
    await storage.installations.put(
        installation(BOB, "own"), None
    )  # pending, and not the rollout's
    at = clock.pass_time(minutes=1)

    await storage.rollouts.finish(asked, "halted", at, "A canary is not linked.")
    await storage.rollouts.finish(asked, "done", clock.pass_time(minutes=1))

    ended = await numbered(storage, asked)
    assert (ended.state, ended.error, ended.finished_at) == (
        "halted",
        "A canary is not linked.",
        at,
    )
    assert await storage.rollouts.states("r") == {"applied": 1, "halted": 2}
    assert await installed(storage, ALICE) == ("version", "r", "applied")
    assert await installed(storage, BOB) == ("version", "own", "pending")
    assert await storage.rollouts.unfinished() == []


async def test_what_was_not_reached_says_why(storage: Storage) -> None:
    await begun(storage, asked := rollout("r"))

    await storage.rollouts.finish(asked, "halted", NOON, "A canary is not linked.")

    found = await storage.installations.get(BOB)
    assert found is not None
    assert (found.state, found.error) == ("halted", "A canary is not linked.")
    assert (found.wanted_version, found.applied_version) == ("version of r", None)


# ---- again ----


async def test_an_opened_rollout_is_the_same_with_new_steps(storage: Storage) -> None:
    alice, _ = await begun(storage, asked := rollout("r", canary_chargers=1, canary_seconds=2))
    await finished(storage, alice)
    await storage.rollouts.finish(asked, "halted", NOON, "No.")
    old = await numbered(storage, asked)
    again = replace(
        old,
        canary_chargers=None,
        canary_seconds=None,
        state="running",
        error=None,
        finished_at=None,
        requested_by="key-2",
    )
    made = [replace(step, before=None) for step in steps(again, (BOB, ALICE))]
    made[1] = replace(made[1], before=BEFORE)

    await storage.rollouts.begin(again, made, ["version of r"] * 2)

    assert await storage.rollouts.list(ORGANIZATION, SITE) == [again]
    assert await storage.rollouts.steps("r") == made
    assert await installed(storage, ALICE) == ("version of r", "r", "pending")


# ---- what is kept ----


async def test_only_the_newest_and_what_it_takes_back_know_what_was_before(
    storage: Storage,
) -> None:
    async def known() -> set[str]:
        rows = await storage.database.fetch(
            select(rollout_steps.c.rollout_id).where(rollout_steps.c.before.is_not(None))
        )
        return {row["rollout_id"] for row in rows}

    async def done(asked: Rollout) -> None:
        for step in await begun(storage, asked):
            await finished(storage, step)
        await storage.rollouts.finish(asked, "done", NOON)

    await done(rollout("a"))
    assert await known() == {"a"}
    await done(rollout("b"))
    assert await known() == {"b"}
    await done(rollout("c", version=None, takes_back="b"))
    assert await known() == {"b", "c"}
    await begun(storage, rollout("d"))
    assert await known() == set()


async def test_the_oldest_are_forgotten_and_what_runs_elsewhere_is_not(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    await storage.sites.create(site("elsewhere"), [])
    await storage.rollouts.begin(rollout("away", "elsewhere"), [], [])

    for number in range(4):
        await begun(storage, rollout(f"r{number}"))

    assert [each.rollout_id for each in await storage.rollouts.list(ORGANIZATION, SITE)] == [
        "r3",
        "r2",
    ]
    assert await storage.rollouts.get(ORGANIZATION, "away") is not None
    counted = select(func.count().label("steps")).select_from(rollout_steps)
    assert await storage.database.fetch(counted) == [{"steps": 4}]


async def test_pages_of_rollouts(storage: Storage) -> None:
    for number in range(3):
        await storage.rollouts.begin(rollout(f"r{number}"), [], [])

    newest, *_ = first = await storage.rollouts.list(ORGANIZATION, SITE, 2)
    rest = await storage.rollouts.list(ORGANIZATION, SITE, 2, first[-1].number)

    assert newest.rollout_id == "r2"
    assert [each.rollout_id for each in (*first, *rest)] == ["r2", "r1", "r0"]


async def test_a_rollout_is_its_organization_s_alone(storage: Storage) -> None:
    await begun(storage, rollout("r"))

    assert await storage.rollouts.get(THEIRS, "r") is None
    assert await storage.rollouts.list(THEIRS, SITE) == []
