"""What a charger says of its profiles is held against the books, and what differs is repaired."""

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
from csms.errors import LinkClosed
from csms.frames import Call, Reply
from csms.readback import ReadBack, Told
from csms.scenes import Place
from storage.records import InstalledProfile
from tests.doubles import settled, until
from tests.proxy.stage import CLOCK, OCPP16, OCPP201, Device, Stage, Target, refuses, says, staged

ACCEPTED = {"status": "Accepted"}
SET, CLEAR = "SetChargingProfile", "ClearChargingProfile"
GET, REPORT, COMPOSITE = "GetChargingProfiles", "ReportChargingProfiles", "GetCompositeSchedule"


class Box:
    """A charger that keeps its profiles, tells of them, and forgets them when it is told to."""

    def __init__(self) -> None:
        self.lying: dict[tuple[int, int], Any] = {}
        self.outside: list[dict[str, Any]] = []  # reports of what others have installed
        self.confused = False  # reads level and purpose without the connector (1.6)
        self.told: list[tuple[str, int]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def connected(self, stage: Stage, subprotocol: str = OCPP201) -> AsyncIterator[Device]:
        """Connect the one charger there is, enrolled on first use."""
        known = [one.key for one in await stage.storage.chargers.list(stage.organization_uuid)]
        key = known[0] if known else await stage.enrol()
        async with stage.charger(key, subprotocol) as device:
            self.device = device
            device.answers.update(
                {
                    "GetConfiguration": says(b"{}"),
                    "GetVariables": says({"getVariableResult": []}),
                    SET: self._set,
                    CLEAR: self._clear,
                    GET: self._get,
                    COMPOSITE: self._composite,
                }
            )
            yield device

    @property
    def asked(self) -> int:
        """Tell how often it was asked what lies there."""
        return len([one for one in self.device.actions if one in {GET, COMPOSITE}])

    def wrote(self) -> list[tuple[str, int]]:
        """Return which ids were set and cleared, and forget them."""
        told, self.told = self.told, []
        return told

    def _set(self, call: Call) -> Reply:
        fields: Any = call.fields
        profile = fields.get("chargingProfile") or fields["csChargingProfiles"]
        id = profile.get("id") or profile["chargingProfileId"]
        evse_id = fields.get("evseId", fields.get("connectorId"))
        if self.confused:
            self.lying = {
                place: one
                for place, one in self.lying.items()
                if one["stackLevel"] != profile["stackLevel"]
            }
        self.lying[evse_id, id] = profile
        self.told.append((SET, id))
        return _says(call, ACCEPTED)

    def _clear(self, call: Call) -> Reply:
        fields: Any = call.fields
        id = fields.get("chargingProfileId", fields.get("id"))
        self.lying = {place: one for place, one in self.lying.items() if place[1] != id}
        self.told.append((CLEAR, id))
        return _says(call, ACCEPTED)

    def _get(self, call: Call) -> Reply:
        fields: Any = call.fields
        reports = [
            {"chargingLimitSource": "CSO", "evseId": evse_id, "chargingProfile": [profile]}
            for (evse_id, _), profile in self.lying.items()
        ] + self.outside
        if not reports:
            return _says(call, {"status": "NoProfiles"})
        self.tasks.add(asyncio.create_task(self._report(fields["requestId"], reports)))
        return _says(call, ACCEPTED)

    async def _report(self, request_id: int, reports: list[Any]) -> None:
        for n, one in enumerate(reports):
            more = {"requestId": request_id, "tbc": n + 1 < len(reports), **one}
            with contextlib.suppress(LinkClosed):  # whoever has hung up reports no more
                await self.device.call(REPORT, more)

    def _composite(self, call: Call) -> Reply:
        """Tell the schedule of one connector, which is 32 A where nothing lies."""
        fields: Any = call.fields
        evse_id = fields["connectorId"]
        own = [one for (place, _), one in self.lying.items() if place == evse_id]
        limit = {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32}],
        }
        schedule = own[-1]["chargingSchedule"] if own else limit
        return _says(call, {**ACCEPTED, "connectorId": evse_id, "chargingSchedule": schedule})

    async def limits(self, kw: float, evse_id: int = 1) -> Any:
        command = SetPowerLimit(evse_id, "acMaxPowerKw", kw)
        return await self.device.connection.station.perform(command)

    async def has_connectors(self, *evses: int) -> None:
        for evse_id in evses:
            status = {"connectorId": evse_id, "status": "Available", "errorCode": "NoError"}
            await self.device.call("StatusNotification", status)

    async def is_looked_after(self) -> None:
        """Wait until what was begun has ended."""
        profiles = self.device.connection.station.profiles
        await until(lambda: profiles.at_rest)
        await settled()


def _says(call: Call, fields: Any) -> Reply:
    return frames.call_result(call.id, orjson.dumps(fields))


def profile(id: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "stackLevel": 7,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32.0}],
            }
        ],
        **more,
    }


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


BOTH = pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])


# ---- when (smart-charging item 16) ----


@BOTH
async def test_a_charger_without_anything_of_ours_is_not_asked(
    stage: Stage, subprotocol: str
) -> None:
    box = Box()
    async with box.connected(stage, subprotocol) as device:
        await device.boots()
        await box.is_looked_after()
        installed = device.connection.station.profiles._installed
        await installed.check(booted=False)
        await installed.check(booted=True)

        assert box.asked == 0


@BOTH
async def test_once_a_link_a_charger_is_asked_for_what_lies_there(
    stage: Stage, subprotocol: str
) -> None:
    box = Box()
    async with box.connected(stage, subprotocol):
        await box.limits(6)
    box.wrote()
    async with box.connected(stage, subprotocol) as device:
        await until(lambda: box.asked == 1)
        await box.is_looked_after()
        device.connection.station.profiles.look()
        await box.is_looked_after()

        assert (box.asked, box.wrote()) == (1, [])


@BOTH
async def test_what_is_lost_when_the_link_is_away_is_put_back(
    stage: Stage, subprotocol: str
) -> None:
    box = Box()
    async with box.connected(stage, subprotocol):
        await box.limits(6)
    box.wrote()
    box.lying.clear()
    async with box.connected(stage, subprotocol):
        await until(lambda: box.told)

        assert box.wrote() == [(SET, 3006)]


@BOTH
async def test_after_a_boot_only_what_is_lost_is_set(stage: Stage, subprotocol: str) -> None:
    box = Box()
    async with box.connected(stage, subprotocol) as device:
        await box.has_connectors(*([1, 2] if subprotocol == OCPP16 else []))
        await box.limits(6)
        await box.limits(9, 2)
        box.wrote()
        await device.boots()
        await until(lambda: box.asked)
        await box.is_looked_after()
        assert box.wrote() == []

        del box.lying[2, 3012]
        await device.boots()
        await until(lambda: box.told)
        await box.is_looked_after()
        assert box.wrote() == [(SET, 3012)]


@pytest.mark.parametrize(
    ("subprotocol", "action", "answer"),
    [
        (OCPP201, GET, refuses("NotImplemented")),
        (OCPP16, COMPOSITE, refuses("NotSupported")),
        (OCPP16, COMPOSITE, says({"status": "Rejected"})),
        (OCPP201, GET, says(b"{}")),
    ],
)
async def test_after_a_boot_all_is_set_where_the_charger_does_not_tell(
    stage: Stage, subprotocol: str, action: str, answer: Any
) -> None:
    box = Box()
    async with box.connected(stage, subprotocol) as device:
        await box.limits(6)
        box.wrote()
        device.answers[action] = answer
        await device.boots()
        await until(lambda: box.told)

        assert box.wrote() == [(SET, 3006)]


async def test_who_cannot_tell_is_asked_again_after_the_next_boot_only(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage) as device:
        await box.limits(6)
        device.answers[GET] = refuses("NotImplemented")
        await device.boots()
        await until(lambda: box.asked == 1)
        await box.is_looked_after()
        device.answers[SET] = says({"status": "Rejected"})
        await box.limits(7)
        assert box.asked == 1

        await device.boots()
        await until(lambda: box.asked == 2)


async def test_a_boot_does_not_vouch_for_what_lies_below_another_on_1_6(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage, OCPP16) as device:
        await box.limits(6)
        installed = device.connection.station.profiles._installed
        (place, lying) = next(iter((await installed.read()).items()))
        await installed.note(place._replace(level=1), {**lying.profile, "id": 5, "stackLevel": 1})
        told = await installed.readback.compare(await installed.read())

        assert (told.missing, len(told.unseen)) == (frozenset(), 2)


# ---- what ----


async def test_strays_of_a_csms_are_cleared_and_what_others_installed_stays(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage):
        await box.limits(6)
    box.wrote()
    box.lying[1, 77] = profile(77)
    outside = profile(9, chargingProfilePurpose="ChargingStationExternalConstraints")
    box.outside = [
        {"chargingLimitSource": "EMS", "evseId": 1, "chargingProfile": [profile(78)]},
        {"chargingLimitSource": "CSO", "evseId": 0, "chargingProfile": [outside]},
    ]
    async with box.connected(stage):
        await until(lambda: box.told)
        await box.is_looked_after()

        assert box.wrote() == [(CLEAR, 77)]


async def test_what_a_remote_start_brings_along_is_no_stray(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage) as device:
        await box.limits(6)
        box.wrote()
        box.lying[1, 77] = profile(77)
        box.lying[1, 78] = profile(78)
        installed = device.connection.station.profiles._installed
        differed = await installed.reconcile(spared=[77])

        assert (differed, box.wrote()) == (True, [(CLEAR, 78)])
        assert await installed.reconcile(spared=[77]) is False


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"chargingSchedule": "32 A"}, False),
        ({"stackLevel": 3}, False),
        ({"validTo": "2026-11-21T10:00:00Z"}, False),
        ({"customData": {"vendorId": "x"}}, True),
    ],
)
async def test_a_profile_that_is_not_what_we_set_is_set_again(
    stage: Stage,
    change: dict[str, Any],
    same: bool,  # noqa: FBT001 - a row of a table
) -> None:
    box = Box()
    async with box.connected(stage):
        await box.limits(6)
    box.wrote()
    if "chargingSchedule" in change:
        change = {"chargingSchedule": profile(1)["chargingSchedule"]}
    box.lying[1, 3006] = {**box.lying[1, 3006], **change}
    async with box.connected(stage):
        await until(lambda: box.asked)
        await box.is_looked_after()

        assert box.wrote() == ([] if same else [(SET, 3006)])


@pytest.mark.parametrize("start", ["2026-11-21T10:00:00Z", "2026-11-21T11:00:00.000Z"])
async def test_of_what_changes_the_start_counts(stage: Stage, start: str) -> None:
    box = Box()
    async with box.connected(stage) as device:
        readback = device.connection.station.profiles._installed.readback
        periods = [{"startPeriod": 0, "limit": 32}, {"startPeriod": 60, "limit": 6}]
        ours = profile(9, chargingSchedule=[schedule("2026-11-21T10:00:00.500Z", periods)])
        place = Place(1, "TxDefaultProfile", 7)
        lying = InstalledProfile(
            key=device.connection.key,
            evse_id=place.evse_id,
            purpose=place.purpose,
            stack_level=place.level,
            profile=ours,
            installed_at=CLOCK.now(),
        )
        box.lying[1, 9] = {**ours, "chargingSchedule": [schedule(start, periods)]}
        told = await readback.compare({place: lying})

        assert told.missing == (set() if "T10:" in start else {place})


def schedule(start: str, periods: list[Any]) -> dict[str, Any]:
    said = {"id": 1, "startSchedule": start, "chargingRateUnit": "A"}
    return {**said, "chargingSchedulePeriod": periods}


async def test_what_a_charger_rejects_for_a_stray_is_tried_again_without_it(stage: Stage) -> None:
    # K01.FR.06: DuplicateProfile
    box = Box()
    async with box.connected(stage) as device:
        box.lying[1, 77] = profile(77)

        def picky(call: Call) -> Reply:
            rejected = (1, 77) in box.lying
            return _says(call, {"status": "Rejected"}) if rejected else box._set(call)

        device.answers[SET] = picky

        assert (await box.limits(6)).status == "Accepted"
        assert box.wrote() == [(CLEAR, 77), (SET, 3006)]


async def test_reports_that_do_not_end_or_answer_others_say_nothing(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage) as device:
        await box.limits(6)
        books = await device.connection.station.profiles._installed.read()
        device.answers[GET] = says(ACCEPTED)
        readback = ReadBack(device.connection.station, patience=1.0)
        asking = asyncio.create_task(readback.compare(books))
        request = await device.hears(GET)
        report = {"chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [profile(1)]}
        readback.heard({"requestId": request["requestId"] + 1, **report})
        readback.heard({"requestId": request["requestId"], "tbc": True, **report})

        assert await asking == Told(frozenset(), unseen=frozenset(books))
        readback.heard({"requestId": request["requestId"], **report})


async def test_more_reports_than_any_charger_has_say_nothing(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage) as device:
        await box.limits(6)
        box.lying.update({(1, id): profile(id) for id in range(1001)})
        books = await device.connection.station.profiles._installed.read()
        device.answers[GET] = says(ACCEPTED)
        readback = ReadBack(device.connection.station)
        asking = asyncio.create_task(readback.compare(books))
        request = await device.hears(GET)
        report = {"chargingLimitSource": "CSO", "evseId": 1, "tbc": True}
        profiles = [profile(id) for id in range(1001)]
        readback.heard({"requestId": request["requestId"], **report, "chargingProfile": profiles})

        assert await asking == Told(frozenset(), unseen=frozenset(books))


@pytest.mark.parametrize("mode", ["hybrid", "strict"])
async def test_no_target_hears_of_our_reports(stage: Stage, mode: str) -> None:
    box, target = Box(), Target()
    async with target.up():
        key = await stage.enrol(target.url, mode=mode)
        async with box.connected(stage):
            await stage.reaches(key, "ready")
            await box.limits(6)
        box.lying.clear()
        box.wrote()
        async with box.connected(stage) as device:
            box.lying[2, 78] = profile(78)
            await until(lambda: len(box.told) == 2)
            await stage.reaches(key, "ready")
            await device.call("Heartbeat")

        assert REPORT not in target.actions


# ---- chargers that read level and purpose without the connector (item 4) ----


async def test_on_1_6_what_a_connector_loses_over_another_is_put_back(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage, OCPP16):
        await box.has_connectors(1, 2)
        await box.limits(6)
        box.wrote()

        def forgets_once(call: Call) -> Reply:
            box.lying.clear()
            box.device.answers[SET] = box._set
            return box._set(call)

        box.device.answers[SET] = forgets_once
        told = await box.limits(9, 2)

        assert told.status_info["reasonCode"] == "PutBack"
        assert "connector 1;" in told.status_info["additionalInfo"]
        assert box.wrote() == [(SET, 3012), (SET, 3006)]
        assert set(box.lying) == {(1, 3006), (2, 3012)}


async def test_a_charger_that_keeps_one_of_them_only_is_not_asked_for_ever(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage, OCPP16):
        box.confused = True
        await box.has_connectors(1, 2)
        await box.limits(6)
        told = await box.limits(9, 2)
        assert told.status_info["reasonCode"] == "NotConfirmed"
        assert len(box.wrote()) == 4

        await box.limits(8, 2)
        assert len(box.wrote()) <= 4


async def test_with_levels_of_their_own_such_a_charger_keeps_all(stage: Stage) -> None:
    box = Box()
    levels = {"configurationKey": [{"key": "ChargeProfileMaxStackLevel", "value": "2"}]}
    async with box.connected(stage, OCPP16) as device:
        device.answers["GetConfiguration"] = says(levels)
        box.confused = True
        await box.has_connectors(1, 2, 3)
        await box.limits(6)
        told = await box.limits(9, 2)
        assert told.status_info["reasonCode"] == "PutBack"
        assert set(box.lying) == {(1, 3006), (2, 3012)}
        box.wrote()

        assert (await box.limits(8, 2)).status_info is None
        assert box.wrote() == [(SET, 3012)]
        assert (await box.limits(7, 3)).status == "Accepted"
        assert set(box.lying) == {(1, 3006), (2, 3012), (3, 3018)}
        assert {one["stackLevel"] for one in box.lying.values()} == {0, 1, 2}


async def test_a_charger_whose_schedules_know_no_limits_keeps_its_levels(stage: Stage) -> None:
    box = Box()
    free = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32}]}
    levels = {"configurationKey": [{"key": "ChargeProfileMaxStackLevel", "value": "9"}]}
    async with box.connected(stage, OCPP16) as device:
        device.answers["GetConfiguration"] = says(levels)
        device.answers[COMPOSITE] = says({**ACCEPTED, "chargingSchedule": free})
        await box.has_connectors(1, 2)
        for evse_id in (1, 2):
            told = await box.limits(9, evse_id)
            assert told.status_info["reasonCode"] == "NotConfirmed"
        assert {one["stackLevel"] for one in box.lying.values()} == {0}
        box.wrote()

        assert (await box.limits(8, 2)).status_info is None  # it is known by now
        assert box.wrote() == [(SET, 3012)]


async def test_one_connector_needs_no_reading(stage: Stage) -> None:
    box = Box()
    async with box.connected(stage, OCPP16):
        await box.has_connectors(1)
        await box.limits(6)

        assert box.asked == 0
