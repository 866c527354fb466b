"""A token that we started with is known on its charger, a target's word in the organization."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.records import ChargerKey
from storage.repositories.id_tokens import Source
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON

STRANGER = ChargerKey("another organization", "CP-ALICE")


@pytest.mark.parametrize(
    ("source", "asked_for", "knows"),
    [
        ("platform", "platform", [ALICE]),
        ("platform", "target", []),
        ("target", "target", [ALICE, BOB]),
        ("target", "platform", []),
        ("remote_start", "remote_start", [ALICE]),
        ("remote_start", "target", []),
        ("target", "remote_start", []),
    ],
)
async def test_who_knows_a_token_depends_on_who_accepted_it(
    storage: Storage, source: Source, asked_for: Source, knows: list[ChargerKey]
) -> None:
    await storage.id_tokens.note_accepted(ALICE, "TAG", source, NOON)

    assert [
        key
        for key in (ALICE, BOB, STRANGER)
        if await storage.id_tokens.accepted_since(key, "TAG", NOON, asked_for)
    ] == knows
    assert not await storage.id_tokens.accepted_since(ALICE, "TAG2", NOON, asked_for)


async def test_a_token_is_known_since_it_was_last_accepted(storage: Storage) -> None:
    later = NOON + timedelta(days=30)
    await storage.id_tokens.note_accepted(ALICE, "TAG", "platform", NOON)
    assert not await storage.id_tokens.accepted_since(ALICE, "TAG", later, "platform")

    await storage.id_tokens.note_accepted(ALICE, "TAG", "platform", later)

    assert await storage.id_tokens.accepted_since(ALICE, "TAG", later, "platform")


async def test_upper_case_is_lower_case(storage: Storage) -> None:
    await storage.id_tokens.note_accepted(ALICE, "Tag", "platform", NOON)

    assert await storage.id_tokens.accepted_since(ALICE, "tAG", NOON, "platform")
