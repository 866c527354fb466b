"""What links count: what is carried, how long answers take, no names that a peer makes up."""

from __future__ import annotations

import asyncio

import pytest

from csms import frames
from csms.errors import AnswerTimeout, CallRefused
from csms.tallies import OTHER, Latencies, LinkTally, known_actions
from csms.traffic import Traffic
from tests.doubles import conversation


def tally() -> LinkTally:
    return LinkTally(known_actions())


async def test_what_a_peer_calls_is_timed_until_our_answer_leaves() -> None:
    counted = tally()
    async with conversation(tally=counted) as talk:
        await talk.peer.calls("Heartbeat", b"{}")
        await talk.peer.hears()

        served = counted.served
        assert [(name, sum(each.counts)) for name, each in served.items()] == [("Heartbeat", 1)]
        assert 0 <= served["Heartbeat"].total < 30
        assert len(counted) == 1


async def test_what_we_call_is_timed_until_the_peer_answers_and_a_refusal_is_counted() -> None:
    counted = tally()
    async with conversation(tally=counted) as talk:
        asking = asyncio.ensure_future(talk.link.call("Reset", b"{}"))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(frames.call_error(id, "NotSupported", "no").text)
        with pytest.raises(CallRefused):
            await asking
        with pytest.raises(AnswerTimeout):
            await talk.link.call("Reset", b"{}", timeout=0)

    assert sum(counted.asked["Reset"].counts) == 1
    assert counted.refused == {"Reset": 1}
    assert counted.silent == {"Reset": 1}


async def test_what_links_have_carried_stays_counted_when_they_end() -> None:
    counted = tally()
    for _ in range(2):
        async with conversation(tally=counted) as talk:
            await talk.peer.calls("Heartbeat", b"{}")
            await talk.peer.hears()
            live = counted.traffic().frames_received
        assert counted.traffic().frames_received == live

    assert len(counted) == 0
    assert (counted.traffic().frames_received, counted.traffic().frames_sent) == (2, 2)
    assert counted.traffic().bytes_received > 0


def test_a_link_that_ends_twice_is_counted_once() -> None:
    counted, traffic = tally(), Traffic(frames_sent=1)
    counted.begin(traffic)
    counted.end(traffic)
    counted.end(traffic)

    assert counted.traffic().frames_sent == 1


def test_a_peer_that_makes_up_names_fills_no_memory() -> None:
    latencies = Latencies(known_actions())
    for number in range(1000):
        latencies[f"Vendor{number}"].note(0.1)
    latencies["Heartbeat"].note(0.1)

    assert {name: sum(each.counts) for name, each in latencies.items()} == {
        OTHER: 1000,
        "Heartbeat": 1,
    }


def test_what_we_ask_in_vain_by_a_vendors_name_is_counted_as_other() -> None:
    counted = tally()
    counted.miss("Vendor1")
    counted.refuse("Vendor2")

    assert (counted.silent, counted.refused) == ({OTHER: 1}, {OTHER: 1})
