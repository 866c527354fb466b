"""Messages that a charger sends when it is told to, in both versions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, TypeAlias

from simulators.security import ask_for_certificate

if TYPE_CHECKING:
    from simulators.charger import Charger

Trigger: TypeAlias = Callable[["Charger", int | None], Coroutine[object, object, object]]


async def send_boot(charger: Charger, _evse_id: int | None) -> None:
    """Boot once more; one that waits to boot does so now."""
    if charger.connected:
        await charger.say_boot("Triggered")
    else:
        charger.boot.hurry("Triggered")


async def send_heartbeat(charger: Charger, _evse_id: int | None) -> None:
    """Show that the charger lives."""
    await charger.call("Heartbeat", {})


async def send_status(charger: Charger, evse_id: int | None) -> None:
    """Tell the state of one EVSE or of all."""
    for status in charger.statuses.all():
        if evse_id in (None, status.evse_id):
            await charger.call(status.action, status.fields)


async def send_meter(charger: Charger, evse_id: int | None) -> None:
    """Tell the meter of one EVSE or of all."""
    for evse in charger.hardware.evses.values():
        if evse_id not in (None, evse.id):
            continue
        sample = charger.hardware.sample(evse.id)
        await charger.call(*charger.voice.metered(evse.id, sample, evse.transaction))


async def send_transaction(charger: Charger, evse_id: int | None) -> None:
    """Tell how transactions stand (F06.FR.07)."""
    charger.read_meters(evse_id)


def send_job(action: str) -> Trigger:
    """Tell how far a job is, Idle where there is none."""

    async def send(charger: Charger, _evse_id: int | None) -> None:
        await charger.call(action, charger.jobs.current(action))

    return send


def send_signing_request(kind: str | None) -> Trigger:
    """Ask for a certificate of a kind; 1.6 knows only one."""

    async def send(charger: Charger, _evse_id: int | None) -> None:
        await ask_for_certificate(charger, kind)

    return send


TRIGGERS: Mapping[str, Trigger] = {
    "BootNotification": send_boot,
    "DiagnosticsStatusNotification": send_job("DiagnosticsStatusNotification"),
    "FirmwareStatusNotification": send_job("FirmwareStatusNotification"),
    "Heartbeat": send_heartbeat,
    "LogStatusNotification": send_job("LogStatusNotification"),
    "MeterValues": send_meter,
    "PublishFirmwareStatusNotification": send_job("PublishFirmwareStatusNotification"),
    "SignChargePointCertificate": send_signing_request(None),
    "SignChargingStationCertificate": send_signing_request("ChargingStationCertificate"),
    "SignV2GCertificate": send_signing_request("V2GCertificate"),
    "StatusNotification": send_status,
    "TransactionEvent": send_transaction,
}
