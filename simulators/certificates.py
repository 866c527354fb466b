"""Certificates that a CSMS installs, and the signing request that a charger sends."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from simulators.watched import Fields


@dataclass(slots=True)
class CertificateStore:
    """Keep certificates as (kind, hash data), kind in the words of the version."""

    certificates: list[tuple[str, Fields]] = field(default_factory=list)

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


def signing_request(common_name: str) -> str:
    """Return a CSR in PEM for a new key, which is thrown away."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


def _sha256(content: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize().hex()
