"""S-07: a target does not reach the charger's way to its owner, whatever its owner allows it.

A whole server, a charger and a third-party CSMS at its two ends, over sockets: what is denied the
charger does not hear of, the CSMS gets an answer that its version has, and the audit a row.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.errors import CallRefused
from csms.link import Link
from csms.schemas import Schemas
from csms.sockets import WebSocket
from csms.stations import STATIONS
from proxy.verdicts import _COMMANDS, Kind
from tests.doubles import PATIENCE
from tests.proxy.stage import BOOTS, OCPP16, OCPP21, OCPP201, Party, Target
from tests.schema_payloads import minimal
from tests.security.ground import Ground, proxy, served

pytestmark = pytest.mark.sqlite_only("what is denied is stored in the audit, which has its tests")

SUBPROTOCOLS = {"1.6": OCPP16, "2.0.1": OCPP201, "2.1": OCPP21}
HERE = {"RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.0/8"}


@dataclass(frozen=True)
class Scene:
    """A charger and its target, linked."""

    ground: Ground
    charger: Party
    target: Target
    version: str

    async def asks(self, action: str, payload: object) -> tuple[Any, bool]:
        """Have the target ask; return the answer, or a code, and whether its form is right."""
        try:
            answer = (await self.target.link.call(action, orjson.dumps(payload))).fields
        except CallRefused as refused:
            return refused.error.code, True
        return answer, Schemas(self.version).response(action, answer) is None

    async def audited(self) -> list[tuple[str, str]]:
        """Return what is written down of the target: actions and results, oldest first."""
        rows = [row for row in await self.ground.audit() if row["actor"].startswith("target:")]
        return [(row["action"], row["result"]) for row in reversed(rows)]


@contextlib.asynccontextmanager
async def linked(folder: Path, version: str, actions: Mapping[str, str]) -> AsyncIterator[Scene]:
    """Link a charger to a target that its owner has allowed these actions."""
    async with Target().up() as target, served(folder, HERE) as ground:
        password = await ground.enrol("CP-1")
        body = proxy("CP-1", target.url, policy={"actions": dict(actions)})
        await ground.ok("POST", f"{ground.organization}/proxy_configurations", body)
        async with charging(ground, password, SUBPROTOCOLS[version]) as charger:
            await target.hears("BootNotification")
            yield Scene(ground, charger, target, version)


@contextlib.asynccontextmanager
async def charging(ground: Ground, password: str, subprotocol: str) -> AsyncIterator[Party]:
    """Connect the charger, which takes whatever it is asked, and let it introduce itself."""
    token = base64.b64encode(f"CP-1:{password}".encode()).decode()
    async with connect(
        f"{ground.ocpp}/CP-1",
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers={"Authorization": f"Basic {token}"},
        compression=None,
        proxy=None,
    ) as socket:
        charger = Party({})
        link = Link(WebSocket(socket), dialect=STATIONS[subprotocol].dialect)
        running = asyncio.create_task(link.run(charger.answer))
        try:
            await link.call("BootNotification", BOOTS[subprotocol], timeout=PATIENCE)
            yield charger
        finally:
            await link.close()
            await running


def says_no(answer: Any) -> bool:
    """Tell whether an answer is a refusal: its status, or that of each variable in it."""
    if isinstance(answer, str):
        return answer == "NotSupported"
    told = answer.get("setVariableResult", [answer])
    words = {each.get("attributeStatus", each.get("status")) for each in told}
    return words <= {"Rejected", "Failed", "NotSupported"}


def variable(component: str, name: str, value: str) -> tuple[str, Any]:
    item = {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
    return "SetVariables", {"setVariableData": [item]}


def key(name: str, value: str) -> tuple[str, Any]:
    return "ChangeConfiguration", {"key": name, "value": value}


# What is closed for good: of the charger's identity, its way to us and who it trusts.
_IN_2 = [
    variable("SecurityCtrlr", "SecurityProfile", "1"),
    variable("SecurityCtrlr", "OrganizationName", "Evil"),
    variable("SecurityCtrlr", "Identity", "CP-2"),
    variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "2"),
    variable("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "1"),
    variable("Vendor", "BackendURL", "wss://evil.example"),
    variable("Vendor", "Anything", "wss://evil.example"),
    ("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}),
]
CLOSED = {
    "1.6": [
        key("SecurityProfile", "0"),
        key("CpoName", "Evil"),
        key("AuthorizationKey", "short"),
        key("CentralSystemURL", "wss://evil.example"),
        key("Vendor-Server", "evil.example"),
        key("AnythingElse", "wss://evil.example/{id}"),
        ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
    ],
    "2.0.1": [variable("SecurityCtrlr", "BasicAuthPassword", "short"), *_IN_2],
    "2.1": _IN_2,
}
# What is the owner's unless it allows a target: default deny.
BY_DEFAULT = {
    version: sorted(action for action, command in commands.items() if command.kind is Kind.OWNERS)
    for version, commands in _COMMANDS.items()
}


@pytest.mark.parametrize("version", SUBPROTOCOLS)
async def test_what_would_take_the_charger_over_is_refused_though_the_owner_allows_all(
    tmp_path: Path, version: str
) -> None:
    locked = [name for name, command in _COMMANDS[version].items() if command.kind is Kind.LOCKED]
    asked = CLOSED[version] + [(action, minimal(version, action)) for action in locked]
    everything = dict.fromkeys(_COMMANDS[version], "forward")
    async with linked(tmp_path, version, everything) as scene:
        got = [(action, payload, *await scene.asks(action, payload)) for action, payload in asked]
        audited = await scene.audited()

    assert [each for each in got if not says_no(each[2]) or not each[3]] == []
    assert scene.charger.heard == []
    assert audited == [(action, "denied") for action, _ in asked]
    assert {"InstallCertificate", "DeleteCertificate", "CertificateSigned"} <= {*locked}
    assert version == "1.6" or "SetNetworkProfile" in locked


@pytest.mark.parametrize("version", SUBPROTOCOLS)
async def test_firmware_logs_and_lists_are_the_owner_s_unless_it_says_otherwise(
    tmp_path: Path, version: str
) -> None:
    actions = BY_DEFAULT[version]
    async with linked(tmp_path, version, {}) as scene:
        got = [(action, *await scene.asks(action, minimal(version, action))) for action in actions]
        audited = await scene.audited()

    assert [each for each in got if not each[2]] == []
    assert scene.charger.heard == []
    assert audited == [(action, "denied") for action in actions]
    assert {"UpdateFirmware", "SendLocalList", "GetLog"} <= {*actions}


async def test_what_the_owner_allows_reaches_the_charger(tmp_path: Path) -> None:
    async with linked(tmp_path, "1.6", {"UpdateFirmware": "forward"}) as scene:
        await scene.asks("UpdateFirmware", minimal("1.6", "UpdateFirmware"))

    assert scene.charger.actions == ["UpdateFirmware"]


PASSWORDS = {
    "1.6": key("AuthorizationKey", "a-password-of-20-chr"),
    "2.0.1": variable("SecurityCtrlr", "BasicAuthPassword", "a-password-of-20-chr"),
    "2.1": variable("SecurityCtrlr", "BasicAuthPassword", "a-password-of-20-chr"),
}


@pytest.mark.parametrize("version", SUBPROTOCOLS)
async def test_a_password_that_a_target_sets_is_that_of_its_own_link_and_never_the_charger_s(
    tmp_path: Path, version: str
) -> None:
    async with Target().up() as target, served(tmp_path, HERE) as ground:
        password = await ground.enrol("CP-1")
        path = f"{ground.organization}/proxy_configurations"
        await ground.ok("POST", path, proxy("CP-1", target.url))
        subprotocol = SUBPROTOCOLS[version]
        async with charging(ground, password, subprotocol) as charger:
            await target.hears("BootNotification")
            scene = Scene(ground, charger, target, version)
            answer, in_form = await scene.asks(*PASSWORDS[version])
            audited = await scene.audited()
        # The charger comes in with its own, and nothing shows what the target has set.
        async with charging(ground, password, subprotocol):
            told = str([await ground.audit(), await ground.ok("GET", path)])

    assert in_form
    assert "Accepted" in str(answer)
    assert charger.heard == []
    assert audited == [(PASSWORDS[version][0], "intercepted")]
    assert "a-password-of-20-chr" not in told
