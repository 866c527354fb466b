from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from csms.client_authorities import Authorities, read_authorities
from csms.pem import UnusableTls
from tests import certificates
from tests.certificates import DAY, authority, revoked, rsa_key, signed

pytestmark = pytest.mark.sqlite_only("about files")
NOW = datetime.now(UTC)


def read(folder: Path, *parts: str) -> Authorities:
    file = folder / "ca.pem"
    file.write_text("\n".join(parts))
    return read_authorities([file], NOW)


def fault(authorities: Authorities, chain: str, after: timedelta = timedelta(0)) -> str | None:
    return authorities.fault_of(x509.load_pem_x509_certificate(chain.encode()), NOW + after)


def test_what_an_authority_has_signed_is_good_while_it_is_valid(tmp_path: Path) -> None:
    authorities, chain = read(tmp_path, authority()), signed("CP01")

    assert fault(authorities, chain) is None
    assert "is valid from" in str(fault(authorities, chain, 2 * DAY))
    assert "is valid from" in str(fault(authorities, chain, -2 * DAY))


def test_an_issuer_has_to_be_in_the_file_and_valid_itself(tmp_path: Path) -> None:
    between = signed("Between", ca=True, ends=DAY / 2)
    chain = signed("CP01", by="Between")

    assert "RINGMAIN_TLS_CLIENT_CA does not name" in str(fault(read(tmp_path, authority()), chain))
    both = read(tmp_path, authority(), between)
    assert fault(both, chain) is None
    assert "is valid from" in str(fault(both, chain, DAY * 0.75))
    # It is trusted though nothing above it is.
    assert fault(read(tmp_path, between), chain) is None


def test_what_is_revoked_is_refused_and_an_old_list_refuses_all(tmp_path: Path) -> None:
    chain, other = signed("CP01"), signed("CP02")
    authorities = read(tmp_path, authority(), revoked(chain))

    assert fault(authorities, chain) == "was revoked by its authority"
    assert fault(authorities, other) is None
    stale = read(tmp_path, authority(), revoked(since=-2 * DAY, until=-DAY))
    assert "out of date" in str(fault(stale, other))


def test_an_intermediate_that_is_revoked_takes_its_chargers_with_it(tmp_path: Path) -> None:
    between = signed("Between", ca=True)
    authorities = read(tmp_path, authority(), between, revoked(between))

    assert fault(authorities, signed("CP01", by="Between")) == "was revoked by its authority"


def weak() -> str:
    return signed("Weak", by="Weak", ca=True, key=rsa_key(1024))


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (lambda: [""], "holds no certificate of an authority"),
        (lambda: ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"], "as PEM"),
        (lambda: [signed("A", by="A", ca=True, ends=-DAY / 2)], "is valid from"),
        (lambda: [signed("CP01")], "CN=CP01 is no authority"),
        (lambda: [weak()], "CN=Weak is weak: it has 1024 bits"),
        (lambda: [authority(), revoked(by="Other")], "signed the list of CN=Other"),
    ],
)
def test_a_file_that_would_not_do_is_refused_with_one_sentence(
    tmp_path: Path, parts: object, told: str
) -> None:
    assert callable(parts)
    with pytest.raises(UnusableTls, match=r"^RINGMAIN_TLS_CLIENT_CA: ") as refused:
        read(tmp_path, *parts())

    assert told in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_list_under_the_name_of_an_authority_has_to_be_signed_by_it(tmp_path: Path) -> None:
    impostor = signed("Impostor", by=certificates.ROOT, ca=True)
    renamed = revoked(by="Impostor")
    assert read(tmp_path, authority(), impostor, renamed).revoked

    others = certificates.signed("Impostor", ca=True, key=certificates.key_of("someone else"))
    with pytest.raises(UnusableTls, match="no authority in it has signed"):
        read(tmp_path, authority(), others, renamed)
