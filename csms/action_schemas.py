"""
The library's JSON schemas as a person fills in a form by them, and his program checks it.

Whatever a schema says is in it: JSON Schema 2020-12, references only to its own `$defs`. What
neither helps nor binds (names of Java classes, rules about objects on texts) is left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OURS = "The platform chooses it; what is sent here is not used."
_OLD, _NEW = "#/definitions/", "#/$defs/"
# What concerns those who generate code, or is said again by what goes around it.
_NEEDLESS = frozenset({"$schema", "$id", "id", "comment", "javaType", "additionalItems"})
_OF_OBJECTS = frozenset({"additionalProperties", "properties", "required"})
# Whose keys are names and not rules.
_NAMED = frozenset({"properties", "definitions"})
_RENAMED = {"definitions": "$defs"}
# With the name that a model of classes has for it: "Charging_ Profile. Stack_ Level. Counter".
_MODELLED = re.compile(r"\A[^\r\n]*[\r\n]+urn:\S+")
_LINK = re.compile(r"<<[^,>]*,([^>]*)>>")


def self_contained(document: Document) -> dict[str, Any]:
    """Return a schema that needs no other document and no other dialect."""
    return {"$schema": DIALECT, **_rules(document)}


def with_ours(
    schema: Document, *, chosen: Iterable[str], optional: Mapping[str, range]
) -> dict[str, Any]:
    """Return the schema of a request in which some numbers need not be given.

    Those ``chosen`` are always the platform's, those that are ``optional`` within a range where
    the caller has not chosen.
    """
    ours, fields = list(chosen), dict(schema.get("properties", {}))
    for name in ours:
        fields[name] = {**fields[name], "readOnly": True, "description": OURS}
    for name, within in optional.items():
        fields[name] = {**fields[name], "minimum": within.start, "maximum": within.stop - 1}
    needless = {*ours, *optional}
    required = [name for name in schema.get("required", ()) if name not in needless]
    return {**schema, "properties": fields, "required": required}


def _rules(schema: Document) -> dict[str, Any]:
    about_text = schema.get("type") not in {None, "object"}
    left_out = _NEEDLESS | _OF_OBJECTS if about_text else _NEEDLESS
    return {
        _RENAMED.get(key, key): _rule(key, value)
        for key, value in schema.items()
        if key not in left_out
    }


def _rule(key: str, value: Any) -> Any:
    if key in _NAMED:
        return {name: _rules(inside) for name, inside in value.items()}
    if key == "description":
        return _plain(value)
    if key == "$ref":
        return value.replace(_OLD, _NEW)
    return _rules(value) if isinstance(value, dict) else value


def _plain(description: str) -> str:
    """Return a description in one line, without marks of the document that it was taken from."""
    told = _LINK.sub(r"\1", html.unescape(description))
    return " ".join(_MODELLED.sub("", told).split())
