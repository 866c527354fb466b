"""
S-11: what is another organization's does not exist, for keys and sessions, by every route.

The requests are made from the served document: a new route is tried by itself, and fails here where
nobody has said what its parameter may be (`tests.security.belongings`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from api.routing import ORGANIZATIONS, PATH_PARAMETERS
from storage.tables import metadata
from tests.api.conftest import PROXY, Answer, Api
from tests.kratos import People
from tests.security.belongings import MISSING, NO_IDS, body_of, ids_of_everything, is_at

Ask = Callable[[str, str, Any], Awaitable[Answer]]
# Connection details may be stored for a charger that nobody has seen yet: for one's own.
FOR_ANYBODY = ("POST", "connection-details/{serialNumber}")
# What even its owner does not find: no file of the job, no reset that waits, no charger connected
# now or ever.
OTHERWISE = {"file": 404, "reset": 404, "compositeSchedule": 409, "{Action}": 409}


class Closed(NamedTuple):
    """An operation of the document that asks for a key or a session."""

    method: str
    path: str

    @property
    def ids(self) -> list[str]:
        return [name for name in re.findall(r"\{(\w+)\}", self.path) if name not in NO_IDS]

    def filled(self, ids: Mapping[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


async def closed(api: Api) -> list[Closed]:
    served = await api.get("/openapi.json")
    return [
        Closed(method.upper(), path)
        for path, operations in served["paths"].items()
        for method, operation in operations.items()
        if operation["security"]
    ]


@dataclass(frozen=True)
class Two:
    """Two organizations, each with one of everything."""

    ours: Api
    ids: dict[str, str]
    theirs: Api
    their_ids: dict[str, str]
    operations: list[Closed]


@pytest.fixture
async def two(api: Api) -> Two:
    theirs = await api.neighbour()
    ids = await ids_of_everything(api, "OURS", 7)
    return Two(api, ids, theirs, await ids_of_everything(theirs, "THEIRS", 8), await closed(api))


def reaching(two: Two) -> Iterator[tuple[Closed, str]]:
    """Yield each operation with each of its ids: that one is ours, the others are theirs."""
    for operation in two.operations:
        for name in operation.ids:
            if not is_at(*operation, FOR_ANYBODY) or name in ORGANIZATIONS:
                yield operation, name


async def kept(api: Api) -> dict[str, list[Any]]:
    """Return all rows of an organization, but for when its keys were used."""
    found = {}
    for table in metadata.sorted_tables:
        if "organization_uuid" in table.c and table.name != "api_keys":
            mine = select(table).where(table.c.organization_uuid == api.organization_uuid)
            found[table.name] = await api.storage.database.fetch(mine)
    return found


def test_every_id_of_a_path_has_a_value_that_is_missing() -> None:
    taught = {*MISSING, *NO_IDS, "upload", "upload_name"}

    assert set(PATH_PARAMETERS) - taught == set(), "teach tests/security/belongings.py"
    wrong = [n for n, v in MISSING.items() if not re.fullmatch(PATH_PARAMETERS[n].pattern, v)]
    assert wrong == []


pytestmark = pytest.mark.sqlite_only("one wall alone; the second is tried on PostgreSQL")


async def test_what_is_reached_for_is_there_for_its_owner(two: Two) -> None:
    """Otherwise the tests below would find nothing because there is nothing."""
    untaught = {n for operation in two.operations for n in operation.ids} - set(two.ids)
    assert untaught == set(), "teach tests/security/belongings.py"
    others = {}
    for operation in two.operations:
        if operation.method == "GET":
            got = await two.ours("GET", operation.filled(two.ids))
            if got.status != 200:
                others[operation.path.rpartition("/")[2]] = got.status
    assert others == OTHERWISE


async def test_no_key_reaches_what_is_another_organizations(two: Two) -> None:
    await assert_nothing_leaks(two, two.theirs)


async def test_no_session_reaches_what_is_another_organizations(two: Two, people: People) -> None:
    person = await people.person()
    await people.admit(person, two.theirs.organization_uuid, "admin")

    await assert_nothing_leaks(two, person)


async def test_no_session_picks_another_organization(two: Two, people: People) -> None:
    """Ask every operation that has no organization in its path as if of ours."""
    person, before, asked = await people.person(), await kept(two.ours), 0
    await people.admit(person, two.theirs.organization_uuid, "admin")
    for operation in two.operations:
        if set(operation.ids) & {*ORGANIZATIONS} or operation.path == "/api/v1/organizations":
            continue
        for picked in (two.ours.organization_uuid, MISSING["organization_uuid"]):
            body, headers = body_of(*operation), {"X-Organization": picked}
            got = await person(operation.method, operation.filled(two.ids), body, headers=headers)
            assert got.error == (403, "forbidden"), f"{operation}: {got.text}"
            assert picked not in got.text
        asked += 1
    assert asked > 40
    assert await kept(two.ours) == before


async def assert_nothing_leaks(two: Two, ask: Ask) -> None:
    """Ask for each of our objects, and for one that is missing: both are answered alike."""
    before, asked = await kept(two.ours), 0
    for operation, name in reaching(two):
        body = body_of(*operation)
        got, missing = [
            await ask(operation.method, operation.filled({**two.their_ids, name: value}), body)
            for value in (two.ids[name], MISSING[name])
        ]
        assert got.error == (404, "not_found"), f"{operation} with {name}: {got.text}"
        assert (got.text, kinds(got)) == (missing.text, kinds(missing)), f"{operation}: {name}"
        asked += 1
    assert asked > len(two.operations)
    assert await kept(two.ours) == before


def kinds(answer: Answer) -> list[str]:
    """Return which headers an answer has."""
    return sorted(name for name in answer.headers if name != "Connection")


async def test_no_list_shows_what_is_another_organizations(two: Two, people: People) -> None:
    """Ask every operation that reads, and needs no id but its organization's."""
    nobody = await two.ours.neighbour()
    empty = dict.fromkeys(ORGANIZATIONS, nobody.organization_uuid)
    stranger = await people.person()
    await people.admit(stranger, nobody.organization_uuid, "admin")
    for operation in two.operations:
        if operation.method != "GET" or set(operation.ids) - {*ORGANIZATIONS}:
            continue
        theirs = await two.theirs("GET", operation.filled(two.their_ids))
        assert "OURS" not in theirs.text, operation
        assert two.ours.organization_uuid not in theirs.text, operation
        for ask in (nobody, stranger):
            got = await ask("GET", operation.filled(empty))
            assert not re.search("OURS|THEIRS", got.text), operation


def bodies(two: Two, ids: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield what names an object in its body, asked within their organization."""
    org = two.theirs.organization
    operator = f"/local-ocpp/v1/operators/{two.theirs.organization_uuid}"
    configuration = f"{org}/proxy_configurations/{two.their_ids['id']}"
    certificate = {
        "target_authentication_method": "ClientCertificate",
        "target_auth_client_cert_id": ids["certificate_id"],
    }
    charger = ids["stationId"]
    yield "POST", f"{org}/sites", {"name": "x", "chargers": [charger]}
    yield "PATCH", f"{org}/sites/{two.their_ids['site_id']}", {"chargers": [charger]}
    yield "POST", f"{org}/chargers", {"charge_box_id": "NEW", "site_id": ids["site_id"]}
    yield "POST", f"{org}/proxy_configurations", {"charge_box_id": charger, **PROXY}
    yield "PATCH", configuration, certificate
    yield "POST", f"{operator}/connections/chargers/EH-THEIRS", {"version": ids["version"]}
    yield "POST", "/api/chargingStations/commands/ClearCache", {"stations": [charger]}


async def test_no_body_reaches_what_is_another_organizations(two: Two) -> None:
    ours, missing = {**two.ids, "version": "v-OURS"}, {**MISSING, "version": "v-NOWHERE"}
    before = await kept(two.ours)
    for reached, nothing in zip(bodies(two, ours), bodies(two, missing), strict=True):
        got, alike = await two.theirs(*reached), await two.theirs(*nothing)
        assert nameless(got, ours) == nameless(alike, missing), reached
        assert got.status in {202, 404, 422}, got.text
    assert await kept(two.ours) == before


def nameless(answer: Answer, ids: Mapping[str, str]) -> tuple[int, str]:
    """Return an answer without what was asked for, and without ids that are new each time."""
    text = answer.text
    for name in ("stationId", "site_id", "certificate_id", "version"):
        text = text.replace(ids[name], "?")
    return answer.status, re.sub(r'"(batchId|command_?[iI]d)":"[^"]+"', "", text)
