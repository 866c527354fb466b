"""Set and lift the platform's own power limits, and tell what became of what was asked.

What a limit becomes on the charger: `smart-charging` items 1 to 11 in `csms/limits.py` and
`csms/fallbacks.py`, the profiles of others beside it in `csms/profiles.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from csms.commands import ClearPowerLimit, Outcome, Performers, SetPowerLimit
from csms.errors import InvalidCommand
from csms.limits import Abilities, below_minimum, limit_profile
from csms.parties import PLATFORM, delay_of, is_limit
from csms.profile_ids import NO_CLOUD, NOT_AUTHORIZED, limit_id
from csms.schedules import MOST_PHASES, STATION_MAX, TX, TX_DEFAULT, Rate
from csms.told import ACCEPTED, REJECTED, UNKNOWN, Told, accepted, outcome
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.station import Station

_CONDITIONAL_LEVEL = 1000  # of a limit with a condition, where none is asked for


async def set_power_limit(station: Station, command: SetPowerLimit) -> Outcome:
    """Limit the power of an EVSE, the station or a transaction; the limit is stored if it holds.

    Raises InvalidCommand where the charger's units cannot say it or the transaction does not run,
    and as ``Profiles.put``.
    """
    evse_id = await _evse(station, command)
    abilities = await station.profiles.abilities(evse_id)
    rate, told = _rate(command, abilities)
    if command.condition == NO_CLOUD and not abilities.can_fall_back:
        low = "The charger has one stack level and takes one period: nothing can lie below."
        return outcome(REJECTED, [Told("StackLevelTooLow", low)])
    async with station.profiles.choosing():
        wish = await _wish(station, command, evse_id, rate)
        settled = await station.profiles.put(wish)
    if command.transaction_id is not None and not evse_id:
        told = [Told("Deferred", "It is sent as soon as the transaction has an EVSE."), *told]
    return accepted(settled, told)


async def clear_power_limit(station: Station, command: ClearPowerLimit) -> Outcome:
    """Lift every power limit of an EVSE, the station or a transaction; Unknown where none was."""
    removed = await station.profiles.remove(lambda wish: is_limit(wish) and _lifts(command, wish))
    return Outcome(ACCEPTED if removed else UNKNOWN)


def _lifts(command: ClearPowerLimit, wish: ChargingProfile) -> bool:
    if command.transaction_id is not None:
        return wish.transaction_id == command.transaction_id
    return (wish.purpose, wish.evse_id) == (_purpose(command.evse_id), command.evse_id)


def _purpose(evse_id: int) -> str:
    return TX_DEFAULT if evse_id else STATION_MAX


async def _evse(station: Station, command: SetPowerLimit) -> int:
    """Return the EVSE in question, of a transaction 0 as long as it has none (K01.FR.16)."""
    if command.transaction_id is None:
        return command.evse_id
    running = await station.books.transactions.running(station.key)
    for one in running:
        if one.transaction_id == command.transaction_id:
            return one.evse_id
    gone = "The transaction is not running any more."
    raise InvalidCommand(gone, {"transactionId": [gone]})


async def _wish(
    station: Station, command: SetPowerLimit, evse_id: int, rate: Rate
) -> ChargingProfile:
    now = station.books.clock.now()
    purpose = _purpose(evse_id) if command.transaction_id is None else TX
    id = command.profile_id
    if id is None:
        id = await _default_id(station, command, evse_id)
    level = _CONDITIONAL_LEVEL if command.condition else 0
    options = {"condition": command.condition, "delay": command.delay or None}
    given = {name: value for name, value in options.items() if value is not None}
    return ChargingProfile(
        key=station.key,
        owner=PLATFORM,
        profile_id=id,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=level if command.stack_level is None else command.stack_level,
        transaction_id=command.transaction_id,
        profile=limit_profile(id, purpose, rate, now, command.transaction_id),
        meta={**command.meta, **given, "limit": {command.kind: command.value}},
        created_at=now,
    )


async def _default_id(station: Station, command: SetPowerLimit, evse_id: int) -> int:
    """Return the id of the scope and its options; below 0 as long as a transaction has no EVSE."""
    of_transaction, delayed = command.transaction_id is not None, bool(command.delay)
    if evse_id or not of_transaction:
        return limit_id(evse_id, command.condition, delayed=delayed, of_transaction=of_transaction)
    wishes = await station.profiles.wishes(PLATFORM)
    for one in wishes:
        options = (one.transaction_id, one.meta.get("condition"), delay_of(one) > 0)
        if one.profile_id < 0 and options == (command.transaction_id, command.condition, delayed):
            return one.profile_id
    return min(0, *(one.profile_id for one in wishes), 0) - 1


def _rate(command: SetPowerLimit, abilities: Abilities) -> tuple[Rate, list[Told]]:
    supply, direct = abilities.supply, command.kind == "dcMaxPowerKw"
    few = supply.phases is not None and supply.phases < MOST_PHASES
    phases = supply.phases if few and not direct else None
    asked = (
        Rate(command.value, "A", phases)
        if command.kind == "acMaxPowerA"
        else Rate(command.value * 1000, "W", phases)
    )
    unit = abilities.unit_for(asked.unit)
    if direct and unit != "W":
        raise InvalidCommand("The charger takes amperes only, which say nothing of DC power.")
    rate = Rate(supply.convert(asked, unit, phases), unit, phases)
    return rate, _told(command, abilities, asked, rate)


def _told(command: SetPowerLimit, abilities: Abilities, asked: Rate, rate: Rate) -> list[Told]:
    told: list[Told] = []
    if rate.unit != asked.unit:
        told.append(Told("UnitConverted", f"Sent as {rate.value:g} {rate.unit}."))
    if (command.stack_level or 0) > abilities.max_level:
        told.append(Told("Clamped", f"The highest stack level is {abilities.max_level}."))
    if command.kind != "dcMaxPowerKw" and below_minimum(rate, abilities.supply):
        told.append(Told("BelowMinimum", "AC charging pauses below 6 A per phase."))
    if command.condition == NOT_AUTHORIZED:
        emulated = "Most chargers give no energy without authorization anyway."
        told.append(Told("Emulated", emulated))
    return told


# Said in the same words to every OCPP version.
PERFORMERS: Performers = MappingProxyType(
    {SetPowerLimit: set_power_limit, ClearPowerLimit: clear_power_limit}
)
