"""Restarts of the whole charger or of one EVSE (1.6 §5.14, 2.0.1 B11, B12)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from simulators.conversation import has_said_all
from simulators.profiles import CSO

if TYPE_CHECKING:
    from simulators.charger import Charger


async def restart(charger: Charger, cause: str, boot_reason: str) -> None:
    """End transactions, say Unavailable, close without a code; the next link begins with a boot.

    One that has no link is back by the time this returns.
    """
    for own in charger.hardware.transactions:
        charger.end(own, cause)
    charger.boot.owe(boot_reason)
    charger.hardware.restarting = True
    charger.changed()
    if not charger.linked:
        await come_back(charger)
        return
    closed = charger.counts["closed"]
    with contextlib.suppress(TimeoutError):
        await charger.until(
            lambda own: own.counts["closed"] > closed or has_said_all(own), charger.answer_timeout
        )
    if charger.counts["closed"] == closed:
        await charger.close_without_code()


async def come_back(charger: Charger) -> None:
    """Be away as long as a restart takes, then run again, with what outlives one."""
    await charger.pause(charger.habits.restart_s)
    charger.hardware.restarting = False
    charger.restarted()
    if charger.habits.forgets_profiles:
        charger.hardware.profiles.remove(lambda one: one.source == CSO)
    charger.changed()


async def restart_when_idle(charger: Charger, cause: str, boot_reason: str) -> None:
    """Restart once no transaction is running."""
    await charger.until(lambda own: not own.hardware.transactions, timeout=None)
    await restart(charger, cause, boot_reason)


async def restart_evse(charger: Charger, evse_id: int, cause: str) -> None:
    """End an EVSE's transaction and take it out of service for as long as a restart takes."""
    evse = charger.hardware.evses[evse_id]
    if evse.transaction is not None:
        charger.end(evse.transaction, cause)
    charger.hardware.set_operative(evse_id, operative=False)
    charger.changed()
    await charger.pause(charger.habits.restart_s)
    charger.hardware.set_operative(evse_id, operative=True)
    charger.changed()
