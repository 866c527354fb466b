"""A connector is operative only while no owner says otherwise; a reason stays with a wish."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms import frames
from csms.availability import Availability
from csms.commands import ChangeAvailability, Outcome
from csms.errors import BadAnswer, CallRefused
from csms.frames import CallResult
from storage.records import ChargerKey
from storage.repositories.availability import AvailabilityWish
from tests.csms.desk import Desk, answering
from tests.doubles import settled
from tests.storage.doubles import ALICE
from tests.storage.records import proxy

ACCEPTED = {"status": "Accepted"}


# ---- the platform's own wishes ----


@pytest.mark.parametrize(
    ("version", "evse_id", "sent"),
    [
        ("1.6", 2, {"connectorId": 2, "type": "Inoperative"}),
        ("1.6", 0, {"connectorId": 0, "type": "Inoperative"}),
        ("2.0.1", 2, {"operationalStatus": "Inoperative", "evse": {"id": 2}}),
        ("2.0.1", 0, {"operationalStatus": "Inoperative"}),
        ("2.1", 2, {"operationalStatus": "Inoperative", "evse": {"id": 2}}),
    ],
)
async def test_a_wish_is_said_in_the_words_of_the_version_and_kept_with_its_reason(
    desk: Desk, version: str, evse_id: int, sent: dict[str, Any]
) -> None:
    closing = ChangeAvailability(evse_id, "Inoperative", "Cable is broken")
    async with desk.connected(version) as (station, talk):
        outcome, heard = await answering(talk, station.perform(closing), {"status": "Scheduled"})

    assert heard == [["ChangeAvailability", sent]]
    assert outcome == Outcome("Scheduled", {"status": "Scheduled"})
    assert await desk.storage.availability.of(ALICE) == [
        AvailabilityWish(0, evse_id, 0, "Inoperative", "Cable is broken")
    ]


async def test_one_connector_of_an_evse_can_be_named_in_2_x(desk: Desk) -> None:
    closing = ChangeAvailability(1, "Inoperative", connector_id=2)
    async with desk.connected("2.0.1") as (station, talk):
        _, heard = await answering(talk, station.perform(closing), ACCEPTED)

    sent = {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 2}}
    assert heard == [["ChangeAvailability", sent]]


async def test_what_the_charger_rejects_is_no_wish(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        closing = ChangeAvailability(1, "Inoperative")
        outcome, _ = await answering(talk, station.perform(closing), {"status": "Rejected"})

    assert outcome.status == "Rejected"
    assert await desk.storage.availability.of(ALICE) == []


@pytest.mark.parametrize("answer", [{}, {"status": []}, {"status": {}}, [], 1])
async def test_an_answer_without_a_status_is_no_answer(desk: Desk, answer: Any) -> None:
    async with desk.connected("1.6") as (station, talk):
        with pytest.raises(BadAnswer):
            await answering(talk, station.perform(ChangeAvailability(1, "Inoperative")), answer)

    assert await desk.storage.availability.of(ALICE) == []


# ---- beside those of a target ----


async def closed_by_a_target(desk: Desk, evse_id: int, connector_id: int = 0) -> AvailabilityWish:
    target = await desk.storage.proxy_configurations.create(proxy(ALICE))
    wish = AvailabilityWish(target.id, evse_id, connector_id, "Inoperative")
    await desk.storage.availability.note(ALICE, wish)
    return wish


@pytest.mark.parametrize(("version", "closed"), [("1.6", 1), ("1.6", 0), ("2.0.1", 1)])
async def test_what_a_target_closed_stays_closed_and_the_answer_says_so(
    desk: Desk, version: str, closed: int
) -> None:
    theirs = await closed_by_a_target(desk, closed)
    async with desk.connected(version) as (station, talk):
        outcome = await station.perform(ChangeAvailability(1, "Operative"))

        assert talk.peer.socket.unread == 0  # the charger is not asked
    named = "EVSE 1" if closed else "the station"
    assert outcome.status == "Accepted"
    assert outcome.status_info == {
        "reasonCode": "HeldByTarget",
        "additionalInfo": f"The third-party CSMS of this charger keeps closed: {named}.",
    }
    assert await desk.storage.availability.of(ALICE) == [theirs]


async def test_opening_a_1_6_charger_closes_again_what_a_target_keeps_closed(desk: Desk) -> None:
    await closed_by_a_target(desk, 2)
    async with desk.connected("1.6") as (station, talk):
        opening = station.perform(ChangeAvailability(0, "Operative"))
        outcome, heard = await answering(talk, opening, ACCEPTED, ACCEPTED)

    assert heard == [
        ["ChangeAvailability", {"connectorId": 0, "type": "Operative"}],
        ["ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}],
    ]
    assert outcome.status_info is not None
    assert outcome.status_info["reasonCode"] == "HeldByTarget"


async def test_in_2_x_an_evse_opens_beside_a_connector_that_a_target_keeps_closed(
    desk: Desk,
) -> None:
    await closed_by_a_target(desk, 1, 2)
    own = {"status": "Accepted", "statusInfo": {"reasonCode": "Own"}}
    async with desk.connected("2.0.1") as (station, talk):
        opening = station.perform(ChangeAvailability(1, "Operative"))
        outcome, heard = await answering(talk, opening, own)

    assert heard == [["ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 1}}]]
    assert outcome.status_info == {"reasonCode": "Own"}  # the charger's own word stays


async def test_two_owners_change_one_after_the_other(desk: Desk) -> None:
    """A target's Operative that was let through must not go out behind the platform's no."""
    target = await desk.storage.proxy_configurations.create(proxy(ALICE))
    theirs = AvailabilityWish(target.id, 1, 0, "Operative")
    waiting, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly(_action: str, _payload: bytes) -> CallResult:
        waiting.set()
        await goes_on.wait()
        return frames.call_result("1", b"{}", ACCEPTED)

    async with desk.connected("1.6") as (station, talk):
        opening = asyncio.create_task(station.availability.change(theirs, slowly))
        await waiting.wait()
        closing = asyncio.create_task(station.perform(ChangeAvailability(1, "Inoperative")))
        await desk.storage.availability.of(ALICE)  # what is read meanwhile is read by now
        await settled()
        assert talk.peer.socket.unread == 0
        goes_on.set()
        await answering(talk, closing, ACCEPTED)
        await opening

    assert [wish.owner for wish in await desk.storage.availability.of(ALICE)] == [0]


async def test_a_refusal_is_the_caller_s(desk: Desk) -> None:
    async with desk.connected("1.6") as (station, talk):
        asked = asyncio.create_task(station.perform(ChangeAvailability(1, "Operative")))
        id = (await talk.peer.hears())[1]
        await talk.peer.says(orjson.dumps([4, id, "NotImplemented", "", {}]))
        with pytest.raises(CallRefused):
            await asked


# ---- any order of wishes of two owners ----

Type: TypeAlias = Literal["Operative", "Inoperative"]
TYPES: tuple[Type, ...] = ("Operative", "Inoperative")
COMMANDS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from(TYPES)),
    max_size=12,
)


@dataclass
class Wishes:
    """Keep wishes in memory."""

    kept: dict[tuple[int, int], AvailabilityWish] = field(default_factory=dict)

    async def of(self, _: ChargerKey) -> list[AvailabilityWish]:
        return list(self.kept.values())

    def note(self, _: ChargerKey, wish: AvailabilityWish) -> asyncio.Future[None]:
        self.kept[wish.owner, wish.evse_id] = wish
        return done()

    def drop(self, _: ChargerKey, wish: AvailabilityWish) -> asyncio.Future[None]:
        self.kept.pop((wish.owner, wish.evse_id), None)
        return done()

    def forget(self, _: ChargerKey, owner: int) -> asyncio.Future[None]:
        self.kept = {place: wish for place, wish in self.kept.items() if place[0] != owner}
        return done()


def done() -> asyncio.Future[None]:
    committed = asyncio.get_running_loop().create_future()
    committed.set_result(None)
    return committed


@given(COMMANDS)
def test_no_connector_is_operative_that_an_owner_wants_closed(
    commands: list[tuple[int, int, Type]],
) -> None:
    charger = dict.fromkeys((1, 2), "Operative")
    wanted = {(owner, connector): "Operative" for owner in (0, 1) for connector in (1, 2)}

    async def ask(_: str, payload: bytes) -> CallResult:
        said = orjson.loads(payload)
        touched = [said["connectorId"]] if said["connectorId"] else [1, 2]
        charger.update(dict.fromkeys(touched, said["type"]))
        return frames.call_result("1", b'{"status":"Accepted"}', ACCEPTED)

    async def play() -> None:
        wishes = Wishes()
        key = ChargerKey("org", "CP-1")
        availability = Availability(key, "1.6", wishes)  # type: ignore[arg-type]  # in memory
        for owner, connector, type in commands:
            await availability.change(AvailabilityWish(owner, connector, 0, type), ask)
            wanted.update({(owner, each): type for each in ((connector,) if connector else (1, 2))})
            for each, state in charger.items():
                closed = "Inoperative" in (wanted[0, each], wanted[1, each])
                assert state == "Inoperative" or not closed

    asyncio.run(play())
