"""Payloads made from the library's schema files: the least, the most, and the worst."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

VERSIONS = {"1.6": "ocpp.v16", "2.0.1": "ocpp.v201", "2.1": "ocpp.v21"}

_FORMATS = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://example.com/1"}

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from(
        ["", "2026-02-29T25:00:60Z", "222222017-01-01T00:00:00Z", "12,5", "\0", "-1"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@cache
def schema(version: str, action: str, side: str) -> dict[str, Any]:
    """Read the schema of an action's ``request`` or ``response``."""
    # A request of 1.6 and a Send of 2.1 have no ending.
    endings = ("Request", "") if side == "request" else ("Response",)
    folder = files(VERSIONS[version]).joinpath("schemas")
    named = (folder.joinpath(f"{action}{ending}.json") for ending in endings)
    file = next(file for file in named if file.is_file())
    document: dict[str, Any] = json.loads(file.read_text("utf-8-sig"))
    return document


def minimal(version: str, action: str, side: str = "request") -> Any:
    """Return the smallest payload that the schema allows."""
    document = schema(version, action, side)
    return _example(document, document, every=False)


def full(version: str, action: str, side: str = "request") -> Any:
    """Return a payload with every field that the schema names."""
    document = schema(version, action, side)
    return _example(document, document, every=True)


def hostile(version: str, action: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw payloads with the right names and anything as their values, at every depth."""
    document = schema(version, action, "request")
    drawn: st.SearchStrategy[dict[str, Any]] = _hostile(document, document)
    return drawn


def _example(node: dict[str, Any], document: dict[str, Any], *, every: bool) -> Any:
    node = _resolved(node, document)
    if "enum" in node:
        return node["enum"][0]
    if node.get("type") == "object":
        wanted = node.get("properties", {}) if every else node.get("required", [])
        return {name: _example(node["properties"][name], document, every=every) for name in wanted}
    if node.get("type") == "array":
        return [_example(node["items"], document, every=every)] * node.get("minItems", int(every))
    return _scalar(node)


def _scalar(node: dict[str, Any]) -> Any:
    if node.get("type") == "string":
        return _FORMATS.get(node.get("format", ""), "1")
    if node.get("maximum") == 0.0:  # 2.1 has limits of discharging, which are negative
        return -1.5
    return {"integer": 1, "number": 1.5, "boolean": True}.get(node.get("type", ""), {"any": 1})


def _hostile(node: dict[str, Any], document: dict[str, Any]) -> st.SearchStrategy[Any]:
    node = _resolved(node, document)
    if node.get("type") == "object":
        inner = {
            name: JSON | _hostile(child, document)
            for name, child in node.get("properties", {}).items()
        }
        return st.fixed_dictionaries({}, optional=inner)
    if node.get("type") == "array":
        return st.lists(JSON | _hostile(node["items"], document), max_size=3)
    return st.just(_example(node, document, every=False))


def _resolved(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = document["definitions"][node["$ref"].rpartition("/")[2]]
    return node
