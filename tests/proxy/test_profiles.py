"""A target's profiles in a stack of its own: what it is answered, and what the charger hears."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from csms import frames
from csms.commands import SetPowerLimit
from csms.errors import CallRefused
from csms.frames import Call, Reply
from tests.doubles import until
from tests.proxy.stage import OCPP16, OCPP201, Device, Target, never, refuses, says, staged

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"
BOTH = pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])


class Play:
    """A target that orders, and the charger behind it."""

    def __init__(self, target: Target, device: Device) -> None:
        self.target, self.device = target, device
        for action in (SET, CLEAR, "RemoteStartTransaction", "RequestStartTransaction"):
            device.answers[action] = says(ACCEPTED)

    @property
    def old(self) -> bool:
        return self.device.connection.subprotocol == OCPP16

    async def orders(self, action: str, fields: Any) -> Any:
        return (await self.target.link.call(action, orjson.dumps(fields))).fields

    async def sets(self, own: dict[str, Any], evse_id: int = 1) -> Any:
        place = "connectorId" if self.old else "evseId"
        key = "csChargingProfiles" if self.old else "chargingProfile"
        return await self.orders(SET, {place: evse_id, key: own})

    async def limits(self, kw: float) -> None:
        command = SetPowerLimit(1, "acMaxPowerKw", kw)
        assert (await self.device.connection.station.perform(command)).status == "Accepted"

    def profile(self, watts: float, purpose: str = "TxDefaultProfile", **more: Any) -> Any:
        period = {"startPeriod": 0, "limit": watts}
        schedule: Any = {"chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
        own = {
            "chargingProfileId" if self.old else "id": more.pop("id", 1),
            "stackLevel": more.pop("level", 0),
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule if self.old else [{"id": 1, **schedule}],
        }
        return {**own, **more}

    @property
    def heard(self) -> list[str]:
        """Return which actions about profiles the charger was called, and forget them."""
        found = [action for action in self.device.actions if action in {SET, CLEAR}]
        self.device.heard.clear()
        return found


@contextlib.asynccontextmanager
async def playing(folder: Path, subprotocol: str, **proxy: Any) -> AsyncIterator[Play]:
    async with Target().up() as target, staged(folder) as stage:
        key = await stage.enrol(target.url, **proxy)
        async with stage.charger(key, subprotocol) as device:
            await device.boots()
            await stage.reaches(key, "ready")
            yield Play(target, device)


@BOTH
async def test_a_profile_is_kept_and_cleared(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        assert await play.sets(play.profile(9000, id=41)) == ACCEPTED
        id = "id" if play.old else "chargingProfileId"
        assert await play.orders(CLEAR, {id: 42}) == {"status": "Unknown"}
        assert play.heard == [SET]
        assert await play.orders(CLEAR, {id: 41}) == ACCEPTED
        assert await play.orders(CLEAR, {id: 41}) == {"status": "Unknown"}
        assert play.heard == [CLEAR]


@BOTH
async def test_clearing_all_leaves_the_platforms_limit(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        await play.limits(6)
        assert await play.orders(CLEAR, {}) == {"status": "Unknown"}
        assert await play.sets(play.profile(4500)) == ACCEPTED
        assert await play.orders(CLEAR, {}) == ACCEPTED

        assert play.heard == [SET, SET, SET]


@BOTH
async def test_what_the_charger_will_not_have_is_rejected(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        told = REJECTED if play.old else {**REJECTED, "statusInfo": {"reasonCode": "Because"}}
        play.device.answers[SET] = says(told)
        assert await play.sets(play.profile(9000)) == told
        play.device.answers[SET] = refuses("NotSupported", "no")
        with pytest.raises(CallRefused, match="NotSupported"):
            await play.sets(play.profile(9000))


@BOTH
async def test_what_may_not_be_never_reaches_the_charger(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        unbound = play.profile(9000, "TxProfile", transactionId=7 if play.old else "x")
        assert (await play.sets(unbound))["status"] == "Rejected"
        assert (await play.sets(play.profile(9000, "TxProfile"), 0))["status"] == "Rejected"
        with pytest.raises(CallRefused, match="Violation"):
            await play.sets({"stackLevel": 1})
        if not play.old:
            external = play.profile(9000, "ChargingStationExternalConstraints")
            answer = await play.sets(external, 0)
            assert answer == {**REJECTED, "statusInfo": {"reasonCode": "InvalidProfile"}}

        assert play.heard == []


async def test_on_1_6_the_same_level_replaces(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP16) as play:
        assert await play.sets(play.profile(9000, id=1)) == ACCEPTED
        assert await play.sets(play.profile(7000, id=2)) == ACCEPTED
        assert await play.orders(CLEAR, {"id": 1}) == {"status": "Unknown"}
        assert await play.orders(CLEAR, {"id": 2}) == ACCEPTED


async def test_on_2_0_1_the_same_level_is_a_duplicate(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP201) as play:
        assert await play.sets(play.profile(9000, id=1)) == ACCEPTED
        answer = await play.sets(play.profile(7000, id=2))
        assert answer == {**REJECTED, "statusInfo": {"reasonCode": "DuplicateProfile"}}
        assert await play.sets(play.profile(7000, id=1)) == ACCEPTED


async def test_a_transaction_has_the_number_that_each_side_knows(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP16) as play:
        ours = (await play.device.starts())["transactionId"]
        own = play.profile(9000, "TxProfile", transactionId=700_001)
        assert await play.sets(own) == ACCEPTED
        [sent] = play.device.payloads(SET)
        assert sent["csChargingProfiles"]["transactionId"] == ours

        again = play.profile(8000, "TxProfile", id=1)  # 1.6 need not name it
        assert await play.sets(again) == ACCEPTED


@BOTH
async def test_a_target_has_only_so_many(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        for n in range(50):
            assert await play.sets(play.profile(9000, id=n + 1, level=n)) == ACCEPTED
        assert (await play.sets(play.profile(9000, id=60, level=60)))["status"] == "Rejected"


async def test_an_observer_sets_nothing(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP201, role="observe") as play:
        assert await play.sets(play.profile(9000)) == REJECTED
        assert await play.orders(CLEAR, {}) == {"status": "Unknown"}
        asked = {"requestId": 1, "chargingProfile": {}}
        assert await play.orders("GetChargingProfiles", asked) == {"status": "NoProfiles"}
        assert play.heard == []


# ---- reports ----


async def test_a_target_is_reported_its_own_alone(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP201) as play:
        await play.limits(6)
        mine = play.profile(9000, id=41, level=7)
        await play.sets(mine)
        await play.sets(play.profile(20_000, "ChargingStationMaxProfile", id=42), 0)
        asked = {"requestId": 5, "chargingProfile": {}}
        assert await play.orders("GetChargingProfiles", asked) == ACCEPTED
        await play.target.hears("ReportChargingProfiles", 2)
        first, second = play.target.payloads("ReportChargingProfiles")

        assert (first["evseId"], first["tbc"], second["evseId"]) == (0, True, 1)
        assert second == {
            "requestId": 5,
            "chargingLimitSource": "CSO",
            "evseId": 1,
            "chargingProfile": [mine],
            "tbc": False,
        }


@pytest.mark.parametrize(
    ("criteria", "ids"),
    [
        ({"chargingProfileId": [41]}, [41]),
        ({"chargingProfilePurpose": "TxDefaultProfile"}, [41]),
        ({"stackLevel": 3}, []),
        ({"chargingLimitSource": ["EMS"]}, []),
        ({"chargingLimitSource": ["EMS", "CSO"]}, [41]),
    ],
)
async def test_criteria_of_a_report(tmp_path: Path, criteria: Any, ids: list[int]) -> None:
    async with playing(tmp_path, OCPP201) as play:
        await play.sets(play.profile(9000, id=41))
        asked = {"requestId": 5, "evseId": 1, "chargingProfile": criteria}
        status = "Accepted" if ids else "NoProfiles"
        assert await play.orders("GetChargingProfiles", asked) == {"status": status}
        if ids:
            report = await play.target.hears("ReportChargingProfiles")
            assert [one["id"] for one in report["chargingProfile"]] == ids


# ---- starts ----


def start_of(play: Play, **more: Any) -> tuple[str, str, dict[str, Any]]:
    if play.old:
        return "RemoteStartTransaction", "connectorId", {"idTag": "CARD", **more}
    token = {"idToken": "CARD", "type": "Central"}
    return "RequestStartTransaction", "evseId", {"remoteStartId": 1, "idToken": token, **more}


@BOTH
async def test_a_start_without_a_profile_is_none_of_ours(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        action, _, fields = start_of(play)
        assert await play.orders(action, fields) == ACCEPTED


@BOTH
async def test_a_starts_profile_keeps_to_the_limit(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        await play.limits(6)
        own = play.profile(9000, "TxProfile", level=5, id=77)
        action, place, fields = start_of(play, chargingProfile=own)
        assert await play.orders(action, {**fields, place: 1}) == ACCEPTED
        [sent] = play.device.payloads(action)
        got = sent["chargingProfile"]

        assert got["chargingProfileId" if play.old else "id"] == 4146
        assert got["stackLevel"] == 0
        assert "transactionId" not in got
        schedule = got["chargingSchedule"] if play.old else got["chargingSchedule"][0]
        assert schedule["chargingSchedulePeriod"][0]["limit"] == 6000


@BOTH
async def test_a_start_anywhere_keeps_to_the_lowest_limit(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        await play.limits(6)
        own = play.profile(9000, "TxProfile")
        action, _, fields = start_of(play, chargingProfile=own)
        assert await play.orders(action, fields) == ACCEPTED
        [sent] = play.device.payloads(action)

        assert '"limit":6000' in orjson.dumps(sent).decode()


@BOTH
async def test_a_start_with_another_profile_is_rejected(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        action, place, fields = start_of(play, chargingProfile=play.profile(9000))
        assert (await play.orders(action, {**fields, place: 1}))["status"] == "Rejected"
        assert action not in play.device.actions


@BOTH
@pytest.mark.parametrize("twist", [{"x": 1}, {"ChargingProfile": {}}, {"chargingProfile": None}])
async def test_a_profile_that_cannot_be_read_does_not_slip_through(
    tmp_path: Path, subprotocol: str, twist: Any
) -> None:
    async with playing(tmp_path, subprotocol) as play:
        own = {} if "ChargingProfile" in twist else play.profile(9000, "TxProfile")
        action, _, fields = start_of(play, **({"chargingProfile": own} if own else {}))
        with pytest.raises(CallRefused):
            await play.orders(action, {**fields, **twist})
        assert action not in play.device.actions


@BOTH
async def test_a_start_that_is_refused_leaves_nothing(tmp_path: Path, subprotocol: str) -> None:
    async with playing(tmp_path, subprotocol) as play:
        own = play.profile(9000, "TxProfile", id=77)
        action, place, fields = start_of(play, chargingProfile=own)
        play.device.answers[action] = says(REJECTED)
        assert (await play.orders(action, {**fields, place: 1}))["status"] == "Rejected"
        play.device.answers[action] = refuses("InternalError")
        with pytest.raises(CallRefused):
            await play.orders(action, {**fields, place: 1})

        assert await play.orders(CLEAR, {}) == {"status": "Unknown"}


async def test_reports_wait_for_nobody_and_die_with_the_link(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP201) as play:
        await play.sets(play.profile(9000, id=41))
        asked = {"requestId": 5, "chargingProfile": {}}
        await asyncio.gather(*(play.orders("GetChargingProfiles", asked) for _ in range(3)))
        await until(lambda: len(play.target.payloads("ReportChargingProfiles")) == 3)


@BOTH
async def test_a_target_that_hangs_up_in_between_leaves_nothing_behind(
    tmp_path: Path, subprotocol: str
) -> None:
    async with playing(tmp_path, subprotocol) as play:
        gone = asyncio.Event()

        async def late(call: Call) -> Reply:
            await gone.wait()
            return frames.call_result(call.id, orjson.dumps(ACCEPTED))

        play.device.answers[SET] = late
        ordered = asyncio.create_task(play.sets(play.profile(22000, id=2)))
        said = await play.device.hears(SET)
        await play.target.hang_up()
        await asyncio.gather(ordered, return_exceptions=True)
        gone.set()
        cleared = await play.device.hears(CLEAR)

        assert cleared == (
            {"id": said["csChargingProfiles"]["chargingProfileId"]}
            if play.old
            else {"chargingProfileId": said["chargingProfile"]["id"]}
        )


async def test_a_start_of_which_nobody_knows_keeps_to_a_limit_that_comes_later(
    tmp_path: Path,
) -> None:
    async with playing(tmp_path, OCPP16) as play:
        gone = asyncio.Event()

        async def late(call: Call) -> Reply:
            await gone.wait()
            return frames.call_result(call.id, orjson.dumps(ACCEPTED))

        play.device.answers["RemoteStartTransaction"] = late
        profile = play.profile(9000, "TxProfile", id=5)
        start = {"connectorId": 1, "idTag": "CARD", "chargingProfile": profile}
        ordered = asyncio.create_task(play.orders("RemoteStartTransaction", start))
        await play.device.hears("RemoteStartTransaction")
        await play.target.hang_up()
        await asyncio.gather(ordered, return_exceptions=True)
        gone.set()
        await play.device.starts("CARD")
        await play.limits(3)
        said = [call["csChargingProfiles"] for call in play.device.payloads(SET)]

        assert [one["chargingProfilePurpose"] for one in said] == ["TxDefaultProfile", "TxProfile"]
        schedule = said[1]["chargingSchedule"]
        assert schedule["chargingSchedulePeriod"][0]["limit"] <= 3000


async def test_a_target_that_takes_no_reports_gets_no_more_of_them(tmp_path: Path) -> None:
    async with playing(tmp_path, OCPP201) as play:
        play.target.answers["ReportChargingProfiles"] = never
        large = {"vendorId": "x", "told": "x" * 60_000}
        assert await play.sets(play.profile(9000, customData=large)) == ACCEPTED
        criteria = {"chargingProfilePurpose": "TxDefaultProfile"}
        reports = {"requestId": 1, "chargingProfile": criteria}
        told = [await play.orders("GetChargingProfiles", reports) for _ in range(6)]
        assert told == [ACCEPTED] * 6
        with pytest.raises(CallRefused, match="taken first"):
            await play.orders("GetChargingProfiles", reports)

        larger = {"vendorId": "x", "told": "x" * 70_000}
        with pytest.raises(CallRefused, match="too long"):
            await play.sets(play.profile(9000, customData=larger))
