"""Every operation on a charger, of every version, native and proxied, whatever the charger does.

The charger is npm's ocpp-rpc in strict mode, and so is the target: whatever breaks the standard's
schema on any of our links is a violation that they tell.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import pytest_asyncio

from csms import settings, wiring
from csms.registry import Connection
from csms.requests import actions_of
from csms.stations import STATIONS
from tests.api.conftest import HandClock
from tests.databases import Databases
from tests.doubles import until
from tests.e2e.conftest import FAST, Api
from tests.e2e.node_peer import NodePeer, needs_node, node_peer
from tests.e2e.operations import (
    CARD,
    NOW,
    OPERATIONS,
    OWN_SCHEDULE,
    Case,
    Operation,
    own,
    profile,
)
from tests.schema_payloads import minimal

pytestmark = [
    needs_node,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.both_engines,
    pytest.mark.one_of_each("many chargers are told the same", of=["operation"]),
]

VERSIONS = ("1.6", "2.0.1", "2.1")
SILENCE_SECONDS = 1.0  # that are waited for where no answer comes
Does = Literal["accepts", "rejects"]
Served = Literal["native", "proxied"]
SETTINGS = {
    "RINGMAIN_HTTP_BIND": "127.0.0.1:0",
    "RINGMAIN_OCPP_BIND": "127.0.0.1:0",
    "RINGMAIN_ALLOW_INSECURE_TARGETS": "true",
    "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8",
}
# What a charger is asked besides: what its schedules may be, what lies on it.
ASIDE: dict[str, Any] = {
    "GetConfiguration": {"configurationKey": []},
    "GetLocalListVersion": {"listVersion": 0},
}
ASIDE_201: dict[str, Any] = {
    "GetVariables": {
        "getVariableResult": [
            {
                "attributeStatus": "UnknownVariable",
                "component": {"name": "SmartChargingCtrlr"},
                "variable": {"name": "RateUnit"},
            }
        ]
    },
    "GetLocalListVersion": {"versionNumber": 0},
    "GetChargingProfiles": {"status": "NoProfiles"},
    "SetVariables": {"setVariableResult": []},
}


@dataclass
class Place:
    """A server, a fleet of chargers that obey, and a target."""

    api: Api
    fleet: NodePeer
    target: NodePeer
    target_url: str
    numbers: Any = field(default_factory=lambda: count(1))

    async def orders(self, identity: str, **order: Any) -> Any:
        answer = await self.fleet.order({"identity": identity, **order})
        assert "error" not in answer, answer
        return answer["result"]

    def heard(self, identity: str, action: str) -> list[Any]:
        return [
            event["params"]
            for event in self.fleet.events
            if (event.get("identity"), event.get("received")) == (identity, action)
        ]

    @property
    def violations(self) -> list[Any]:
        return [*self.fleet.violations, *self.target.violations]


@pytest.fixture(scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> str:
    """Say which engine all tests of the module use, one after the other."""
    name: str = getattr(request, "param", "sqlite")
    return name


@pytest.fixture(scope="module")
def installation(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    folder: Path = tmp_path_factory.mktemp("operations")
    named = {"RINGMAIN_DATA_DIR": str(folder)}
    if engine == "sqlite":
        yield named
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.lent() as loan:
        yield {**named, "RINGMAIN_DATABASE_URL": str(loan(folder))}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(installation: dict[str, str]) -> AsyncIterator[Place]:
    chosen = settings.read({**SETTINGS, **installation})
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        server = await enter(wiring.running(chosen, HandClock(), FAST))
        organization = await server.storage.organizations.create("tests")
        _, key = await server.storage.api_keys.create(organization.organization_uuid, "admin")
        session = await enter(
            aiohttp.ClientSession(f"http://{server.http}", headers={"x-api-key": key})
        )
        fleet = await enter(node_peer("fleet.js"))
        target = await enter(node_peer("target.js", "0"))
        port = (await target.until(lambda event: "listening" in event))["listening"]
        api = Api(session, organization.organization_uuid, server)
        yield Place(api, fleet, target, f"ws://127.0.0.1:{port}/ocpp")


@dataclass
class Stand:
    """One charger of the fleet."""

    place: Place
    name: str
    case: Case

    @property
    def base(self) -> str:
        return f"/api/chargingStations/{self.name}"

    @property
    def connection(self) -> Connection:
        """Return its link and all that belongs to it, on our side."""
        registry = self.place.api.server.registry
        return next(one for one in registry if one.key[1] == self.name)

    async def answers(self, answers: dict[str, Any]) -> None:
        await self.place.orders(self.name, answers=answers)

    async def asks(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        path = path.format(transaction_id=self.case.transaction_id)
        return await self.place.api(method, self.base + path, body)


async def stand(place: Place, version: str, served: Served) -> Stand:
    name = f"CP-{next(place.numbers)}"
    if served == "proxied":
        password = await place.api.enrol(name, f"{place.target_url}/{{charge_box_id}}")
    else:
        body = {"charge_box_id": name}
        status, told = await place.api("POST", f"{place.api.of_organization}/chargers", body)
        assert status == 201, told
        password = told["charger"]["ocpp_password"]
    made = Stand(place, name, Case(version))
    await dial(made, password)
    if served == "proxied":
        await place.target.until(lambda event: event.get("connected") == name)
    return made


async def dial(made: Stand, password: str) -> None:
    place, version = made.place, made.case.version
    endpoint = f"ws://{place.api.server.ocpp}/{place.api.organization_uuid}/ocpp_proxy"
    how = {"endpoint": endpoint, "password": password, "protocol": f"ocpp{version}"}
    await place.orders(made.name, dial=how)
    aside = ASIDE if made.case.old else ASIDE_201
    await made.answers({action: {"result": fields} for action, fields in aside.items()})
    boot: Any = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    if not made.case.old:
        station = {"vendorName": "Acme", "model": "Two"}
        boot = {"reason": "PowerUp", "chargingStation": station}
    answer = await place.orders(made.name, call="BootNotification", params=boot)
    assert answer["status"] == "Accepted"


async def begin(made: Stand) -> str:
    """Let the charger begin a transaction and return the platform's id of it."""
    place, name = made.place, made.name
    if made.case.old:
        start = {"connectorId": 1, "idTag": CARD, "meterStart": 0, "timestamp": NOW}
        answer = await place.orders(name, call="StartTransaction", params=start)
        return str(answer["transactionId"])
    id = f"tx-{name}"
    event = {
        "eventType": "Started",
        "timestamp": NOW,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": id},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": CARD, "type": "ISO14443"},
    }
    await place.orders(name, call="TransactionEvent", params=event)
    return id


async def prepared(place: Place, operation: Operation, version: str, served: Served) -> Stand:
    """Return a charger in the state that an operation begins in."""
    made = await stand(place, version, served)
    if operation.in_transaction:
        made.case.transaction_id = await begin(made)
    if operation.first is not None:
        for action in ("SetChargingProfile", "ClearChargingProfile"):
            await made.answers({action: {"result": {"status": "Accepted"}}})
        status, told = await made.asks(*operation.first)
        assert (status, told["response"]) == (200, "Accepted"), told
    return made


@pytest.mark.parametrize("served", ["native", "proxied"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("does", ["accepts", "rejects"])
async def test_the_charger_answers(
    place: Place, operation: Operation, version: str, served: Served, does: Does
) -> None:
    made = await prepared(place, operation, version, served)
    case, action = made.case, operation.action(made.case)
    answer = operation.accepted if does == "accepts" else operation.rejected
    await made.answers({action: {"result": answer(case)}})
    before = len(place.heard(made.name, action))
    status, body = await made.asks(operation.method, operation.path, operation.body)

    went_out = place.heard(made.name, action)[before:]
    assert went_out, body
    case.sent, case.made = went_out[0], body
    told = operation.told if does == "accepts" else operation.told_rejected
    assert (status, body) == (200, told(case))
    assert went_out[0] == operation.frame(case)
    assert place.violations == []


@pytest.mark.parametrize("served", ["native", "proxied"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_the_charger_refuses_with_a_callerror(
    place: Place, operation: Operation, version: str, served: Served
) -> None:
    made = await prepared(place, operation, version, served)
    await made.answers({operation.action(made.case): {"error": "NotSupported"}})
    status, body = await made.asks(operation.method, operation.path, operation.body)

    assert (status, body["error"]) == (502, "charger_error"), body
    assert body["charger_error"] == {"code": "NotSupported", "description": "as told"}
    assert await state_of(made, body) == "failed"
    assert place.violations == []


@pytest.mark.parametrize("served", ["native", "proxied"])
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_charger_is_silent(place: Place, version: str, served: Served) -> None:
    async def silent(operation: Operation) -> None:
        made = await prepared(place, operation, version, served)
        await made.answers({operation.action(made.case): {"silent": True}})
        made.connection.link._answer_seconds = SILENCE_SECONDS
        status, body = await made.asks(operation.method, operation.path, operation.body)
        assert (status, body["error"]) == (504, "charger_timeout"), (operation.name, body)
        assert await state_of(made, body) == "timeout"

    await asyncio.gather(*map(silent, OPERATIONS))
    assert place.violations == []


@pytest.mark.parametrize("served", ["native", "proxied"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_the_charger_is_offline(
    place: Place, operation: Operation, version: str, served: Served
) -> None:
    made = await prepared(place, operation, version, served)
    key = made.connection.key
    await place.orders(made.name, hangUp=True)
    await until(lambda: place.api.server.registry.find(key) is None)
    await place.api.server.storage.group.flush()
    status, body = await made.asks(operation.method, operation.path, operation.body)

    assert (status, body["error"]) == (409, "charger_offline"), body
    assert body["last_disconnect"] == NOW


async def state_of(made: Stand, body: Any) -> Any:
    """Return what the record says of a command that failed."""
    status, shown = await made.asks("GET", f"/commands/{body['command_id']}", None)
    assert status == 200, shown
    return shown["command"]["state"]


# ---- whatever else a version has ----


def own_request(old: bool) -> Any:  # noqa: FBT001 - of a version
    wanted = own(7, "TxDefaultProfile")["chargingProfile"]
    if not old:
        return {"evseId": 1, "chargingProfile": wanted}
    return profile(Case("1.6"), 7, "TxDefaultProfile", 1, OWN_SCHEDULE)


# What would be asked of somebody, or be refused, in the least payload of the schema.
CHOSEN: dict[str, Any] = {
    "ClearChargingProfile": lambda old: {"id" if old else "chargingProfileId": 7},
    "SetChargingProfile": own_request,
}


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_action_of_a_version_is_reachable(place: Place, version: str) -> None:
    made = await stand(place, version, "native")
    kind = STATIONS[f"ocpp{version}"]
    for action in sorted(actions_of(kind)):
        response = minimal(version, action, "response")
        await made.answers({action: {"result": response}})
        body = CHOSEN[action](made.case.old) if action in CHOSEN else minimal(version, action)
        status, told = await made.asks("POST", f"/commands/{action}", body)

        assert (status, told) == (200, response), action
        assert place.heard(made.name, action), action
    assert place.violations == []
