"""The application as a whole: what is open, what is unknown, what works without a database."""

from __future__ import annotations

from typing import Any

import pytest

from api.app import ALL
from api.routing import ORGANIZATIONS, PATH_PARAMETERS, Operation
from tests.api.conftest import PROXY, Api

pytestmark = pytest.mark.one_of_each("many ways to ask the same")


async def test_what_is_open_needs_no_key(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert (await api("GET", path, headers={})).status == 200


async def test_an_unknown_path_is_a_404_in_json(api: Api) -> None:
    for path in ("/api", "/nowhere?pretty=true", "/api/v1/organizations/", "/docs/../x"):
        assert (await api("GET", path, headers={})).error == (404, "not_found")


async def test_an_unknown_method_is_a_405_that_names_the_known_ones(api: Api) -> None:
    got = await api("PUT", f"{api.organization}/chargers")

    assert got.error == (405, "method_not_allowed")
    assert got.headers["Allow"] == "GET, POST"


async def test_no_answer_names_a_version(api: Api) -> None:
    for path in ("/healthz", "/nowhere"):
        assert (await api("GET", path)).headers["Server"] == "Ringmain"


@pytest.mark.parametrize("path", ["/readyz", "/api/v1/organizations", "/api/chargingStations"])
async def test_without_its_database_it_is_not_available(api: Api, path: str) -> None:
    await api.storage.database.close()
    got = await api("GET", path)

    assert got.error == (503, "unavailable")
    assert got.headers["Retry-After"] == "5"


async def test_without_its_database_it_still_lives(api: Api) -> None:
    await api.storage.database.close()

    assert (await api("GET", "/healthz")).status == 200


async def test_pretty_answers_are_indented(api: Api) -> None:
    assert (await api("GET", "/healthz?pretty=true")).text == '{\n  "success": true\n}\n'
    assert (await api("GET", "/nowhere?pretty=true")).text.startswith('{\n  "success": false,\n')


NASTY: list[Any] = [
    None,
    True,
    -1,
    1 << 63,
    1e308,
    "",
    "\x00",
    "\u202e\U0001f600",
    "x" * 70_000,
    [],
    [[]],
    {},
    {"a": {"b": [1, None]}},
    "' OR 1=1 --",
    "{charge_box_id}",
    "9999-12-31T23:59:59-23:59",
]
NASTY_PARTS = ["%00", "%ff", "%2e%2e", "%2F", "-1", "9" * 30, "%F0%9F%98%80", "'", "{x}", "%25"]


@pytest.mark.parametrize("operation", [each for each in ALL if each.body], ids=lambda o: o.name)
async def test_no_value_in_any_field_is_a_fault_of_ours(api: Api, operation: Operation) -> None:
    ids = dict.fromkeys(PATH_PARAMETERS, "1")
    ids |= dict.fromkeys(ORGANIZATIONS, api.organization_uuid)
    await api.enrol_with_proxy("1")
    assert operation.body is not None
    names = {str(field.data_key or field.name) for field in operation.body.fields.values()}
    for field in operation.body.fields.values():
        for value in NASTY:
            given: dict[str, Any] = {**PROXY, "charge_box_id": "1"}
            given[str(field.data_key or field.name)] = value
            body = {name: given[name] for name in names & given.keys()}
            got = await api(operation.method, operation.path.format(**ids), body)

            assert got.status < 500, f"{field.name} = {str(value)[:40]}: {got.text}"


async def test_nothing_in_any_path_or_query_is_a_fault_of_ours(api: Api, engine: str) -> None:
    # What a database might choke on is what one of them refuses; the rest is our own reading.
    parts = NASTY_PARTS if engine == "sqlite" else NASTY_PARTS[:2]
    await api.enrol_with_proxy("1")
    ids = dict.fromkeys(PATH_PARAMETERS, "1")
    ids |= dict.fromkeys(ORGANIZATIONS, api.organization_uuid)
    for operation in ALL:
        queries = list(operation.query.fields) if operation.query else []
        paths = [operation.path.format(**{**ids, name: part}) for name in ids for part in parts]
        path = operation.path.format(**ids)
        paths += [f"{path}?{name}={part}" for name in queries for part in parts]
        for nasty in dict.fromkeys(paths):
            got = await api(operation.method, nasty)

            assert got.status < 500, f"{operation.method} {nasty}: {got.text}"
