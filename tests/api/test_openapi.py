"""The document is complete, valid, and says all that is enforced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate

from api.app import ALL, create_app
from api.assets import OPEN_RESOURCES
from api.parts import ApiParts
from tests.api.conftest import DOCUMENT, Api

_EXAMPLES = {"example", "examples"}


def without_examples(part: Any) -> Any:
    """What is left to validate: `test_exampled.py` holds examples to their schemas, and quicker."""
    if isinstance(part, dict):
        return {k: without_examples(v) for k, v in part.items() if k not in _EXAMPLES}
    return [without_examples(one) for one in part] if isinstance(part, list) else part


def test_the_document_is_valid_openapi() -> None:
    validate(without_examples(DOCUMENT))
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_route_that_is_served_is_in_the_document(parts: ApiParts) -> None:
    app = create_app(parts)
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.resource not in app[OPEN_RESOURCES]
    }
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }

    assert served == described
    assert len(served) == len(ALL)


def test_every_operation_is_explained() -> None:
    for operation in ALL:
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]
        assert described["operationId"] == operation.name
        assert described["summary"]
        assert bool(described["security"]) == (operation.scope is not None)


SCHEMAS = DOCUMENT["components"]["schemas"]


def bodies() -> Iterator[str]:
    """Name the schemas of bodies; a body of several kinds has one for each."""
    for operation in (each for each in ALL if each.body):
        described = DOCUMENT["paths"][operation.path][operation.method.lower()]["requestBody"]
        schema = described["content"]["application/json"]["schema"]
        for kind in schema.get("anyOf", [schema]):
            yield kind["$ref"].rpartition("/")[2]


OF_CONNECTORS = [
    name
    for name in SCHEMAS
    if name.endswith(("Configuration", "Credentials")) and "Proxy" not in name
]


@pytest.mark.parametrize("name", sorted({*bodies(), *OF_CONNECTORS}))
def test_what_goes_in_is_closed(name: str) -> None:
    # What is open is a request of OCPP, which has a schema of its own.
    assert SCHEMAS[name]["additionalProperties"] is (name == "OcppRequest")


# What has to be said of a value of each type, unless it is one of those that are listed.
BOUNDS = {
    "string": {"minLength", "maxLength"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "array": {"maxItems", "items"},
    "object": {"maxProperties"},
    "boolean": set(),
    "null": set(),
}
ALTERNATIVES = ("anyOf", "oneOf", "allOf")
LISTED = {"enum", "const", "$ref", "properties", *ALTERNATIVES}


def asked() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of what goes in, where it is: parameters, bodies and connectors."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            for parameter in map(resolved, operation["parameters"]):
                yield from within(parameter["schema"], f"{method} {path} {parameter['name']}")
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]["schema"]
                yield from within(body, f"{method} {path}")
    for name in OF_CONNECTORS:
        yield from within(SCHEMAS[name], name)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def within(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = resolved(schema)
    yield place, schema
    for name, inside in schema.get("properties", {}).items():
        yield from within(inside, f"{place}.{name}")
    values = schema.get("additionalProperties")
    if values and isinstance(values, dict):  # those of a free form may be anything
        yield from within(values, f"{place}.*")
    for inside in (
        schema.get("items"),
        *(each for key in ALTERNATIVES for each in schema.get(key, ())),
    ):
        if inside is not None:
            yield from within(inside, place)


def unbounded(schema: dict[str, Any]) -> set[str]:
    """Return what a schema does not say although its type wants it."""
    if LISTED & set(schema):
        return set()
    types = schema.get("type", "no type")
    named = [types] if isinstance(types, str) else types
    wanted = set().union(*(BOUNDS.get(each, {"type"}) for each in named))
    if "string" in named and not {"pattern", "format"} & set(schema):
        wanted.add("pattern")
    return wanted - set(schema)


def test_every_field_of_every_request_says_its_bounds() -> None:
    found = list(asked())
    # Free as OCPP is: the version's own schema judges it.
    lacking = {
        place: unbounded(schema)
        for place, schema in found
        if unbounded(schema) and schema != SCHEMAS["OcppRequest"]
    }

    assert lacking == {}
    assert len(found) > 800


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "x"},
        {"type": "array"},
        {},
        {"type": ["integer", "null"], "minimum": 0},
        {"type": "object"},
    ],
)
def test_a_field_without_bounds_would_be_seen(schema: dict[str, Any]) -> None:
    assert unbounded(schema)


def test_a_change_requires_nothing() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert "required" not in schemas["ProxyConfigurationChange"]
    assert "target_websocket_url" in schemas["ProxyConfigurationRequest"]["required"]


async def test_the_document_is_served_to_everybody(api: Api) -> None:
    got = await api("GET", "/openapi.json", headers={})

    assert got.status == 200
    assert got.body == DOCUMENT


def test_aiohttp_knows_no_route_but_ours(parts: ApiParts) -> None:
    assert all(isinstance(route, web.ResourceRoute) for route in create_app(parts).router.routes())
