"""Versions never change, the latest is found, and their passwords are sealed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage.commissioning_records import ConnectionDetails
from storage.commissioning_schema import connection_details as table
from storage.errors import Conflict
from storage.statements.parts import AMONG
from storage.store import Storage
from tests.storage.commissioning import THEIRS, details
from tests.storage.doubles import ORGANIZATION

SERIAL = "SN-1"


async def added(storage: Storage, *stored: ConnectionDetails) -> list[ConnectionDetails]:
    return [await storage.connection_details.add(one) for one in stored]


async def test_a_version_is_what_it_was_and_its_password_is_sealed(storage: Storage) -> None:
    whole = details(
        "a",
        SERIAL,
        charge_point_id="CP 1",
        ca_certificate="-----BEGIN CERTIFICATE-----",
        ca_certificate_domain="csms.example",
        basic_auth_password="canary \udc80",
        apply_to_new_devices=True,
    )
    stored, off = await added(storage, whole, details("b", connectivity_mode="OcppOff", url=None))

    assert await storage.connection_details.get(ORGANIZATION, "a") == stored
    assert await storage.connection_details.get(ORGANIZATION, "b") == off
    assert 0 < stored.number < off.number
    [row, _] = await storage.database.fetch(select(table).order_by(table.c.number))
    assert b"canary" not in bytes(row["basic_auth_password"])
    assert "canary" not in repr(stored)


async def test_the_latest_of_a_charger_is_none_of_the_operator(storage: Storage) -> None:
    versions = [details("1"), details("2", SERIAL), details("3", SERIAL), details("4", "SN-2")]
    first, _, third, _ = await added(storage, *versions)

    assert await storage.connection_details.latest(ORGANIZATION, None) == first
    assert await storage.connection_details.latest(ORGANIZATION, SERIAL) == third
    assert await storage.connection_details.latest(ORGANIZATION, "SN-3") is None


async def test_a_version_is_given_once(storage: Storage) -> None:
    [first] = await added(storage, details("a"))

    with pytest.raises(Conflict):
        await added(storage, details("a", url="wss://other.example"))

    assert await storage.connection_details.get(ORGANIZATION, "a") == first


async def test_many_versions_at_once(storage: Storage) -> None:
    stored = await added(storage, *(details(f"{number}") for number in range(3)))
    asked = ["2", *(f"none {number}" for number in range(AMONG)), "0", "2"]

    found = await storage.connection_details.among(ORGANIZATION, asked)

    assert found == {"0": stored[0], "2": stored[2]}
    assert await storage.connection_details.among(THEIRS, asked) == {}


async def test_a_version_is_its_organization_s_alone(storage: Storage) -> None:
    await added(storage, details("a"), details("b", SERIAL))

    assert await storage.connection_details.get(THEIRS, "a") is None
    assert await storage.connection_details.latest(THEIRS, None) is None
    assert await storage.connection_details.latest(THEIRS, SERIAL) is None
