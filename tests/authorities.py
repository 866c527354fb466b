"""A certificate authority for tests: what it signs, and how it behaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.certificates import DAY, ROOT, Key, authority, key_of


def subject(common_name: str | None, *organizations: str) -> x509.Name:
    """Return a subject."""
    named = [(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    if common_name is not None:
        named.append((NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, name) for kind, name in named])


def request_of(
    common_name: str | None = "CP-1",
    *organizations: str,
    key: Key | None = None,
    algorithm: hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | None = None,
) -> str:
    """Return a CSR in PEM, by default with the key of the name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        subject(common_name, *organizations)
    )
    signed = builder.sign(key or key_of(common_name or ""), algorithm or hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def sign(
    request_pem: str,
    *,
    by: str = ROOT,
    now: datetime | None = None,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
    ca: bool | None = False,
    named: x509.Name | None = None,
    of: Key | None = None,
) -> str:
    """Return the certificate that answers a CSR, unless something else is said, in PEM."""
    request = x509.load_pem_x509_csr(request_pem.encode())
    now = now or datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named or request.subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
        .public_key(of.public_key() if of else request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    made = builder.sign(key_of(by), hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def chain_for(request_pem: str, now: datetime | None = None) -> str:
    """Return what a good authority answers."""
    return sign(request_pem, now=now) + authority()


@dataclass
class FakeAuthority:
    """Answer with what ``behave`` returns or raises; ``gate`` is open unless it is closed."""

    behave: Callable[[str], str] = chain_for
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def sign(self, request: str, /) -> str:
        self.asked.append(request)
        await self.gate.wait()
        return self.behave(request)
