"""Who may call what: it fails closed, and another organization's objects do not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from api.app import ALL, create_app
from api.parts import ApiParts
from api.routing import ORGANIZATIONS, Operation
from api.schemas.organizations import SCOPES
from api.server import listening
from csms.settings import Bind
from storage.operation_records import Job, Reservation
from storage.records import DeadLetter, Scope, Transaction
from storage.tenancy import EVERYBODY, acting_for
from tests.api.commissioned import SiteCalls, store
from tests.api.conftest import DOCUMENT, PROXY, Api
from tests.certificates import key_of, key_pem, signed

PROFILE = {
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [
        {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    ],
}
CONNECTOR = {
    "name": "lake",
    "type": "azure_storage",
    "configuration": {"storage_account": "ourdepot", "container": "logs"},
    "credentials": {"account_key": "c2l4dGVlbi1ieXRlcyBvZiBrZXk="},
}
BODIES = {
    ("PUT", "{id}"): {"charge_box_id": "CP-2", **PROXY},
    ("POST", "{Action}"): {"stations": ["CP-1"]},
    ("POST", "reset"): {"type": "Immediate"},
    ("PUT", "availability"): {"type": "Operative"},
    ("PUT", "powerLimit"): {"limit": {"acMaxPowerA": 16}},
    ("PUT", "chargingProfile"): {"chargingProfile": PROFILE},
    ("DELETE", "chargingProfile"): {"chargingProfileId": 7},
    ("POST", "clear"): {"chargingProfileId": 7},
    ("POST", "reservations"): {"idToken": "04E91A2B", "expiresAt": "2026-11-21T12:00:00Z"},
    ("PUT", "localList"): {"entries": []},
    ("PATCH", "localList"): {"removed": ["04E91A2B"]},
    ("POST", "firmware"): {"location": "https://example.com/fw.bin"},
    ("POST", "connectors"): CONNECTOR,
    ("POST", "connections/chargers/{serialNumber}"): {"version": "v1"},
    ("POST", "sites/{siteId}"): {"version": "v1"},
}
# Connection details may be stored for a charger that nobody has seen yet.
FOR_ANYBODY = ("POST", "connection-details/{serialNumber}")
CLOSED = [operation for operation in ALL if operation.scope is not None]


def body_of(method: str, path: str) -> Any:
    if method == "GET":
        return None
    bodies = (body for at, body in BODIES.items() if is_at(method, path, at))
    return next(bodies, {})


def is_at(method: str, path: str, at: tuple[str, str]) -> bool:
    return method == at[0] and path.endswith(f"/{at[1]}")


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


OF_ADMINS = {"api_keys", "audit", "client_certificates"}


def test_reading_needs_read_writing_operate_and_keys_certificates_and_audit_admin() -> None:
    def needed(operation: Operation) -> Scope:
        if OF_ADMINS & set(operation.path.split("/")) or operation.name == "change_settings":
            return "admin"
        return "read" if operation.method == "GET" else "operate"

    assert [operation.name for operation in CLOSED if operation.scope != needed(operation)] == []


def operations_of_the_document() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
        if operation["security"]
    ]


async def ids_of_everything(api: Api) -> dict[str, str]:
    """Enrol, start, command and make a key, and return the ids of all that came of it."""
    enrolled = await api.enrol_with_proxy(serial_number="EH-1")
    now = api.clock.now()
    await api.storage.transactions.note_started(
        Transaction(
            key=api.charger_key("CP-1"),
            transaction_id="4711",
            evse_id=1,
            started_at=now,
            start_timestamp=now.isoformat(),
        )
    )
    offline = await api("POST", "/api/chargingStations/CP-1/reset", {"type": "Immediate"})
    await api("POST", f"{api.organization}/id_tokens", {"id_token": "TAG-1"})
    (key,) = (await api.get(f"{api.organization}/api_keys"))["api_keys"]
    letter = DeadLetter(
        proxy_configuration_id=enrolled["proxy_configuration"]["id"],
        seq=1,
        action="MeterValues",
        reason="",
        attempts=3,
        created_at=now,
    )
    await api.storage.dead_letters.note(letter)
    job = Job(job_id="job-1", key=api.charger_key("CP-1"), kind="log", created_at=now)
    await api.storage.jobs.add(job)
    reserved = Reservation(
        key=api.charger_key("CP-1"),
        reservation_id=7,
        evse_id=1,
        id_token="TAG-1",
        id_token_type="OTHER",
        expires_at=now + timedelta(hours=1),
        state="Active",
        created_at=now,
        updated_at=now,
    )
    await api.storage.reservations.note_asked(reserved)
    path = "/api/chargingStations/commands/ClearCache"
    batch = await api("POST", path, {"stations": ["CP-1"]})
    issued = signed("Depot", since=now, begins=timedelta(), ends=timedelta(days=365))
    pair = {"certificate_chain": issued, "private_key": key_pem(key_of("Depot"))}
    certificate = await api("POST", f"{api.organization}/client_certificates", pair)
    connectors = f"/api/orgs/{api.organization_uuid}/connectors"
    connector = await api("POST", connectors, CONNECTOR)
    site = await api("POST", f"{api.organization}/sites", {"name": "Depot", "chargers": ["CP-1"]})
    site_id = site.body["site"]["site_id"]
    rollout = await SiteCalls(api, site_id).apply(await store(api))
    return {
        **dict.fromkeys(ORGANIZATIONS, api.organization_uuid),
        "charge_box_id": "CP-1",
        "stationId": "CP-1",
        "evseId": "1",
        "id": str(enrolled["proxy_configuration"]["id"]),
        "transaction_id": "4711",
        "transactionId": "4711",
        "command_id": offline.body["command_id"],
        "Action": "ClearCache",
        "batchId": batch.body["batchId"],
        "key_id": key["key_id"],
        "entry": "1",
        "certificate_id": certificate.body["client_certificate"]["id"],
        "connector_id": connector.body["connector"]["id"],
        "id_token": "TAG-1",
        "jobId": job.job_id,
        "reservationId": str(reserved.reservation_id),
        "site_id": site_id,
        "siteId": site_id,
        "rolloutId": rollout.body["rolloutId"],
        "serialNumber": "EH-1",
    }


def filled(path: str, ids: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


@pytest.mark.parametrize("under", ["their path", "its own path"])
async def test_another_organization_sees_nothing(api: Api, under: str) -> None:
    """Each operation of the document, with A's ids and B's key: as if nothing were there."""
    ids, theirs = await ids_of_everything(api), await api.neighbour()
    if under == "its own path":
        ids |= dict.fromkeys(ORGANIZATIONS, theirs.organization_uuid)
    nothing = {**dict.fromkeys(ids, "999"), **{name: ids[name] for name in ORGANIZATIONS}}
    for method, path in operations_of_the_document():
        body = body_of(method, path)
        got = await theirs(method, filled(path, ids), body)

        assert "CP-1" not in got.text
        assert "EH-1" not in got.text
        assert api.organization_uuid not in got.text
        named = set(re.findall(r"\{(\w+)\}", path)) - {*ORGANIZATIONS, "Action"}
        if named and not is_at(method, path, FOR_ANYBODY):
            assert got.error == (404, "not_found"), f"{method} {path}: {got.text}"
            assert (await theirs(method, filled(path, nothing), body)).body == got.body
    assert (await api.get(f"{api.organization}/chargers/CP-1"))["success"]


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
