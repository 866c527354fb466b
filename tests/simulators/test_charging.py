from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulators import charging
from simulators.charger import Charger
from simulators.profiles import Profiles, Running, Supply, read
from simulators.settings import fixed
from simulators.target import Target
from simulators.watched import timestamp
from tests.simulators.stage import NAME, TOKEN, Clock, broken_rules, limit, playing

NO_PERIODS = {"chargingRateUnit": "A", "chargingSchedulePeriod": []}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def charger() -> Charger:
    return Charger("ws://127.0.0.1:1", NAME, version="2.0.1", now=Clock())


@pytest.mark.parametrize(
    ("evse_id", "fields", "reason"),
    [
        (7, limit(1), "UnknownEvse"),
        (1, limit(1, purpose="PriorityCharging"), "UnsupportedPurpose"),
        (1, limit(1, chargingProfileKind="Dynamic"), "UnsupportedKind"),
        (
            0,
            limit(1, purpose="ChargingStationMaxProfile", chargingProfileKind="Relative"),
            "InvalidProfile",
        ),
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

    assert charging.install_profile(charger, evse_id, fields) == reason
    assert len(list(charger.hardware.profiles)) == (reason is None)


async def test_direct_current_takes_no_phases() -> None:
    """K01.FR.44."""
    supply = Supply(phases=0, voltage=400.0)
    charger = Charger("ws://127.0.0.1:1", NAME, version="2.0.1", supply=supply)
    named = limit(50_000)
    named["chargingSchedule"][0]["chargingSchedulePeriod"][0]["numberPhases"] = 3

    assert charging.install_profile(charger, 1, named) == "NoPhaseForDC"
    assert charging.install_profile(charger, 1, limit(50_000)) is None


async def test_ids_that_are_kept_for_others_are_refused() -> None:
    """2.1 K01.FR.80."""
    charger = Charger("ws://127.0.0.1:1", NAME, version="2.1")
    charger.settings.change("SmartChargingCtrlr.MaxExternalConstraintsId", "100")

    assert charging.install_profile(charger, 1, limit(5000, id=100)) == "InvalidProfileId"
    assert charging.install_profile(charger, 1, limit(5000, id=101)) is None


async def test_a_unit_that_is_not_taken_is_refused(charger: Charger) -> None:
    charger.settings.put("SmartChargingCtrlr.RateUnit", "A")

    assert charging.install_profile(charger, 1, limit(5000, "W")) == "UnsupportedRateUnit"


async def test_profiles_are_chosen_by_all_that_is_named(charger: Charger) -> None:
    for evse_id, id in ((1, 1), (2, 2)):
        charging.install_profile(charger, evse_id, limit(5000, id=id))

    chosen = charging.matches({"evse_id": 2, "purpose": None, "level": 0})

    assert [profile.id for profile in charger.hardware.profiles if chosen(profile)] == [2]
    assert charging.clear_profiles(charger, chosen)
    assert not charging.clear_profiles(charger, chosen)


async def test_a_schedule_counts_a_relative_profile_from_now_while_nobody_charges(
    charger: Charger,
) -> None:
    periods = [{"startPeriod": 0, "limit": 9000}, {"startPeriod": 60, "limit": 6000}]
    schedule = [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods}]
    relative = limit(0, chargingProfileKind="Relative", chargingSchedule=schedule)
    charging.install_profile(charger, 1, relative)

    assert charging.schedule(charger, 1, 600, "W")["chargingSchedulePeriod"] == periods


def test_a_composite_schedule_names_every_change_once() -> None:
    periods = [
        {"startPeriod": start, "limit": w} for start, w in ((0, 9000), (60, 6000), (120, 6000))
    ]
    schedule = [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods}]
    kept, running = Profiles(), Running("T", NOON)
    kept.put(read(1, limit(0, chargingSchedule=schedule, validTo=timestamp(at(300))), NOON))

    def at_most(moment: datetime) -> float:
        return min(11_000, kept.evse_w(1, moment, running, Supply()) or 11_000)

    steps = [(0, 9000), (60, 6000), (300, 11_000)]
    assert charging.composite(kept, at_most, NOON, 600, running) == steps
    assert charging.composite(kept, at_most, NOON, 60, running) == [(0, 9000)]


async def test_there_is_room_for_so_many_profiles(charger: Charger) -> None:
    charger.settings[charger.voice.names.max_profiles] = fixed(1)
    charging.install_profile(charger, 1, limit(5000))

    assert charging.install_profile(charger, 2, limit(5000, id=2)) == "OutOfStorage"
    assert charging.install_profile(charger, 1, limit(6000)) is None


# ---- limits from outside (2.0.1 K12, K13) ----


@pytest.mark.parametrize("evse_id", [0, 1])
@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_limit_from_outside_is_obeyed_told_and_taken_away(
    target: Target, version: str, evse_id: int
) -> None:
    place = {"evseId": evse_id} if evse_id else {}
    async with playing(target, version) as charger:
        await charger.start(1, TOKEN)
        await charging.impose(charger, 10, evse_id)
        limited = charger.power_w(1)
        cleared = await target.command(
            NAME, "ClearChargingProfile", {"chargingProfileCriteria": {}}
        )
        kept = charger.power_w(1)
        lifted = [await charging.lift(charger, evse_id) for _ in range(2)]

        assert (limited, kept, charger.power_w(1)) == (6900, 6900, 11_000)
        assert (cleared["status"], lifted) == ("Unknown", [True, False])

    [told], [gone] = target.calls("NotifyChargingLimit"), target.calls("ClearedChargingLimit")
    assert told.fields["chargingLimit"]["chargingLimitSource"] == "EMS"
    assert gone.fields == {"chargingLimitSource": "EMS", **place}
    assert broken_rules(target, version) == []


async def test_its_source_is_named_where_profiles_are_reported(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charging.impose(charger, 10, 1)
        profile = {"evseId": 1, "chargingProfile": limit(5000)}
        await target.command(NAME, "SetChargingProfile", profile)
        asked = {"requestId": 1, "chargingProfile": {}}
        await target.command(NAME, "GetChargingProfiles", asked)
        reports = await target.until(
            lambda t: t.calls("ReportChargingProfiles")[1:] and t.calls("ReportChargingProfiles")
        )
        only = {"requestId": 2, "chargingProfile": {"chargingLimitSource": ["SO"]}}
        none = await target.command(NAME, "GetChargingProfiles", only)

    assert [one.fields["chargingLimitSource"] for one in reports] == ["CSO", "EMS"]
    assert [one.fields["tbc"] for one in reports] == [True, False]
    assert none == {"status": "NoProfiles"}
    assert broken_rules(target, "2.0.1") == []


async def test_a_charger_of_1_6_obeys_such_a_limit_and_has_no_word_for_it(target: Target) -> None:
    async with playing(target) as charger:
        await charger.start(1, TOKEN)
        await charging.impose(charger, 10)
        limited = charger.power_w(1)
        await charging.lift(charger)

        assert (limited, charger.power_w(1)) == (6900, 11_000)
    assert broken_rules(target, "1.6") == []


async def test_the_profile_of_a_start_becomes_that_of_its_transaction(target: Target) -> None:
    """F01.FR.12."""
    start = {
        "idToken": {"idToken": TOKEN, "type": "ISO14443"},
        "remoteStartId": 1,
        "evseId": 1,
        "chargingProfile": limit(5000, purpose="TxProfile"),
    }
    async with playing(target, "2.0.1") as charger:
        await target.command(NAME, "RequestStartTransaction", start)
        [own] = await charger.until(lambda c: c.transactions)

        [profile] = charger.hardware.profiles
        assert profile.fields["transactionId"] == profile.transaction_id == own.id
