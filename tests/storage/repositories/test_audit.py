"""What somebody did or was denied, newest first, and of one organization only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storage.audit_chain import Sealed
from storage.records import AuditEntry
from storage.repositories.audit import Wanted
from storage.store import Storage
from tests.storage.doubles import ALICE, NOON

DENIED = AuditEntry(
    timestamp=NOON,
    organization_uuid=ALICE.organization_uuid,
    charge_box_id=ALICE.charge_box_id,
    actor="target:1",
    action="ChangeConfiguration",
    result="denied",
    details={"key": "AuthorizationKey"},
)


async def test_an_entry_is_kept_as_it_was_noted(storage: Storage) -> None:
    await storage.audit.note(DENIED)

    assert await storage.audit.list(ALICE.organization_uuid) == [replace(DENIED, id=1)]


async def test_the_newest_comes_first_page_by_page(storage: Storage) -> None:
    actions = [f"Action{number}" for number in range(5)]
    for action in actions:
        noted = storage.audit.note(replace(DENIED, action=action))
    await noted
    first = await storage.audit.list(ALICE.organization_uuid, limit=3)
    rest = await storage.audit.list(ALICE.organization_uuid, limit=3, before=first[-1].id)

    assert [entry.action for entry in first + rest] == actions[::-1]


async def test_an_organization_sees_its_own(storage: Storage) -> None:
    await storage.audit.note(replace(DENIED, organization_uuid="another"))

    assert await storage.audit.list(ALICE.organization_uuid) == []


# ---- the chain ----

COPIED = "timestamp, organization_uuid, category, actor, action, result, details, seal"


async def noted(storage: Storage, number: int = 3, **more: Any) -> None:
    for _ in range(number):
        done = storage.audit.note(replace(DENIED, **more))
    await done


async def write(storage: Storage, sql: str) -> None:
    await storage.database.execute(text(sql))


async def test_what_was_noted_is_tied_to_its_organizations_chain(storage: Storage) -> None:
    other = (await storage.organizations.create("Other")).organization_uuid
    await noted(storage)
    await noted(storage, 2, organization_uuid=other)
    assert await storage.audit.unsealed(ALICE.organization_uuid) == 3

    assert await storage.audit.seal(4) == 4
    assert await storage.audit.seal(4) == 1
    assert await storage.audit.seal() == 0

    ours, others = [await storage.audit.verify(id) for id in (ALICE.organization_uuid, other)]
    assert (ours.is_whole, ours.rows, others.is_whole, others.rows) == (True, 3, True, 2)
    assert [entry.place for entry in await storage.audit.list(other)] == [2, 1]
    assert await storage.audit.unsealed(ALICE.organization_uuid) == 0
    assert sorted(await storage.audit.chained()) == sorted([ALICE.organization_uuid, other])


async def test_what_was_added_by_others_meanwhile_comes_later_in_the_chain(
    storage: Storage,
) -> None:
    await noted(storage)
    await storage.audit.seal()
    # As if its transaction had begun first and ended last.
    await noted(storage, 1)
    await write(storage, "UPDATE audit SET id = -1 WHERE id = 4")
    await storage.audit.seal()

    verdict = await storage.audit.verify(ALICE.organization_uuid)

    assert (verdict.is_whole, verdict.rows) == (True, 4)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE audit SET actor = 'key:2' WHERE id = 2", {"altered": (2,)}),
        ("UPDATE audit SET details = 'no JSON' WHERE id = 2", {"altered": (2,)}),
        ("DELETE FROM audit WHERE id = 2", {"removed": ((2, 2),)}),
        ("DELETE FROM audit WHERE id >= 2", {"removed": ((2, 3),)}),
        ("DELETE FROM audit", {"removed": ((1, 3),)}),
        (
            f"INSERT INTO audit (id, place, {COPIED}) SELECT 9, 4, {COPIED} FROM audit WHERE id=3",
            {"inserted": (9,)},
        ),
        ("UPDATE audit_chains SET last_place = 2", {"record": False, "inserted": ()}),
        ("DELETE FROM audit_chains", {"record": False}),
    ],
)
async def test_whoever_writes_to_the_database_is_seen(
    storage: Storage, change: str, found: dict[str, Any]
) -> None:
    await noted(storage)
    await storage.audit.seal()
    assert (await storage.audit.verify(ALICE.organization_uuid)).is_whole

    await write(storage, change)

    verdict = await storage.audit.verify(ALICE.organization_uuid)
    assert not verdict.is_whole
    assert {name: getattr(verdict, name) for name in found} == found


@pytest.mark.parametrize("place", [-1, 0, 1, 2])
async def test_what_is_put_before_the_beginning_of_a_chain_is_seen(
    storage: Storage, place: int
) -> None:
    await noted(storage, 5)
    await storage.audit.seal()
    rows = [row async for row in storage.audit.rows(ALICE.organization_uuid)]
    await storage.audit.cut(ALICE.organization_uuid, Sealed(2, rows[1]["seal"]))

    copied = f"SELECT 9, {place}, {COPIED} FROM audit WHERE id = 3"
    await write(storage, f"INSERT INTO audit (id, place, {COPIED}) {copied}")

    verdict = await storage.audit.verify(ALICE.organization_uuid)
    assert (verdict.is_whole, verdict.inserted) == (False, (9,))


@pytest.mark.sqlite_only("PostgreSQL keeps nothing else in these columns")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_chains SET last_place = 'x'",
        "UPDATE audit_chains SET last_place = 9223372036854775807",
        "UPDATE audit_chains SET last_seal = 'x'",
        "UPDATE audit_chains SET anchor_place = 'x'",
        "UPDATE audit_chains SET seal = 3",
        "UPDATE audit SET place = 'x' WHERE id = 3",
    ],
)
async def test_what_makes_no_sense_holds_up_neither_the_sealing_nor_the_looking(
    storage: Storage, change: str
) -> None:
    await noted(storage)
    await storage.audit.seal()
    await write(storage, change)
    await noted(storage, 1)
    await noted(storage, 1, organization_uuid="another")

    await storage.audit.seal()

    assert await storage.audit.unsealed(ALICE.organization_uuid) == 0
    assert await storage.audit.unsealed("another") == 0
    assert not (await storage.audit.verify(ALICE.organization_uuid)).is_whole


async def test_what_was_done_to_the_end_stays_visible_when_the_chain_goes_on(
    storage: Storage,
) -> None:
    await noted(storage)
    await storage.audit.seal()
    await write(storage, "DELETE FROM audit WHERE id = 3")
    await write(storage, "UPDATE audit_chains SET last_place = 2")

    await noted(storage)
    await storage.audit.seal()

    verdict = await storage.audit.verify(ALICE.organization_uuid)
    assert (verdict.removed, verdict.record) == (((3, 3),), True)


async def test_a_chain_whose_record_is_gone_goes_on_behind_an_empty_place(storage: Storage) -> None:
    await noted(storage)
    await storage.audit.seal()
    await write(storage, "DELETE FROM audit_chains")

    await noted(storage)
    await storage.audit.seal()

    assert (await storage.audit.verify(ALICE.organization_uuid)).removed == ((4, 4),)


async def test_what_is_left_of_a_chain_that_was_cut_is_whole(storage: Storage) -> None:
    await noted(storage, 5)
    await storage.audit.seal()
    rows = [row async for row in storage.audit.rows(ALICE.organization_uuid)]

    assert await storage.audit.cut(ALICE.organization_uuid, Sealed(2, rows[1]["seal"]))

    verdict = await storage.audit.verify(ALICE.organization_uuid)
    assert (verdict.is_whole, verdict.rows) == (True, 3)
    assert [entry.id for entry in await storage.audit.list(ALICE.organization_uuid)] == [5, 4, 3]
    await noted(storage)
    await storage.audit.seal()
    assert (await storage.audit.verify(ALICE.organization_uuid)).is_whole


async def test_a_chain_that_was_tampered_with_is_not_cut(storage: Storage) -> None:
    await noted(storage)
    await storage.audit.seal()
    await write(storage, "UPDATE audit_chains SET last_place = 2")

    assert not await storage.audit.cut(ALICE.organization_uuid, Sealed(1, b""))


async def test_a_noted_end_is_found_again(storage: Storage) -> None:
    await noted(storage)
    await storage.audit.seal()
    rows = [row async for row in storage.audit.rows(ALICE.organization_uuid)]
    ends = [Sealed(row["place"], row["seal"]) for row in rows]
    await noted(storage)
    await storage.audit.seal()
    await storage.audit.cut(ALICE.organization_uuid, ends[1])

    held = [await storage.audit.holds(ALICE.organization_uuid, end) for end in ends]

    assert held == [None, True, True]
    assert await storage.audit.holds(ALICE.organization_uuid, Sealed(3, b"else")) is False
    assert await storage.audit.holds(ALICE.organization_uuid, Sealed(9, ends[2].seal)) is False


async def test_entries_are_found_by_what_they_tell(storage: Storage) -> None:
    await noted(storage, 1)
    await noted(storage, 1, category="security", actor="address:127.0.0.9", charge_box_id=None)
    await noted(storage, 1, action="Reset", timestamp=NOON + timedelta(hours=1))

    async def ids(**wanted: Any) -> list[int]:
        found = await storage.audit.list(ALICE.organization_uuid, wanted=Wanted(**wanted))
        return [entry.id for entry in found]

    assert await ids() == [3, 2, 1]
    assert await ids(category="security") == [2]
    assert await ids(category="platform", actor="target:1") == [3, 1]
    assert await ids(action="Reset") == [3]
    assert await ids(charge_box_id=ALICE.charge_box_id) == [3, 1]
    assert await ids(since=NOON + timedelta(minutes=1)) == [3]
    assert await ids(until=NOON + timedelta(minutes=1)) == [2, 1]
