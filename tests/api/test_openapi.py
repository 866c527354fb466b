"""The document is complete, valid, and says all that is enforced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from api.app import ALL, create_app
from api.parts import ApiParts
from api.schemas.examples import EXAMPLES
from tests.api.conftest import DOCUMENT, Api


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_route_that_is_served_is_in_the_document(parts: ApiParts) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in create_app(parts).router.routes()
        if route.resource is not None
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


def properties(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inside in schema.get("properties", {}).items():
        yield f"{path}.{name}", inside
        yield from properties(inside, f"{path}.{name}")


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
def test_what_goes_in_is_closed_and_bounded(name: str) -> None:
    schema = SCHEMAS[name]

    # What is open is a request of OCPP, which has a schema of its own.
    assert schema["additionalProperties"] is (name == "OcppRequest")
    for path, described in properties(schema):
        if "string" in described.get("type", ()):
            bounded = "enum" in described or "format" in described
            assert bounded or {"maxLength", "pattern"} <= set(described), path
        if "integer" in described.get("type", ()):
            assert {"minimum", "maximum"} <= set(described), path


def examples() -> Iterator[tuple[str, Any, Any]]:
    """Yield each schema that has an example, with it."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            for said in (operation.get("requestBody", {}), *operation["responses"].values()):
                content = said.get("content", {}).get("application/json", {})
                if "example" in content:
                    yield f"{method} {path}", content["schema"], content["example"]


def test_every_example_is_one() -> None:
    found = list(examples())
    assert {name for name in EXAMPLES if name not in SCHEMAS} == set()
    for path, schema, example in found:
        validator = jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})
        assert [str(error) for error in validator.iter_errors(example)] == [], path
    shown = {schema["$ref"].rpartition("/")[2] for _, schema, _ in found}
    assert shown == set(EXAMPLES)


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
