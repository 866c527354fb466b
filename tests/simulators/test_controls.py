from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulators import controls
from simulators.charger import Charger
from simulators.target import Target
from tests.simulators.stage import NAME, Clock, limit, playing

NO_PERIODS = {"chargingRateUnit": "A", "chargingSchedulePeriod": []}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def charger(clock: Clock) -> Charger:
    return Charger("ws://127.0.0.1:1", NAME, version="2.0.1", now=clock)


async def test_an_evse_is_free_unless_it_is_in_use_or_kept_for_another(
    charger: Charger, clock: Clock
) -> None:
    later = clock() + timedelta(hours=1)
    charger.begin(1, "A", "Central")
    controls.reserve(charger, 5, 2, "B", later)

    assert controls.free_evse(charger, 1, "B") is None
    assert controls.free_evse(charger, None, "A") is None
    assert controls.free_evse(charger, None, "B") is charger.hardware.evses[2]
    assert controls.free_evse(charger, 7, "B") is None


async def test_a_reservation_with_a_known_id_moves(charger: Charger, clock: Clock) -> None:
    later = clock() + timedelta(hours=1)
    first = controls.reserve(charger, 5, 1, "A", later)
    second = controls.reserve(charger, 5, 2, "A", later)

    assert (first, second) == ("Accepted", "Accepted")
    assert [charger.hardware.state(id) for id in (1, 2)] == ["Available", "Reserved"]
    assert controls.cancel_reservation(charger, 5)
    assert not controls.cancel_reservation(charger, 5)


@pytest.mark.parametrize(
    ("evse_id", "verdict"), [(1, "Unavailable"), (2, "Occupied"), (7, "Rejected")]
)
async def test_a_reservation_is_refused_for_its_reason(
    charger: Charger, evse_id: int, verdict: str
) -> None:
    charger.hardware.set_operative(1, operative=False)
    charger.begin(2, "A", "Central")
    later = datetime(2099, 1, 1, tzinfo=UTC)

    assert controls.reserve(charger, 5, evse_id, "B", later) == verdict


@pytest.mark.parametrize(
    ("evse_id", "fields", "reason"),
    [
        (7, limit(1), "UnknownEvse"),
        (0, limit(1, purpose="ChargingStationExternalConstraints"), "InvalidProfile"),
        (1, limit(1, purpose="ChargingStationMaxProfile"), "InvalidProfile"),
        (0, limit(1, purpose="TxProfile"), "InvalidProfile"),
        (1, limit(1, stackLevel=9), "InvalidStackLevel"),
        (1, limit(1, stackLevel=-1), "InvalidStackLevel"),
        (1, limit(1, chargingSchedule=[NO_PERIODS]), "InvalidSchedule"),
        (2, limit(1, purpose="TxProfile"), "TxNotFound"),
        (1, limit(1, purpose="TxProfile", transactionId="x"), "TxNotFound"),
        (1, limit(1, purpose="TxProfile"), None),
        (0, limit(1), None),
    ],
)
async def test_a_profile_is_refused_for_its_reason(
    charger: Charger, evse_id: int, fields: dict[str, object], reason: str | None
) -> None:
    charger.begin(1, "A", "Central")

    assert controls.install_profile(charger, evse_id, fields) == reason
    assert len(list(charger.hardware.profiles)) == (reason is None)


async def test_a_unit_that_is_not_taken_is_refused(charger: Charger) -> None:
    charger.settings.put("SmartChargingCtrlr.RateUnit", "A")

    assert controls.install_profile(charger, 1, limit(5000, "W")) == "UnsupportedRateUnit"


async def test_profiles_are_chosen_by_all_that_is_named(charger: Charger) -> None:
    for evse_id, id in ((1, 1), (2, 2)):
        controls.install_profile(charger, evse_id, limit(5000, id=id))

    chosen = controls.matches({"evse_id": 2, "purpose": None, "level": 0})

    assert [profile.id for profile in charger.hardware.profiles if chosen(profile)] == [2]
    assert controls.clear_profiles(charger, chosen)
    assert not controls.clear_profiles(charger, chosen)


async def test_a_schedule_counts_a_relative_profile_from_now_while_nobody_charges(
    charger: Charger,
) -> None:
    periods = [{"startPeriod": 0, "limit": 9000}, {"startPeriod": 60, "limit": 6000}]
    schedule = [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods}]
    relative = limit(0, chargingProfileKind="Relative", chargingSchedule=schedule)
    controls.install_profile(charger, 1, relative)

    assert controls.schedule(charger, 1, 600, "W")["chargingSchedulePeriod"] == periods


async def test_a_job_tells_its_steps_in_order(target: Target) -> None:
    async with playing(target, time_factor=1000.0) as charger:
        steps = ("Downloading", "Downloaded")
        await controls.report_progress(charger, "FirmwareStatusNotification", steps, {})

    told = [one.fields["status"] for one in target.calls("FirmwareStatusNotification")]
    assert told == ["Downloading", "Downloaded"]


async def test_of_two_starts_for_one_evse_the_first_charges(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("AuthCtrlr.AuthorizeRemoteStart", "true")
        taken = [await controls.remote_start(charger, 1, token, "Central") for token in "AB"]
        await target.until(lambda t: len(t.calls("Authorize")) == 2)
        await charger.call("Heartbeat", {})

    assert taken == [True, True]
    assert [own.id_token for own in charger.transactions] == ["A"]


@pytest.mark.parametrize(
    "profile",
    [
        limit(5000),
        limit(5000, purpose="TxProfile", transactionId="x"),
        limit(5000, purpose="TxProfile", stackLevel=99),
    ],
)
async def test_a_start_is_refused_for_its_profile(
    target: Target, profile: dict[str, object]
) -> None:
    async with playing(target, "2.0.1") as charger:
        assert not await controls.remote_start(charger, 1, "A", "Central", 1, profile)
