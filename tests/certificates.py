"""Certificates for tests: authorities and what they sign, made when first asked for."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

ROOT = "Test authority"
DAY = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Issued(NamedTuple):
    """A chain, the certificate first, and its key, both PEM."""

    chain: str
    key: str


@cache
def key_of(_: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of a name."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key, password: bytes | None = None) -> str:
    """Return a key as PEM, encrypted where a password is given."""
    sealed = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode()


def _name(text: str, of: str | None = None) -> x509.Name:
    said = [x509.NameAttribute(NameOID.COMMON_NAME, text)]
    if of is not None:
        said.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, of))
    return x509.Name(said)


def signed(
    name: str,
    *,
    by: str = ROOT,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
    ca: bool = False,
    key: Key | None = None,
    since: datetime | None = None,
    bears: Sequence[str] | None = None,
    of: str | None = None,
) -> str:
    """Return a certificate as PEM, valid from and until so long after now.

    A server's ``bears`` these DNS names, by default its own; without any it has a common name only.
    ``of`` is its organization (O).
    """
    now = since or datetime.now(UTC)
    public_key = (key or key_of(name)).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name, of))
        .issuer_name(_name(by))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key_of(by).public_key()),
            critical=False,
        )
    )
    if ca:
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        builder = builder.add_extension(identifier, critical=False)
    elif names := [x509.DNSName(one) for one in ([name] if bears is None else bears)]:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    made = builder.sign(key_of(by), hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


@cache
def authority(name: str = ROOT) -> str:
    """Return an authority's own certificate as PEM."""
    return signed(name, by=name, ca=True)


def issued(name: str, **issuing: Any) -> Issued:
    """Return a certificate for this name with its key, `signed` by an authority."""
    return Issued(signed(name, **issuing), key_pem(key_of(name)))


def certificate(folder: Path, name: str, **issuing: Any) -> Path:
    """Write a server's certificate for this name, with its key, and return the file."""
    chain, key = issued(name, **issuing)
    file = folder / f"{name}.pem"
    file.write_text(key + chain)
    return file


def server_side(certificate: Path) -> ssl.SSLContext:
    """Return how a server speaks TLS that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def revoked(
    *chains: str, by: str = ROOT, since: timedelta = -DAY, until: timedelta | None = DAY
) -> str:
    """Return an authority's list of what it has revoked, as PEM."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder().issuer_name(_name(by)).last_update(now + since)
    )
    if until is not None:
        builder = builder.next_update(now + until)
    for chain in chains:
        number = x509.load_pem_x509_certificate(chain.encode()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now + since)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key_of(by), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return an RSA key."""
    return rsa.generate_private_key(65_537, bits)
