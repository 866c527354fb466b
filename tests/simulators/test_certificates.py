from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.certificates import CertificateStore, readable, signing_request


def root(name: str = "Root") -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_certificate_is_kept_listed_and_deleted_by_its_hashes() -> None:
    store = CertificateStore()
    assert store.install("CSMSRootCertificate", root())
    assert store.install("ManufacturerRootCertificate", root())

    [(kind, data)] = store.of_kinds(["CSMSRootCertificate"])

    assert kind == "CSMSRootCertificate"
    assert len(store.of_kinds([])) == 2
    assert store.delete(data)
    assert not store.delete(data)
    assert store.of_kinds(["CSMSRootCertificate"]) == []


def test_what_is_no_certificate_is_refused() -> None:
    assert not CertificateStore().install("CSMSRootCertificate", "no PEM")
    assert not readable("no PEM")
    assert readable(root())


def test_a_signing_request_names_the_charger() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.load_pem_x509_csr(signing_request("SIM-1", "", key).encode())

    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=SIM-1"


def test_who_never_asked_takes_what_can_be_read() -> None:
    assert CertificateStore().take(root())
    assert not CertificateStore().take("no PEM")
