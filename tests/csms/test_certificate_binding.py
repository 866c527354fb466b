from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509

from csms.certificate_binding import Binding, fault_of, sha256_of
from storage.records import Charger, ChargerKey
from tests.certificates import DAY, rsa_key, signed
from tests.hostile import ORGANIZATION
from tests.security.test_s08_certificates_are_bound import stored_of

NOW = datetime.now(UTC)
KEY = ChargerKey(ORGANIZATION, "CP01")
CHARGER = Charger(key=KEY, charger_name="CP01", password_digest=b"", created_at=NOW)
NOTHING = Binding(own=(), holder=None, organizations=(ORGANIZATION, "Tests"))


def fault(pem: str, binding: Binding = NOTHING, charger: Charger = CHARGER) -> str | None:
    return fault_of(x509.load_pem_x509_certificate(pem.encode()), charger, binding, NOW)


@pytest.mark.parametrize("of", [ORGANIZATION, "Tests"])
def test_the_subject_names_the_charger_and_its_organization(of: str) -> None:
    assert fault(signed("CP01", of=of)) is None
    assert fault(signed("SN-1", of=of), charger=replace(CHARGER, certificate_name="SN-1")) is None


def test_the_subject_of_somebody_else_says_what_it_has_to_be() -> None:
    assert fault(signed("CP02", of="Tests")) == "is not issued to it: CN has to be CP01"
    assert fault(signed("CP01", of="tests")) == (
        f"names another operator: O has to be {ORGANIZATION} or Tests"
    )


def test_a_stored_certificate_needs_no_subject_and_stands_alone() -> None:
    pem = signed("anything")
    own = stored_of(KEY, pem)
    binding = replace(NOTHING, own=(own,), holder=own)

    assert fault(pem, binding) is None
    assert fault(signed("CP01", of="Tests"), replace(binding, holder=None)) == (
        "is none of those that are stored for it"
    )
    gone = replace(own, revoked_at=NOW)
    assert fault(pem, replace(binding, own=(gone,), holder=gone)) == "was revoked here"


def test_a_certificate_of_another_charger_is_refused_whatever_it_says() -> None:
    pem = signed("CP01", of="Tests")
    holder = stored_of(ChargerKey(ORGANIZATION, "CP02"), pem)

    assert fault(pem, replace(NOTHING, holder=holder)) == "is stored as another charger's"


def test_a_certificate_that_is_old_or_weak_is_refused_also_where_it_is_stored() -> None:
    old, weak = signed("CP01", ends=-DAY / 2), signed("CP01", key=rsa_key(1024))
    stored = [stored_of(KEY, pem) for pem in (old, weak)]
    faults = [
        fault(pem, replace(NOTHING, own=(own,), holder=own))
        for pem, own in zip((old, weak), stored, strict=True)
    ]

    assert str(faults[0]).startswith("expired on")
    assert "1024 bits" in str(faults[1])


def test_a_certificate_is_known_by_its_fingerprint() -> None:
    pem = signed("CP01")
    assert sha256_of(x509.load_pem_x509_certificate(pem.encode())) == stored_of(KEY, pem).sha256


def test_an_issued_certificate_comes_beside_what_the_charger_came_in_with_before() -> None:
    before, issued = (
        signed("CP01", of="Tests"),
        replace(stored_of(KEY, signed("new")), source="issued"),
    )
    beside = replace(NOTHING, own=(issued,))

    assert fault(before, beside) is None
    assert fault(signed("CP02", of="Tests"), beside) == "is not issued to it: CN has to be CP01"
    pinned = stored_of(KEY, signed("pinned"))
    assert fault(before, replace(NOTHING, own=(issued, pinned))) is not None
