"""What chargers have had signed: one step after the other, each of them whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.errors import Conflict
from storage.security_records import CertificateRequest
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import charger
from tests.storage.repositories.test_charger_certificates import certificate

LATER = NOON + timedelta(minutes=1)


def request(number: int = 1) -> CertificateRequest:
    return CertificateRequest(
        request_id=f"request-{number}",
        key=ALICE,
        certificate_type="ChargingStationCertificate",
        charger_request_id=7,
        csr="CSR",
        state="asking",
        requested_at=NOON + timedelta(seconds=number),
    )


async def test_a_request_goes_from_asking_to_installed(storage: Storage) -> None:
    requests, asked = storage.certificate_requests, request()
    await requests.add(asked)
    assert await requests.open() == [asked]

    signed = await requests.note_signed(asked, "CHAIN", certificate(source="issued"))
    assert signed == replace(asked, state="sending", chain="CHAIN")
    assert await requests.open() == [signed]

    await requests.note_installed(signed, LATER)
    installed = replace(signed, state="installed", finished_at=LATER)
    assert await requests.get("request-1") == installed
    assert await requests.of_charger(ALICE) == [installed]
    assert await requests.of_charger(BOB) == []
    assert await requests.open() == []
    assert await requests.get("request-2") is None


async def test_the_certificate_lets_its_charger_in_before_it_is_sent(storage: Storage) -> None:
    await storage.certificate_requests.add(request())
    issued = certificate(source="issued")
    await storage.certificate_requests.note_signed(request(), "CHAIN", issued)

    assert await storage.charger_certificates.of_charger(ALICE) == [issued]


async def test_a_certificate_of_another_charger_signs_nothing(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    await storage.charger_certificates.add(certificate(key=BOB))
    await storage.certificate_requests.add(request())
    with pytest.raises(Conflict):
        await storage.certificate_requests.note_signed(request(), "CHAIN", certificate())

    assert await storage.certificate_requests.open() == [request()]


async def test_what_the_charger_has_not_taken_lets_nobody_in(storage: Storage) -> None:
    requests, kept = storage.certificate_requests, certificate("bb" * 32)
    await storage.charger_certificates.add(kept)
    await requests.add(request())
    signed = await requests.note_signed(request(), "CHAIN", certificate())
    assert signed is not None
    await requests.note_failed(signed, LATER, "The charger rejected it.", certificate().sha256)

    failed = replace(signed, state="failed", error="The charger rejected it.", finished_at=LATER)
    assert await requests.of_charger(ALICE) == [failed]
    assert await storage.charger_certificates.of_charger(ALICE) == [kept]


async def test_what_was_revoked_meanwhile_stays_refused(storage: Storage) -> None:
    requests, certificates = storage.certificate_requests, storage.charger_certificates
    await requests.add(request())
    signed = await requests.note_signed(request(), "CHAIN", certificate())
    assert signed is not None
    assert await certificates.revoke(ALICE, certificate().sha256, LATER)
    await requests.note_failed(signed, LATER, "The charger rejected it.", certificate().sha256)

    assert await certificates.of_charger(ALICE) == [replace(certificate(), revoked_at=LATER)]


async def test_a_newer_request_ends_an_older_one_for_good(storage: Storage) -> None:
    requests = storage.certificate_requests
    await requests.add(request())
    await requests.add(request(2), instead_of=request())

    older = replace(
        request(), state="failed", error="superseded", finished_at=request(2).requested_at
    )
    assert await requests.of_charger(ALICE) == [request(2), older]
    assert await requests.note_signed(request(), "CHAIN", certificate()) is None
    assert await storage.charger_certificates.of_charger(ALICE) == []


async def test_what_the_charger_calls_its_request_may_change(storage: Storage) -> None:
    await storage.certificate_requests.add(request())
    assert await storage.certificate_requests.rename(request(), 8)

    assert await storage.certificate_requests.open() == [replace(request(), charger_request_id=8)]


async def test_what_it_is_called_now_holds_whatever_else_changes_meanwhile(
    storage: Storage,
) -> None:
    requests, called = storage.certificate_requests, replace(request(), charger_request_id=8)
    await requests.add(request())
    assert await requests.rename(request(), 8)
    signed = await requests.note_signed(request(), "CHAIN", certificate())
    assert signed == replace(called, state="sending", chain="CHAIN")
    assert await requests.open() == [signed]

    assert await requests.rename(request(), 9)  # as it was read before it was signed
    assert await requests.open() == [replace(signed, charger_request_id=9)]


async def test_what_is_over_is_called_nothing_else(storage: Storage) -> None:
    requests = storage.certificate_requests
    await requests.add(request())
    await requests.note_failed(request(), LATER, "no")

    assert not await requests.rename(request(), 8)


async def test_of_requests_without_end_the_newest_are_kept(storage: Storage) -> None:
    requests = storage.certificate_requests
    await requests.add(request(0))  # still open
    for number in range(1, 24):
        await requests.add(request(number))
        await requests.note_failed(request(number), LATER, "no")
    kept = [one.request_id for one in await requests.of_charger(ALICE, limit=100)]

    assert kept == [*(f"request-{number}" for number in range(23, 3, -1)), "request-0"]


async def test_requests_go_with_their_charger(storage: Storage) -> None:
    await storage.certificate_requests.add(request())
    await storage.chargers.delete(ALICE)

    assert await storage.certificate_requests.open() == []
