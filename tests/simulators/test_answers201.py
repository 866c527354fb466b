from __future__ import annotations

from typing import Any

import pytest

from simulators.charger import Charger, Habits
from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, broken_rules, limit, playing

CARD = {"idToken": TOKEN, "type": "ISO14443"}
START = {"idToken": CARD, "remoteStartId": 42, "evseId": 1}


async def test_a_requested_start_carries_its_id(target: Target) -> None:
    async with playing(target, "2.0.1"):
        answer = await target.command(NAME, "RequestStartTransaction", START)
        event = (await target.until(lambda t: t.calls("TransactionEvent")))[0].fields

    assert answer == {"status": "Accepted"}
    assert event["triggerReason"] == "RemoteStart"
    assert event["transactionInfo"]["remoteStartId"] == 42
    assert target.calls("Authorize") == []


async def test_a_start_may_be_authorized_before_it_is_answered(target: Target) -> None:
    habits = Habits(asks_before_answering=True)
    async with playing(target, "2.0.1", habits=habits) as charger:
        charger.settings.put("AuthCtrlr.AuthorizeRemoteStart", "true")
        target.conduct.token_status = "Blocked"
        refused = await target.command(NAME, "RequestStartTransaction", START)
        target.conduct.token_status = "Accepted"
        taken = await target.command(NAME, "RequestStartTransaction", START)

    assert (refused["status"], taken["status"]) == ("Rejected", "Accepted")
    assert len(target.calls("Authorize")) == 2


async def test_a_start_is_refused_while_the_boot_is_pending(target: Target) -> None:
    target.conduct.boot, target.conduct.interval = "Pending", 0
    charger = Charger(target.url, NAME, version="2.0.1")
    async with charger.running():
        await charger.until(lambda c: c.boot.status == "Pending")
        answer = await target.command(NAME, "RequestStartTransaction", START)

    assert answer == {"status": "Rejected"}


async def test_a_stop_is_taken_for_a_known_transaction_only(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        own = await charger.start(1, TOKEN)
        wrong = await target.command(NAME, "RequestStopTransaction", {"transactionId": "x"})
        right = await target.command(NAME, "RequestStopTransaction", {"transactionId": own.id})
        event = await target.until(
            lambda t: [e.fields for e in t.calls("TransactionEvent") if "Ended" in str(e.fields)]
        )

    assert (wrong["status"], right["status"]) == ("Rejected", "Accepted")
    assert event[0]["triggerReason"] == "RemoteStop"
    assert event[0]["transactionInfo"]["stoppedReason"] == "Remote"


async def test_a_reset_on_idle_waits_for_the_transaction(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charger.start(1, TOKEN)
        answer = await target.command(NAME, "Reset", {"type": "OnIdle"})
        running = charger.hardware.transactions
        await charger.stop(1)
        boot = await target.until(lambda t: t.calls("BootNotification")[1:])

    assert answer == {"status": "Scheduled"}
    assert len(running) == 1
    assert boot[0].fields["reason"] == "ScheduledReset"


async def test_one_evse_restarts_alone(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await target.command(NAME, "Reset", {"type": "Immediate", "evseId": 2})
        unknown = await target.command(NAME, "Reset", {"type": "Immediate", "evseId": 7})
        await charger.until(lambda c: c.hardware.state(2) == "Available")

    assert unknown == {"status": "Rejected"}
    assert len(target.connections) == 1


async def test_power_follows_profiles_and_a_pause_is_told(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charger.start(1, TOKEN)
        request = {"evseId": 1, "chargingProfile": limit(0)}
        await target.command(NAME, "SetChargingProfile", request)
        paused = charger.power_w(1)
        await target.command(NAME, "ClearChargingProfile", {"chargingProfileId": 1})
        await charger.until(lambda c: not c.waiting)
        resumed = charger.power_w(1)

    states = [
        event.fields["transactionInfo"]["chargingState"]
        for event in target.calls("TransactionEvent")
        if event.fields["triggerReason"] == "ChargingStateChanged"
    ]
    assert (paused, resumed) == (0, 11_000)
    assert states == ["SuspendedEVSE", "Charging"]


async def test_a_second_profile_on_the_same_level_is_a_duplicate(target: Target) -> None:
    async with playing(target, "2.0.1"):
        first = {"evseId": 1, "chargingProfile": limit(5000)}
        second = {"evseId": 1, "chargingProfile": limit(6000, id=2)}
        await target.command(NAME, "SetChargingProfile", first)
        answer = await target.command(NAME, "SetChargingProfile", second)

    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "DuplicateProfile"}}


async def test_a_profile_for_no_transaction_says_why_it_is_refused(target: Target) -> None:
    async with playing(target, "2.0.1"):
        request = {"evseId": 1, "chargingProfile": limit(5000, purpose="TxProfile")}
        answer = await target.command(NAME, "SetChargingProfile", request)

    assert answer["statusInfo"] == {"reasonCode": "TxNotFound"}


async def test_installed_profiles_are_reported_as_they_came(target: Target) -> None:
    station = limit(9000, id=7, purpose="ChargingStationMaxProfile")
    async with playing(target, "2.0.1"):
        nothing = {"requestId": 1, "chargingProfile": {}}
        none = await target.command(NAME, "GetChargingProfiles", nothing)
        for place, profile in ((0, station), (1, limit(5000, id=8))):
            request = {"evseId": place, "chargingProfile": profile}
            await target.command(NAME, "SetChargingProfile", request)
        some = await target.command(NAME, "GetChargingProfiles", {**nothing, "requestId": 2})
        await target.until(lambda t: t.calls("ReportChargingProfiles")[1:])

    assert (none["status"], some["status"]) == ("NoProfiles", "Accepted")
    reports = [one.fields for one in target.calls("ReportChargingProfiles")]
    assert [(r["evseId"], r["tbc"], r["requestId"]) for r in reports] == [
        (0, True, 2),
        (1, False, 2),
    ]
    assert reports[0]["chargingProfile"] == [station]
    assert broken_rules(target, "2.0.1") == []


async def test_a_composite_schedule_is_told_in_the_unit_asked_for(target: Target) -> None:
    asked = {"evseId": 1, "duration": 60, "chargingRateUnit": "A"}
    async with playing(target, "2.0.1"):
        answer = await target.command(NAME, "GetCompositeSchedule", asked)
        unknown = await target.command(NAME, "GetCompositeSchedule", {**asked, "evseId": 7})

    periods = answer["schedule"]["chargingSchedulePeriod"]
    assert periods == [{"startPeriod": 0, "limit": round(11_000 / 690, 1)}]
    assert unknown == {"status": "Rejected"}


async def test_the_state_of_a_transaction_counts_what_waits(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        own = await charger.start(1, TOKEN)
        all_of_it = await target.command(NAME, "GetTransactionStatus", {})
        this = await target.command(NAME, "GetTransactionStatus", {"transactionId": own.id})

    assert all_of_it == {"messagesInQueue": False}
    assert this == {"ongoingIndicator": True, "messagesInQueue": False}


async def test_a_plug_in_use_stays_locked(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        await charger.start(1, TOKEN)
        answers = [
            await target.command(NAME, "UnlockConnector", {"evseId": evse_id, "connectorId": 1})
            for evse_id in (1, 2, 7)
        ]

    assert [answer["status"] for answer in answers] == [
        "OngoingAuthorizedTransaction",
        "Unlocked",
        "UnknownConnector",
    ]


@pytest.mark.parametrize("evse", [{}, {"evse": {"id": 1}}])
async def test_availability_is_of_one_evse_or_of_all(target: Target, evse: dict[str, Any]) -> None:
    async with playing(target, "2.0.1") as charger:
        change = {"operationalStatus": "Inoperative", **evse}
        answer = await target.command(NAME, "ChangeAvailability", change)

        assert answer == {"status": "Accepted"}
        assert charger.hardware.state(1) == "Unavailable"
        assert charger.hardware.state(2) == ("Available" if evse else "Unavailable")


async def test_a_reservation_is_refused_where_a_vehicle_stands(target: Target) -> None:
    reservation = {"id": 1, "expiryDateTime": "2099-01-01T00:00:00Z", "idToken": CARD}
    async with playing(target, "2.0.1") as charger:
        charger.plug_in(1)
        here = await target.command(NAME, "ReserveNow", {**reservation, "evseId": 1})
        anywhere = await target.command(NAME, "ReserveNow", reservation)

        assert (here["status"], anywhere["status"]) == ("Occupied", "Accepted")
        assert charger.hardware.state(2) == "Reserved"


async def test_the_local_list_grows_by_versions(target: Target) -> None:
    entry = {"idToken": CARD, "idTokenInfo": {"status": "Accepted"}}
    full = {"versionNumber": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    async with playing(target, "2.0.1") as charger:
        taken = await target.command(NAME, "SendLocalList", full)
        version = await target.command(NAME, "GetLocalListVersion", {})

        assert (taken["status"], version) == ("Accepted", {"versionNumber": 3})
        assert TOKEN in charger.local_list.entries


async def test_a_charger_whose_list_is_off_fails_to_keep_one(target: Target) -> None:
    full = {"versionNumber": 3, "updateType": "Full"}
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("LocalAuthListCtrlr.Enabled", "false")

        assert await target.command(NAME, "SendLocalList", full) == {"status": "Failed"}
        assert await target.command(NAME, "GetLocalListVersion", {}) == {"versionNumber": 0}
