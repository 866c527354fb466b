"""
Say in the document where to go on with what a request has made: OpenAPI's links.

Whoever reads the document, a person or a program that tries the API, finds the id in the answer and
the operations that take it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from api.routing import Operation


class Made(NamedTuple):
    """Where the answer of an operation tells the id of what it made, and who takes it as what."""

    pointer: str
    parameter: str


# By the operation that makes it; another one has no link.
MADE: Mapping[str, tuple[Made, ...]] = {
    "create_charger": (
        Made("/charger/charge_box_id", "charge_box_id"),
        Made("/charger/charge_box_id", "stationId"),
    ),
    "enroll_with_proxy": (
        Made("/charger/charge_box_id", "charge_box_id"),
        Made("/proxy_configuration/id", "id"),
    ),
    "create_proxy_configuration": (Made("/proxy_configuration/id", "id"),),
    "create_site": (Made("/site/site_id", "site_id"),),
    "create_connector": (Made("/connector/id", "connector_id"),),
    "create_client_certificate": (Made("/client_certificate/id", "certificate_id"),),
    "create_api_key": (Made("/api_key/key_id", "key_id"),),
    "create_id_token": (Made("/id_token/id_token", "id_token"),),
    "ask_stations": (Made("/batchId", "batchId"),),
    "update_firmware": (Made("/jobId", "jobId"),),
    "fetch_log": (Made("/jobId", "jobId"),),
}
_METHODS = ("GET", "DELETE")


def links_of(operation: Operation, all_: Iterable[Operation]) -> dict[str, Any]:
    """Return the links of an operation's good answer."""
    return {
        other.name: {"operationId": other.name, "parameters": _parameters(made, other)}
        for made in MADE.get(operation.name, ())
        for other in all_
        if other.method in _METHODS and _takes(other, made, operation)
    }


def _takes(other: Operation, made: Made, operation: Operation) -> bool:
    """Tell whether all that another operation wants is known once this one is answered."""
    wanted = set(_names(other))
    return made.parameter in wanted and wanted <= {made.parameter, *_names(operation)}


def _parameters(made: Made, other: Operation) -> dict[str, str]:
    said = {name: f"$request.path.{name}" for name in _names(other)}
    return {**said, made.parameter: f"$response.body#{made.pointer}"}


def _names(operation: Operation) -> list[str]:
    return re.findall(r"\{(\w+)\}", operation.path)
