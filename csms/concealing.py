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
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from csms.secrecy import CONCEALED, WORDS, is_secret

# A name may be written with blanks and strokes between its words: only letters and digits count.
_KEPT = string.ascii_letters.encode() + string.digits.encode()
_LETTERS = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_OTHERS = bytes(set(range(256)) - set(_KEPT))
# The same words in those letters, and what names a token.
_CREDENTIAL = re.compile("|".join(map("".join, WORDS)).encode())
_TOKEN = re.compile(rb"idtag|tagid|idtoken|emaid|evccid|contractid|masterpass|exire|customer")
# In other letters a name is not seen, a URL is looked at whole, and a VPN calls its secret `key`.
_LOOKED_AT = (b"://", b"\\u", b"\\/", b'"vpn"', b"PRIVATE KEY")

_TOKENS = frozenset(
    {
        "additionalidtoken",
        "contractid",
        "customeridentifier",
        "emaid",
        "evccid",
        "idtag",
        "idtoken",
        "parentidtag",
        "tagid",
    }
)
# Bodies of ISO 15118, which hold an eMAID in a form of their own.
_BODIES = frozenset({"exirequest", "exiresponse"})
_BETWEEN_WORDS = re.compile(r"[\W_]+")
# Up to the last @ where a password is told, because some do not escape what they put before it;
# a port is none, and what follows it may well hold an @.
_USERINFO = re.compile(
    r"""(?<=://)(?:[^/?#\s:@\["'<>]*:(?!\d{1,5}[/?#])[^\s"'<>]*|[^/?#\s"'<>]*)(?=@)"""
)
# Also the secret of a URL of ours that works once (api/uploads.py).
_UPLOAD = re.compile(r"(?<=/uploads/)[\w-]{43}")
# A name, and something behind it. What Base64 is made of ends no name: by chance it holds any word
# of three letters.
_BEHIND = r"""[\w.-]{0,64}(?:[^\w\s+/=.-]|[ \t]|=(?=["' \t]*[^\s="']))\W{0,64}\w"""
_SPELLED = "|".join(r"[\W_]{0,3}".join(words) for words in WORDS)
_MENTION = re.compile(rf"(?:{_SPELLED}){_BEHIND}|PRIVATE KEY-----", re.IGNORECASE)
_TOKEN_MENTION = re.compile(
    r"(?:(?:id|parent)[\W_]{0,3}(?:tag|token)|tag[\W_]?id|emaid|evcc[\W_]?id|contract[\W_]?id)"
    + _BEHIND,
    re.IGNORECASE,
)
_NAMING = ("key", "name", "messageid", "parameter", "variable", "component")  # the value beside it
_NAMED = frozenset({"value", "attributevalue", "actualvalue", "newvalue", "val", "data"})
_ESCAPED = re.compile(r"\\+u(00[0-9a-fA-F]{2})")
_LONGEST = 255  # characters of a name
_DEEPEST = 4  # JSON in a string in JSON …
_DEEP = 64  # levels; the frames that we read have half of them


class _AmbiguousError(ValueError):
    """A document gives several names to one value, one of them a secret's."""


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
        """Return a JSON text without what is to be concealed; as it is, where it has none.

        Of a name that is given twice only the last goes on, as most readers have it: others refuse
        the whole file. Raises ValueError for what is no JSON in UTF-8, which they refuse as well.
        """
        read = orjson.loads(text)
        try:
            if not is_suspect(text, tokens=self.token_key is not None):
                return _written(json.loads(text)).encode() if _repeats(read, text) else text
            fields, repeated = _decoded(text)
            told = self._told(fields, _TOP)
            # Of a name that is given twice only the last is looked at, and only that one goes on.
            return _written(told).encode() if repeated or told != fields else text
        except (ValueError, RecursionError, _TooDeepError):
            return _written(CONCEALED).encode()

    def whole(self, text: str) -> str:
        """Return what nobody could read, unless there may be in it what is to be concealed."""
        if self.token_key is not None:  # which need not be named
            return CONCEALED
        return CONCEALED if is_suspect(text.encode(errors="replace"), tokens=False) else text

    def _told(self, node: Any, place: _Place) -> Any:
        if place.depth > _DEEP:
            raise _TooDeepError
        if isinstance(node, str):
            return self._text(node, place.within)
        if isinstance(node, list):
            return [self._told(item, place.below(place.name)) for item in node]
        if not isinstance(node, dict):
            return node
        names = _names_in(node)
        place = place.naming(
            secret=any(map(is_secret, names)),
            token=self.token_key is not None and any(map(_names_token, names)),
        )
        return {
            self._text(name, place.within): self._value(name, value, node, place)
            for name, value in node.items()
        }

    def _value(self, name: str, value: Any, node: dict[str, Any], place: _Place) -> Any:
        if value is None or isinstance(value, bool):
            return value
        named = name.lower() in _NAMED
        if is_secret(name) or is_secret(place.name + name) or (named and place.secret):
            return CONCEALED
        if self.token_key is not None:
            if isinstance(value, str | int) and (_is_token(name) or (named and place.token)):
                return self._hashed(str(value))
            if name.lower() in _BODIES or (name == "certificate" and "idToken" in node):
                return CONCEALED  # a contract's certificate has its eMAID for a subject
            if isinstance(value, list) and _is_token(name.removesuffix("s")):
                return [self._value(name[:-1], item, {}, place.below(name)) for item in value]
        return self._told(value, place.below(name))

    def _text(self, text: str, within: int) -> str:
        if not is_suspect(text.encode(errors="replace"), tokens=self.token_key is not None):
            return text
        if text.lstrip()[:1] in {"{", "["} and (told := self._document(text, within)) is not None:
            return told
        text = _UPLOAD.sub(CONCEALED, _USERINFO.sub(CONCEALED, text))
        return CONCEALED if self._mentions(text) else text

    def _document(self, text: str, within: int) -> str | None:
        """Return JSON that stands in a string, None for what only looks like it."""
        if within >= _DEEPEST:
            return CONCEALED
        try:
            fields, repeated = _decoded(text)
        except _AmbiguousError:
            return CONCEALED
        except ValueError:
            return None
        told = self._told(fields, _Place(within=within + 1))
        return _written(told) if repeated or told != fields else text

    def _mentions(self, text: str) -> bool:
        """Tell whether a text names something and goes on; a name alone tells nothing."""
        if "\\u00" in text:  # JSON after all, broken or too deep
            text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        tokens = self.token_key is not None and _TOKEN_MENTION.search(text)
        return bool(_MENTION.search(text) or tokens)

    def _hashed(self, token: str) -> str:
        """Return the same for the same token, whatever its case: that does not count in OCPP."""
        if not token or self.token_key is None:
            return token
        return hmac.digest(self.token_key, token.upper().encode(), "sha256").hex()


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    return _plain(name) in _TOKENS


@lru_cache(maxsize=1024)
def _names_token(name: str) -> bool:
    return len(name) <= _LONGEST and any(one in _plain(name) for one in _TOKENS)


def _plain(name: str) -> str:
    return _BETWEEN_WORDS.sub("", name).lower()


class _Place(NamedTuple):
    """Where something stands: below which name, and whether what names it names a secret."""

    name: str = ""
    secret: bool = False
    token: bool = False
    depth: int = 0
    within: int = 0  # strings of JSON

    def below(self, name: str) -> _Place:
        return self._replace(name=name, depth=self.depth + 1)

    def naming(self, *, secret: bool, token: bool) -> _Place:
        return self._replace(secret=self.secret or secret, token=self.token or token)


_TOP = _Place()


def _names_in(item: dict[str, Any]) -> list[str]:
    """Return how an item names the value that it holds: by a key, or a component and a variable."""
    found = []
    for name, value in item.items():
        spelled = value.get("name") if isinstance(value, dict) else value
        if isinstance(spelled, str) and name.lower() in _NAMING:
            found.append(spelled)
    return found


def _decoded(text: bytes | str) -> tuple[Any, bool]:
    """Return what a JSON text holds, and whether a name is given twice somewhere."""
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            if any(is_secret(text) for _, text in items if isinstance(text, str)):
                raise _AmbiguousError  # which of the names is meant is anybody's guess
            repeated.append("")
        return made

    constant: Callable[[str], Any] = _refused
    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant), bool(repeated)


def _repeats(read: Any, text: bytes) -> bool:
    """Tell whether some name is given twice in a text without escapes by number.

    What is read of it has only one of them: fewer quotes. An escaped one is written so again.
    """
    try:
        return orjson.dumps(read).count(b'"') != text.count(b'"')
    except orjson.JSONEncodeError:
        return True  # too deep to be written; reading it once more does no harm


def _written(node: Any) -> str:
    # Integers of any size, where a quicker encoder has 64 bits.
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"))


def _refused(constant: str) -> Any:
    raise ValueError(constant)
