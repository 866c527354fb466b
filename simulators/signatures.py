"""Who signed a request, by AWS Signature Version 4 (the header form, which SDKs use)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from urllib.parse import parse_qsl, quote, unquote

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    rf"{_ALGORITHM} Credential=([^/,]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of a request; the path and the query as they were sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature, and what it says of itself."""

    key_id: str
    scope: str
    signed_headers: tuple[str, ...]
    hexadecimal: str

    @classmethod
    def of(cls, request: Request) -> Self | None:
        """Return the signature of a request, None where it has none that can be read."""
        found = _HEADER.fullmatch(request.headers.get("Authorization", ""))
        if found is None:
            return None
        key_id, scope, signed, hexadecimal = found.groups()
        return cls(key_id, scope, tuple(signed.split(";")), hexadecimal)

    def fits(self, request: Request, secret: str) -> bool:
        """Tell whether it was made of this request with this secret."""
        hashed = sha256(self._canonical(request).encode()).hexdigest()
        at = request.headers.get("x-amz-date", "")
        text = f"{_ALGORITHM}\n{at}\n{self.scope}\n{hashed}"
        key = f"AWS4{secret}".encode()
        for part in [*self.scope.split("/"), text]:
            key = hmac.digest(key, part.encode(), sha256)
        return hmac.compare_digest(key.hex(), self.hexadecimal)

    def _canonical(self, request: Request) -> str:
        headers = [
            f"{name}:{' '.join(request.headers.get(name, '').split())}"
            for name in self.signed_headers
        ]
        return "\n".join(
            (
                request.method,
                quote(unquote(request.path), safe="/~"),
                _sorted(request.query),
                *headers,
                "",
                ";".join(self.signed_headers),
                request.headers.get("x-amz-content-sha256", ""),
            )
        )


def _sorted(query: str) -> str:
    given = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in given)
