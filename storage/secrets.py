"""
Keep secrets: seal what must be read again, digest what must only be recognised.

Sealed are passwords of targets and keys of client certificates, which we present ourselves.
Digested are passwords of chargers and API keys: machine-made secrets of 119 bits and more, for
which a salted SHA-256 is enough and a slow hash would decide how fast a fleet can reconnect (45
against 1,800 handshakes a second).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import SealBroken

KEY_RING = "keyring.json"
_SALT_BYTES = 16
_NONCE_BYTES = 12
SEAL_BYTES = 4  # which name the key
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
    """

    def __init__(self, keys: Mapping[bytes, bytes], current: bytes) -> None:
        self._keys = dict(keys)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    @classmethod
    def open(cls, data_dir: Path) -> Sealer:
        """Read the key ring of a data directory, made on first use; raise SealBroken."""
        path = data_dir / KEY_RING
        if not path.exists():
            _create(path)
        try:
            ring = json.loads(path.read_text())
            keys = {
                bytes.fromhex(name): base64.b64decode(key) for name, key in ring["keys"].items()
            }
            current = bytes.fromhex(ring["current"])
            keys[current]  # what is sealed from now on must open again
            return cls(keys, current)
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise SealBroken(f"The key ring {path} cannot be read.") from cause

    def holds_key_of(self, sealed: bytes) -> bool:
        """Tell whether the key that sealed this text is in the ring."""
        return sealed[:SEAL_BYTES] in self._ciphers

    def derived(self, purpose: str, key_id: bytes | None = None) -> DerivedKey:
        """Return a key that is good for one purpose, of the current key of the ring or of another.

        Raises SealBroken where the ring has no such key (any more).
        """
        key_id = self._current if key_id is None else key_id
        if key_id not in self._keys:
            raise SealBroken(f"The key ring has no key {key_id.hex()}.")
        return DerivedKey(key_id, hmac.digest(self._keys[key_id], purpose.encode(), "sha256"))

    def seal(self, text: str, context: str) -> bytes:
        """Return the text sealed for this context."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._current]
        # A password may be bytes that are no text: each is a lone surrogate here (PEP 383).
        octets = text.encode(errors="surrogateescape")
        return self._current + nonce + cipher.encrypt(nonce, octets, context.encode())

    def unseal(self, sealed: bytes, context: str) -> str:
        """Return the text; raise SealBroken for a missing key, a wrong context, a changed byte."""
        key_id, rest = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealBroken(f"The key ring has no key {key_id.hex()}.")
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            octets = cipher.decrypt(nonce, ciphertext, context.encode())
            return octets.decode(errors="surrogateescape")
        except (InvalidTag, ValueError) as cause:
            raise SealBroken from cause


def _create(path: Path) -> None:
    key_id = os.urandom(SEAL_BYTES).hex()
    key = base64.b64encode(AESGCM.generate_key(256)).decode()
    ring = json.dumps({"current": key_id, "keys": {key_id: key}})
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside, then linked: two processes that begin at once end up with one ring.
    draft = path.with_name(f".{KEY_RING}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(ring)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


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
