"""Keep passwords out of the message log, where everybody who may read it would find them.

OCPP 2.0.1 A01.FR.09: a password is never logged. What configures a charger is written anew for
the log where it holds one; no queue is fed from these messages, and on the wire they are as ever.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson

from csms import frames
from csms.errors import MalformedFrame
from csms.frames import Call, CallResult, Frame

CONCEALED = "(concealed)"

# What names a credential, word by word.
WORDS = (
    ("access", "key"),
    ("access", "token"),
    ("api", "key"),
    ("auth", "key"),
    ("authorization", "key"),
    ("basic", "auth"),
    ("credential",),
    ("passphrase",),
    ("passw",),
    ("private", "key"),
    ("psk",),
    ("pwd",),
    ("secret",),
    ("shared", "key"),
    ("sim", "pin"),
    ("vpn", "key"),
)
# Names are searched, not compared: letter case does not count in OCPP, chargers cut at NUL or
# trim blanks.
_CREDENTIAL = re.compile("|".join(map("".join, WORDS)), re.IGNORECASE)
_LONGEST = 255
_BETWEEN_WORDS = re.compile(r"[\W_]+")  # authorization_key, Private-Key
# What may tell a password, or a place with one in its URL.
CONFIGURING = frozenset(
    {
        "ChangeConfiguration",
        "GetConfiguration",
        "GetDiagnostics",
        "GetLog",
        "GetVariables",
        "PublishFirmware",
        "SetNetworkProfile",
        "SetVariables",
        "SignedUpdateFirmware",
        "UpdateFirmware",
    }
)
_VALUES = frozenset({"value", "attributeValue"})
_PLACES = frozenset({"location", "remoteLocation"})
# Of a URL what lets one in: user information, and the secret of one of ours (api/uploads.py).
_PASS = re.compile(r"(?<=://)[^/?#\s]*(?=@)|(?<=/uploads/)[\w-]{43}")


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Tell whether the value of a configuration key is told to nobody."""
    # No version has longer names, and a search through a megabyte would take a second.
    return len(name) > _LONGEST or bool(_CREDENTIAL.search(_BETWEEN_WORDS.sub("", name)))


def loggable(frame: Frame | MalformedFrame, text: bytes, action: str | None) -> bytes:
    """Return the text of a frame as the log may keep it: its own, unless it tells a secret."""
    if action not in CONFIGURING or not isinstance(frame, Call | CallResult):
        return text
    fields = orjson.loads(frame.payload)  # what is sent has no fields
    told = concealed(fields)
    if told == fields:
        return text
    payload = orjson.dumps(told)
    if isinstance(frame, CallResult):
        return frames.call_result(frame.id, payload).text
    return frames.call(frame.id, frame.action, payload).text


def concealed(node: Any) -> Any:
    """Return a payload with its passwords concealed, also those in URLs of places."""
    return _told(node, named=False, placed=True)


def has_password(node: Any) -> bool:
    """Tell whether a payload sets a password, or tells one; those in URLs do not count."""
    told: bool = _told(node, named=False, placed=False) != node
    return told


def _told(node: Any, *, named: bool, placed: bool) -> Any:
    """Return what may be told of a node; ``named`` is below the name of a password."""
    if isinstance(node, list):
        return [_told(item, named=named, placed=placed) for item in node]
    if not isinstance(node, dict):
        return node
    named = named or any(is_secret(name) for name in _names(node))
    told = {}
    for name, value in node.items():
        if _tells(name, value, named=named):
            told[name] = CONCEALED
        elif placed and name in _PLACES and isinstance(value, str):
            told[name] = _PASS.sub(CONCEALED, value)
        else:
            told[name] = _told(value, named=named, placed=placed)
    return told


def _tells(name: str, value: Any, *, named: bool) -> bool:
    return value is not None and ((named and name in _VALUES) or is_secret(name))


def _names(item: dict[str, Any]) -> list[str]:
    """Return how an item names the key that it holds the value of: 1.6 ``key``, 2.x two names."""
    parts = item.get("component"), item.get("variable")
    spelled = [part.get("name") for part in parts if isinstance(part, dict)]
    return [name for name in (item.get("key"), *spelled) if isinstance(name, str)]
