"""Chargers that have keys signed and report what happened, before a target that hears them."""

from __future__ import annotations

import pytest
from cryptography import x509

from simulators.certificates import CertificateStore, signing_request
from simulators.security import ask_for_certificate, report
from simulators.target import Target
from tests.authorities import chain_for
from tests.certificates import key_of
from tests.simulators.stage import NAME, broken_rules, playing


async def test_a_key_is_signed_and_its_certificate_taken(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        name = charger.voice.names.organization
        charger.settings.put(name, "Depot")
        kind = None if version == "1.6" else "ChargingStationCertificate"
        assert await ask_for_certificate(charger, kind) == "Rejected"  # the target signs nothing
        (sent,) = target.calls("SignCertificate")
        csr = sent.fields["csr"]
        chain = chain_for(csr)
        foreign = chain_for(signing_request(NAME, "Depot", key_of("another")))
        answers = [
            await target.command(NAME, "CertificateSigned", {"certificateChain": each})
            for each in (foreign, "no PEM", chain)
        ]
        own = charger.certificates.own

    subject = x509.load_pem_x509_csr(csr.encode()).subject.rfc4514_string()
    assert subject == f"CN={NAME},O=Depot"
    assert sent.fields.get("certificateType") == kind
    assert ("requestId" in sent.fields) == (version == "2.1")
    assert [answer["status"] for answer in answers] == ["Rejected", "Rejected", "Accepted"]
    assert own is not None
    assert own.chain == chain
    assert "PRIVATE KEY" in own.key
    assert broken_rules(target, version) == []


@pytest.mark.parametrize("tech_info", [None, "Door open"])
async def test_what_happened_is_reported(
    target: Target, version: str, tech_info: str | None
) -> None:
    async with playing(target, version) as charger:
        await report(charger, "TamperDetectionActivated", tech_info)
    (sent,) = target.calls("SecurityEventNotification")

    assert sent.fields["type"] == "TamperDetectionActivated"
    assert sent.fields.get("techInfo") == tech_info
    assert broken_rules(target, version) == []


def test_the_key_never_shows() -> None:
    store = CertificateStore()
    assert store.take(chain_for(store.request("CP-1", "Depot")))

    assert store.own is not None
    assert "key" not in repr(store).lower()
