from __future__ import annotations

from simulators.target import Target
from tests.simulators.stage import NAME, TOKEN, playing


async def test_a_heartbeat_comes_at_the_interval_that_the_boot_told(
    target: Target, version: str
) -> None:
    target.conduct.interval = 5
    async with playing(target, version, time_factor=500.0) as charger:
        await target.until(lambda t: len(t.calls("Heartbeat")) >= 3)

        assert charger.settings.text(charger.voice.names.heartbeat) == "5"


async def test_every_state_is_told_after_a_boot_and_then_only_changes(
    target: Target, version: str
) -> None:
    async with playing(target, version) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        first = len(target.calls("StatusNotification"))
        await charger.drop()
        await charger.wait_connected()
        charger.plug_in(1)
        await charger.until(lambda c: not c.statuses.untold())

    assert first == (3 if version == "1.6" else 2)
    assert len(target.calls("StatusNotification")) == first + 1


async def test_a_state_that_was_not_answered_is_told_on_the_next_link(
    target: Target, version: str
) -> None:
    async with playing(target, version) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        target.conduct.mute = True
        charger.plug_in(1)
        count = len(target.calls("StatusNotification"))
        await target.until(lambda t: len(t.calls("StatusNotification")) > count or None)
        target.conduct.mute = False
        await target.hang_up(NAME)
        await charger.wait_connected()
        await charger.until(lambda c: not c.statuses.untold())

    told = target.calls("StatusNotification")[-2:]
    assert told[0].fields["connectorId"] == told[1].fields["connectorId"]
    assert [one.connection for one in told] == [1, 2]


async def test_a_message_that_was_not_answered_is_sent_again_before_anything_new(
    target: Target, version: str
) -> None:
    async with playing(target, version) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        target.conduct.mute = True
        own = charger.begin(1, TOKEN, "Central")
        action = "StartTransaction" if version == "1.6" else "TransactionEvent"
        await target.until(lambda t: t.calls(action))
        target.conduct.mute = False
        await target.hang_up(NAME)
        await charger.until(lambda _: own.confirmed)

    twice = target.calls(action)
    after = [one.action for one in target.received if one.connection == 2]
    assert twice[0].payload == twice[1].payload
    assert twice[0].id != twice[1].id
    assert after[0] == action


async def test_a_refused_token_may_go_on_where_the_settings_allow_it(target: Target) -> None:
    async with playing(target) as charger:
        charger.settings.put("StopTransactionOnInvalidId", "false")
        target.conduct.token_status = "Invalid"
        own = charger.begin(1, TOKEN, "")
        await charger.until(lambda _: own.confirmed)

    assert own.running


async def test_meters_are_read_at_their_interval_and_never_with_0(
    target: Target, version: str
) -> None:
    async with playing(target, version, time_factor=1000.0) as charger:
        name = charger.voice.names.sample
        charger.settings.put(name, 0)
        charger.changed()
        await charger.start(1, TOKEN)
        before = charger.outbox.queued
        charger.settings.put(name, 10)
        charger.changed()
        await charger.until(lambda c: c.outbox.queued >= before + 2)

    assert before == 1
