"""A charger belongs to one site at most, and a site that is deleted leaves its chargers behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.errors import Conflict
from storage.store import Storage
from tests.storage.commissioning import SITE, THEIRS, begun, enrolled, installed, rollout, site
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION, HandClock
from tests.storage.records import charger

NAMES = (ALICE.charge_box_id, BOB.charge_box_id)


async def at(storage: Storage, site_id: str) -> list[str]:
    """Return a site's chargers, which all that is asked says alike."""
    members = list(await storage.sites.members(ORGANIZATION, site_id))
    sizes = await storage.sites.sizes(ORGANIZATION, [site_id])
    places = await storage.sites.whereabouts(ORGANIZATION, sorted(NAMES))
    records = await storage.chargers.of_site(ORGANIZATION, site_id)
    assert members == sorted(name for name, place in places.items() if place == site_id)
    assert members == [record.key.charge_box_id for record in records]
    assert sizes == {site_id: len(members)}
    return members


async def test_a_site_is_what_it_was_with_its_chargers(storage: Storage) -> None:
    await enrolled(storage, BOB)

    assert await storage.sites.get(ORGANIZATION, SITE) == site()
    assert await at(storage, SITE) == sorted(NAMES)


async def test_a_site_whose_id_is_taken_changes_nothing(storage: Storage) -> None:
    await enrolled(storage)
    await storage.chargers.enroll(charger(BOB), None)

    with pytest.raises(Conflict):
        await storage.sites.create(site(name="Other"), [BOB.charge_box_id])

    assert await storage.sites.get(ORGANIZATION, SITE) == site()
    assert await at(storage, SITE) == [ALICE.charge_box_id]


async def test_a_charger_that_enters_a_site_leaves_the_other(
    storage: Storage, clock: HandClock
) -> None:
    await enrolled(storage, BOB)
    await storage.sites.create(site("site-2"), [])
    named = replace(site("site-2"), name="Airport", updated_at=clock.pass_time(hours=1))

    await storage.sites.change(named, named.updated_at, entering=[BOB.charge_box_id], leaving=[])
    assert await storage.sites.get(ORGANIZATION, "site-2") == named
    assert await at(storage, SITE) == [ALICE.charge_box_id]

    # It is not the other site's to be put out of.
    await storage.sites.change(site(), NOON, entering=[], leaving=NAMES)
    assert await at(storage, SITE) == []
    assert await at(storage, "site-2") == [BOB.charge_box_id]


async def test_who_is_not_enrolled_enters_nothing(storage: Storage) -> None:
    await storage.sites.create(site(), ["CP-GHOST"])

    assert await at(storage, SITE) == []


async def test_a_deleted_site_goes_with_its_rollouts_and_its_chargers_stay(
    storage: Storage,
) -> None:
    await enrolled(storage, BOB)
    running = rollout("r")
    await begun(storage, running)

    assert await storage.sites.delete(ORGANIZATION, SITE)
    assert not await storage.sites.delete(ORGANIZATION, SITE)

    assert await storage.sites.get(ORGANIZATION, SITE) is None
    assert await storage.rollouts.get(ORGANIZATION, "r") is None
    assert await storage.rollouts.steps("r") == []
    assert await storage.rollouts.unfinished() == []
    assert await storage.sites.whereabouts(ORGANIZATION, (*NAMES, "x")) == dict.fromkeys(NAMES)
    # Nobody comes any more for whom the rollout had not reached.
    assert await installed(storage, BOB) == (running.version, "r", "superseded")


async def test_pages_of_sites(storage: Storage) -> None:
    for number in (3, 1, 2):
        await storage.sites.create(site(f"site-{number}"), [])

    async def page(limit: int, after: str | None) -> list[str]:
        return [one.site_id for one in await storage.sites.list(ORGANIZATION, limit, after)]

    assert await page(2, None) == ["site-1", "site-2"]
    assert await page(2, "site-2") == ["site-3"]
    assert await storage.sites.sizes(ORGANIZATION, ["site-3", "site-1"]) == {
        "site-3": 0,
        "site-1": 0,
    }
    assert await storage.sites.sizes(ORGANIZATION, []) == {}


async def test_a_site_is_its_organization_s_alone(storage: Storage) -> None:
    await enrolled(storage)
    stolen = site(organization_uuid=THEIRS, name="Stolen")
    foreign = site("their-site", THEIRS)

    assert await storage.sites.get(THEIRS, SITE) is None
    assert await storage.sites.list(THEIRS) == []
    assert await storage.sites.whereabouts(THEIRS, NAMES) == {}
    assert await storage.sites.members(THEIRS, SITE) == []
    assert await storage.sites.sizes(THEIRS, [SITE]) == {SITE: 0}
    await storage.sites.change(stolen, NOON, entering=[], leaving=NAMES)
    await storage.sites.change(foreign, NOON, entering=NAMES, leaving=[])
    assert not await storage.sites.delete(THEIRS, SITE)

    assert await storage.sites.get(ORGANIZATION, SITE) == site()
    assert await at(storage, SITE) == [ALICE.charge_box_id]
