"""A charger follows the first of several choices that it accepts, and is asked nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from csms.commands import Outcome
from csms.fulfilment import Fulfilment, sent_with_starts
from csms.installed import Installed
from csms.known_abilities import KnownAbilities
from csms.profile_ids import NO_CLOUD
from csms.schedules import TX
from csms.sessions import Sessions
from tests.csms.wishes import constant, limit
from tests.proxy.stage import OCPP201, Device, Stage, says, staged

ACCEPTED, REJECTED = says({"status": "Accepted"}), says({"status": "Rejected"})
SET = "SetChargingProfile"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as stage:
        yield stage


def following(device: Device) -> Fulfilment:
    """Return what makes this charger follow; it takes no profile of more than 8 kW."""

    def answer(call: Any) -> Any:
        schedule = call.fields["chargingProfile"]["chargingSchedule"][0]
        watts = schedule["chargingSchedulePeriod"][0]["limit"]
        return (ACCEPTED if watts <= 8000 else REJECTED)(call)

    device.answers.update({SET: answer, "GetVariables": says({"getVariableResult": []})})
    device.answers["ClearChargingProfile"] = ACCEPTED
    station = device.connection.station
    return Fulfilment(station, Installed(station), Sessions(station), KnownAbilities(station))


def ids(device: Device) -> list[int]:
    return [one["chargingProfile"]["id"] for one in device.payloads(SET)]


async def test_the_first_choice_that_is_accepted_is_followed(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        fulfilment = following(device)
        settled = await fulfilment.settle([[limit(9000, 2)], [limit(7000)], [limit(6000)]])

        assert settled.choice == 1
        assert isinstance(settled.refusal, Outcome)
        assert settled.refusal.status == "Rejected"
        assert ids(device) == [3012, 3006]


async def test_nothing_is_asked_for_twice(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        wishes = [limit(9000)]
        settled = await following(device).settle([wishes, wishes])

        assert settled.choice == 2
        assert ids(device) == [3006]


async def test_what_lies_there_will_do_until_something_ends(stage: Stage) -> None:
    async with stage.charger(await stage.enrol(), OCPP201) as device:
        fulfilment = following(device)
        assert await fulfilment.exact_until([limit(7000)]) is None
        assert await fulfilment.exact_until([limit(7000, condition=NO_CLOUD)]) is None, (
            "nothing is plugged in"
        )
        now = device.connection.station.books.clock.now()
        device.connection.station.books.chargers.note_status(
            device.connection.key, 1, 1, "Occupied", b"{}"
        )
        await stage.storage.journal.flush()
        until = await fulfilment.exact_until([limit(7000, condition=NO_CLOUD)])
        assert until is not None
        assert until - now < timedelta(seconds=661)


def test_what_starts_have_brought_along_is_known() -> None:
    awaited = constant(7, 6000, purpose=TX, sent={"id": 4146})

    assert sent_with_starts([limit(6000), awaited]) == [4146]
