"""
Keep secrets: seal what must be read again, digest what must only be recognised.

Sealed are passwords of targets and keys of client certificates, which we present ourselves.
Digested are passwords of chargers and API keys: machine-made secrets of 119 bits and more, for
which a salted SHA-256 is enough and a slow hash would decide how fast a fleet can reconnect (45
against 1,800 handshakes a second).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import SealBroken
from storage.key_ring import SEAL_BYTES, KeyRing, Keys

_SALT_BYTES = 16
_NONCE_BYTES = 12
_BASE62 = string.ascii_letters + string.digits


class DerivedKey(NamedTuple):
    """A key for one purpose, and the name of the key of the ring that it is made of."""

    key_id: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"DerivedKey({self.key_id.hex()})"


class Sealer:
    """
    Seal texts with AES-256-GCM, each bound to the place where it is kept.

    A sealed text is key id (4 bytes), nonce (12 bytes), ciphertext and tag. The context, for
    example ``organization/table/row/field``, is associated data: moved elsewhere, it does not open.

    With a ring it follows the file: whoever changes the keys (`ringmain rotate-keys`) may do so
    beside a running server.
    """

    def __init__(
        self, keys: Mapping[bytes, bytes], current: bytes, ring: KeyRing | None = None
    ) -> None:
        self._ring = ring
        self._adopt(Keys(current, keys))

    @classmethod
    def open(cls, data_dir: Path) -> Sealer:
        """Read the key ring of a data directory, made on first use; raise SealBroken."""
        ring = KeyRing.of(data_dir)
        ring.create()
        keys = ring.read()
        return cls(keys.by_id, keys.current, ring)

    @property
    def current(self) -> bytes:
        """Name the key that is sealed with now; raise SealBroken where the ring is gone."""
        self._follow()
        return self._current

    def holds(self, key_id: bytes) -> bool:
        """Tell whether a key is in the ring; raise SealBroken where the ring is gone."""
        if key_id not in self._keys:
            self._follow()
        return key_id in self._keys

    def derived(self, purpose: str, key_id: bytes | None = None) -> DerivedKey:
        """Return a key that is good for one purpose, of the current key of the ring or of another.

        Raises SealBroken where the ring has no such key (any more).
        """
        key_id = self.current if key_id is None else key_id
        self._require(key_id)
        return DerivedKey(key_id, hmac.digest(self._keys[key_id], purpose.encode(), "sha256"))

    def seal(self, text: str, context: str) -> bytes:
        """Return the text sealed for this context; raise SealBroken where the ring is gone."""
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self.current
        # A password may be bytes that are no text: each is a lone surrogate here (PEP 383).
        octets = text.encode(errors="surrogateescape")
        return key_id + nonce + self._ciphers[key_id].encrypt(nonce, octets, context.encode())

    def unseal(self, sealed: bytes, context: str) -> str:
        """Return the text; raise SealBroken for a missing key, a wrong context, a changed byte."""
        key_id, rest = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        self._require(key_id)
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            octets = self._ciphers[key_id].decrypt(nonce, ciphertext, context.encode())
            return octets.decode(errors="surrogateescape")
        except (InvalidTag, ValueError) as cause:
            raise SealBroken from cause

    def _require(self, key_id: bytes) -> None:
        if not self.holds(key_id):
            raise SealBroken(f"The key ring has no key {key_id.hex()}.")

    def _follow(self) -> None:
        """Read the ring again where its file is another one: to ask takes two microseconds."""
        if self._ring and self._ring.changed():
            self._adopt(self._ring.read())

    def _adopt(self, keys: Keys) -> None:
        self._keys = dict(keys.by_id)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
        self._current = keys.current


def digest_secret(secret: bytes) -> bytes:
    """Return a salted SHA-256 digest of a machine-made secret."""
    salt = os.urandom(_SALT_BYTES)
    return salt + hashlib.sha256(salt + secret).digest()


def secret_matches(secret: bytes, digest: bytes) -> bool:
    """Tell, in constant time, whether a secret is the digested one."""
    salt = digest[:_SALT_BYTES]
    return hmac.compare_digest(hashlib.sha256(salt + secret).digest(), digest[_SALT_BYTES:])


def api_key_digest(api_key: str) -> bytes:
    """Return the digest by which an API key is found; it holds 160 random bits, so no salt."""
    return hashlib.sha256(api_key.encode()).digest()


def new_password() -> str:
    """Return 20 base62 characters, 119 bits: legal as AuthorizationKey of 1.6 and in 2.0.1."""
    return "".join(secrets.choice(_BASE62) for _ in range(20))


def new_api_key() -> str:
    """Return a new API key: a prefix that secret scanners can know, and 160 random bits."""
    return f"rm_{secrets.token_hex(20)}"
