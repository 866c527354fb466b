"""Client certificates of chargers: each is one charger's, and a revoked one stays known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import pytest

from storage.errors import Conflict
from storage.records import ChargerKey
from storage.security_records import ChargerCertificate
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import charger

YEAR = timedelta(days=365)


def certificate(
    sha256: str = "aa" * 32,
    key: ChargerKey = ALICE,
    created_at: datetime = NOON,
    source: Literal["pinned", "issued"] = "pinned",
) -> ChargerCertificate:
    return ChargerCertificate(
        key=key,
        sha256=sha256,
        subject="CN=CP1,O=Depot",
        issuer="CN=Root",
        serial_number="4711",
        not_before=NOON - YEAR,
        not_after=created_at + YEAR,
        source=source,
        created_at=created_at,
    )


async def test_a_charger_has_its_certificates_newest_first(storage: Storage) -> None:
    certificates = storage.charger_certificates
    await storage.chargers.enroll(charger(BOB), None)
    first = certificate()
    second = certificate("bb" * 32, created_at=NOON + timedelta(hours=1), source="issued")
    others = certificate("cc" * 32, BOB)
    for one in (first, second, others):
        await certificates.add(one)

    assert await certificates.of_charger(ALICE) == [second, first]
    assert await certificates.of_charger(BOB) == [others]


async def test_a_certificate_is_one_chargers(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    mine = certificate()
    await storage.charger_certificates.add(mine)
    with pytest.raises(Conflict):
        await storage.charger_certificates.add(certificate(key=BOB))

    organization = ALICE.organization_uuid
    assert await storage.charger_certificates.find(organization, mine.sha256) == mine
    assert await storage.charger_certificates.holder_of(organization, mine.sha256) == ALICE
    assert await storage.charger_certificates.holder_of(organization, "bb" * 32) is None
    assert await storage.charger_certificates.holder_of("another", mine.sha256) is None


async def test_a_revoked_certificate_stays_and_only_its_charger_has_it_revoked(
    storage: Storage,
) -> None:
    certificates, mine = storage.charger_certificates, certificate()
    await storage.chargers.enroll(charger(BOB), None)
    await certificates.add(mine)

    assert not await certificates.revoke(BOB, mine.sha256, NOON)
    assert await certificates.revoke(ALICE, mine.sha256, NOON)
    assert not await certificates.revoke(ALICE, mine.sha256, NOON + YEAR)
    assert await certificates.of_charger(ALICE) == [replace(mine, revoked_at=NOON)]


async def test_what_has_expired_goes_when_a_newer_one_comes(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    old, others = certificate(), certificate("dd" * 32, BOB)
    new = certificate("bb" * 32, created_at=NOON + 2 * YEAR)
    for one in (old, others, new):
        await storage.charger_certificates.add(one)

    assert await storage.charger_certificates.of_charger(ALICE) == [new]
    assert await storage.charger_certificates.of_charger(BOB) == [others]


async def test_of_many_chargers_the_newest_valid_ones_are_found(storage: Storage) -> None:
    certificates = storage.charger_certificates
    await storage.chargers.enroll(charger(BOB), None)
    for sha256, hours in (("cc" * 32, 1), ("aa" * 32, 2), ("ee" * 32, 3), ("bb" * 32, 0)):
        at = NOON + timedelta(hours=hours)
        await certificates.add(certificate(sha256, created_at=at))
    await certificates.add(certificate("dd" * 32, BOB))
    await certificates.revoke(ALICE, "ee" * 32, NOON)
    names = [ALICE.charge_box_id, BOB.charge_box_id, "nobody"]

    assert await certificates.newest_of(ALICE.organization_uuid, names, NOON) == {
        ALICE.charge_box_id: "aa" * 32,
        BOB.charge_box_id: "dd" * 32,
    }
    assert await certificates.newest_of(ALICE.organization_uuid, names, NOON + 2 * YEAR) == {}


async def test_certificates_go_with_their_charger_and_what_was_revoked_stays(
    storage: Storage,
) -> None:
    certificates = storage.charger_certificates
    await storage.chargers.enroll(charger(BOB), None)
    revoked, others = certificate("bb" * 32), certificate("cc" * 32, BOB)
    for one in (certificate(), revoked, others):
        await certificates.add(one)
    await certificates.revoke(ALICE, revoked.sha256, NOON)

    assert await storage.chargers.delete(ALICE)
    assert not await storage.chargers.delete(ALICE)

    assert await certificates.of_charger(ALICE) == [replace(revoked, revoked_at=NOON)]
    assert await certificates.of_charger(BOB) == [others]
    with pytest.raises(Conflict):
        await certificates.add(certificate("bb" * 32, BOB))
