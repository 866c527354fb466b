"""
Tell a charger to change to a higher security profile; a lower one is never told it (A00.FR.005).

Which one it may come in with from now on is stored before it is told: one that does not answer may
change all the same. The door settles it at its first use.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from csms.commands import Ask, Outcome, Performers, RaiseProfile
from csms.errors import CallRefused, ChargerOffline, InvalidCommand
from csms.requests import ask
from csms.rotation import NEVER_SENT, REFUSALS, alone, is_doubtful, told_status

if TYPE_CHECKING:
    from csms.station import Station
    from storage.records import Charger

_LOWER = (
    "The security profile of a charger is never lowered over OCPP: it has {has}. Change "
    "`security_profile` of the charger here, then set the charger itself."
)
_ANOTHER = "The charger may be changing to profile {next}: let it come back first."


async def raise_profile(station: Station, command: RaiseProfile) -> Outcome:
    """Send what makes a charger change its profile; raise as ``ask``, InvalidCommand for lower."""
    chargers = station.books.chargers
    async with alone(station):
        charger = await chargers.get(station.key)
        if charger is None:
            raise ChargerOffline
        _check(charger, command.profile)
        if command.profile > charger.security_profile:
            await chargers.update(station.key, next_security_profile=command.profile)
        try:
            outcome = await ask(station, Ask(command.action, command.fields))
        except (*NEVER_SENT, CallRefused) as failure:
            if not is_doubtful(failure):
                await _as_before(station, charger)
            raise
        if told_status(outcome) in REFUSALS | {"Failed"}:
            await _as_before(station, charger)
        return outcome


def _check(charger: Charger, profile: int) -> None:
    if profile < charger.security_profile:
        raise InvalidCommand(_LOWER.format(has=charger.security_profile))
    if charger.next_security_profile not in (None, profile):
        raise InvalidCommand(_ANOTHER.format(next=charger.next_security_profile))


async def _as_before(station: Station, charger: Charger) -> None:
    before = charger.next_security_profile
    await station.books.chargers.update(station.key, next_security_profile=before)


PERFORMERS: Performers = MappingProxyType({RaiseProfile: raise_profile})
