"""
Say what a request held as the audit may keep it: no secret, no certificate, and not at length.

Whoever reads the audit is to see what was asked, not to be able to ask it himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from csms.concealing import Concealing
from csms.secrecy import CONCEALED

LONGEST = 4096  # bytes of what is kept
_LOOKED_AT = 64 << 10  # what is longer is not even looked at: that would keep others waiting
_LONGEST_VALUE = 200
_LONGEST_NAME = 100
_MOST_NAMES = 10
_CONCEALING = Concealing()


def redacted(given: Any) -> Any:
    """Return what was given in JSON, as it may be kept."""
    text = orjson.dumps(given)
    if len(text) > _LOOKED_AT:
        return _size(text)
    told = _without_certificates(orjson.loads(_CONCEALING.payload(text)))
    return told if len(orjson.dumps(told)) <= LONGEST else _shortened(told)


def _without_certificates(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_certificates(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_without_certificates(item) for item in node]
    return CONCEALED if isinstance(node, str) and "-----BEGIN" in node else node


def _shortened(told: Any) -> Any:
    """Return the names and the short values; of what is long only how long it is."""
    if not isinstance(told, dict):
        return _size(orjson.dumps(told))
    short = {name[:_LONGEST_NAME]: _short(value) for name, value in told.items()}
    if len(orjson.dumps(short)) <= LONGEST:
        return short
    few = {name: short[name] for name in list(short)[:_MOST_NAMES]}
    return {**few, "(more)": len(short) - len(few)}


def _short(value: Any) -> Any:
    text = orjson.dumps(value)
    return value if len(text) <= _LONGEST_VALUE else _size(text)


def _size(text: bytes) -> str:
    return f"({len(text)} bytes)"


def differing(given: Any, before: Any) -> Mapping[str, Any]:
    """Return what the given fields were before, those that were otherwise."""
    if not isinstance(given, dict) or not isinstance(before, dict):
        return {}
    parts = [before, *(value for value in before.values() if isinstance(value, dict))]
    thing = max(parts, key=lambda part: len(given.keys() & part.keys()))
    return {name: thing[name] for name in given if name in thing and thing[name] != given[name]}
