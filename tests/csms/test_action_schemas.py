"""Schemas for forms: complete in themselves, and of the same opinion as what OCPP has published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from csms.action_schemas import DIALECT, OURS, self_contained, with_ours
from csms.action_words import ACTION_WORDS
from csms.requests import actions_of
from csms.schemas import Part
from csms.stations import STATIONS
from tests.schema_payloads import minimal

KINDS = {kind.version: kind for kind in STATIONS.values()}
PARTS: tuple[Part, ...] = ("request", "response")


def parts_of(schema: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a schema with the key that it is under."""
    yield at, schema
    inside = schema if isinstance(schema, dict) else {}
    for key, value in inside.items():
        yield from parts_of(value, key)


@pytest.mark.parametrize("version", KINDS)
def test_every_schema_stands_by_itself(version: str) -> None:
    schemas = KINDS[version].schemas
    for action in actions_of(KINDS[version]):
        for part in PARTS:
            schema = self_contained(schemas.document(action, part))

            assert schema["$schema"] == DIALECT
            jsonschema_rs.meta.validate(schema)
            references = [value for at, value in parts_of(schema) if at == "$ref"]
            for reference in references:
                assert reference.startswith("#/$defs/")
                assert reference.rpartition("/")[2] in schema["$defs"]
            names = {at for at, _ in parts_of(schema)}
            assert not names & {"javaType", "definitions", "$id"}


@pytest.mark.parametrize("version", KINDS)
def test_a_schema_judges_as_the_published_one_does(version: str) -> None:
    schemas = KINDS[version].schemas
    for action in actions_of(KINDS[version]):
        ours = jsonschema_rs.validator_for(
            self_contained(schemas.document(action, "request")), validate_formats=True
        )
        least = minimal(version, action)
        spoilt = [{**least, name: {"is": "no"}} for name in least]
        short = [{n: v for n, v in least.items() if n != name} for name in least]
        for fields in (least, {**least, "unheardOf": 1}, {}, *spoilt, *short):
            assert ours.is_valid(fields) is (not schemas.faults(action, fields)), (action, fields)


def test_formats_and_bounds_are_kept() -> None:
    schema = self_contained(KINDS["1.6"].schemas.document("ReserveNow", "request"))

    assert schema["properties"]["expiryDate"] == {"type": "string", "format": "date-time"}
    assert schema["properties"]["idTag"] == {"type": "string", "maxLength": 20}


def test_what_describes_is_said_in_plain_words() -> None:
    document = {
        "type": "object",
        "properties": {
            "description": {
                "type": "string",
                "additionalProperties": False,
                "description": "EVSE. Id\r\nurn:x-oca:uid:2:233123\r\nIts id (&gt; 0),\r\n see "
                "&lt;&lt;configkey-size,Size&gt;&gt;.\r\n",
            }
        },
    }

    schema = self_contained(document)

    told = {"type": "string", "description": "Its id (> 0), see Size."}
    assert schema["properties"] == {"description": told}


def test_what_the_platform_chooses_need_not_be_given() -> None:
    schema = with_ours(
        {
            "properties": {"requestId": {"type": "integer"}, "id": {"type": "integer"}, "a": {}},
            "required": ["requestId", "id", "a"],
        },
        chosen=["requestId"],
        optional={"id": range(1, 9)},
    )

    assert schema["required"] == ["a"]
    chosen = {"type": "integer", "readOnly": True, "description": OURS}
    assert schema["properties"]["requestId"] == chosen
    assert schema["properties"]["id"] == {"type": "integer", "minimum": 1, "maximum": 8}


def test_every_action_has_its_sentence() -> None:
    every = {action for kind in KINDS.values() for action in actions_of(kind)}

    assert every == set(ACTION_WORDS)
