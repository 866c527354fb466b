"""Known tokens: one of each, whatever its letters, and each organization has its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import URL

from storage.errors import Conflict
from storage.operation_records import KnownToken
from storage.repositories.known_tokens import Permission
from storage.store import Storage
from tests.storage.doubles import NOON, ORGANIZATION
from tests.storage.postgres import meanwhile_of

CARD = KnownToken(
    organization_uuid=ORGANIZATION,
    id_token="Ab-12",
    type="ISO14443",
    group_id_token="Fleet",
    comment="the van",
    expires_at=NOON + timedelta(days=1),
    created_at=NOON,
)


async def test_a_token_is_found_whatever_its_letters_and_as_it_was_written(
    storage: Storage,
) -> None:
    await storage.known_tokens.add(CARD)

    assert await storage.known_tokens.get(ORGANIZATION, "aB-12") == CARD
    assert await storage.known_tokens.get(ORGANIZATION, "aB-13") is None
    assert await storage.known_tokens.get("another organization", "Ab-12") is None


async def test_a_token_is_known_once(storage: Storage) -> None:
    await storage.known_tokens.add(CARD)

    with pytest.raises(Conflict):
        await storage.known_tokens.add(replace(CARD, id_token="AB-12"))


async def test_a_token_is_changed_field_by_field(storage: Storage) -> None:
    await storage.known_tokens.add(CARD)

    changed = await storage.known_tokens.update(ORGANIZATION, "AB-12", status="Blocked")

    assert changed == replace(CARD, status="Blocked")
    assert await storage.known_tokens.get(ORGANIZATION, "Ab-12") == changed
    assert await storage.known_tokens.update(ORGANIZATION, "unknown", status="Blocked") is None


async def test_a_token_is_forgotten(storage: Storage) -> None:
    await storage.known_tokens.add(CARD)

    assert not await storage.known_tokens.delete("another organization", "Ab-12")
    assert await storage.known_tokens.delete(ORGANIZATION, "AB-12")
    assert not await storage.known_tokens.delete(ORGANIZATION, "AB-12")


async def test_tokens_are_listed_page_by_page(storage: Storage) -> None:
    for name in ("b", "C", "A"):
        await storage.known_tokens.add(replace(CARD, id_token=name))

    first = await storage.known_tokens.list(ORGANIZATION, limit=2)
    rest = await storage.known_tokens.list(ORGANIZATION, after=first[-1].id_token)

    assert [one.id_token for one in (*first, *rest)] == ["A", "b", "C"]
    assert await storage.known_tokens.list("another organization") == []


async def test_one_read_tells_what_an_organization_says_of_a_token(storage: Storage) -> None:
    await storage.known_tokens.add(CARD)
    await storage.organizations.authorize(ORGANIZATION, "known")

    said = await storage.known_tokens.permission(ORGANIZATION, "AB-12")

    assert said == Permission("known", "Accepted", "Fleet", NOON + timedelta(days=1))
    assert await storage.known_tokens.permission(ORGANIZATION, "other") == Permission("known")
    assert await storage.known_tokens.permission("unknown", "Ab-12") == Permission("reject")


@pytest.mark.postgresql_only("on SQLite nobody writes meanwhile")
async def test_a_token_that_is_forgotten_while_it_is_changed_is_not_known_again(
    storage: Storage, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.known_tokens.add(CARD)
    meanwhile = meanwhile_of(url, monkeypatch)
    forgetting = meanwhile(lambda: storage.known_tokens.delete(ORGANIZATION, "Ab-12"))

    await storage.known_tokens.update(ORGANIZATION, "Ab-12", comment="the lorry")

    assert await forgetting()
    assert await storage.known_tokens.get(ORGANIZATION, "Ab-12") is None
