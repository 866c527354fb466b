from __future__ import annotations

from datetime import timedelta

import pytest

from simulators import charging
from simulators.charger import Charger, EvseInUse, Habits, NotAuthorized
from simulators.target import Target
from simulators.watched import Fields, timestamp, utc_now
from tests.simulators.stage import HURRY, NAME, TOKEN, Clock, broken_rules, limit, playing

_STATES = ["Available", "Preparing", "Charging", "Available"]
STARTED = {"1.6": "StartTransaction", "2.0.1": "TransactionEvent", "2.1": "TransactionEvent"}


async def test_a_whole_session_of_1_6_is_told_in_order(target: Target) -> None:
    async with playing(target, "1.6", time_factor=HURRY) as charger:
        await charger.until(lambda c: c.statuses.untold() == [])
        charger.plug_in(1)
        await charger.until(lambda c: c.statuses.untold() == [])
        own = await charger.start(1, TOKEN)
        await target.until(lambda t: len(t.calls("MeterValues")) >= 2)
        await charger.stop(1)
        charger.unplug(1)
        await charger.until(lambda c: c.statuses.untold() == [])

    told = [one.action for one in target.received if one.action != "Heartbeat"]
    status = [
        one.fields["status"]
        for one in target.calls("StatusNotification")
        if one.fields["connectorId"] == 1
    ]
    stop = target.calls("StopTransaction")[0].fields
    assert told[0] == "BootNotification"
    assert told.index("Authorize") < told.index("StartTransaction") < told.index("MeterValues")
    assert [word for word in status if word != "Finishing"] == _STATES
    assert stop["transactionId"] == 1 == int(own.id)
    assert stop["meterStop"] > target.calls("StartTransaction")[0].fields["meterStart"]
    assert broken_rules(target, "1.6") == []


async def test_a_whole_session_of_2_0_1_is_told_in_order(target: Target) -> None:
    async with playing(target, "2.0.1", time_factor=HURRY) as charger:
        own = await charger.start(1, TOKEN)
        await target.until(lambda t: len(t.calls("TransactionEvent")) >= 3)
        await charger.stop(1)

    events = [one.fields for one in target.calls("TransactionEvent")]
    assert [event["seqNo"] for event in events] == list(range(len(events)))
    assert {event["transactionInfo"]["transactionId"] for event in events} == {own.id}
    assert (events[0]["eventType"], events[-1]["eventType"]) == ("Started", "Ended")
    assert {event["eventType"] for event in events[1:-1]} == {"Updated"}
    assert broken_rules(target, "2.0.1") == []


async def test_meters_grow_by_power_and_time(target: Target, version: str) -> None:
    clock = Clock()
    async with playing(target, version, now=clock) as charger:
        await charger.start(1, TOKEN)
        clock.advance(1800)

        assert charger.power_w(1) == 11_000
        assert charger.energy_wh(1) == 5_500


async def test_a_token_that_is_refused_does_not_charge(target: Target, version: str) -> None:
    target.conduct.token_status = "Blocked"
    async with playing(target, version) as charger:
        with pytest.raises(NotAuthorized):
            await charger.start(1, TOKEN)

    assert target.calls(STARTED[version]) == []


async def test_a_token_refused_at_the_start_ends_the_transaction(
    target: Target, version: str
) -> None:
    async with playing(target, version) as charger:
        target.conduct.token_status = "Invalid"
        own = charger.begin(1, TOKEN, "Central")

        await charger.until(lambda c: not own.running and not c.waiting)

    assert own.stop_reason == "DeAuthorized"


async def test_a_charger_asks_by_its_id_and_password(version: str) -> None:
    async with Target.listening(passwords={NAME: "secret"}) as target:
        charger = Charger(target.url, NAME, "wrong", version, back_off=(0.01, 0.01))
        async with charger.running():
            refusal = await charger.until(lambda c: c.seen("refused"))
            charger.password = "secret"
            await charger.wait_connected()

        assert refusal[0]["status"] == 401
        assert target.connections[-1].credentials == (NAME, b"secret")


async def test_what_happens_offline_is_told_later_in_order_and_as_it_was(
    target: Target, version: str
) -> None:
    clock = Clock()
    async with playing(target, version, now=clock) as charger:
        await charger.go_offline()
        began = clock.moment
        await charger.start(1, TOKEN)
        clock.advance(3600)
        charger.read_meters()
        await charger.stop(1)
        waiting = charger.waiting
        clock.advance(60)
        charger.go_online()
        await charger.until(lambda c: not c.waiting)

    told = [one for one in target.received if one.action in _TRANSACTION]
    assert waiting == len(told) == 3
    assert told[0].fields["timestamp"] == timestamp(began)
    assert broken_rules(target, version) == []
    if version != "1.6":
        assert all(one.fields["offline"] for one in told)


_TRANSACTION = {"StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent"}


async def test_offline_messages_of_1_6_carry_the_id_that_the_start_was_given(
    target: Target,
) -> None:
    async with playing(target) as charger:
        await charger.go_offline()
        await charger.start(1, TOKEN)
        await charger.stop(1)
        charger.go_online()
        await charger.until(lambda c: not c.waiting)

    assert target.calls("StopTransaction")[0].fields["transactionId"] == 1


async def test_a_start_that_is_never_taken_leaves_minus_one(target: Target) -> None:
    target.conduct.errors["StartTransaction"] = "InternalError"
    async with playing(target, time_factor=1e6) as charger:
        own = charger.begin(1, TOKEN, "")
        charger.end(own, "Local")
        await charger.until(lambda c: not c.waiting)

    assert len(target.calls("StartTransaction")) == 3
    assert target.calls("StopTransaction")[0].fields["transactionId"] == -1


async def test_a_charger_comes_back_after_the_server_was_away(version: str) -> None:
    target = Target()
    await target.listen()
    port = target.port
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        await target.close()
        await charger.until(lambda c: not c.linked)
        charger.end(own, "Local")
        await target.listen(port=port)
        await charger.until(lambda c: not c.waiting)
    await target.close()

    assert len(target.calls("BootNotification")) == 1
    assert len(target.connections) == 2


async def test_a_plain_reconnect_is_no_boot_unless_that_is_its_habit(
    target: Target, version: str
) -> None:
    habits = Habits(boots_on_reconnect=True)
    async with playing(target, version, habits=habits) as charger:
        await charger.drop(1000)
        await target.until(lambda t: len(t.calls("BootNotification")) == 2)

    async with playing(target, version) as charger:
        await charger.drop()
        await charger.wait_connected()
        await charger.call("Heartbeat", {})

    assert len(target.calls("BootNotification")) == 3


async def test_a_reset_tells_stops_closes_without_code_and_boots(
    target: Target, version: str
) -> None:
    kind = "Soft" if version == "1.6" else "Immediate"
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        answer = await target.command(NAME, "Reset", {"type": kind})
        await target.until(lambda t: len(t.calls("BootNotification")) == 2)
        await charger.until(lambda c: c.statuses.untold() == [])

    first = target.connections[0]
    assert answer == {"status": "Accepted"}
    assert not own.running
    assert first.closed is not None
    assert first.closed.code == 1005
    assert target.calls("BootNotification")[1].fields.get("reason", "RemoteReset") == "RemoteReset"
    assert "Unavailable" in str(target.calls("StatusNotification"))


async def test_stopping_what_does_not_run_is_an_error(target: Target) -> None:
    async with playing(target) as charger:
        with pytest.raises(LookupError):
            await charger.stop(1)


async def test_taking_the_vehicle_away_ends_its_transaction(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        charger.unplug(1)
        await charger.until(lambda c: not c.waiting)

    assert own.stop_reason == "EVDisconnected"
    assert broken_rules(target, version) == []


async def test_nobody_takes_over_a_running_transaction(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        own = await charger.start(1, TOKEN)
        with pytest.raises(EvseInUse):
            await charger.start(1, "OTHER")

        assert charger.hardware.transactions == [own]


async def test_charging_goes_on_without_a_link_and_follows_the_clock(
    target: Target, version: str
) -> None:
    """A fallback under a live limit that is over, in the middle of a transaction."""
    clock = Clock()
    async with playing(target, version, now=clock) as charger:
        await charger.start(1, TOKEN)
        live: Fields = {
            "id": 2,
            "stackLevel": 1,
            "validTo": timestamp(clock() + timedelta(minutes=30)),
        }
        charging.install_profile(charger, 1, limit(6000))
        charging.install_profile(charger, 1, limit(9000, **live))
        async with charger.offline():
            powers = [charger.power_w(1)]
            clock.advance(3600)
            powers.append(charger.power_w(1))
            energy = charger.energy_wh(1)
        await charger.until(lambda c: c.connected and not c.waiting)

    assert powers == [9000, 6000]
    assert energy == 9000 / 2 + 6000 / 2


async def test_a_limit_that_ends_by_itself_is_noticed_then(target: Target, version: str) -> None:
    async with playing(target, version) as charger:
        await charger.start(1, TOKEN)
        soon = timestamp(utc_now() + timedelta(seconds=0.2))
        charging.install_profile(charger, 1, limit(0, validTo=soon))
        await charger.until(lambda c: c.hardware.state(1) == "Charging")
        await charger.until(lambda c: not c.waiting and not c.statuses.untold())

    told = [str(one.fields) for one in target.received if one.action in _TOLD[version]]
    changes = [word for one in told for word in ("SuspendedEVSE", "'Charging'") if word in one]
    assert changes[-2:] == ["SuspendedEVSE", "'Charging'"]


_TOLD = {"1.6": {"StatusNotification"}, "2.0.1": {"TransactionEvent"}, "2.1": {"TransactionEvent"}}


async def test_a_profile_ends_with_the_patience_of_an_offline_charger(target: Target) -> None:
    """2.1 K01.FR.101 to .105, by the charger's own link and clock."""
    clock = Clock()
    patience: Fields = {"maxOfflineDuration": 60, "invalidAfterOfflineDuration": True}
    async with playing(target, "2.0.1", now=clock) as charger:
        await charger.start(1, TOKEN)
        charging.install_profile(charger, 1, limit(6000, **patience))
        async with charger.offline():
            clock.advance(60)
            offline = charger.power_w(1)
        await charger.wait_connected()

        assert offline == charger.power_w(1) == 11_000
        assert list(charger.hardware.profiles) == []


# ---- transactions that begin in two steps (2.0.1 E02, E03) ----


def events(target: Target) -> list[Fields]:
    return [one.fields for one in target.calls("TransactionEvent")]


async def test_a_cable_starts_a_transaction_and_a_token_the_charging(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("TxCtrlr.TxStartPoint", "EVConnected")
        charger.plug_in(1)
        idle, state = charger.power_w(1), charger.hardware.state(1)
        own = await charger.start(1, TOKEN)
        await charger.until(lambda c: not c.waiting)

        assert idle == 0
        assert state == "Preparing"
        assert charger.power_w(1) == 11_000
        assert charger.transactions == [own]
    started, identified = events(target)
    assert (started["triggerReason"], identified["triggerReason"]) == (
        "CablePluggedIn",
        "Authorized",
    )
    assert "idToken" not in started
    assert identified["idToken"]["idToken"] == TOKEN
    assert [one["transactionInfo"]["chargingState"] for one in events(target)] == [
        "EVConnected",
        "Charging",
    ]
    assert broken_rules(target, "2.0.1") == []


async def test_a_remote_start_charges_in_the_transaction_of_the_cable(target: Target) -> None:
    """F02: the vehicle was there first."""
    start = {"idToken": {"idToken": TOKEN, "type": "Central"}, "remoteStartId": 42, "evseId": 1}
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("TxCtrlr.TxStartPoint", "EVConnected")
        charger.plug_in(1)
        answer = await target.command(NAME, "RequestStartTransaction", start)
        await charger.until(lambda c: c.power_w(1) > 0)
        again = await target.command(NAME, "RequestStartTransaction", start)
        await charger.until(lambda c: not c.waiting)

        assert (answer["status"], again["status"]) == ("Accepted", "Rejected")
        assert len(charger.transactions) == 1
    assert events(target)[1]["triggerReason"] == "RemoteStart"
    assert events(target)[1]["transactionInfo"]["remoteStartId"] == 42


async def test_a_token_that_is_first_has_no_evse_until_the_vehicle_comes(target: Target) -> None:
    """K01.FR.16, smart-charging item 14: it takes no TxProfile before."""
    async with playing(target, "2.0.1") as charger:
        own = await charger.start(1, TOKEN, plug=False)
        profile = limit(5000, purpose="TxProfile", transactionId=own.id)
        request = {"evseId": 1, "chargingProfile": profile}
        early = await target.command(NAME, "SetChargingProfile", request)
        idle = charger.power_w(1)
        charger.plug_in(1)
        late = await target.command(NAME, "SetChargingProfile", request)
        await charger.until(lambda c: not c.waiting)

        assert (early["status"], late["status"]) == ("Rejected", "Accepted")
        assert early["statusInfo"] == {"reasonCode": "TxNotFound"}
        assert (idle, charger.power_w(1)) == (0, 5000)
    first, second = events(target)[:2]
    assert "evse" not in first
    assert second["evse"] == {"id": 1, "connectorId": 1}
    assert (first["triggerReason"], second["triggerReason"]) == ("Authorized", "CablePluggedIn")
    assert first["transactionInfo"]["chargingState"] == "Idle"
    assert broken_rules(target, "2.0.1") == []


async def test_a_vehicle_that_leaves_ends_what_its_cable_began(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("TxCtrlr.TxStartPoint", "EVConnected")
        charger.plug_in(1)
        charger.unplug(1)
        await charger.until(lambda c: not c.waiting)

    assert [one["eventType"] for one in events(target)] == ["Started", "Ended"]
    assert broken_rules(target, "2.0.1") == []


async def test_a_cable_starts_nothing_in_1_6(target: Target) -> None:
    async with playing(target) as charger:
        charger.plug_in(1)

        assert charger.hardware.state(1) == "Preparing"
        assert charger.transactions == []
