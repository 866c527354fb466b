"""A connector is operative only while no owner says otherwise."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from csms.availability import ACTION
from csms.commands import ChangeAvailability
from csms.errors import CallRefused
from storage.repositories.availability import AvailabilityWish
from tests.doubles import PATIENCE, settled
from tests.proxy.stage import OCPP201, Device, Stage, Target, refuses, says

ACCEPTED, SCHEDULED, REJECTED = (
    {"status": "Accepted"},
    {"status": "Scheduled"},
    {"status": "Rejected"},
)

OPENED = {"status": "Accepted", "by": "the charger"}
HELD = {
    "reasonCode": "HeldByTarget",
    "additionalInfo": "The third-party CSMS of this charger keeps closed: EVSE 1.",
}


async def wants(target: Target, connector_id: Any, type: Any) -> Any:
    asked = orjson.dumps({"connectorId": connector_id, "type": type})
    return (await target.link.call(ACTION, asked)).fields


def told(charger: Device) -> list[tuple[int, str]]:
    return [(said["connectorId"], said["type"]) for said in charger.payloads(ACTION)]


@pytest.mark.parametrize("answer", [ACCEPTED, SCHEDULED])
async def test_the_charger_s_own_answer_is_told(
    stage: Stage, target: Target, answer: dict[str, str]
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers[ACTION] = says(answer)
        await stage.reaches(key, "ready")

        assert await wants(target, 1, "Inoperative") == answer
        assert await wants(target, 1, "Operative") == answer
    assert told(charger) == [(1, "Inoperative"), (1, "Operative")]


@pytest.mark.parametrize("place", [0, 1])
async def test_what_the_platform_closed_no_target_opens(
    stage: Stage, target: Target, place: int
) -> None:
    key = await stage.enrol(target.url)
    await stage.storage.availability.note(key, AvailabilityWish(0, place, 0, "Inoperative"))
    async with stage.charger(key) as charger:
        charger.answers[ACTION] = says(OPENED)
        await stage.reaches(key, "ready")

        for connector_id in (1, 2, 3):
            assert await wants(target, connector_id, "Operative") == (
                ACCEPTED if place in (0, connector_id) else OPENED
            )
        assert [wish.owner for wish in await stage.storage.availability.of(key)] == [0]
    assert told(charger) == ([] if place == 0 else [(2, "Operative"), (3, "Operative")])


async def test_the_target_s_wish_holds_when_the_platform_gives_way(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers[ACTION] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        station = charger.connection.station
        await wants(target, 1, "Inoperative")
        await station.perform(ChangeAvailability(1, "Inoperative"))

        opened = await station.perform(ChangeAvailability(1, "Operative"))
        assert (opened.status, opened.status_info) == ("Accepted", HELD)
        assert told(charger)[2:] == []  # the target still says no
        assert await wants(target, 1, "Operative") == ACCEPTED
    assert told(charger)[2:] == [(1, "Operative")]


async def test_opening_the_whole_charger_leaves_what_another_owner_closed(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    await stage.storage.availability.note(key, AvailabilityWish(0, 2, 0, "Inoperative"))
    async with stage.charger(key) as charger:
        charger.answers[ACTION] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        await wants(target, 0, "Inoperative")

        assert await wants(target, 0, "Operative") == ACCEPTED
    assert told(charger) == [(0, "Inoperative"), (0, "Operative"), (2, "Inoperative")]


async def test_a_wish_that_the_charger_does_not_take_is_no_wish(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        charger.answers[ACTION] = says(REJECTED)
        assert await wants(target, 1, "Inoperative") == REJECTED
        charger.answers[ACTION] = refuses("InternalError")
        with pytest.raises(CallRefused):
            await wants(target, 1, "Inoperative")

        assert await stage.storage.availability.of(key) == []


@pytest.mark.parametrize(
    ("connector_id", "type"), [("1", "Operative"), (1, "operative"), (1.5, "Operative"), (1, None)]
)
async def test_what_a_lenient_charger_might_take_for_operative_does_not_pass(
    stage: Stage, target: Target, connector_id: Any, type: Any
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        with pytest.raises(CallRefused):
            await wants(target, connector_id, type)

    assert charger.heard == []


@pytest.mark.parametrize("connector_id", [-1, 2**40])
async def test_a_connector_that_cannot_be_is_rejected(
    stage: Stage, target: Target, connector_id: int
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await wants(target, connector_id, "Operative") == REJECTED
    assert charger.heard == []


async def test_in_201_station_evse_and_connector_have_states_of_their_own(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    await stage.storage.availability.note(key, AvailabilityWish(0, 1, 0, "Inoperative"))
    async with stage.charger(key, OCPP201) as charger:
        charger.answers[ACTION] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        for evse in ({"evse": {"id": 1}}, {"evse": {"id": 1, "connectorId": 1}}, {}):
            asked = orjson.dumps({"operationalStatus": "Operative", **evse})
            assert (await target.link.call(ACTION, asked)).fields == ACCEPTED

    assert charger.payloads(ACTION) == [
        {"operationalStatus": "Operative", "evse": {"id": 1, "connectorId": 1}},
        {"operationalStatus": "Operative"},
    ]


async def test_what_a_target_closed_is_opened_when_it_is_disabled(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    await stage.storage.availability.note(key, AvailabilityWish(0, 2, 0, "Inoperative"))
    async with stage.charger(key) as charger:
        charger.answers[ACTION] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        for connector_id in (1, 2):
            await wants(target, connector_id, "Inoperative")
        await stage.change(key, enabled=False)
        await charger.hears(ACTION, 3)
        async with asyncio.timeout(PATIENCE):
            while await stage.storage.availability.left(key):
                await settled()

        assert [wish.owner for wish in await stage.storage.availability.of(key)] == [0]
    assert told(charger)[2:] == [(1, "Operative")]


async def test_what_a_target_closed_is_opened_when_the_charger_comes_back_after_its_deletion(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    stored = await stage.configuration(key)
    for wish in (
        AvailabilityWish(stored.id, 1, 1, "Inoperative"),
        AvailabilityWish(stored.id, 0, 0, "Inoperative"),
    ):
        await stage.storage.availability.note(key, wish)
    await stage.storage.proxy_configurations.delete(key.organization_uuid, stored.id)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers[ACTION] = says(ACCEPTED)
        await charger.hears(ACTION, 2)

    assert charger.payloads(ACTION) == [
        {"operationalStatus": "Operative"},
        {"operationalStatus": "Operative", "evse": {"id": 1, "connectorId": 1}},
    ]
