"""What a charger says of its own accord, in its order: boot, transactions, states, heartbeats."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed
from simulators.outbox import Entry
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger

_BUSY_S = 0.1


async def lead(charger: Charger) -> None:
    """Boot where it is due, then say what there is to say, until cancelled."""
    if charger.boot.due or charger.habits.boots_on_reconnect:
        interval = await charger.boot.run(charger.say_boot, charger.time_factor)
        charger.settings.put(charger.voice.names.heartbeat, int(interval))
        charger.statuses.forget()
        charger.changed()
    charger.back_off.reset()
    charger.later(_beat(charger))
    while True:
        await charger.until(lambda own: not has_said_all(own), timeout=None)
        await _say_next(charger)
        charger.changed()


def has_said_all(charger: Charger) -> bool:
    """Tell whether the CSMS knows everything."""
    return not charger.waiting and not charger.statuses.untold()


async def tell(charger: Charger, action: str, fields: Fields) -> None:
    """Call the CSMS now, or once it can be reached; a refusal or silence settles it too."""
    while True:
        await charger.until(lambda own: own.connected, timeout=None)
        try:
            await charger.call(action, fields)
        except LinkBusy:
            await asyncio.sleep(_BUSY_S)
        except LinkClosed:
            await charger.until(lambda own: not own.connected, timeout=None)
        except (CallRefused, AnswerTimeout):
            return
        else:
            return


async def read_meters(charger: Charger) -> None:
    """Queue the running transactions' meters at every sample interval, until cancelled."""
    while True:
        await _interval(charger, charger.voice.names.sample)
        charger.limits_changed()
        charger.read_meters()


async def _beat(charger: Charger) -> None:
    while True:
        await _interval(charger, charger.voice.names.heartbeat)
        with contextlib.suppress(CallRefused, AnswerTimeout, LinkBusy):
            await charger.call("Heartbeat", {})


async def _say_next(charger: Charger) -> None:
    try:
        # Transaction messages go before states: a state is only as good as its moment.
        await (_deliver(charger) if charger.waiting else _report(charger))
    except LinkBusy:
        await asyncio.sleep(_BUSY_S)


async def _report(charger: Charger) -> None:
    status = charger.statuses.untold()[0]
    with contextlib.suppress(CallRefused, AnswerTimeout):
        await charger.call(status.action, status.fields)
    charger.statuses.tell(status)


async def _deliver(charger: Charger) -> None:
    names, integer = charger.voice.names, charger.settings.integer
    attempts, retry_s = integer(names.attempts), integer(names.retry)

    def complete(entry: Entry) -> Fields:
        return charger.voice.complete(entry.fields, entry.transaction)

    delivered = await charger.outbox.deliver(
        complete, charger.call, attempts, retry_s / charger.time_factor
    )
    if delivered is not None:
        _take_in(charger, *delivered)


def _take_in(charger: Charger, entry: Entry, answer: Fields) -> None:
    goes_on = charger.voice.heard(entry.action, answer, entry.transaction)
    strict = charger.settings.flag(charger.voice.names.stop_on_invalid)
    if not goes_on and strict and entry.transaction.running:
        charger.end(entry.transaction, "DeAuthorized")


async def _interval(charger: Charger, name: str) -> None:
    """Wait as long as a setting says, also when it changes meanwhile; 0 is for ever."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        value = charger.settings.text(name)
        due = began + int(value) / charger.time_factor - loop.time() if int(value) else None
        try:
            await _rewritten(charger, name, value, due)
        except TimeoutError:
            return


async def _rewritten(charger: Charger, name: str, value: str, timeout: float | None) -> None:
    await charger.until(lambda own: own.settings.text(name) != value, timeout)
