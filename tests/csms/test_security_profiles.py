"""Over OCPP a security profile is only raised, and what a charger may change to is stored first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from csms import frames
from csms.commands import RaiseProfile
from csms.errors import CallRefused, InvalidCommand, LinkClosed
from tests.csms.desk import Desk, answering
from tests.storage.doubles import ALICE

NETWORK = {
    "configurationSlot": 1,
    "connectionData": {
        "ocppVersion": "OCPP20",
        "ocppTransport": "JSON",
        "ocppCsmsUrl": "wss://csms.example",
        "messageTimeout": 30,
        "securityProfile": 2,
        "ocppInterface": "Wired0",
    },
}


def to(profile: int) -> RaiseProfile:
    fields = {"key": "SecurityProfile", "value": str(profile)}
    return RaiseProfile(profile, "ChangeConfiguration", fields)


async def profiles(desk: Desk) -> tuple[int, int | None]:
    charger = await desk.charger()
    return charger.security_profile, charger.next_security_profile


@pytest.mark.parametrize(
    ("status", "next_one"),
    [("Accepted", 2), ("RebootRequired", 2), ("Rejected", None), ("NotSupported", None)],
)
async def test_the_answer_decides_what_it_may_come_in_with(
    desk: Desk, status: str, next_one: int | None
) -> None:
    async with desk.connected("1.6") as (station, talk):
        outcome, _ = await answering(talk, station.perform(to(2)), {"status": status})

    assert outcome.status == status
    assert await profiles(desk) == (1, next_one)


async def test_a_network_profile_counts_the_same(desk: Desk) -> None:
    command = RaiseProfile(2, "SetNetworkProfile", NETWORK)
    async with desk.connected("2.0.1") as (station, talk):
        await answering(talk, station.perform(command), {"status": "Failed"})
        assert await profiles(desk) == (1, None)
        await answering(talk, station.perform(command), {"status": "Accepted"})
        assert await profiles(desk) == (1, 2)


async def test_without_an_answer_it_may_have_changed(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        raising = asyncio.ensure_future(station.perform(to(2)))
        await talk.peer.hears()
        assert await profiles(desk) == (1, 2)
        await talk.link.close()
        with pytest.raises(LinkClosed):
            await raising
    assert await profiles(desk) == (1, 2)


@pytest.mark.parametrize(("code", "next_one"), [("NotSupported", None), ("InternalError", 2)])
async def test_an_error_leaves_what_may_be(desk: Desk, code: str, next_one: int | None) -> None:
    async with desk.connected("1.6") as (station, talk):
        raising = asyncio.ensure_future(station.perform(to(2)))
        call = await talk.peer.hears()
        await talk.peer.says(frames.call_error(call[1], code, "").text)
        with pytest.raises(CallRefused):
            await raising
    assert await profiles(desk) == (1, next_one)


@pytest.mark.parametrize("stored", [{"security_profile": 3}, {"next_security_profile": 3}])
async def test_a_lower_one_and_another_one_are_not_sent(desk: Desk, stored: Any) -> None:
    await desk.storage.chargers.update(ALICE, **stored)
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(InvalidCommand):
            await station.perform(to(2))
        assert talk.peer.socket.unread == 0
