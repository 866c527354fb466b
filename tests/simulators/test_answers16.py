from __future__ import annotations

from dataclasses import replace

import pytest

from csms.errors import CallRefused
from simulators.charger import Charger, Habits
from simulators.target import Target
from tests.simulators.stage import BRISK, NAME, TOKEN, limit16, playing


async def test_a_remote_start_starts_after_its_answer(target: Target) -> None:
    async with playing(target) as charger:
        answer = await target.command(NAME, "RemoteStartTransaction", {"idTag": TOKEN})
        start = (await target.until(lambda t: t.calls("StartTransaction")))[0].fields

    assert answer == {"status": "Accepted"}
    assert (start["connectorId"], start["idTag"]) == (1, TOKEN)
    assert target.calls("Authorize") == []
    assert len(charger.transactions) == 1


async def test_a_remote_start_authorizes_first_where_the_key_wants_it(target: Target) -> None:
    async with playing(target) as charger:
        charger.settings.put("AuthorizeRemoteTxRequests", "true")
        target.conduct.token_status = "Blocked"
        answer = await target.command(NAME, "RemoteStartTransaction", {"idTag": TOKEN})
        await target.until(lambda t: t.calls("Authorize"))

    assert answer == {"status": "Accepted"}
    assert charger.transactions == []


async def test_a_remote_start_is_refused_on_a_connector_that_is_not_free(target: Target) -> None:
    async with playing(target) as charger:
        await charger.start(1, TOKEN)
        busy = {"idTag": TOKEN, "connectorId": 1}
        unknown = {"idTag": TOKEN, "connectorId": 7}

        assert await target.command(NAME, "RemoteStartTransaction", busy) == {"status": "Rejected"}
        assert await target.command(NAME, "RemoteStartTransaction", unknown) == {
            "status": "Rejected"
        }


async def test_a_remote_start_with_a_profile_obeys_it(target: Target) -> None:
    start = {
        "idTag": TOKEN,
        "connectorId": 1,
        "chargingProfile": limit16(5000, purpose="TxProfile"),
    }
    async with playing(target) as charger:
        await target.command(NAME, "RemoteStartTransaction", start)
        await charger.until(lambda c: c.transactions)

        assert charger.power_w(1) == 5000


async def test_a_remote_stop_is_taken_for_a_known_transaction_only(target: Target) -> None:
    async with playing(target) as charger:
        own = await charger.start(1, TOKEN)
        wrong = await target.command(NAME, "RemoteStopTransaction", {"transactionId": 99})
        right = await target.command(NAME, "RemoteStopTransaction", {"transactionId": int(own.id)})
        stop = (await target.until(lambda t: t.calls("StopTransaction")))[0].fields

    assert (wrong["status"], right["status"]) == ("Rejected", "Accepted")
    assert stop["reason"] == "Remote"


async def read(target: Target, *keys: str) -> dict[str, object]:
    return await target.command(NAME, "GetConfiguration", {"key": list(keys)})


async def test_keys_are_read_written_and_refused(target: Target) -> None:
    async with playing(target):
        writes = [
            ("HeartbeatInterval", "60"),
            ("HeartbeatInterval", "soon"),
            ("NumberOfConnectors", "9"),
            ("SecurityProfile", "2"),
            ("NoSuchKey", "1"),
        ]
        verdicts = [
            (await target.command(NAME, "ChangeConfiguration", {"key": key, "value": value}))[
                "status"
            ]
            for key, value in writes
        ]
        answer = await read(target, "HeartbeatInterval", "NumberOfConnectors", "NoSuchKey")

    assert verdicts == ["Accepted", "Rejected", "Rejected", "RebootRequired", "NotSupported"]
    assert answer == {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
        ],
        "unknownKey": ["NoSuchKey"],
    }


async def test_the_password_is_not_among_the_keys_that_are_read(target: Target) -> None:
    async with playing(target) as charger:
        charger.settings.put("AuthorizationKey", "hidden")

        assert "hidden" not in str(await read(target))
        assert "hidden" not in str(await read(target, "AuthorizationKey"))


async def test_a_new_password_is_used_at_once(target: Target) -> None:
    async with playing(target):
        change = {"key": "AuthorizationKey", "value": "00ff" * 10}
        await target.command(NAME, "ChangeConfiguration", change)
        await target.until(lambda t: len(t.connections) == 2 and t.live(NAME))

    assert target.connections[1].credentials == (NAME, b"\x00\xff" * 10)


async def test_a_password_that_waits_for_a_restart_is_used_after_it(target: Target) -> None:
    async with playing(target, habits=BRISK) as charger:
        setting = charger.settings["AuthorizationKey"]
        charger.settings["AuthorizationKey"] = replace(setting, needs_reboot=True)
        change = {"key": "AuthorizationKey", "value": "00ff" * 8}
        answer = await target.command(NAME, "ChangeConfiguration", change)
        await charger.drop()
        await charger.until(lambda own: own.connected)
        await target.command(NAME, "Reset", {"type": "Hard"})
        await target.until(lambda t: len(t.connections) == 3 and t.live(NAME))

    assert answer == {"status": "RebootRequired"}
    first, second, third = [connection.credentials for connection in target.connections]
    assert first == second
    assert third == (NAME, b"\x00\xff" * 8)


async def test_a_written_heartbeat_interval_holds_at_once(target: Target) -> None:
    async with playing(target, time_factor=100.0):
        await target.command(
            NAME, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "1"}
        )

        await target.until(lambda t: len(t.calls("Heartbeat")) >= 2)


async def test_power_follows_a_profile_until_it_is_cleared(target: Target) -> None:
    async with playing(target) as charger:
        await charger.start(1, TOKEN)
        profile = {"connectorId": 1, "csChargingProfiles": limit16(10, "A")}
        set_answer = await target.command(NAME, "SetChargingProfile", profile)
        limited = charger.power_w(1)
        cleared = await target.command(NAME, "ClearChargingProfile", {"id": 1})
        again = await target.command(NAME, "ClearChargingProfile", {"id": 1})

        assert (set_answer["status"], cleared["status"], again["status"]) == (
            "Accepted",
            "Accepted",
            "Unknown",
        )
        assert limited == 6900
        assert charger.power_w(1) == 11_000


async def test_a_maximum_of_the_station_is_named_in_1_6_words_when_it_is_cleared(
    target: Target,
) -> None:
    maximum = limit16(8000, purpose="ChargePointMaxProfile")
    async with playing(target) as charger:
        await charger.start(1, TOKEN)
        profile = {"connectorId": 0, "csChargingProfiles": maximum}
        await target.command(NAME, "SetChargingProfile", profile)
        limited = charger.power_w(1)
        criteria = {"chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 0}

        assert limited == 8000
        assert (await target.command(NAME, "ClearChargingProfile", criteria)) == {
            "status": "Accepted"
        }


REFUSED = {
    "a transaction's profile without one": (1, limit16(1, purpose="TxProfile")),
    "the station's maximum on a connector": (1, limit16(1, purpose="ChargePointMaxProfile")),
    "a level above the maximum": (1, limit16(1, stackLevel=99)),
    "a connector that is not there": (7, limit16(1)),
}


@pytest.mark.parametrize("reason", REFUSED)
async def test_a_profile_is_refused_that_is(target: Target, reason: str) -> None:
    connector_id, profile = REFUSED[reason]
    async with playing(target):
        request = {"connectorId": connector_id, "csChargingProfiles": profile}

        assert await target.command(NAME, "SetChargingProfile", request) == {"status": "Rejected"}


async def test_a_unit_that_the_charger_does_not_take_is_refused(target: Target) -> None:
    async with playing(target) as charger:
        charger.settings.put("ChargingScheduleAllowedChargingRateUnit", "Current")
        request = {"connectorId": 1, "csChargingProfiles": limit16(5000, "W")}

        assert await target.command(NAME, "SetChargingProfile", request) == {"status": "Rejected"}


async def test_a_composite_schedule_tells_what_will_hold(target: Target) -> None:
    async with playing(target):
        request = {"connectorId": 1, "csChargingProfiles": limit16(5000, "W")}
        await target.command(NAME, "SetChargingProfile", request)
        asked = {"connectorId": 1, "duration": 600}
        answer = await target.command(NAME, "GetCompositeSchedule", asked)

    schedule = answer["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 5000.0}]


async def test_availability_waits_for_a_running_transaction(target: Target) -> None:
    async with playing(target) as charger:
        await charger.start(1, TOKEN)
        change = {"connectorId": 1, "type": "Inoperative"}
        answer = await target.command(NAME, "ChangeAvailability", change)
        during = charger.hardware.state(1)
        await charger.stop(1)

        assert (answer["status"], during) == ("Scheduled", "Charging")
        assert charger.hardware.state(1) == "Unavailable"


async def test_unlocking_ends_the_transaction(target: Target) -> None:
    async with playing(target) as charger:
        own = await charger.start(1, TOKEN)
        answer = await target.command(NAME, "UnlockConnector", {"connectorId": 1})
        unknown = await target.command(NAME, "UnlockConnector", {"connectorId": 7})
        await charger.until(lambda _: not own.running)

    assert (answer["status"], unknown["status"]) == ("Unlocked", "NotSupported")
    assert own.stop_reason == "UnlockCommand"


async def test_a_reservation_keeps_a_connector_for_its_token(target: Target) -> None:
    reservation = {
        "connectorId": 1,
        "expiryDate": "2099-01-01T00:00:00Z",
        "idTag": TOKEN,
        "reservationId": 5,
    }
    async with playing(target):
        kept = await target.command(NAME, "ReserveNow", reservation)
        foreign = {"connectorId": 1, "idTag": "OTHER"}
        refused = await target.command(NAME, "RemoteStartTransaction", foreign)
        own = {"connectorId": 1, "idTag": TOKEN}
        started = await target.command(NAME, "RemoteStartTransaction", own)
        start = (await target.until(lambda t: t.calls("StartTransaction")))[0].fields
        gone = await target.command(NAME, "CancelReservation", {"reservationId": 5})

    assert [answer["status"] for answer in (kept, refused, started, gone)] == [
        "Accepted",
        "Rejected",
        "Accepted",
        "Rejected",
    ]
    assert start["reservationId"] == 5


async def test_the_local_list_grows_by_versions(target: Target) -> None:
    entry = {"idTag": "A", "idTagInfo": {"status": "Accepted"}}
    full = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    stale = {"listVersion": 2, "updateType": "Differential"}
    async with playing(target) as charger:
        taken = await target.command(NAME, "SendLocalList", full)
        refused = await target.command(NAME, "SendLocalList", stale)
        version = await target.command(NAME, "GetLocalListVersion", {})

    assert (taken["status"], refused["status"]) == ("Accepted", "VersionMismatch")
    assert version == {"listVersion": 3}
    assert charger.local_list.entries == {"A": {"status": "Accepted"}}


async def test_a_charger_whose_list_is_off_says_so(target: Target) -> None:
    """1.6 §5.10, §5.15."""
    full = {"listVersion": 3, "updateType": "Full"}
    async with playing(target) as charger:
        charger.settings.put("LocalAuthListEnabled", "false")

        assert await target.command(NAME, "SendLocalList", full) == {"status": "NotSupported"}
        assert await target.command(NAME, "GetLocalListVersion", {}) == {"listVersion": -1}


async def refusal(target: Target, action: str, payload: dict[str, object]) -> str:
    with pytest.raises(CallRefused) as refused:
        await target.command(NAME, action, payload)
    return refused.value.error.code


async def test_an_unknown_action_is_not_implemented(target: Target) -> None:
    async with playing(target):
        assert await refusal(target, "MakeCoffee", {}) == "NotImplemented"


async def test_an_unsupported_action_is_not_implemented(target: Target) -> None:
    async with playing(target, habits=Habits(unsupported=frozenset({"Reset"}))):
        assert await refusal(target, "Reset", {"type": "Soft"}) == "NotImplemented"


async def test_a_payload_without_what_is_needed_is_a_violation(target: Target) -> None:
    async with playing(target) as charger:
        assert await refusal(target, "RemoteStartTransaction", {}) == "FormationViolation"
        assert isinstance(charger, Charger)
        assert charger.connected
