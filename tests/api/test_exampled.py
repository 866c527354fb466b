from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from marshmallow import Schema, fields

from api.app import ALL
from api.errors import VERDICTS
from api.exampled import example_of, problem_example
from api.schemas.common import OfKinds
from api.schemas.examples import EXAMPLES
from api.schemas.request_examples import REQUESTS
from tests.api.conftest import DOCUMENT

JSON = "application/json"


def told() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What every operation takes and answers, as the document has it."""
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            if body := operation.get("requestBody"):
                yield f"{name} body", body["content"][JSON]
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get(JSON)
                if content and status.startswith("2"):
                    yield f"{name} {status}", content


TOLD = dict(told())
# What they answer is the charger's own, a file of it, or this document.
FREE = {"ask_station 200", "get_job_file 200", "show_document 200"}


def examples(content: Mapping[str, Any]) -> list[Any]:
    several = [one["value"] for one in content.get("examples", {}).values()]
    return several or [content["example"]]


def test_every_body_and_every_good_answer_has_an_example() -> None:
    without = {name for name, content in TOLD.items() if not {"example", "examples"} & set(content)}

    assert without == FREE


@pytest.mark.parametrize("name", sorted(set(TOLD) - FREE))
def test_an_example_is_what_its_schema_describes(name: str) -> None:
    content = TOLD[name]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)

    found = examples(content)

    assert found
    faults = [
        f"{error.instance_path}: {error.message}"
        for one in found
        for error in validator.iter_errors(one)
        if name != "change_connector body"  # partial, which the document cannot say
    ]
    assert faults == []


def bodies() -> dict[str, Schema]:
    given = [operation.body for operation in ALL if operation.body]
    kinds = [
        each
        for one in given
        for each in (one.kinds.values() if isinstance(one, OfKinds) else [one])
    ]
    return {type(one).__name__: one for one in kinds}


# Its key must be a real one, which would look like a leak here.
UNREAL = {"GoogleConnector", "ClientCertificateRequest", "PinRequest"}


@pytest.mark.parametrize("name", sorted(set(bodies()) - UNREAL))
def test_what_is_asked_by_example_is_taken(name: str) -> None:
    schema = bodies()[name]

    schema.load(dict(EXAMPLES.get(name, REQUESTS.get(name, {}))), partial=name.endswith("Change"))


def test_no_example_of_a_body_is_left_over() -> None:
    assert set(REQUESTS) - set(bodies()) == set()
    assert set(EXAMPLES) - set(DOCUMENT["components"]["schemas"]) == set()


def unnamed(value: Any, path: str) -> Iterator[str]:
    if value == "…":
        yield path
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from unnamed(one, f"{path}.{key}")
    for one in value if isinstance(value, list) else ():
        yield from unnamed(one, path)


def test_every_text_has_a_value_of_its_own() -> None:
    assert [
        place for name in set(TOLD) - FREE for place in unnamed(examples(TOLD[name]), name)
    ] == []


def test_a_text_that_nobody_gave_a_value_is_seen() -> None:
    class Strange(Schema):
        unheard_of = fields.String()

    assert list(unnamed(example_of(Strange()), "Strange")) == ["Strange.unheard_of"]


# ---- errors ----


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["responses"]))
def test_an_error_is_shown_as_it_comes(name: str) -> None:
    status = int(name.removeprefix("Error"))
    codes = {verdict.code for verdict in VERDICTS.values() if verdict.status == status}

    shown = problem_example(status)

    assert shown["error"] in codes
    assert shown["success"] is False
    content = DOCUMENT["components"]["responses"][name]["content"][JSON]
    assert content["example"] == shown
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    assert list(jsonschema_rs.Draft202012Validator(schema).iter_errors(shown)) == []


# ---- what comes before ----


def test_every_group_is_explained() -> None:
    explained = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}

    assert {operation.tag for operation in ALL} == set(explained)
    assert "x-api-key" in DOCUMENT["info"]["description"]
