"""Whatever a target asks is answered in its OCPP version, and what is closed moves no charger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.errors import CallRefused
from csms.schemas import Schemas
from proxy.verdicts import _COMMANDS, Kind
from tests.proxy.stage import OCPP16, OCPP21, OCPP201, Device, Stage, Target, says, staged
from tests.schema_payloads import JSON, full, hostile, minimal

pytestmark = pytest.mark.one_of_each("many ways to refuse")

SUBPROTOCOLS = {"1.6": OCPP16, "2.0.1": OCPP201, "2.1": OCPP21}
BASIC = {
    "target_authentication_method": "Basic",
    "target_auth_basic_password": "the-first-password",
}


async def outcome(target: Target, action: str, payload: bytes) -> tuple[str | None, Any]:
    """Return the code of a CALLERROR, or else the answer."""
    try:
        return None, (await target.link.call(action, payload)).fields
    except CallRefused as refused:
        return refused.error.code, None


@pytest.mark.parametrize("version", SUBPROTOCOLS)
@pytest.mark.parametrize("example", [minimal, full])
async def test_a_closed_command_of_any_kind_is_refused_in_its_own_words(
    stage: Stage, target: Target, version: str, example: Any
) -> None:
    schemas, actions = Schemas(version), sorted(_COMMANDS[version])
    key = await stage.enrol(target.url, policy={"actions": dict.fromkeys(actions, "answer")})
    codes: dict[str, str | None] = {}
    async with stage.charger(key, SUBPROTOCOLS[version]) as charger:
        await stage.reaches(key, "ready")
        for action in actions:
            asked = orjson.dumps(example(version, action))
            codes[action], answer = await outcome(target, action, asked)
            assert codes[action] or schemas.response(action, answer) is None, action
        noted = await stage.storage.audit.list(key.organization_uuid)

    assert charger.heard == []
    assert set(codes.values()) == {None, "NotSupported"}
    assert {one.action for one in noted} == set(actions)


@pytest.mark.parametrize("version", SUBPROTOCOLS)
async def test_no_policy_opens_what_is_locked(stage: Stage, target: Target, version: str) -> None:
    schemas = Schemas(version)
    locked = [name for name, command in _COMMANDS[version].items() if command.kind is Kind.LOCKED]
    key = await stage.enrol(target.url, policy={"actions": dict.fromkeys(locked, "forward")})
    async with stage.charger(key, SUBPROTOCOLS[version]) as charger:
        await stage.reaches(key, "ready")
        for action in locked:
            asked = orjson.dumps(minimal(version, action))
            code, answer = await outcome(target, action, asked)
            assert code is None
            assert schemas.response(action, answer) is None
            assert answer["status"] in ("Rejected", "Failed")
        noted = await stage.storage.audit.list(key.organization_uuid)

    assert charger.heard == []
    assert {one.action for one in noted} == set(locked)
    assert "InstallCertificate" in locked


@contextlib.contextmanager
def scene(folder: Path, subprotocol: str) -> Iterator[tuple[asyncio.Runner, Target, Device]]:
    """Set a stage for a test that is not asynchronous, with a charger that takes everything."""

    async def set_up(stack: contextlib.AsyncExitStack) -> tuple[Target, Device]:
        target = await stack.enter_async_context(Target().up())
        stage = await stack.enter_async_context(staged(folder))
        key = await stage.enrol(target.url, **BASIC)
        charger = await stack.enter_async_context(stage.charger(key, subprotocol))
        for action in (*TAKEN_APART["1.6"], *TAKEN_APART["2.0.1"]):
            charger.answers[action] = says(b'{"status":"Accepted"}')
        await stage.reaches(key, "ready")
        return target, charger

    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            yield runner, *runner.run(set_up(stack))
        finally:
            runner.run(stack.aclose())


TAKEN_APART = {
    "1.6": ("ChangeAvailability", "ChangeConfiguration", "GetConfiguration", "Reset"),
    "2.0.1": ("ChangeAvailability", "GetVariables", "Reset", "SetVariables"),
    "2.1": ("ChangeAvailability", "GetVariables", "Reset", "SetVariables"),
}
CLOSED = st.sampled_from(
    ["AuthorizationKey", "BasicAuthPassword", "SecurityProfile", "CentralSystemURL"]
)
VARIABLE = st.fixed_dictionaries(
    {
        "component": st.fixed_dictionaries(
            {"name": st.sampled_from(["SecurityCtrlr", "OCPPCommCtrlr", "X"]) | JSON},
            optional={"evse": JSON, "instance": JSON},
        ),
        "variable": st.fixed_dictionaries({"name": CLOSED | JSON}, optional={"instance": JSON}),
        "attributeValue": st.text(max_size=50) | JSON,
    },
    optional={"attributeType": st.sampled_from(["Actual", "Target"]) | JSON},
)
TRICKS = {
    "ChangeConfiguration": st.fixed_dictionaries(
        {"key": CLOSED | JSON, "value": st.text(max_size=50) | JSON}
    ),
    "GetConfiguration": st.fixed_dictionaries({"key": st.lists(CLOSED | JSON)}),
    "SetVariables": st.fixed_dictionaries({"setVariableData": st.lists(VARIABLE | JSON)}),
    "GetVariables": st.fixed_dictionaries({"getVariableData": st.lists(VARIABLE | JSON)}),
}


@pytest.mark.parametrize(
    ("version", "action"),
    [(version, action) for version, actions in TAKEN_APART.items() for action in actions],
)
def test_no_payload_breaks_what_takes_it_apart(tmp_path: Path, version: str, action: str) -> None:
    schemas, tricks = Schemas(version), TRICKS.get(action, st.nothing())
    with scene(tmp_path, SUBPROTOCOLS[version]) as (runner, target, charger):

        async def ask(payload: Any) -> None:
            code, answer = await outcome(target, action, orjson.dumps(payload))
            assert code != "InternalError", payload
            if answer not in (None, {"status": "Accepted"}):  # ours, and not the charger's
                assert schemas.response(action, answer) is None, (payload, answer)
            if "Set" in action or "Change" in action:
                told = b"".join(call.payload.lower() for call in charger.heard)
                for word in (b"authorizationkey", b"basicauth", b"securityprofile", b"url"):
                    assert word not in told
            charger.heard.clear()

        @settings(
            max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(hostile(version, action) | tricks | JSON)
        def check(payload: Any) -> None:
            runner.run(ask(payload))

        check()


async def test_a_target_that_hammers_fills_neither_disk_nor_the_charger_s_time(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        async def hammer() -> None:
            for _ in range(150):
                await outcome(target, "UpdateFirmware", b'{"location":"ftp://x"}')
                await outcome(target, "ChangeConfiguration", b'{"key":"CpoName","value":"x"}')

        hammering = asyncio.create_task(hammer())
        while not hammering.done():
            async with asyncio.timeout(5):
                assert "currentTime" in await charger.call("Heartbeat")
        await hammering
        noted = await stage.storage.audit.list(key.organization_uuid, limit=1000)

    assert charger.heard == []
    assert len(noted) == 20
