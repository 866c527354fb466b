"""Set and lift the platform's own power limits, and tell what became of what was asked.

What a limit becomes on the charger: `smart-charging` layers 1 to 6 in `csms/limits.py`, the
profiles of others beside it in `csms/profiles.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from csms.commands import ClearPowerLimit, Outcome, Performers, SetPowerLimit
from csms.errors import InvalidCommand
from csms.limits import Abilities, below_minimum, limit_profile
from csms.plans import PLATFORM, limit_id
from csms.schedules import STATION_MAX, TX_DEFAULT, Rate
from csms.told import ACCEPTED, UNKNOWN, Told, outcome, refused
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.station import Station


async def set_power_limit(station: Station, command: SetPowerLimit) -> Outcome:
    """Limit the power of an EVSE or the station; the limit is stored if it holds.

    Raises InvalidCommand where the charger's units cannot say it, and as ``Profiles.put``.
    """
    abilities = await station.profiles.abilities(command.evse_id)
    rate, told = _rate(command, abilities)
    wish = _wish(station, command, rate)
    settled = await station.profiles.put(wish)
    if settled.choice == 0:
        return outcome(ACCEPTED, told)
    if settled.choice == 1:
        alone = "The target's profiles could not be kept beside the limit and are left out."
        return outcome(ACCEPTED, [*told, Told("TargetLeftOut", alone)])
    return refused(settled, told)


async def clear_power_limit(station: Station, command: ClearPowerLimit) -> Outcome:
    """Lift every power limit of an EVSE or the station; Unknown where there was none."""
    purpose = _purpose(command.evse_id)
    removed = await station.profiles.remove(
        lambda wish: (
            (wish.owner, wish.purpose, wish.evse_id) == (PLATFORM, purpose, command.evse_id)
        )
    )
    return Outcome(ACCEPTED if removed else UNKNOWN)


def _purpose(evse_id: int) -> str:
    return TX_DEFAULT if evse_id else STATION_MAX


def _wish(station: Station, command: SetPowerLimit, rate: Rate) -> ChargingProfile:
    now, purpose = station.books.clock.now(), _purpose(command.evse_id)
    id = limit_id(command.evse_id) if command.profile_id is None else command.profile_id
    return ChargingProfile(
        key=station.key,
        owner=PLATFORM,
        profile_id=id,
        evse_id=command.evse_id,
        purpose=purpose,
        stack_level=command.stack_level or 0,
        profile=limit_profile(id, purpose, rate, now),
        meta={**command.meta, "limit": {command.kind: command.value}},
        created_at=now,
    )


def _rate(command: SetPowerLimit, abilities: Abilities) -> tuple[Rate, list[Told]]:
    supply, told = abilities.supply, []
    direct = command.kind == "dcMaxPowerKw"
    phases = None if direct or supply.phases is None or supply.phases >= 3 else supply.phases
    asked = (
        Rate(command.value, "A", phases)
        if command.kind == "acMaxPowerA"
        else Rate(command.value * 1000, "W", phases)
    )
    unit = abilities.unit_for(asked.unit)
    if direct and unit != "W":
        raise InvalidCommand("The charger takes amperes only, which say nothing of DC power.")
    rate = Rate(supply.convert(asked, unit, phases), unit, phases)
    if unit != asked.unit:
        told.append(Told("UnitConverted", f"Sent as {rate.value:g} {unit}."))
    if (command.stack_level or 0) > abilities.max_level:
        told.append(Told("Clamped", f"The highest stack level is {abilities.max_level}."))
    if not direct and below_minimum(rate, supply):
        told.append(Told("BelowMinimum", "AC charging pauses below 6 A per phase."))
    return rate, told


PERFORMERS: Performers = MappingProxyType(
    {SetPowerLimit: set_power_limit, ClearPowerLimit: clear_power_limit}
)
