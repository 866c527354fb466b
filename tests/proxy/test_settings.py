"""What is stored for a target's link holds when the server has been started again."""

from __future__ import annotations

from pathlib import Path

from proxy.settings import View, view_of
from proxy.timings import Timings
from tests.proxy.stage import ACCEPTED, Stage, Target, configuration, refuses, says, staged


async def test_a_view_tells_what_is_the_target_s_and_nothing_else() -> None:
    view = View(Timings(attempts=7), {"MeterValueSampleInterval": "900"})

    assert view.told("transactionmessageattempts") == "7"
    assert view.told("OCPPCommCtrlr.MessageAttempts") == "7"
    assert view.told("metervaluesampleinterval") == "900"
    assert view.told("ClockAlignedDataInterval") is None
    assert view.told("AuthorizationKey") is None


async def test_what_a_target_set_holds_after_a_restart(tmp_path: Path, target: Target) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key):
            await stage.reaches(key, "ready")
            change = b'{"key":"TransactionMessageAttempts","value":"7"}'
            await target.link.call("ChangeConfiguration", change)
    async with staged(tmp_path) as stage:
        stored = await stage.configuration(key)
        view = await view_of(stage.storage.overlays, stored, Timings())
        async with stage.charger(key):
            await stage.reaches(key, "ready")
            asked = b'{"key":["TransactionMessageAttempts"]}'
            answer = await target.link.call("GetConfiguration", asked)

    assert view.timings.attempts == 7
    assert answer.fields["configurationKey"][0]["value"] == "7"


async def test_a_heartbeat_that_is_ordered_comes_on_the_living_link(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        await target.link.call("ChangeConfiguration", b'{"key":"HeartbeatInterval","value":"1"}')

        await target.hears("Heartbeat", 2)  # the Boot's interval was 300 s
    assert len(target.links) == 1


async def test_the_interval_of_a_boot_is_what_the_target_reads(
    stage: Stage, target: Target
) -> None:
    target.answers["BootNotification"] = says({**ACCEPTED, "interval": 120})
    key = await stage.enrol(target.url)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        answer = await target.link.call("GetConfiguration", b'{"key":["HeartbeatInterval"]}')

    assert answer.fields["configurationKey"][0]["value"] == "120"


async def test_as_many_attempts_are_made_as_the_target_ordered(
    stage: Stage, target: Target
) -> None:
    target.answers["FirmwareStatusNotification"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        change = b'{"key":"TransactionMessageAttempts","value":"5"}'
        await target.link.call("ChangeConfiguration", change)
        await charger.call("FirmwareStatusNotification", {"status": "Installed"})
        await charger.call("DiagnosticsStatusNotification", {"status": "Idle"})
        await target.hears("DiagnosticsStatusNotification")

    assert len(target.payloads("FirmwareStatusNotification")) == 5


async def test_another_target_has_settings_of_its_own(stage: Stage) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    mine = await stage.configuration(key)
    await stage.storage.overlays.note_link(mine.id, "heartbeat_interval", "77")
    other = configuration(key, "ws://127.0.0.1:1/", id=mine.id + 1)

    view = await view_of(stage.storage.overlays, other, Timings())

    assert view.timings == Timings()
