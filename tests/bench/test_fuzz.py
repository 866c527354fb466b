from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import orjson
import pytest

from bench.fuzz import ROUND, Count, Feed, Finding, converse, fuzz, owed, rounds, station_of
from bench.mutants import valid_payloads
from csms import frames
from csms.errors import NotStored
from csms.frames import OCPP16, OCPP201, Call, Dialect, Reply, Send
from csms.link import Link
from csms.ports import Answer
from csms.station16 import Station16
from csms.stations import STATIONS

every_version = pytest.mark.parametrize("kind", STATIONS.values(), ids=STATIONS)
Breaking = Callable[[Feed, Answer], Answer]


@every_version
def test_payloads_are_valid_before_they_are_damaged(kind: type[Station16]) -> None:
    drawn = valid_payloads(kind.version, kind.schemas.actions, Random(1))

    assert drawn.keys() == kind.schemas.actions
    for action, payloads in drawn.items():
        for payload in payloads:
            assert kind.schemas.request(action, orjson.loads(payload)) is None


@every_version
async def test_no_mutant_breaks_the_rule(kind: type[Station16]) -> None:
    count = Count()
    ((_, texts),) = (
        each for each in rounds(ROUND * len(STATIONS), 7, float("inf")) if each[0] is kind
    )

    await fuzz(kind, iter(texts[:4000]), 7, count)

    assert count.calls == count.answers > 3000
    assert count.own_calls > 0


def test_same_seed_draws_the_same_frames() -> None:
    assert list(rounds(100, 7, float("inf"))) == list(rounds(100, 7, float("inf")))
    assert list(rounds(100, 7, float("inf"))) != list(rounds(100, 8, float("inf")))


@pytest.mark.parametrize(
    ("text", "dialect", "ids"),
    [
        (b'[2,"a","Heartbeat",{}]', OCPP16, {"a"}),
        (b'[2,"a","Heartbeat",{', OCPP16, {"a", "-1"}),
        (b'[2,null,"Heartbeat",{}]', OCPP16, {"-1"}),
        (b"hello", OCPP16, {"-1"}),
        (b'["2","a","Heartbeat",{}]', OCPP16, {"a"}),
        (b'[3,"a",{}]', OCPP16, None),
        (b'[4,"a"', OCPP16, None),
        (b'[9,"a",{}]', OCPP16, None),
        (b'[9,"a",{}]', OCPP201, {"a"}),
        (b" ", OCPP201, None),
    ],
)
def test_rule_tells_which_frames_are_owed_an_answer(
    text: bytes, dialect: Dialect, ids: set[str] | None
) -> None:
    assert owed(text, dialect) == ids


def foreign_id(_feed: Feed, _answer: Answer) -> Answer:
    async def answer(_call: Call | Send, _position: int) -> Reply:
        return frames.call_result("somebody-else", b"{}")

    return answer


def twice(feed: Feed, station: Answer) -> Answer:
    async def answer(call: Call | Send, position: int) -> Reply:
        reply = await station(call, position)
        await feed.send(reply.text)
        return reply

    return answer


def fault(_feed: Feed, _answer: Answer) -> Answer:
    async def answer(_call: Call | Send, _position: int) -> Reply:
        raise KeyError

    return answer


def death(_feed: Feed, _answer: Answer) -> Answer:
    async def answer(_call: Call | Send, _position: int) -> Reply:
        raise NotStored

    return answer


def silence(_feed: Feed, _answer: Answer) -> Answer:
    async def answer(_call: Call | Send, _position: int) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    return answer


@pytest.mark.parametrize(
    ("breaking", "what"),
    [
        (foreign_id, "not answered"),
        (twice, "answered twice"),
        (fault, "our own fault"),
        (death, "the link died"),
        (silence, "nothing moves"),
    ],
)
async def test_broken_rule_is_found(breaking: Breaking, what: str) -> None:
    call = frames.call("id-1", "Heartbeat", b"{}").text
    feed = Feed(iter([call]), OCPP16, Random(1), Count())
    link = Link(feed, dialect=OCPP16)
    station = station_of(Station16, link)

    with pytest.raises(Finding, match=what):
        await converse(feed, link, station, breaking(feed, station.answer), patience=0.2)
