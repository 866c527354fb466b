"""Payloads between the wire and the ocpp library's dataclasses, key by key.

The library rewrites the keys of a whole document in both directions, deeply, and so damages
vendor data (``my_key``, ``URLList``, ``associationId``) at 342 µs for a large message. Here only
keys that OCPP itself defines are rewritten: the fields of a dataclass on the way out, the top
level on the way in. Each key is converted by the library's own function, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from ocpp.charge_point import camel_to_snake_case, snake_to_camel_case

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# No name in OCPP is longer; what a charger makes up must neither fill the cache nor cost time.
_LONGEST_NAME = 64
_MOST_NAMES = 4096


def encode(payload: DataclassInstance) -> bytes:
    """Write a payload of the library as JSON, fields that are None left out."""
    return orjson.dumps(wire_fields(payload))


def wire_fields(payload: DataclassInstance) -> dict[str, Any]:
    """Return a payload of the library as it reads on the wire, fields that are None left out."""
    return {
        key: _wire_value(value)
        for name, key in _wire_names(type(payload))
        if (value := getattr(payload, name)) is not None
    }


def arguments(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a received payload as keyword arguments; what is nested stays as on the wire."""
    return {_NAMES[key]: value for key, value in payload.items()}


def _wire_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [_wire_value(item) for item in value]
    return wire_fields(value) if is_dataclass(value) and not isinstance(value, type) else value


@cache
def _wire_names(kind: type[DataclassInstance]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, _only_key(snake_to_camel_case, field.name)) for field in fields(kind))


class _Names(dict[str, str]):
    """What each key is called as an argument; a cache that costs no call where it knows."""

    def __missing__(self, key: str) -> str:
        if len(key) > _LONGEST_NAME:
            return key
        name = _only_key(camel_to_snake_case, key)
        if len(self) < _MOST_NAMES:
            self[key] = name
        return name


def _only_key(convert: Any, key: str) -> str:
    return str(next(iter(convert({key: None}))))


_NAMES = _Names()
