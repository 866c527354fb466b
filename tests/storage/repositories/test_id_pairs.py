"""A number of one side stands for one of the other, at each target and for each kind."""

from __future__ import annotations

from storage.store import Storage
from tests.storage.doubles import ALICE, BOB
from tests.storage.records import charger, proxy


async def test_ids_are_translated_both_ways(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    storage.id_pairs.note(created.id, "transaction", "1", "9")
    await storage.id_pairs.note(created.id, "transaction", "2", "8")

    assert await storage.id_pairs.theirs(created.id, "transaction", "1") == "9"
    assert await storage.id_pairs.ours(created.id, "transaction", "8") == "2"
    assert await storage.id_pairs.theirs(created.id, "transaction", "3") is None
    assert await storage.id_pairs.ours(created.id + 1, "transaction", "9") is None


async def test_where_a_target_repeats_itself_the_newest_counts(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    for ours, theirs in (("1", "7"), ("2", "7"), ("1", "6")):
        await storage.id_pairs.note(created.id, "transaction", ours, theirs)

    assert await storage.id_pairs.ours(created.id, "transaction", "7") == "2"
    assert await storage.id_pairs.theirs(created.id, "transaction", "1") == "6"


async def test_the_same_number_of_another_kind_is_another_id(storage: Storage) -> None:
    created = await storage.proxy_configurations.create(proxy(ALICE))

    storage.id_pairs.note(created.id, "reservation", "1", "9")
    await storage.id_pairs.note(created.id, "request", "1", "8")

    assert await storage.id_pairs.theirs(created.id, "reservation", "1") == "9"
    assert await storage.id_pairs.theirs(created.id, "request", "1") == "8"
    assert await storage.id_pairs.theirs(created.id, "remote_start", "1") is None
    assert await storage.id_pairs.ours(created.id, "reservation", "8") is None


async def test_a_configuration_that_is_gone_takes_no_ids(storage: Storage) -> None:
    await storage.id_pairs.note(4711, "transaction", "1", "9")

    assert await storage.id_pairs.theirs(4711, "transaction", "1") is None


async def test_the_ids_of_one_target_can_be_forgotten(storage: Storage) -> None:
    left = await storage.proxy_configurations.create(proxy(ALICE))
    kept = await storage.chargers.enroll(charger(BOB), proxy(BOB))
    assert kept is not None
    for configuration in (left, kept):
        await storage.id_pairs.note(configuration.id, "transaction", "1", "9")
        await storage.id_pairs.note(configuration.id, "request", "2", "8")
    await storage.id_pairs.forget(left.id)

    assert await storage.id_pairs.theirs(left.id, "transaction", "1") is None
    assert await storage.id_pairs.theirs(left.id, "request", "2") is None
    assert await storage.id_pairs.theirs(kept.id, "transaction", "1") == "9"
