"""
Who may call what: it fails closed.

That another organization's objects do not exist is shown in `tests/security/test_s11_tenants.py`.
"""

from __future__ import annotations

import re

import aiohttp
import pytest
from aiohttp import web

from api.app import ALL, create_app
from api.parts import ApiParts
from api.routing import ORGANIZATIONS, Operation
from api.schemas.organizations import SCOPES
from api.server import listening
from csms.settings import Bind
from storage.records import Scope
from storage.tenancy import EVERYBODY, acting_for
from tests.api.conftest import Api

CLOSED = [operation for operation in ALL if operation.scope is not None]


def path_of(operation: Operation, organization_uuid: str) -> str:
    values = {
        **dict.fromkeys(ORGANIZATIONS, organization_uuid),
        "charge_box_id": "CP-1",
        "stationId": "CP-1",
        "Action": "ClearCache",
    }
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), operation.path)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": ""},
        {"x-api-key": "wrong"},
        {"x-api-key": "\u00e9"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
        {"Authorization": "Bearer"},
    ],
    ids=repr,
)
async def test_without_a_valid_key_nothing_is_answered(api: Api, headers: dict[str, str]) -> None:
    for operation in CLOSED:
        path = path_of(operation, api.organization_uuid)
        got = await api(operation.method, path, headers=headers)

        assert got.error == (401, "unauthorized"), operation.name
        assert got.headers["WWW-Authenticate"].startswith("Bearer")


async def test_both_ways_of_presenting_a_key_work_everywhere(api: Api) -> None:
    for headers in ({"x-api-key": api.key}, {"Authorization": f"bearer {api.key}"}):
        for path in (f"{api.organization}/chargers", "/api/chargingStations"):
            assert (await api("GET", path, headers=headers)).status == 200


async def test_two_different_keys_say_nobody(api: Api) -> None:
    other = await api.neighbour()
    headers = {"x-api-key": api.key, "Authorization": f"Bearer {other.key}"}

    assert (await api("GET", "/api/v1/organizations", headers=headers)).status == 401


async def test_an_expired_or_revoked_key_is_refused_from_the_next_request_on(api: Api) -> None:
    path = f"{api.organization}/api_keys"
    body = {"expires_at": "2026-11-21T11:00:00Z"}
    key = (await api("POST", path, body)).body["api_key"]
    headers = {"x-api-key": key["api_key"]}
    assert (await api("GET", "/api/v1/organizations", headers=headers)).status == 200

    api.clock.forward(hours=1)
    assert (await api("GET", "/api/v1/organizations", headers=headers)).status == 401


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_does_no_more_than_it_says(api: Api, scope: Scope) -> None:
    limited = await api.with_scope(scope)
    for operation in CLOSED:
        assert operation.scope is not None
        allowed = SCOPES.index(scope) >= SCOPES.index(operation.scope)
        refusal = 401 if operation.path.startswith("/api/chargingStations") else 403
        got = await limited(operation.method, path_of(operation, api.organization_uuid))

        assert (got.status == refusal) != allowed, f"{operation.name}: {got.text}"


OF_ADMINS = {"api_keys", "audit", "client_certificates", "members"}
# What chargers come in with may be looked at by everybody, and changed by admins.
CHANGED_BY_ADMINS = {"settings", "certificates", "rotate-password"}


def test_reading_needs_read_writing_operate_and_keys_certificates_and_audit_admin() -> None:
    def needed(operation: Operation) -> Scope:
        words, reading = set(operation.path.split("/")), operation.method == "GET"
        if OF_ADMINS & words or (CHANGED_BY_ADMINS & words and not reading):
            return "admin"
        return "read" if reading else "operate"

    assert [operation.name for operation in CLOSED if operation.scope != needed(operation)] == []


async def test_a_route_that_nobody_declared_is_closed(parts: ApiParts) -> None:
    async def secret(_request: web.Request) -> web.Response:
        return web.json_response({"secret": 42})

    app = create_app(parts)
    app.router.add_get("/secret", secret)
    async with (
        listening(app, Bind("127.0.0.1", 0)) as bind,
        aiohttp.ClientSession() as session,
        session.get(f"http://{bind}/secret") as response,
    ):
        assert response.status == 401


# ---- the second wall ----


async def test_what_a_key_asks_is_asked_on_behalf_of_its_organization(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    stored = api.parts.storage.chargers

    async def listed(*_arguments: object, **_named: object) -> list[object]:
        asked.append(acting_for())
        return []

    monkeypatch.setattr(type(stored), "list", listed)
    await api("GET", f"{api.organization}/chargers")

    assert asked == [api.organization_uuid]
    assert acting_for() == EVERYBODY
