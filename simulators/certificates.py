"""Certificates that a CSMS installs, and the one that a charger has signed for itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from simulators.watched import Fields


class Own(NamedTuple):
    """A charger's own certificate: its chain and its key, both PEM."""

    chain: str
    key: str


@dataclass(slots=True)
class CertificateStore:
    """Keep certificates as (kind, hash data), kind in the words of the version.

    Of the charger's ``own`` the newest is kept, with the keys that are to be signed.
    """

    certificates: list[tuple[str, Fields]] = field(default_factory=list)
    own: Own | None = field(default=None, repr=False)
    _keys: list[ec.EllipticCurvePrivateKey] = field(default_factory=list, repr=False)

    def request(self, common_name: str, organization: str = "") -> str:
        """Make a key, and return the CSR for it in PEM."""
        self._keys.append(ec.generate_private_key(ec.SECP256R1()))
        return signing_request(common_name, organization, self._keys[-1])

    def take(self, chain: str) -> bool:
        """Take a certificate of the charger; False where it is for no key that it has made."""
        if not readable(chain):
            return False
        if not self._keys:  # it never asked, and does not look
            return True
        signed = x509.load_pem_x509_certificates(chain.encode())[0].public_key()
        key = next((key for key in self._keys if key.public_key() == signed), None)
        if key is not None:
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self.own = Own(chain, pem.decode())
        return key is not None

    def install(self, kind: str, pem: str) -> bool:
        """Keep a root certificate; False where it cannot be read."""
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError:
            return False
        self.certificates.append((kind, hash_data(certificate)))
        return True

    def of_kinds(self, kinds: list[str]) -> list[tuple[str, Fields]]:
        """Return the certificates of these kinds, all where none is named."""
        return [kept for kept in self.certificates if not kinds or kept[0] in kinds]

    def delete(self, wanted: Fields) -> bool:
        """Remove the certificate with this hash data; False where there is none."""
        before = len(self.certificates)
        self.certificates = [kept for kept in self.certificates if kept[1] != wanted]
        return len(self.certificates) < before


def readable(chain: str) -> bool:
    """Tell whether a PEM chain holds certificates."""
    try:
        return bool(x509.load_pem_x509_certificates(chain.encode()))
    except ValueError:
        return False


def hash_data(certificate: x509.Certificate) -> Fields:
    """Identify a self-signed certificate as OCPP does (certificateHashData)."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": _sha256(certificate.issuer.public_bytes()),
        "issuerKeyHash": _sha256(key),
        "serialNumber": f"{certificate.serial_number:x}"[:40],
    }


def signing_request(common_name: str, organization: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a CSR in PEM; without an organization it names none."""
    named = [(NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name)]
    subject = x509.Name([x509.NameAttribute(kind, name) for kind, name in named if name])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _sha256(content: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize().hex()
