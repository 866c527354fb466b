"""Know what a configuration key is about: charging, the charger's link to us, or a secret.

A target that could set a key of that link would take the charger over or lock it out, one that
switched smart charging off would lift the platform's power limits, and one that could read a
password of ours could pose as the charger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import orjson

from csms.secrecy import is_secret
from proxy import splice

# Names are searched, not compared: letter case does not count in OCPP, chargers cut at NUL or
# trim blanks, and each vendor has its own key for the server's address.
_LINK = re.compile(
    r"""
    security | cponame | cert | tls | ssl                              # who may speak for whom
    | ocpp | csms | centralsystem | back-?(end|office) | server        # where the other end is
    | url | (?<!d)uri | endpoint | address | host | domain | proxy
    | chargebox | chargepointid | stationid | identity                 # who the charger is
    | network | apn | ssid | wi-?fi | wlan | dns | gateway | vpn       # the way there
    | websocket | heartbeat | reconnect | retrybackoff                 # how the link is kept
    | transactionmessage | messageattempt | messagetimeout | offlinethreshold
    | smart.?charg                                                     # whether limits hold
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SEPARATORS = re.compile(r"[\s_-]+")  # Central_System, Back-End
_USERINFO = re.compile(r"://[^/?#\s]*@")
_LOCATOR = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# In the component of the link, and yet only about charging.
_HARMLESS = {
    "ocppcommctrlr.publickeywithsignedmetervalue",
    "ocppcommctrlr.resetretries",
    "ocppcommctrlr.unlockonevsidedisconnect",
}
# The password of the link that the key arrives on: on a target's link that is the target's.
_PASSWORD = {"authorizationkey", "securityctrlr.basicauthpassword"}


class Kind(Enum):
    """What a key is about, and so whose it is."""

    PASSWORD = "password"  # noqa: S105 - of a kind of key; the target link's own, never the charger's
    CLOSED = "closed"  # the charger's link to us, and whether it obeys limits
    OPEN = "open"  # the charger's to decide


def kind_of(name: str, value: str = "") -> Kind:
    """Tell what a key (1.6) or ``component.variable`` (2.x) is about, set to this value."""
    folded = name.casefold()
    if folded in _PASSWORD:
        return Kind.PASSWORD
    if folded in _HARMLESS:
        return Kind.OPEN
    spelled = (name, _SEPARATORS.sub("", name))
    closed = is_secret(name) or any(map(_LINK.search, spelled)) or _LOCATOR.match(value)
    return Kind.CLOSED if closed else Kind.OPEN


def tells_secret(name: str, value: Any) -> bool:
    """Tell whether a value may not be told: its key is secret, or it is a URL with a password."""
    return is_secret(name) or (isinstance(value, str) and bool(_USERINFO.search(value)))


def settings_in(action: str, fields: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return the names and values that a request sets, None where a name cannot be read."""
    if action == "ChangeConfiguration":
        pairs = [(fields.get("key"), fields.get("value"))]
    elif action == "SetVariables":
        pairs = [(name_of(item), _value(item)) for item in items_of(fields, "setVariableData")]
    else:
        return []
    readable = [(name, str(value)) for name, value in pairs if isinstance(name, str)]
    return readable if pairs and len(readable) == len(pairs) else None


def conceal(action: str, payload: bytes, fields: Any) -> bytes:
    """Take secrets out of the charger's answer to a target that reads the configuration.

    Both versions call them write-only; some chargers tell them all the same.
    """
    member = _READINGS.get(action)
    if member is None:
        return payload
    items = items_of(fields, member)
    if any(_leaks(item) for item in items):
        return orjson.dumps({**fields, member: [_without_secret(item) for item in items]})
    return orjson.dumps(fields) if hides(payload, member) else payload


def hides(payload: bytes, member: str) -> bool:
    """Tell whether the items of a member may hold what was not looked at: of two the last is."""
    items = splice.values_at(payload, (member,))
    return len(items) > 1 or any(map(splice.repeats_a_key, items))


def name_of(item: Any) -> str | None:
    """Return ``component.variable`` of a 2.x item, None where it is not spelled out."""
    try:
        parts = item["component"]["name"], item["variable"]["name"]
    except (KeyError, TypeError):
        return None
    return ".".join(parts) if all(isinstance(part, str) for part in parts) else None


def items_of(fields: Any, member: str) -> list[Any]:
    """Return a member that is a list, else an empty one."""
    items = fields.get(member) if isinstance(fields, dict) else None
    return items if isinstance(items, list) else []


def _value(item: Any) -> Any:
    return item.get("attributeValue") if isinstance(item, dict) else None


def _leaks(item: Any) -> bool:
    name = name_of(item) or (item.get("key") if isinstance(item, dict) else None)
    return isinstance(name, str) and tells_secret(name, item.get("value", _value(item)))


def _without_secret(item: Any) -> Any:
    if not _leaks(item):
        return item
    return {name: value for name, value in item.items() if name not in {"value", "attributeValue"}}


_READINGS = {"GetConfiguration": "configurationKey", "GetVariables": "getVariableResult"}
