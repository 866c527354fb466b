"""What lies on a charger follows what its owners want, through refusals, restarts and boots."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from csms.commands import ClearPowerLimit, SetPowerLimit
from csms.errors import CallRefused, InvalidCommand, LinkClosed, NotStored
from csms.frames import Call, Reply
from csms.limits import limit_profile
from csms.profiles import Profiles
from csms.schedules import TX, TX_DEFAULT, Rate
from storage.errors import StorageUnavailable
from storage.records import ChargingProfile
from tests.doubles import settled, until
from tests.proxy.stage import CLOCK, OCPP16, OCPP201, Device, Stage, refuses, says, staged

ACCEPTED, REJECTED = says({"status": "Accepted"}), says({"status": "Rejected"})
SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"
TARGET = "ws://127.0.0.1:9/x"


class Box:
    """A charger that obeys, and refuses what it is told to refuse."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.refused: set[int] = set()
        device.answers.update({SET: self._set, CLEAR: ACCEPTED, "GetConfiguration": says(b"{}")})
        device.answers["GetVariables"] = says({"getVariableResult": []})

    def _set(self, call: Call) -> Reply:
        answer: Reply = (REJECTED if self._id(call.fields) in self.refused else ACCEPTED)(call)
        return answer

    def _id(self, fields: Any) -> int:
        return self._profile(fields)["chargingProfileId" if self.old else "id"]  # type: ignore[no-any-return]  # as on the wire

    def _profile(self, fields: Any) -> Any:
        return fields["csChargingProfiles" if self.old else "chargingProfile"]

    @property
    def old(self) -> bool:
        return self.device.connection.subprotocol == OCPP16

    @property
    def profiles(self) -> Profiles:
        return self.device.connection.station.profiles

    @property
    def told(self) -> list[tuple[str, int, float]]:
        """Return which profiles were set or cleared, with the limit, and forget them."""
        found = []
        for call in self.device.heard:
            if call.action == SET:
                found.append((SET, self._id(call.fields), self._limit(call.fields)))
            elif call.action == CLEAR:
                id = call.fields.get("id", call.fields.get("chargingProfileId"))
                found.append((CLEAR, id, 0.0))
        self.device.heard.clear()
        return found

    def _limit(self, fields: Any) -> float:
        schedule = self._profile(fields)["chargingSchedule"]
        schedule = schedule if self.old else schedule[0]
        limit: float = schedule["chargingSchedulePeriod"][0]["limit"]
        return limit

    async def limits(self, kw: float, evse_id: int = 1) -> str:
        command = SetPowerLimit(evse_id, "acMaxPowerKw", kw)
        return (await self.device.connection.station.perform(command)).status

    async def lifts(self, evse_id: int = 1) -> str:
        return (await self.device.connection.station.perform(ClearPowerLimit(evse_id))).status

    async def wants(self, watts: float, owner: int, **more: Any) -> bool:
        """Let a target want something; tell whether it got it."""
        wish = theirs(self, watts, owner, **more)
        return (await self.profiles.put(wish)).choice == 0


def theirs(
    box: Box,
    watts: float,
    owner: int,
    *,
    id: int = 1,
    purpose: str = TX_DEFAULT,
    transaction_id: str | None = None,
    **meta: Any,
) -> ChargingProfile:
    return ChargingProfile(
        key=box.device.connection.key,
        owner=owner,
        profile_id=id,
        evse_id=1,
        purpose=purpose,
        stack_level=3,
        transaction_id=transaction_id,
        profile=limit_profile(id, purpose, Rate(watts, "W"), CLOCK.now(), transaction_id),
        meta=meta,
        created_at=CLOCK.now(),
    )


@contextlib.asynccontextmanager
async def playing(stage: Stage, subprotocol: str = OCPP16) -> AsyncIterator[tuple[Box, int]]:
    """Connect a charger with a target that is never up; yield it with the target's number."""
    key = next(
        iter([one.key for one in await stage.storage.chargers.list(stage.organization_uuid)]), None
    )
    key = key or await stage.enrol(TARGET)
    owner = (await stage.configuration(key)).id
    async with stage.charger(key, subprotocol) as device:
        yield Box(device), owner


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


BOTH = pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])


# ---- one change, the least frames ----


@BOTH
async def test_the_same_again_is_sent_again_only_where_it_differs(
    stage: Stage, subprotocol: str
) -> None:
    async with playing(stage, subprotocol) as (box, owner):
        assert await box.limits(6) == "Accepted"
        assert await box.limits(20, 0) == "Accepted"
        assert box.told == [(SET, 3006, 6000.0), (SET, 3000, 20_000.0)]
        assert await box.wants(9000, owner)
        assert await box.wants(4500, owner)
        assert box.told == [(SET, 3006, 6000.0), (SET, 3006, 4500.0)]

        assert await box.lifts() == "Accepted"
        old = [(SET, 1_000_010, 4500.0)]
        assert box.told == (old if box.old else [(CLEAR, 3006, 0.0), *old])
        assert await box.lifts() == "Unknown"
        assert box.told == []


async def test_abilities_are_asked_once_per_boot(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        await box.limits(6)
        await box.limits(7, 2)
        assert box.device.actions.count("GetConfiguration") == 1
        await box.device.boots()
        await box.limits(8)
        assert box.device.actions.count("GetConfiguration") == 2


@BOTH
async def test_an_evse_without_abilities_has_the_least(stage: Stage, subprotocol: str) -> None:
    async with playing(stage, subprotocol) as (box, owner):
        action = "GetConfiguration" if box.old else "GetVariables"
        box.device.answers[action] = refuses("NotSupported")
        assert await box.limits(6) == "Accepted"
        assert await box.wants(4500, owner)

        assert box.told == [(SET, 3006, 6000.0), (SET, 3006, 4500.0)]


# ---- refusals ----


@BOTH
async def test_a_refused_limit_is_not_kept(stage: Stage, subprotocol: str) -> None:
    async with playing(stage, subprotocol) as (box, _):
        box.refused.add(3006)
        assert await box.limits(6) == "Rejected"
        assert await box.profiles.wishes(0) == []
        assert await box.lifts() == "Unknown"


async def test_a_limit_takes_no_other_profiles_id(stage: Stage) -> None:
    """Item 10: ids are one space for each charger."""
    async with playing(stage) as (box, _):
        assert await box.wants(9000, 0, id=3006)
        with pytest.raises(InvalidCommand):
            await box.limits(6)
        assert [one.meta for one in await box.profiles.wishes(0)] == [{}]


@BOTH
async def test_a_refused_wish_of_a_target_changes_nothing(stage: Stage, subprotocol: str) -> None:
    async with playing(stage, subprotocol) as (box, owner):
        await box.limits(6)
        box.refused.add(3006)
        assert not await box.wants(4500, owner)
        assert await box.profiles.wishes(owner) == []
        box.refused.clear()

        assert box.told == [(SET, 3006, 6000.0), (SET, 3006, 4500.0)]
        assert await box.wants(9000, owner)
        assert [one.profile_id for one in await box.profiles.wishes(owner)] == [1]


async def test_a_limit_holds_where_a_transactions_profile_cannot_follow(stage: Stage) -> None:
    async with playing(stage) as (box, owner):
        id = str((await box.device.starts())["transactionId"])
        assert await box.wants(9000, owner, purpose=TX, transaction_id=id)
        box.refused.add(4146)
        assert await box.limits(6) == "Accepted"

        told = box.told
        assert told[:4] == [
            (SET, 1_000_012, 9000.0),
            (SET, 3006, 6000.0),
            (SET, 4146, 6000.0),
            (CLEAR, 1_000_012, 0.0),
        ]


async def test_a_callerror_is_told_and_nothing_is_kept(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        box.device.answers[SET] = refuses("NotImplemented")
        with pytest.raises(CallRefused):
            await box.limits(6)
        assert await box.profiles.wishes(0) == []


async def test_what_cannot_be_cleared_is_not_lifted(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        await box.limits(6)
        box.device.answers[CLEAR] = refuses("InternalError")
        with pytest.raises(CallRefused):
            await box.lifts()

        assert len(await box.profiles.wishes(0)) == 1


@pytest.mark.parametrize(("seconds", "accepted"), [("0", True), ("3600", False)])
async def test_a_charger_that_wants_a_pause_is_given_one(
    stage: Stage,
    seconds: str,
    accepted: bool,  # noqa: FBT001 - what comes of it
) -> None:
    """OCPP 2.1 K01.FR.56: RateLimitExceeded names the seconds."""
    async with playing(stage, OCPP201) as (box, _):
        info = {"reasonCode": "RateLimitExceeded", "additionalInfo": f"Once in {seconds} s"}
        answers = [says({"status": "Rejected", "statusInfo": info})]

        def answer(call: Call) -> Any:
            return (answers.pop() if answers else ACCEPTED if accepted else REJECTED)(call)

        box.device.answers[SET] = answer
        assert await box.limits(6) == ("Accepted" if accepted else "Rejected")
        assert len(box.told) == (2 if accepted else 1)


# ---- lost answers, boots, restarts ----


async def test_what_may_have_been_set_is_set_right(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        box.device.answers[SET] = lambda _: box.device.link.close()
        with pytest.raises(LinkClosed):
            await box.limits(6)

    async with playing(stage) as (box, _):
        await box.device.boots()
        await until(lambda: CLEAR in box.device.actions)
        assert box.told == [(CLEAR, 3006, 0.0)]


async def test_what_was_set_and_could_not_be_stored_is_taken_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    async with playing(stage) as (box, _):
        assert await box.limits(11) == "Accepted"
        box.told.clear()
        with monkeypatch.context() as patched:
            patched.setattr(stage.storage.charging_profiles, "note_put", away)
            with pytest.raises(NotStored):
                await box.limits(7)
        await box.device.hears(SET, 2)
        await until(lambda: box.profiles.at_rest)

        assert [limit for *_, limit in box.told] == [7000.0, 11_000.0]


@BOTH
async def test_limits_are_put_back_after_a_boot_and_after_our_restart(
    tmp_path: Path, subprotocol: str
) -> None:
    async with staged(tmp_path) as stage, playing(stage, subprotocol) as (box, owner):
        await box.limits(6)
        await box.wants(4500, owner)
        box.told.clear()
        await box.device.boots()
        await box.device.hears(SET)
        assert box.told == [(SET, 3006, 4500.0)]

    async with staged(tmp_path) as stage, playing(stage, subprotocol) as (box, _):
        await box.device.boots()
        await box.device.hears(SET)
        assert box.told == [(SET, 3006, 4500.0)]
        await box.limits(3)
        assert box.told == [(SET, 3006, 3000.0)]


@BOTH
async def test_a_boot_while_the_charger_is_looked_after_is_heard_too(
    stage: Stage, subprotocol: str
) -> None:
    """Whoever has booted may have forgotten all, also while it is asked what it has."""
    key = await stage.enrol()
    async with stage.charger(key, subprotocol) as device:
        await Box(device).limits(6)
    async with stage.charger(key, subprotocol) as device:
        box, asked, booted = Box(device), asyncio.Event(), asyncio.Event()

        async def cannot_tell(call: Call) -> Any:
            asked.set()
            await booted.wait()
            return refuses("NotSupported")(call)

        device.answers["GetCompositeSchedule" if box.old else "GetChargingProfiles"] = cannot_tell
        await asked.wait()
        await device.boots()
        booted.set()
        await device.hears(SET)


async def test_a_charger_that_forgets_and_refuses_is_told_all_of_it_again(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        await box.limits(6, 1)
        await box.limits(7, 2)
        box.device.answers["GetCompositeSchedule"] = refuses("NotSupported")
        box.told.clear()
        box.refused.update({3006, 3012})
        await box.device.boots()
        await until(lambda: box.profiles.alarm is not None)
        box.refused.clear()
        box.told.clear()
        box.profiles.look()
        await until(lambda: box.profiles.alarm is None)

        assert sorted(box.told) == [(SET, 3006, 6000.0), (SET, 3012, 7000.0)]


async def test_a_charger_without_profiles_is_left_alone(stage: Stage) -> None:
    async with playing(stage) as (box, _):
        await box.device.boots()
        id = (await box.device.starts())["transactionId"]
        await box.device.stops(id)
        await settled()

        assert box.device.heard == []


async def test_a_charger_that_is_back_is_looked_after(stage: Stage) -> None:
    """Item 8: a reconnect needs no boot, and no word."""
    key = await stage.enrol()
    async with stage.charger(key) as device:
        await Box(device).limits(6)
    async with stage.charger(key) as device:
        await until(lambda: device.actions)
        await until(lambda: Box(device).profiles.at_rest)


async def test_what_ends_is_watched_from_when_it_is_set(stage: Stage) -> None:
    """Item 8."""
    async with playing(stage) as (box, _):
        await box.device.starts()
        await box.limits(6)
        await until(lambda: box.profiles.at_rest)
        command = SetPowerLimit(1, "acMaxPowerKw", 4.2, condition="whenNoCloudConnection")
        await box.device.connection.station.perform(command)
        await settled()
        assert not box.profiles.at_rest, "it waits for the renewal"


# ---- transactions ----


async def test_the_profile_of_a_transaction_goes_with_it(stage: Stage) -> None:
    async with playing(stage) as (box, owner):
        id = (await box.device.starts())["transactionId"]
        await box.wants(9000, owner, purpose=TX, transaction_id=str(id))
        await box.device.stops(id)
        await until(lambda: CLEAR in box.device.actions)

        assert box.told == [(SET, 1_000_012, 9000.0), (CLEAR, 1_000_012, 0.0)]
        assert await box.profiles.wishes(owner) == []


async def test_the_profile_of_a_start_is_bound_to_what_it_started(stage: Stage) -> None:
    async with playing(stage) as (box, owner):
        sent = {**limit_profile(1_000_012, TX, Rate(9000, "W"), CLOCK.now())}
        wish = theirs(box, 9000, owner, purpose=TX, id_token="CARD", sent=sent)
        await box.profiles.expect(wish)
        await box.limits(20)
        box.told.clear()
        id = (await box.device.starts())["transactionId"]
        await until(lambda: SET in box.device.actions)

        # It came without a limit and gets the limit's number.
        assert [one[1] for one in box.told if one[0] == SET][-1] == 4146
        [bound] = await box.profiles.wishes(owner)
        assert bound.transaction_id == str(id)


async def test_a_start_that_nothing_came_of_is_forgotten(stage: Stage) -> None:
    async with playing(stage) as (box, owner):
        wish = theirs(box, 9000, owner, purpose=TX, id_token="CARD", sent={})
        await box.profiles.expect(wish)
        await box.profiles.expect_no_more(wish)
        assert await box.profiles.wishes(owner) == []


async def test_a_starts_profile_keeps_to_the_lowest_limit_where_the_connector_is_not_known(
    stage: Stage,
) -> None:
    async with playing(stage) as (box, owner):
        asked = limit_profile(1, TX, Rate(9000, "W"), CLOCK.now())

        async def sent(evse_id: int) -> tuple[int, float]:
            profile = await box.profiles.starting(owner, evse_id, asked)
            [period] = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
            return profile["id"], period["limit"]

        assert await sent(0) == (1_000_002, 9000.0)
        await box.limits(6)
        await box.limits(5, 2)
        assert await sent(0) == (4140, 5000.0)
        assert await sent(1) == (4146, 6000.0)


# ---- owners that go ----


async def test_what_a_target_wanted_goes_with_its_configuration(stage: Stage) -> None:
    async with playing(stage) as (box, owner):
        await box.limits(6)
        await box.wants(4500, owner)
        key = box.device.connection.key
        await stage.storage.proxy_configurations.delete(key.organization_uuid, owner)
        box.told.clear()
        box.profiles.look()
        await box.device.hears(SET)

        assert box.told == [(SET, 3006, 6000.0)]
