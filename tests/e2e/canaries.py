"""Secrets that are recognised wherever they turn up."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass
class Canaries:
    """Secrets that are found wherever they are, also within something else."""

    known: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, length: int = 20) -> str:
        """Return a secret of this name that is nobody else's."""
        return self.add(name, f"Cnry{len(self.known):02d}{name}"[:length].ljust(length, "x"))

    def add(self, name: str, secret: str) -> str:
        """Take what is secret already for a canary, and return it."""
        self.known[name] = secret
        return secret

    def found(self, text: bytes) -> set[str]:
        """Return the names of those that are in a text, in clear or as programs write them."""
        low = text.lower()
        return {
            name
            for name, value in self.known.items()
            if any(form in text for form in _forms(value)) or value.encode().hex().encode() in low
        }


def _forms(value: str) -> Iterator[bytes]:
    """Yield how a text may be written, wherever it begins in a longer one."""
    octets = value.encode()
    yield octets
    yield quote(value, safe="").encode()
    yield json.dumps(value)[1:-1].encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets)
        yield encoded[(0, 2, 3)[before] : len(encoded) // 4 * 4 - 4]
