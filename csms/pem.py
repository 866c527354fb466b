"""Read PEM files of certificates and keys, and say in one sentence what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from csms.errors import RingmainError

# OCPP security white paper A00.FR.501 to 504: what 112 bits of security take.
_LEAST_RSA_BITS = 2048
_LEAST_EC_BITS = 224


class UnusableTls(RingmainError):
    """The files for TLS cannot be used."""


def read_file(variable: str, path: Path) -> bytes:
    """Return what is in a file; raise UnusableTls with the reason of the system."""
    try:
        return path.read_bytes()
    except OSError as cause:
        told = f"{variable}: {path} cannot be read ({cause.strerror or type(cause).__name__})."
        raise UnusableTls(told) from None


def blocks_of(text: bytes, label: str) -> list[bytes]:
    """Return the PEM blocks of this label."""
    begin, end = (rb"-----%s %s-----" % (word, label.encode()) for word in (b"BEGIN", b"END"))
    return re.findall(begin + rb".*?" + end, text, re.DOTALL)


def kind_of(key: PublicKeyTypes) -> str | None:
    """Return which of two kinds a key is, RSA or ECDSA; None where it is another."""
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePublicKey) else None


def weakness_of(key: PublicKeyTypes) -> str | None:
    """Return why a key is too weak, None where it is not."""
    if isinstance(key, rsa.RSAPublicKey):
        least, bits = _LEAST_RSA_BITS, key.key_size
    elif isinstance(key, ec.EllipticCurvePublicKey):
        least, bits = _LEAST_EC_BITS, key.curve.key_size
    else:
        return "neither RSA nor of an elliptic curve"
    return f"weak: it has {bits} bits, and {least} are the least" if bits < least else None
