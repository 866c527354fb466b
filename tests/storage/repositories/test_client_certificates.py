"""Client certificates: sealed keys, found by their own organization, kept while in use."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, column, text

from storage.errors import SealBroken
from storage.key_ring import KEY_RING
from storage.records import ClientCertificate
from storage.store import Storage, open_storage
from tests.storage.doubles import ALICE, NOON, ORGANIZATION, HandClock
from tests.storage.records import proxy

SECRET = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
ONE = ClientCertificate(
    certificate_id="cert-1",
    organization_uuid=ORGANIZATION,
    name="Main_CSMS",
    chain="-----BEGIN CERTIFICATE-----",
    private_key=SECRET,
    sha256="00" * 32,
    subject="CN=Depot",
    not_before=NOON,
    not_after=NOON + timedelta(days=365),
    created_at=NOON,
)
TWO = replace(ONE, certificate_id="cert-2", private_key="another key")


async def sealed(storage: Storage) -> list[bytes]:
    stored = text("SELECT private_key AS sealed FROM client_certificates ORDER BY certificate_id")
    found = await storage.database.fetch(stored.columns(column("sealed", LargeBinary)))
    return [bytes(each["sealed"]) for each in found]


async def test_a_certificate_comes_back_as_it_was_stored(storage: Storage) -> None:
    await storage.client_certificates.add(ONE)

    assert await storage.client_certificates.get(ORGANIZATION, "cert-1") == ONE
    assert await storage.client_certificates.get(ORGANIZATION, "cert-2") is None


async def test_the_key_is_sealed_and_never_shown(storage: Storage) -> None:
    await storage.client_certificates.add(ONE)

    [stored] = await sealed(storage)
    assert b"c2VjcmV0" not in stored
    assert b"PRIVATE KEY" not in stored
    assert SECRET not in repr(ONE)


async def test_a_sealed_key_is_worth_nothing_in_another_row(storage: Storage) -> None:
    await storage.client_certificates.add(ONE)
    await storage.client_certificates.add(TWO)

    swap = text(
        "UPDATE client_certificates SET private_key = (SELECT private_key FROM "
        "client_certificates WHERE certificate_id = 'cert-1')"
    )
    await storage.database.execute(swap)

    assert await storage.client_certificates.get(ORGANIZATION, "cert-1") == ONE
    with pytest.raises(SealBroken):
        await storage.client_certificates.get(ORGANIZATION, "cert-2")


async def test_it_is_found_and_deleted_in_its_own_organization_only(storage: Storage) -> None:
    await storage.client_certificates.add(ONE)

    assert await storage.client_certificates.get("unknown", "cert-1") is None
    assert await storage.client_certificates.list("unknown") == []
    assert not await storage.client_certificates.delete("unknown", "cert-1")
    assert await storage.client_certificates.delete(ORGANIZATION, "cert-1")
    assert not await storage.client_certificates.delete(ORGANIZATION, "cert-1")


async def test_they_are_listed_page_by_page(storage: Storage) -> None:
    for certificate in (TWO, ONE):
        await storage.client_certificates.add(certificate)

    assert await storage.client_certificates.list(ORGANIZATION, 1) == [ONE]
    assert await storage.client_certificates.list(ORGANIZATION, 1, "cert-1") == [TWO]


async def test_those_that_end_soon_are_found_the_first_first(storage: Storage) -> None:
    sooner = replace(TWO, not_after=NOON + timedelta(days=3))
    for certificate in (ONE, sooner):
        await storage.client_certificates.add(certificate)

    assert await storage.client_certificates.ending(NOON + timedelta(days=2)) == []
    assert await storage.client_certificates.ending(NOON + timedelta(days=3)) == [sooner]
    assert await storage.client_certificates.ending(ONE.not_after) == [sooner, ONE]


async def test_what_a_configuration_uses_is_kept(storage: Storage) -> None:
    await storage.client_certificates.add(ONE)
    using = replace(proxy(ALICE), target_auth_client_cert_id="cert-1")
    created = await storage.proxy_configurations.create(using)

    assert not await storage.client_certificates.delete(ORGANIZATION, "cert-1")

    await storage.proxy_configurations.delete(ORGANIZATION, created.id)
    assert await storage.client_certificates.delete(ORGANIZATION, "cert-1")


async def test_without_the_key_of_a_stored_key_storage_does_not_open(
    tmp_path: Path, clock: HandClock
) -> None:
    async with open_storage(tmp_path, clock) as storage:
        organization = (await storage.organizations.create("Depot")).organization_uuid
        await storage.client_certificates.add(replace(ONE, organization_uuid=organization))
    ring = json.loads((tmp_path / KEY_RING).read_text())
    [key] = ring["keys"].values()
    (tmp_path / KEY_RING).write_text(json.dumps({"current": "00000001", "keys": {"00000001": key}}))

    with pytest.raises(SealBroken, match=r"put the keyring\.json"):
        async with open_storage(tmp_path, clock):
            pass
