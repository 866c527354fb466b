"""S-08: a client certificate is bound to one charger by what is stored, never by what a boot says.

OCPP security white paper A00.FR.403 to 405, 427.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from csms.certificate_binding import sha256_of
from storage.records import ChargerKey
from storage.security_records import ChargerCertificate
from tests import certificates
from tests.certificates import DAY, Issued, issued
from tests.security.doors import Knocking, enrol, secured, told, trusting
from tests.security.ground import Ground

BOOT = (
    '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M",'
    '"chargePointSerialNumber":"CP02"}]'
)


def stored_of(key: ChargerKey, chain: str) -> ChargerCertificate:
    """Return a certificate as it is stored for a charger."""
    certificate, now = x509.load_pem_x509_certificate(chain.encode()), datetime.now(UTC)
    return ChargerCertificate(
        key=key,
        sha256=sha256_of(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        source="pinned",
        created_at=now,
    )


async def shows(ground: Ground, folder: Path, own: Issued, name: str = "CP01") -> int | str:
    return await Knocking(ground, name, tls=trusting(own, folder)).outcome()


# What is issued, and the words that tell the owner what is wrong with it; None lets it in.
SUBJECTS: dict[str, tuple[Callable[[str], Issued], str | None]] = {
    "its own, O by uuid": (lambda of: issued("CP01", of=of), None),
    "its own, O by name": (lambda _: issued("CP01", of="tests"), None),
    "another CN": (lambda of: issued("CP02", of=of), "CN has to be CP01"),
    "CN in another case": (lambda of: issued("cp01", of=of), "CN has to be CP01"),
    "CN with more around": (lambda of: issued("CP01 ", of=of), "CN has to be CP01"),
    "another O": (lambda _: issued("CP01", of="Rivals"), "names another operator"),
    "no O": (lambda _: issued("CP01"), "names another operator"),
    "expired": (lambda of: issued("CP01", of=of, ends=-DAY / 2), "is valid from"),
    "not valid yet": (lambda of: issued("CP01", of=of, begins=DAY / 2), "is valid from"),
}


@pytest.mark.sqlite_only("about certificates")
async def test_s08_without_a_stored_certificate_the_subject_decides(tmp_path: Path) -> None:
    outcomes, advices = {}, {}
    async with secured(tmp_path) as ground:
        await enrol(ground, security_profile=3)
        for case, (make, _) in SUBJECTS.items():
            before = len(await told(ground))
            outcomes[case] = await shows(ground, tmp_path, make(ground.organization_uuid))
            events = (await told(ground))[before:]
            advices[case] = [each.details["advice"] for each in events]
            assert {each.action for each in events} <= {"InvalidChargingStationCertificate"}

    assert outcomes == {
        case: 101 if fault is None else 401 for case, (_, fault) in SUBJECTS.items()
    }
    for case, (_, fault) in SUBJECTS.items():
        assert [fault in each for each in advices[case]] == ([True] if fault else []), case


@pytest.mark.sqlite_only("about certificates")
async def test_s08_a_foreign_chain_does_not_get_past_tls(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        await enrol(ground, security_profile=3)
        foreign = issued("CP01", of=ground.organization_uuid, by="Other authority")
        assert await shows(ground, tmp_path, foreign) == "tls"
        self_made = issued("CP01", of=ground.organization_uuid, by="CP01")
        assert await shows(ground, tmp_path, self_made) == "tls"


@pytest.mark.sqlite_only("about certificates")
async def test_s08_an_authority_s_revocation_list_counts(tmp_path: Path) -> None:
    chain = certificates.signed("CP01", of="tests")
    own = Issued(chain, certificates.key_pem(certificates.key_of("CP01")))
    other = issued("CP01", of="tests")
    async with secured(tmp_path, lists=[certificates.revoked(chain)]) as ground:
        await enrol(ground, security_profile=3)
        assert await shows(ground, tmp_path, own) == 401
        assert await shows(ground, tmp_path, other) == 101
        (event,) = await told(ground)

    assert "was revoked by its authority" in event.details["advice"]


async def test_s08_a_stored_certificate_is_one_charger_s_alone(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        first = await enrol(ground, "CP01", security_profile=3)
        await enrol(ground, "CP02", security_profile=3)
        stored = ground.server.storage.charger_certificates
        pinned, kept = issued("whatever"), issued("CP02", of=ground.organization_uuid)
        await stored.add(stored_of(first, pinned.chain))

        assert await shows(ground, tmp_path, pinned) == 101  # whatever its subject says
        assert await shows(ground, tmp_path, pinned, "CP02") == 401
        # Another with the right subject, where one is stored.
        assert await shows(ground, tmp_path, issued("CP01", of="tests")) == 401
        # The right subject, and stored for another charger.
        await stored.add(stored_of(first, kept.chain))
        assert await shows(ground, tmp_path, kept, "CP02") == 401
        # Revoked at once, while it is valid.
        assert await stored.revoke(first, sha256_of(loaded(pinned)), datetime.now(UTC))
        assert await shows(ground, tmp_path, pinned) == 401
        advices = [each.details["advice"] for each in await told(ground)]

    assert [
        next(
            word for word in ("another charger's", "none of those", "revoked here") if word in each
        )
        for each in advices
    ] == ["another charger's", "none of those", "another charger's", "revoked here"]


async def test_s08_what_was_revoked_stays_revoked_when_its_charger_is_enrolled_again(
    tmp_path: Path,
) -> None:
    async with secured(tmp_path) as ground:
        first = await enrol(ground, "CP01", security_profile=3)
        storage, old = ground.server.storage, issued("CP01", of=ground.organization_uuid)
        await storage.charger_certificates.add(stored_of(first, old.chain))
        assert await shows(ground, tmp_path, old) == 101
        await storage.charger_certificates.revoke(first, sha256_of(loaded(old)), datetime.now(UTC))
        assert await storage.chargers.delete(first)
        await enrol(ground, "CP01", security_profile=3)

        assert await shows(ground, tmp_path, old) == 401
        # To the new charger none is pinned.
        new = issued("CP01", of=ground.organization_uuid)
        assert await shows(ground, tmp_path, new) == 101
        (event,) = await told(ground)

    assert "revoked here" in event.details["advice"]


def loaded(own: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(own.chain.encode())


async def test_s08_a_boot_with_another_serial_number_changes_nothing(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        key = await enrol(ground, "CP01", security_profile=3, serial_number="SN-1")
        other = await enrol(ground, "CP02", security_profile=3)
        own = issued("CP01", of=ground.organization_uuid)
        async with Knocking(ground, tls=trusting(own, tmp_path)).dialled() as connection:
            await connection.send(BOOT)
            await connection.recv()
        await ground.server.storage.group.flush()
        stored = await ground.server.storage.chargers.get(key)

        assert stored is not None
        assert (stored.serial_number, stored.certificate_name) == ("SN-1", None)
        assert await shows(ground, tmp_path, own) == 101
        assert await shows(ground, tmp_path, own, other.charge_box_id) == 401


@pytest.mark.sqlite_only("about names")
async def test_s08_the_name_in_a_certificate_is_what_its_owner_has_configured(
    tmp_path: Path,
) -> None:
    async with secured(tmp_path) as ground:
        await enrol(ground, security_profile=3, certificate_name="SN-4711")
        of = ground.organization_uuid
        assert await shows(ground, tmp_path, issued("SN-4711", of=of)) == 101
        assert await shows(ground, tmp_path, issued("CP01", of=of)) == 401
        # Where two organizations have one name, the name says nothing.
        await ground.server.storage.organizations.create("tests")
        assert await shows(ground, tmp_path, issued("SN-4711", of="tests")) == 401
        assert await shows(ground, tmp_path, issued("SN-4711", of=of)) == 101
