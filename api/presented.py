"""
Read which credential a request carries: exactly one says who asks.

What is sent on purpose (an API key, `X-Session-Token`) counts before the cookie that a browser adds
to whatever is sent here. Two different ones of a kind, or a key and a session token, do not say who
asks and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from multidict import CIMultiDict, CIMultiDictProxy

from api.errors import Unauthorized

Headers: TypeAlias = CIMultiDict[str] | CIMultiDictProxy[str]

# Kratos' own tokens have 39 characters, its cookies some hundred. A cookie holds no blank, quote,
# comma, semicolon or backslash (RFC 6265 4.1.1): nothing that would make two headers of it.
_USABLE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,4096}")


class Presented(NamedTuple):
    """A credential, which is not known to be a good one."""

    kind: Literal["key", "token", "cookie"]
    secret: str

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"Presented({self.kind})"


def presented(headers: Headers, cookie: str | None) -> Presented:
    """Return the one credential of a request; raise Unauthorized.

    ``cookie`` is the name of the session cookie, None where sessions are not taken at all.
    """
    found = {Presented("key", key) for key in _keys(headers)}
    if cookie is not None:
        found |= {Presented("token", token) for token in headers.getall("X-Session-Token", ())}
        found = found or {Presented("cookie", value) for value in _cookies(headers, cookie)}
    if len(found) != 1:
        raise Unauthorized
    one = found.pop()
    if not (one.secret.isascii() if one.kind == "key" else _USABLE.fullmatch(one.secret)):
        raise Unauthorized
    return one


def _keys(headers: Headers) -> Iterator[str]:
    yield from headers.getall("x-api-key", ())
    for header in headers.getall("Authorization", ()):
        scheme, _, credentials = header.partition(" ")
        if scheme.lower() == "bearer":
            yield credentials.strip()


def _cookies(headers: Headers, wanted: str) -> Iterator[str]:
    for header in headers.getall("Cookie", ()):
        for pair in header.split(";"):
            name, equals, value = pair.strip(" \t").partition("=")
            if equals and name == wanted:
                yield value
