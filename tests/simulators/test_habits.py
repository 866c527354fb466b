from __future__ import annotations

from dataclasses import replace

import pytest

from csms.errors import AnswerTimeout, CallRefused
from simulators import charging
from simulators.charger import Habits
from simulators.profiles import STATION_MAX
from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, limit, limit16, playing

SCHEDULE = {"status": "Accepted", "filename": "made up"}


async def test_an_action_is_refused_with_a_status_or_with_whole_fields(
    target: Target, version: str
) -> None:
    habits = Habits(refuses={"ClearCache": "Rejected", "GetLog": SCHEDULE})
    log = {"logType": "SecurityLog", "requestId": 9, "log": {"remoteLocation": "x"}}
    async with playing(target, version, habits=habits):
        cache = await target.command(NAME, "ClearCache", {})
        answer = await target.command(NAME, "GetLog", log)

    assert cache == {"status": "Rejected"}
    assert answer == SCHEDULE
    assert target.calls("LogStatusNotification") == []


async def test_an_action_is_refused_with_any_error(target: Target, version: str) -> None:
    habits = Habits(errors={"ClearCache": "NotSupported"})
    async with playing(target, version, habits=habits):
        with pytest.raises(CallRefused) as refused:
            await target.command(NAME, "ClearCache", {})

    assert refused.value.error.code == "NotSupported"


async def test_of_one_action_nothing_is_heard_and_all_others_are_answered(
    target: Target, version: str
) -> None:
    async with playing(target, version, habits=Habits(mute=frozenset({"ClearCache"}))) as charger:
        with pytest.raises(AnswerTimeout):
            await target.command(NAME, "ClearCache", {}, timeout=0.05)
        await target.command(NAME, "DataTransfer", {"vendorId": "x"})

        assert len(charger.seen("asked", "ClearCache")) == 1
        assert len(target.connections) == 1


async def test_habits_change_while_it_plays(target: Target) -> None:
    async with playing(target) as charger:
        before = await target.command(NAME, "ClearCache", {})
        charger.habits = replace(charger.habits, refuses={"ClearCache": "Rejected"})
        after = await target.command(NAME, "ClearCache", {})

    assert [before["status"], after["status"]] == ["Accepted", "Rejected"]


async def test_a_disobedient_one_takes_a_profile_and_charges_on(target: Target) -> None:
    async with playing(target, "2.0.1", habits=Habits(disobedient=True)) as charger:
        await charger.start(1, TOKEN)
        request = {"evseId": 1, "chargingProfile": limit(5000)}
        answer = await target.command(NAME, "SetChargingProfile", request)
        charging.install_profile(charger, 0, limit(9000, id=2, purpose=STATION_MAX))
        asked = {"evseId": 1, "duration": 60, "chargingRateUnit": "W"}
        schedule = await target.command(NAME, "GetCompositeSchedule", asked)

        assert answer == {"status": "Accepted"}
        assert charger.power_w(1) == 11_000
    assert schedule["schedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 5000.0}]


@pytest.mark.parametrize(
    ("habits", "left"),
    [(Habits(), [5000, 6000]), (Habits(forgets_connectors=True), [11_000, 6000])],
)
async def test_a_profile_for_one_connector_may_cost_another_its_own(
    target: Target, habits: Habits, left: list[float]
) -> None:
    """Smart-charging item 4."""
    async with playing(target, habits=habits) as charger:
        for connector_id, watts in ((1, 5000), (2, 6000)):
            profile = limit16(watts, id=connector_id)
            request = {"connectorId": connector_id, "csChargingProfiles": profile}
            await target.command(NAME, "SetChargingProfile", request)
            await charger.start(connector_id, TOKEN)

        assert [charger.power_w(evse_id) for evse_id in (1, 2)] == left
