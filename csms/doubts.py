"""What a charger tells of a transaction and cannot be: kept as it came, named, not counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from csms.readings import credible_moment
from storage.records import Transaction

# A time that is missing or unreadable, or no clock that is set tells it: ours stands instead.
NOT_CREDIBLE = "timestamp_not_credible"
AHEAD = "clock_ahead"
ENDS_BEFORE_START = "ends_before_start"
BACKWARDS = "register_backwards"
IMPLAUSIBLE = "register_implausible"

_TOLERATED_AHEAD = timedelta(minutes=5)
# No car takes more in one session, and no charger of today gives more for long.
_MOST_ENERGY = 1e9  # Wh
_MOST_POWER = 1e6  # W
# What is told late, by a clock that was never set, seems to have taken no time.
_SLACK = timedelta(hours=1)
_LARGEST_REGISTER = 1e11  # Wh: ten years at that power
# Samples in kWh are rounded, the stop's meter is not.
_ROUNDING = 100.0  # Wh


def doubted(known: Transaction, doubt: str | None) -> Transaction:
    """Return a record with one more doubt, if it is one and not there yet."""
    if doubt is None or doubt in known.doubts:
        return known
    return replace(known, doubts=(*known.doubts, doubt))


def doubt_of_time(told: Any, now: datetime) -> str | None:
    """Name what is wrong with a timestamp, None where nothing is."""
    found = credible_moment(told, now)
    if found is None:
        return NOT_CREDIBLE
    return AHEAD if found > now + _TOLERATED_AHEAD else None


def counted(known: Transaction, register: float | None, at: datetime) -> Transaction:
    """Return a record as a reading of the energy register in Wh leaves it.

    A register that runs backwards or faster than any charger changes no energy.
    """
    if register is None:
        return known
    doubt = _doubt_of_register(known, register, at)
    if doubt is not None:
        return doubted(known, doubt)
    start = register if known.meter_start_wh is None else known.meter_start_wh
    if register < start:
        return known
    return replace(known, meter_start_wh=start, energy_wh=register - start)


def _doubt_of_register(known: Transaction, register: float, at: datetime) -> str | None:
    if not 0 <= register <= _LARGEST_REGISTER:
        return IMPLAUSIBLE
    if known.meter_start_wh is None:
        return None
    energy = register - known.meter_start_wh
    if energy < (known.energy_wh or 0.0) - _ROUNDING:
        return BACKWARDS
    hours = (max(at - known.started_at, timedelta()) + _SLACK) / timedelta(hours=1)
    return IMPLAUSIBLE if energy > min(_MOST_ENERGY, _MOST_POWER * hours) else None
