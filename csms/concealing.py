"""
Keep secrets, and tokens where their owner wants that, out of what leaves for a bucket.

The log conceals what configures a charger (`csms.secrecy`). A bucket outlives the log and is read
by more people, so here every message is looked at: credentials by name in any action and at any
depth, in JSON that stands in a string, in free text, and whatever lets one in through a URL. Rather
too much is concealed than too little: the log has the rest.

Most messages name nothing of the kind. That is seen from their bytes, in a microsecond.
"""

from __future__ import annotations

import hmac
import json
import re
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from csms.secrecy import CONCEALED, is_secret

# A name may be written with blanks and strokes between its words: only letters and digits count.
_KEPT = string.ascii_letters.encode() + string.digits.encode()
_LETTERS = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_OTHERS = bytes(set(range(256)) - set(_KEPT))
# What csms.secrecy knows a credential by, in those letters.
_CREDENTIAL = re.compile(rb"auth(?:orization)?key|basicauth|passw|pwd|secret|credential|privatekey")
_TOKEN = re.compile(rb"idtag|idtoken|emaid|contractid")
# In other letters a name is not seen, and a URL is looked at whole.
_LOOKED_AT = (b"://", b"\\u", b"\\/")

_TOKENS = frozenset({"idtag", "parentidtag", "idtoken", "additionalidtoken", "emaid", "contractid"})
_BETWEEN_WORDS = re.compile(r"[\W_]+")
# Up to the last @, because some do not escape what they put before it.
_USERINFO = re.compile(r"(?<=://)[^\s\"'<>]*(?=@)")
# Also the secret of a URL of ours that works once (api/uploads.py).
_UPLOAD = re.compile(r"(?<=/uploads/)[\w-]{43}")
# Names alone, as GetConfiguration lists them, tell nothing.
_NAMES_ALONE = re.compile(r"[\w.-]*(?:[,;] ?[\w.-]+)*")
_NAMING = ("key", "name", "messageId")  # what may name the value beside it
_NAMED = frozenset({"value", "attributeValue", "data"})
_DEEPEST = 4  # JSON in a string in JSON …
_DEEP = 64  # levels; the frames that we read have half of them


class _TooDeepError(Exception):
    """A document is deeper than can be looked through."""


def is_suspect(text: bytes, *, tokens: bool) -> bool:
    """Tell whether a text may name what is to be concealed; it is quick, and rather says yes."""
    if any(sign in text for sign in _LOOKED_AT):
        return True
    letters = text.translate(_LETTERS, _OTHERS)
    return bool(_CREDENTIAL.search(letters) or (tokens and _TOKEN.search(letters)))


@dataclass(frozen=True, slots=True)
class Concealing:
    """What is concealed: credentials always, tokens where there is a key to hash them with."""

    token_key: bytes | None = None

    def payload(self, text: bytes) -> bytes:
        """Return a JSON text without what is to be concealed; as it is, where it has none."""
        if not is_suspect(text, tokens=self.token_key is not None):
            return text
        try:
            fields, repeated = _decoded(text)
            told = self._told(fields, named=False, depth=0, within=0)
            # Of a name that is given twice only the last is looked at, and only that one goes on.
            return _written(told).encode() if repeated or told != fields else text
        except (ValueError, RecursionError, _TooDeepError):
            return _written(CONCEALED).encode()

    def whole(self, text: str) -> str:
        """Return what nobody could read, unless there may be in it what is to be concealed."""
        if self.token_key is not None:  # which need not be named
            return CONCEALED
        return CONCEALED if is_suspect(text.encode(errors="replace"), tokens=False) else text

    def _told(self, node: Any, *, named: bool, depth: int, within: int) -> Any:
        if depth > _DEEP:
            raise _TooDeepError
        if isinstance(node, str):
            return self._text(node, within)
        if isinstance(node, list):
            return [self._told(item, named=named, depth=depth + 1, within=within) for item in node]
        if not isinstance(node, dict):
            return node
        named = named or any(is_secret(name) for name in _names_in(node))
        return {
            name: self._value(name, value, named=named, depth=depth, within=within)
            for name, value in node.items()
        }

    def _value(self, name: str, value: Any, *, named: bool, depth: int, within: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if is_secret(name) or (named and name in _NAMED):
            return CONCEALED
        if self.token_key is not None and isinstance(value, str | int) and _is_token(name):
            return self._hashed(str(value))
        return self._told(value, named=named, depth=depth + 1, within=within)

    def _text(self, text: str, within: int) -> str:
        if not is_suspect(text.encode(errors="replace"), tokens=self.token_key is not None):
            return text
        if text.lstrip()[:1] in {"{", "["}:
            return self._document(text, within)
        text = _UPLOAD.sub(CONCEALED, _USERINFO.sub(CONCEALED, text))
        if _NAMES_ALONE.fullmatch(text) or not self._mentions(text):
            return text
        return CONCEALED

    def _document(self, text: str, within: int) -> str:
        """Return JSON that stands in a string; what looks like it and is none is concealed."""
        if within >= _DEEPEST:
            return CONCEALED
        try:
            fields, repeated = _decoded(text)
        except ValueError:
            return CONCEALED
        told = self._told(fields, named=False, depth=0, within=within + 1)
        return _written(told) if repeated or told != fields else text

    def _mentions(self, text: str) -> bool:
        letters = text.encode(errors="replace").translate(_LETTERS, _OTHERS)
        tokens = self.token_key is not None and _TOKEN.search(letters)
        return bool(_CREDENTIAL.search(letters) or tokens)

    def _hashed(self, token: str) -> str:
        """Return the same for the same token, whatever its case: that does not count in OCPP."""
        if not token or self.token_key is None:
            return token
        return hmac.digest(self.token_key, token.upper().encode(), "sha256").hex()


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    return _BETWEEN_WORDS.sub("", name).lower() in _TOKENS


def _names_in(item: dict[str, Any]) -> Iterable[str]:
    """Return how an item names the value that it holds: by a key, or a component and a variable."""
    parts = item.get("component"), item.get("variable")
    spelled = [part.get("name") for part in parts if isinstance(part, dict)]
    given = [item.get(name) for name in _NAMING]
    return [name for name in (*given, *spelled) if isinstance(name, str)]


def _decoded(text: bytes | str) -> tuple[Any, bool]:
    """Return what a JSON text holds, and whether a name is given twice somewhere."""
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            repeated.append("")
        return made

    constant: Callable[[str], Any] = _refused
    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant), bool(repeated)


def _written(node: Any) -> str:
    # Integers of any size, where a quicker encoder has 64 bits.
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def _refused(constant: str) -> Any:
    raise ValueError(constant)
