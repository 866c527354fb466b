from __future__ import annotations

import asyncio
import contextlib
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.errors import CallRefused, LinkClosed
from simulators.answers16 import HANDLERS as HANDLERS16
from simulators.answers201 import HANDLERS as HANDLERS201
from simulators.central import ANSWERS16, ANSWERS21, ANSWERS201
from simulators.target import Target
from simulators.voice21 import HANDLERS21
from tests.schema_payloads import VERSIONS, full, hostile, minimal
from tests.simulators.stage import NAME, TOKEN, broken_rules, playing, validator

HANDLERS = {"1.6": HANDLERS16, "2.0.1": HANDLERS201, "2.1": HANDLERS21}
CENTRAL = {"1.6": ANSWERS16, "2.0.1": ANSWERS201, "2.1": ANSWERS21}
COMMANDS = [(version, action) for version in HANDLERS for action in sorted(HANDLERS[version])]


def actions(version: str) -> set[str]:
    names = {path.name for path in files(VERSIONS[version]).joinpath("schemas").iterdir()}
    answered = {name.removesuffix("Response.json") for name in names if "Response" in name}
    asked = {name.removesuffix(".json").removesuffix("Request") for name in names}
    sends = {"NotifyPeriodicEventStream"} if version == "2.1" else set()
    return answered & asked | sends


@pytest.mark.parametrize("version", HANDLERS)
def test_both_ends_together_know_every_action_and_share_only_data_transfer(version: str) -> None:
    charger, central = set(HANDLERS[version]), set(CENTRAL[version])

    assert charger | central == actions(version)
    assert charger & central == {"DataTransfer"}


@pytest.mark.parametrize(("version", "action"), COMMANDS)
@pytest.mark.parametrize("payload_of", [minimal, full])
async def test_every_command_is_answered_by_its_schema(
    target: Target, version: str, action: str, payload_of: object
) -> None:
    assert callable(payload_of)
    async with playing(target, version) as charger:
        await charger.start(1, TOKEN)

        answer = await target.command(NAME, action, payload_of(version, action))

        assert list(validator(version, action, "response").iter_errors(answer)) == []
        assert broken_rules(target, version) == []


async def test_an_unknown_vendor_is_named_so_and_our_own_gets_an_echo(
    target: Target, version: str
) -> None:
    async with playing(target, version):
        foreign = await target.command(NAME, "DataTransfer", {"vendorId": "x"})
        own = await target.command(NAME, "DataTransfer", {"vendorId": "Ringmain", "data": "hi"})

    assert foreign == {"status": "UnknownVendorId"}
    assert own == {"status": "Accepted", "data": "hi"}


@pytest.mark.parametrize("version", HANDLERS)
@settings(max_examples=40)
@given(data=st.data())
def test_no_command_ends_a_charger_however_broken(version: str, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(HANDLERS[version])), min_size=1, max_size=8))
    commands = [(name, data.draw(hostile(version, name))) for name in names]

    async def give_them() -> None:
        async with Target.listening() as target, playing(target, version, time_factor=1e4) as own:
            await own.start(1, TOKEN)
            for name, payload in commands:
                await own.wait_connected()
                with contextlib.suppress(CallRefused, LinkClosed):
                    await target.command(NAME, name, payload)
            await own.wait_connected()

    asyncio.run(give_them())
