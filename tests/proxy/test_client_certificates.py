"""Which certificates we take to show to targets, and when we do not show them any more."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.client_certificates import Credentials, check, read, warning
from proxy.errors import InvalidTarget
from storage.records import ClientCertificate
from tests.certificates import DAY, authority, issued, key_of, key_pem, signed

NOW = datetime.now(UTC).replace(microsecond=0)
BRANCH = "Branch authority"


def refused(chain: str, key: str, now: datetime = NOW) -> tuple[str, str]:
    with pytest.raises(InvalidTarget) as raised:
        read(chain, key, now)
    assert "PRIVATE" not in str(raised.value)
    return raised.value.field, raised.value.reason


def test_a_certificate_is_described() -> None:
    chain, key = issued("Depot")
    told = read(chain, key, NOW)
    certificate = x509.load_pem_x509_certificate(chain.encode())

    assert told == Credentials(
        chain=chain,
        private_key=key,
        sha256=certificate.fingerprint(SHA256()).hex(),
        subject="CN=Depot",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )
    assert key not in repr(told)


def test_a_chain_is_taken_in_order() -> None:
    branch, depot = signed(BRANCH, ca=True), issued("Depot", by=BRANCH)
    chain = depot.chain + branch + authority()

    assert read(chain, depot.key, NOW).chain == chain


def test_what_stands_between_the_certificates_is_not_kept() -> None:
    chain, key = issued("Depot")

    assert read(f"a note\n{key}\n{chain}more", f"a note\n{key}", NOW).chain == chain


@pytest.mark.parametrize("curve", [ec.SECP224R1(), ec.SECP384R1()])
def test_other_curves_will_do(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)

    assert read(signed("Depot", key=key), key_pem(key), NOW).private_key == key_pem(key)


def test_rsa_of_2048_bits_will_do_in_any_form() -> None:
    key = rsa.generate_private_key(65537, 2048)
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    assert read(signed("Depot", key=key), old.decode(), NOW).private_key == key_pem(key)


def test_short_rsa_is_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)

    assert refused(signed("Depot", key=key), key_pem(key)) == (
        "private_key",
        "The key must be RSA of 2048 bits or EC of 224 bits, or more.",
    )


def test_a_short_curve_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP192R1())

    assert refused(signed("Depot", key=key), key_pem(key))[0] == "private_key"


def test_another_kind_of_key_is_refused() -> None:
    made = ed25519.Ed25519PrivateKey.generate()
    key = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    assert refused(issued("Depot").chain, key)[0] == "private_key"


def test_the_key_of_somebody_else_is_refused() -> None:
    assert refused(issued("Depot").chain, issued("Airport").key) == (
        "private_key",
        "This is not the key of the first certificate.",
    )


def test_an_encrypted_key_is_refused() -> None:
    key = key_pem(key_of("Depot"), b"password")

    assert refused(issued("Depot").chain, key) == (
        "private_key",
        "The key must not be encrypted.",
    )


@pytest.mark.parametrize("key", ["", "x", "-----BEGIN PRIVATE KEY-----\nAA==\n", "ä\x00"])
def test_what_is_no_key_is_refused(key: str) -> None:
    assert refused(issued("Depot").chain, key) == (
        "private_key",
        "This holds no private key in PEM.",
    )


@pytest.mark.parametrize(
    "chain",
    [
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----",
        key_pem(key_of("Depot")),
    ],
)
def test_what_is_no_certificate_is_refused(chain: str) -> None:
    assert refused(chain, issued("Depot").key) == (
        "certificate_chain",
        "This holds no certificate in PEM.",
    )


@pytest.mark.parametrize(
    ("true", "false"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),  # a version that there is not
        (b"\x0c\x05Depot", b"\x03\x05Depot"),  # a name made of bits
    ],
)
def test_a_certificate_that_cannot_be_decoded_is_refused(true: bytes, false: bytes) -> None:
    chain, key = issued("Depot")
    der = x509.load_pem_x509_certificate(chain.encode()).public_bytes(Encoding.DER)
    assert true in der
    body = base64.encodebytes(der.replace(true, false)).decode()
    broken = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"

    assert refused(broken, key) == ("certificate_chain", "This holds no certificate in PEM.")


def test_who_has_escaped_line_breaks_twice_is_told_so() -> None:
    chain, key = issued("Depot")
    for field, one, other in (
        ("certificate_chain", chain.replace("\n", r"\n"), key),
        ("private_key", chain, key.replace("\n", r"\n")),
    ):
        named, reason = refused(one, other)
        assert named == field
        assert reason.endswith(r" in PEM: line breaks are \n in JSON, not \\n.")


def test_a_chain_in_another_order_is_refused() -> None:
    branch, depot = signed(BRANCH, ca=True), issued("Depot", by=BRANCH)

    for chain in (depot.chain + authority() + branch, depot.chain + authority()):
        assert refused(chain, depot.key) == (
            "certificate_chain",
            "Each certificate must be followed by its issuer's.",
        )


def test_a_forged_link_of_the_chain_is_refused() -> None:
    forged = signed("Depot", by="Impostor")
    impostor = signed("Impostor", by="Impostor", ca=True, key=key_of("Somebody else"))

    assert refused(forged + impostor, key_pem(key_of("Depot")))[0] == "certificate_chain"


def test_an_endless_chain_is_refused() -> None:
    chain, key = issued("Depot")

    assert refused(chain + 10 * authority(), key) == (
        "certificate_chain",
        "This holds more than 10 certificates.",
    )


def test_an_expired_certificate_is_refused() -> None:
    depot = issued("Depot", begins=-2 * DAY, ends=-DAY)

    assert refused(depot.chain, depot.key) == (
        "certificate_chain",
        "A certificate of the chain has expired.",
    )


def test_an_expired_issuer_is_refused() -> None:
    branch = signed(BRANCH, ca=True, begins=-2 * DAY, ends=-DAY)
    depot = issued("Depot", by=BRANCH)

    assert refused(depot.chain + branch, depot.key)[0] == "certificate_chain"


def test_the_subject_is_one_line() -> None:
    key = key_of("Depot")

    assert read(signed("De\npot\x1b[2J", key=key), key_pem(key), NOW).subject == "CN=De?pot?[2J"


# ---- before each use ----

STORED = ClientCertificate(
    certificate_id="1",
    organization_uuid="o",
    name="n",
    chain="",
    private_key="",
    sha256="",
    subject="",
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
    created_at=NOW,
)


def test_a_certificate_is_shown_while_it_is_valid() -> None:
    check(STORED, STORED.not_before)
    check(STORED, STORED.not_after - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (STORED.not_after, "The client certificate expired on 2027-01-01."),
        (
            STORED.not_before - timedelta(seconds=1),
            "The client certificate is not valid before 2026-01-01.",
        ),
    ],
)
def test_at_other_times_it_is_not_shown(now: datetime, reason: str) -> None:
    with pytest.raises(InvalidTarget, match=reason) as refused:
        check(STORED, now)
    assert refused.value.field == "target_auth_client_cert_id"


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), "The client certificate expires in 30 days."),
        (timedelta(days=7, hours=5), "The client certificate expires in 7 days."),
        (timedelta(days=1), "The client certificate expires in 1 day."),
        (timedelta(hours=23), "The client certificate expires in less than a day."),
        (timedelta(), "The client certificate expired on 2027-01-01."),
        (timedelta(days=-9), "The client certificate expired on 2027-01-01."),
    ],
)
def test_its_end_is_announced(left: timedelta, said: str | None) -> None:
    assert warning(STORED, STORED.not_after - left) == said
    assert warning(replace(STORED, not_after=STORED.not_after + 31 * DAY), STORED.not_after) is None
