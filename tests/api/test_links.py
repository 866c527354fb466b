"""Where the document says to go on is where one can go on, with what the answer tells."""

from __future__ import annotations

from typing import Any

import pytest

from api.app import ALL
from api.links import MADE, links_of
from tests.api.conftest import DOCUMENT

BY_NAME = {operation.name: operation for operation in ALL}


@pytest.mark.parametrize("name", sorted(MADE))
def test_what_is_made_can_be_fetched_or_removed(name: str) -> None:
    operation = BY_NAME[name]
    response = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    links = response[str(operation.status)]["links"]

    assert links == links_of(operation, ALL)
    assert {BY_NAME[each].method for each in links} & {"GET", "DELETE"}
    for target, link in links.items():
        assert {f"{{{each}}}" for each in link["parameters"]} <= set(
            BY_NAME[target].path.split("/")
        )


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_answer_has_the_id_where_the_link_says(name: str) -> None:
    for made in MADE[name]:
        schema: Any = BY_NAME[name].answer
        for step in made.pointer.strip("/").split("/"):
            keys = {field.data_key or key: field for key, field in schema.fields.items()}
            schema = getattr(keys[step], "schema", None)
