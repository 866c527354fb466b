"""A charger is found by its serial number, else by its charge_box_id, and never guessed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.errors import NotFound, Taken
from api.routing import Request
from api.serials import charger_of
from tests.api.conftest import Api


async def found(api: Api, serial_number: str) -> str:
    """Return the charge_box_id of the charger that a path names."""
    asked: Any = SimpleNamespace(
        path={"serialNumber": serial_number},
        parts=api.parts,
        organization_uuid=api.organization_uuid,
    )
    return (await charger_of(cast("Request", asked))).key.charge_box_id


async def test_by_serial_number(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await api.enrol("CP-2", serial_number="EH2")

    assert await found(api, "EH2") == "CP-2"


async def test_else_by_charge_box_id(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await api.enrol("CP-2")

    assert [await found(api, name) for name in ("CP-1", "CP-2")] == ["CP-1", "CP-2"]


async def test_one_that_has_itself_for_a_serial_number(api: Api) -> None:
    await api.enrol("EH1", serial_number="EH1")

    assert await found(api, "EH1") == "EH1"


async def test_one_that_nobody_has(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")

    for name in ("EH9", "eh1", "EH1 ", "Zähler/1", "x" * 255):
        with pytest.raises(NotFound, match="no charger with this serial number"):
            await found(api, name)


async def test_another_organizations(api: Api) -> None:
    await (await api.neighbour()).enrol("CP-1", serial_number="EH1")

    for name in ("CP-1", "EH1"):
        with pytest.raises(NotFound):
            await found(api, name)


async def test_a_serial_number_of_several_is_told_with_their_names(api: Api) -> None:
    for name in ("CP-3", "CP-1"):
        await api.enrol(name, serial_number="EH1")

    with pytest.raises(Taken) as refused:
        await found(api, "EH1")
    assert str(refused.value) == (
        "Several chargers have this serial number, CP-1 and CP-3 among them: "
        "name the one you mean by its charge_box_id."
    )
    assert await found(api, "CP-3") == "CP-3"


async def test_a_charge_box_id_that_another_has_for_a_serial_number(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    await api.enrol("CP-2", serial_number="CP-1")

    with pytest.raises(Taken) as refused:
        await found(api, "CP-1")
    assert str(refused.value) == (
        "This is the charge_box_id of one charger and the serial number of CP-2: name CP-2 by "
        "charge_box_id, and CP-1 by a serial number of its own, or give CP-2 its right "
        "serial_number by PATCH of that charger."
    )
    assert await found(api, "EH1") == "CP-1"


async def test_who_has_no_other_name_is_found_once_the_other_has_its_right_serial_number(
    api: Api,
) -> None:
    await api.enrol("CP-1")
    await api.enrol("CP-2", serial_number="CP-1")

    with pytest.raises(Taken) as refused:
        await found(api, "CP-1")
    assert str(refused.value) == (
        "This is the charge_box_id of one charger and the serial number of CP-2: to name CP-1, "
        "give CP-2 its right serial_number by PATCH of that charger."
    )
    path = f"{api.organization}/chargers/CP-2"
    assert (await api("PATCH", path, {"serial_number": "EH2"})).status == 200
    assert await found(api, "CP-1") == "CP-1"
