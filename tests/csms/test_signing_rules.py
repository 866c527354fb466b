"""What may be signed for a charger, and what an authority may have made of it."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from csms.errors import NotTrusted
from csms.signing_rules import Names, certificates, check_chain, check_request, facts
from tests.authorities import chain_for, request_of, sign, subject
from tests.certificates import DAY, ROOT, authority, key_of, signed

NAMES = Names("CP-1", frozenset({"Depot", "uuid"}))
GOOD = request_of("CP-1", "Depot")


def judged(pem: str) -> str | None:
    """Return what is wrong with a request."""
    try:
        check_request(pem, NAMES)
    except NotTrusted as wrong:
        return str(wrong)
    return None


@pytest.mark.parametrize(
    "request_made",
    [
        lambda: GOOD,
        lambda: request_of("CP-1", "uuid"),
        lambda: request_of("CP-1", "Depot", key=rsa.generate_private_key(65537, 2048)),
        lambda: request_of("CP-1", "Depot", key=ec.generate_private_key(ec.SECP224R1())),
        lambda: request_of("CP-1", "Depot", algorithm=hashes.SHA384()),
    ],
    ids=["named", "by uuid", "rsa 2048", "ec 224", "sha384"],
)
def test_a02_a_request_with_the_right_names_and_a_strong_key_may_be_signed(
    request_made: Callable[[], str],
) -> None:
    assert judged(request_made()) is None


def with_another_signature() -> str:
    """Return a request whose signature is not its key's."""
    der = bytearray(base64.b64decode("".join(GOOD.splitlines()[1:-1])))
    der[-1] ^= 1
    text = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


def of_edwards() -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("CP-1", "Depot"))
    made = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)
    return made.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("request_pem", "wrong"),
    [
        ("", "no certificate signing request"),
        ("CSR\0", "no certificate signing request"),
        (GOOD.replace("M", "\u00e9", 1), "no certificate signing request"),
        (authority(), "no certificate signing request"),
        (GOOD + " " * 5500, "too long"),
        (request_of("CP-2", "Depot"), "Its CN must be 'CP-1'"),
        (request_of("cp-1", "Depot"), "Its CN must be 'CP-1'"),
        (request_of(None, "Depot"), "Its CN must be 'CP-1'"),
        (request_of("CP-1"), "Its O must be the organization: 'Depot' or 'uuid'"),
        (request_of("CP-1", "Neighbour"), "Its O must be"),
        (request_of("CP-1", "Depot", "Neighbour"), "Its O must be"),
        (request_of("CP-1", "Depot", key=ec.generate_private_key(ec.SECP192R1())), "EC of 224"),
        (of_edwards(), "EC of 224"),
        (request_of("CP-1", "Depot", algorithm=hashes.SHA224()), "SHA-256 or better"),
        (with_another_signature(), "not signed with its own key"),
    ],
)
def test_a02_any_other_request_is_refused_with_a_reason(request_pem: str, wrong: str) -> None:
    assert wrong in (judged(request_pem) or "")


def test_a02_a_signature_of_a_kind_that_nobody_knows_is_refused() -> None:
    with_sha256, unknown = (bytes.fromhex(f"2a8648ce3d04030{last}") for last in (2, 9))
    der = ssl.PEM_cert_to_DER_cert(GOOD.replace("CERTIFICATE REQUEST", "CERTIFICATE"))
    pem = ssl.DER_cert_to_PEM_cert(der.replace(with_sha256, unknown))

    wrong = judged(pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"))

    assert wrong is not None
    assert "SHA-256 or better" in wrong


def test_a02_an_rsa_key_of_1024_bits_is_too_weak() -> None:
    weak = rsa.generate_private_key(65537, 1024)

    assert "RSA of 2048" in (judged(request_of("CP-1", "Depot", key=weak)) or "")


def answered(pem: str, request_pem: str = GOOD) -> str:
    """Return what is wrong with an authority's answer."""
    with pytest.raises(NotTrusted) as wrong:
        check_chain(pem, request_pem, NAMES, None, datetime.now(UTC))
    return str(wrong.value)


def test_a02_a_chain_is_written_anew_with_nothing_else_in_it() -> None:
    chain, found = check_chain(
        "Bag Attributes\n" + chain_for(GOOD) + "-----BEGIN PRIVATE KEY-----\n",
        GOOD,
        NAMES,
        None,
        datetime.now(UTC),
    )

    assert re.findall(r"-----BEGIN [A-Z ]+-----", chain) == ["-----BEGIN CERTIFICATE-----"] * 2
    assert found == facts(certificates(chain)[0])
    assert found.subject == "CN=CP-1,O=Depot"
    assert found.issuer == f"CN={ROOT}"
    assert re.fullmatch(r"[0-9a-f]{64}", found.sha256)


@pytest.mark.parametrize(
    ("pem", "wrong"),
    [
        ("<html>", "no certificate in PEM"),
        (chain_for(GOOD).replace("\n", r"\n"), r"Line breaks are \n in JSON"),
        (sign(GOOD) * 11, "more than 10"),
        (sign(request_of("CP-2", "Depot")), "not for the key of the request"),
        (sign(GOOD, of=key_of("another")), "not for the key of the request"),
        (sign(GOOD, named=subject("CP-2", "Depot")), "Its CN must be"),
        (sign(GOOD, named=subject("CP-1", "Neighbour")), "Its O must be"),
        (sign(GOOD, ends=-timedelta(seconds=1)), "has expired"),
        (sign(GOOD, begins=DAY), "not yet valid"),
        (sign(GOOD, ca=True), "an authority's own"),
        (sign(GOOD) + signed("another", by="another", ca=True), "followed by its issuer's"),
        (sign(GOOD, by="leaf") + signed("leaf"), "no authority"),
        (
            sign(GOOD, by="late") + signed("late", by="late", ca=True, ends=-DAY / 2),
            "or has expired",
        ),
    ],
)
def test_a02_what_is_not_the_answer_to_the_request_is_refused(pem: str, wrong: str) -> None:
    assert wrong in answered(pem)


def test_a02_a_chain_longer_than_ocpp_allows_is_refused() -> None:
    unit = x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "x" * 64)
    long = x509.Name([*subject("CP-1", "Depot"), *[unit] * 110])

    assert "longer than the 10000 characters" in answered(sign(GOOD, named=long))


class Closed:
    """A listener that would not let it in."""

    def fault_of(self, _certificate: x509.Certificate, _now: datetime, /) -> str | None:
        return "has an issuer that nobody knows"


def test_a02_a_certificate_that_the_listener_would_refuse_is_refused() -> None:
    with pytest.raises(NotTrusted, match="could not come in with the certificate: it has an issu"):
        check_chain(chain_for(GOOD), GOOD, NAMES, Closed(), datetime.now(UTC))


class Exact:
    """A listener that looks at the time as it is."""

    def fault_of(self, certificate: x509.Certificate, now: datetime, /) -> str | None:
        return "is not valid yet" if now < certificate.not_valid_before_utc else None


def test_a02_an_authority_whose_clock_is_ahead_is_believed() -> None:
    ahead = sign(GOOD, begins=timedelta(minutes=1)) + authority()
    chain, _ = check_chain(ahead, GOOD, NAMES, Exact(), datetime.now(UTC))

    assert certificates(chain)
