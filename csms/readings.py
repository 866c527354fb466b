"""Read what chargers write: numbers, words and moments that may have any type or none.

Nothing here raises: what makes no sense is left out, because a transaction must be recorded
whatever else a charger got wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.records import ChargerKey, MeterValue

ENERGY_REGISTER = "Energy.Active.Import.Register"

_NOTHING: Mapping[str, Any] = {}
_LONGEST_WORD = 255
_LONGEST_NUMBER = 64
_LARGEST_WHOLE = 2**31 - 1
_LARGEST_NUMBER = 1e15  # no meter says more, and sums of such never overflow
_LARGEST_EXPONENT = 12
# Clocks that were never set say 1970 or 2000; no OCPP-J charger is older than this.
_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
# Local time that is sent as if it were UTC is at most 14 h ahead.
_FURTHEST_AHEAD = timedelta(days=1)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: Any) -> list[Any]:
    """Return a JSON array as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def word(value: Any, longest: int = _LONGEST_WORD) -> str | None:
    """Return text without NULs and cut to ``longest`` characters, None where there is none."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        return None
    if "\0" in value:  # PostgreSQL has no text with NUL
        value = value.replace("\0", "")
    return value[:longest] or None


def whole(value: Any) -> int | None:
    """Return an integer from 0 to 2³¹-1, None where there is none."""
    if type(value) is int:
        return value if 0 <= value <= _LARGEST_WHOLE else None
    found = number(value)
    if found is None or not found.is_integer() or not 0 <= found <= _LARGEST_WHOLE:
        return None
    return int(found)


def number(value: Any) -> float | None:
    """Return a number of credible size; texts may have a decimal comma and spaces around."""
    kind = type(value)
    if kind is str:
        value = value[:_LONGEST_NUMBER].replace(",", ".")
    elif kind is not float and kind is not int:
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) <= _LARGEST_NUMBER else None  # NaN fails every comparison


def credible_moment(value: Any, now: datetime) -> datetime | None:
    """Return the moment that a timestamp names in UTC, None where it names no credible one.

    A time without zone is taken as UTC, a leap second as the second before it.
    """
    try:
        found = datetime.fromisoformat((word(value) or "").replace(":60", ":59"))
        found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST <= found <= now + _FURTHEST_AHEAD else None


def moment(value: Any, now: datetime) -> datetime:
    """Return the moment that a timestamp names, ``now`` where it names no credible one."""
    return credible_moment(value, now) or now


def meter_values(
    key: ChargerKey, transaction_id: str, evse_id: int, wire: Any, now: datetime
) -> list[MeterValue]:
    """Return every value that can be read from a ``meterValue`` of either OCPP version.

    Signed data is never parsed: it travels untouched in the message itself.
    """
    values = []
    for taken_at, sampled in _sampled_values(wire, now):
        told = sampled.get
        value = number(told("value"))
        if value is None or told("format") == "SignedData":
            continue
        measurand = word(told("measurand")) or ENERGY_REGISTER
        unit, factor = _unit(sampled, measurand)
        values.append(
            MeterValue(
                key=key,
                transaction_id=transaction_id,
                evse_id=evse_id,
                taken_at=taken_at,
                measurand=measurand,
                value=value * factor,
                unit=unit,
                phase=word(told("phase")),
                context=word(told("context")),
                location=word(told("location")),
            )
        )
    return values


def energy_registers(values: list[MeterValue]) -> list[float]:
    """Return the readings of the energy register of the whole connector, in Wh and as they came."""
    factors = {"Wh": 1.0, "kWh": 1000.0}
    return [
        value.value * factors[value.unit]
        for value in values
        if value.measurand == ENERGY_REGISTER
        and value.unit in factors
        and value.phase is None
        and value.location in (None, "Outlet")
    ]


def availabilities(event_data: Any) -> Iterator[tuple[Mapping[str, Any], Any, Any]]:
    """Yield the events of a 2.x NotifyEvent that tell a connector's status, with where it is.

    The device model does not tell upper from lower case.
    """
    for event in map(mapping, items(event_data)):
        component = mapping(event.get("component"))
        if (_name(component), _name(event.get("variable"))) == _AVAILABILITY:
            evse = mapping(component.get("evse"))
            yield event, evse.get("id"), evse.get("connectorId")


_AVAILABILITY = ("connector", "availabilitystate")


def _name(named: Any) -> str:
    return str(mapping(named).get("name")).lower()


def _sampled_values(wire: Any, now: datetime) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    for group in map(mapping, items(wire)):
        taken_at = moment(group.get("timestamp"), now)
        for sampled in items(group.get("sampledValue")):
            yield taken_at, mapping(sampled)


def _unit(sampled: Mapping[str, Any], measurand: str) -> tuple[str, float]:
    """Return the unit and the factor to it: 1.6 has `unit`, 2.0.1 `unitOfMeasure`."""
    named = word(sampled.get("unit"))
    if named is not None:
        return named, 1
    measure = mapping(sampled.get("unitOfMeasure"))
    exponent = number(measure.get("multiplier")) or 0.0
    factor = 10 ** int(max(-_LARGEST_EXPONENT, min(_LARGEST_EXPONENT, exponent)))
    # Wh is the default for energy in both versions.
    return word(measure.get("unit")) or ("Wh" if measurand.startswith("Energy.") else ""), factor
