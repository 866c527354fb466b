"""
Read the key file of a Google service account, which is a stranger's word.

Four of its fields are used. Its addresses never are: tokens come from the server's own setting,
and what names another place is refused rather than passed over, so that its owner learns of it
(reliability-security S-10).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from storage.sinks.errors import SinkRefused

# A real one has 2,400 characters.
LONGEST = 16 << 10
# RSA with 4096 bits has 3,272; reading a longer one would stop the server for a second.
_LONGEST_KEY = 3500

# What Google has written into key files so far.
_GOOGLES = frozenset(
    {
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v3/token",
        "https://www.googleapis.com/oauth2/v4/token",
    }
)
_EMAIL = re.compile(r"[A-Za-z0-9._-]{1,64}@[A-Za-z0-9.-]{1,189}")
_NAME = re.compile(r"[A-Za-z0-9.:_-]{0,128}")

_Fields: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who signs, and with what."""

    email: str
    private_key: RSAPrivateKey = field(repr=False)
    private_key_id: str = ""


def read_service_account(text: str, token_uri: str, *, known: bool = False) -> ServiceAccount:
    """Return the account of a key file; raise SinkRefused that says what is wrong with it.

    ``token_uri`` is the server's own. To look whether the numbers of the key make one takes 40 ms
    (of 4096 bits: 0.3 s) in which nothing else runs, also in a thread: leave that out for what is
    ``known`` to have been read before.
    """
    fields = _fields(text)
    reason = next((reason for wrong, reason in _FAULTS if wrong(fields)), None)
    if reason is None and fields["token_uri"] not in {*_GOOGLES, token_uri}:
        reason = (
            "its token_uri is not Google's, and tokens are fetched from nowhere else. "
            "Give the file as Google made it"
        )
    if reason is not None:
        raise _refused(reason)
    return ServiceAccount(
        fields["client_email"],
        _key(fields["private_key"], known=known),
        fields.get("private_key_id", ""),
    )


def _refused(reason: str) -> SinkRefused:
    return SinkRefused(f"service_account_json is no key of a Google service account: {reason}.")


def _fields(text: str) -> _Fields:
    if len(text) > LONGEST:
        raise _refused(f"it is longer than {LONGEST} characters")
    try:
        # Not strict: shells like to turn the \n of the private key into real line breaks.
        fields = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise _refused("it is no JSON. Give the whole file as it was downloaded") from None
    if not isinstance(fields, dict):
        raise _refused("it is no JSON object. Give the whole file as it was downloaded")
    return fields


def _key(pem: str, *, known: bool) -> RSAPrivateKey:
    key = None
    with suppress(ValueError, TypeError, UnsupportedAlgorithm):
        if len(pem) <= _LONGEST_KEY:
            key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=known)
    if not isinstance(key, RSAPrivateKey):
        raise _refused(
            "its private_key is no RSA key in PEM of at most 4096 bits. "
            "Give the whole file as it was downloaded"
        )
    return key


def _lacks(name: str) -> tuple[Callable[[_Fields], object], str]:
    def wrong(fields: _Fields) -> bool:
        return not isinstance(fields.get(name), str) or not fields[name]

    return wrong, f"it lacks {name}. Give the whole file as it was downloaded"


def _unless(name: str, allowed: Callable[[str], object]) -> Callable[[_Fields], object]:
    def wrong(fields: _Fields) -> bool:
        return name in fields and not (isinstance(fields[name], str) and allowed(fields[name]))

    return wrong


_FAULTS: tuple[tuple[Callable[[_Fields], object], str], ...] = (
    (
        lambda fields: fields.get("type") != "service_account",
        "its type is not service_account, and other credentials are not taken",
    ),
    _lacks("client_email"),
    _lacks("private_key"),
    _lacks("token_uri"),
    (_unless("client_email", _EMAIL.fullmatch), "its client_email is no e-mail address"),
    (_unless("private_key_id", _NAME.fullmatch), "its private_key_id is none"),
    (
        _unless("universe_domain", "googleapis.com".__eq__),
        "its universe_domain is not googleapis.com, and no other cloud is spoken to",
    ),
)
