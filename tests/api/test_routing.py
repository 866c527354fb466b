"""What cannot stand in a path is not found; what can is converted."""

from __future__ import annotations

import re

import pytest

from api.app import ALL
from api.errors import NotFound
from api.routing import PATH_PARAMETERS, path_values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("id", "0"),
        ("id", "-1"),
        ("id", "1.5"),
        ("id", "\u0667"),
        ("id", "1" * 19),
        ("evseId", "0"),
        ("evseId", "one"),
        ("charge_box_id", "a:b"),
        ("charge_box_id", ".."),
        ("stationId", "x" * 49),
        ("transactionId", "x" * 37),
        ("transactionId", "a\x00"),
        ("organization_uuid", "a b"),
    ],
)
def test_what_cannot_exist_is_not_found(name: str, text: str) -> None:
    with pytest.raises(NotFound):
        path_values({name: text})


def test_numbers_become_numbers() -> None:
    assert path_values({"id": "7", "stationId": "7"}) == {"id": 7, "stationId": "7"}


def test_every_parameter_of_every_path_is_declared() -> None:
    used = {name for operation in ALL for name in re.findall(r"\{(\w+)\}", operation.path)}

    assert used == set(PATH_PARAMETERS)


def test_names_of_operations_are_unique() -> None:
    assert len({operation.name for operation in ALL}) == len(ALL)
