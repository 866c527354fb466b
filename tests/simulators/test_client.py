from __future__ import annotations

import random

import pytest

from csms.errors import LinkClosed
from simulators.charger import Charger
from simulators.client import BackOff, address
from simulators.faults import FaultProxy
from simulators.target import Conduct, Target
from tests.doubles import until
from tests.simulators.stage import NAME, playing


def test_waits_double_up_to_the_most_and_begin_anew() -> None:
    back_off = BackOff(1.0, 30.0, random.Random(1))
    waits = [back_off.step() for _ in range(7)]
    back_off.reset()

    for wait, middle in zip([*waits, back_off.step()], [1, 2, 4, 8, 16, 30, 30, 1], strict=True):
        assert middle * 0.8 <= wait <= middle * 1.2


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("ws://h/o/ocpp_proxy", "ws://h/o/ocpp_proxy/A%2A1%20b"),
        ("ws://h/o/ocpp_proxy/", "ws://h/o/ocpp_proxy/A%2A1%20b"),
        ("ws://h/o/ocpp_proxy/A*1%20b", "ws://h/o/ocpp_proxy/A*1%20b"),
    ],
)
def test_the_id_is_added_to_an_address_without_it(url: str, whole: str) -> None:
    assert address(url, "A*1 b") == whole


async def test_a_call_without_a_link_says_so(target: Target) -> None:
    charger = Charger(target.url, NAME)

    with pytest.raises(LinkClosed):
        await charger.call("Heartbeat", {})


async def test_a_charger_that_was_sent_offline_stays_away(target: Target) -> None:
    async with playing(target) as charger:
        await charger.go_offline()
        await target.until(lambda t: t.live(NAME) is None)
        charger.go_online()
        await charger.wait_connected()

    assert len(target.connections) == 2


async def test_a_charger_is_offline_inside_a_with_block_and_dials_at_its_end(
    target: Target,
) -> None:
    async with playing(target) as charger:
        async with charger.offline():
            await target.until(lambda t: t.live(NAME) is None)
            inside = (charger.linked, len(target.connections))
        await charger.wait_connected()

    assert inside == (False, 1)
    assert len(target.connections) == 2


async def test_a_charger_that_is_sent_offline_while_it_dials_does_not_stay(
    target: Target,
) -> None:
    async with FaultProxy.to("127.0.0.1", target.port) as proxy:
        proxy.stalled = True
        charger = Charger(f"ws://127.0.0.1:{proxy.port}", NAME)
        async with charger.running():
            await until(lambda: proxy.connections)
            await charger.go_offline()
            proxy.stalled = False
            await target.until(lambda t: t.connections and t.connections[0].closed)

    assert charger.seen("connected") == []


@pytest.mark.parametrize(("code", "seen"), [(None, 1006), (1000, 1000)])
async def test_a_drop_is_a_cut_or_a_close(target: Target, code: int | None, seen: int) -> None:
    async with playing(target) as charger:
        await charger.drop(code)
        await charger.wait_connected()

    first = target.connections[0].closed
    assert first is not None
    assert first.code == seen


@pytest.mark.parametrize(
    ("conduct", "status"),
    [(Conduct(refuse=403), 403), (Conduct(subprotocol="ocpp9"), 0)],
    ids=["refused", "another subprotocol"],
)
async def test_a_handshake_that_fails_is_noted_and_tried_again(
    conduct: Conduct, status: int
) -> None:
    async with Target.listening(conduct=conduct) as target:
        charger = Charger(target.url, NAME, back_off=(0.01, 0.01))
        async with charger.running():
            await charger.until(lambda c: len(c.seen("refused")) >= 2)
            target.conduct = Conduct()
            await charger.wait_connected()

    assert charger.seen("refused")[0]["status"] == status


async def test_nobody_at_home_is_noted_too() -> None:
    charger = Charger("ws://127.0.0.1:1", NAME, back_off=(0.01, 0.01))
    async with charger.running():
        refusal = await charger.until(lambda c: c.seen("refused"))

    assert refusal[0]["status"] == 0
