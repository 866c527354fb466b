"""How a transaction ends: by its charger's word, or by what follows from other things it says.

What only follows is put right by whatever the charger tells later (ADR 0020).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from csms.doubts import ENDS_BEFORE_START, counted, doubt_of_time, doubted
from csms.readings import moment, number, word
from storage.records import Transaction

_USUAL_REASON = "Local"  # what a station means that gives none, in both versions
# With these a connector has no transaction: the words say so (1.6 §7.7, 2.0.1 §3.20).
WITHOUT_TRANSACTION: Final = frozenset({"Available", "Finishing", "Preparing", "Reserved"})


def concluded(known: Transaction) -> bool:
    """Tell whether an end is our own conclusion."""
    return known.ended_by in ("superseded", "boot")


def over(known: Transaction) -> bool:
    """Tell whether the charger itself has told the end: nothing of it changes any more."""
    return known.stopped_at is not None and not concluded(known)


def ended(
    known: Transaction, now: datetime, *, timestamp: Any, meter_stop: Any, reason: Any
) -> Transaction:
    """Return a transaction as its charger ends it; without a meter the last reading counts."""
    told, meter = moment(timestamp, now), number(meter_stop)
    stopped_at = max(known.started_at, told)
    doubting = doubted(known, doubt_of_time(timestamp, now))
    if told < known.started_at:
        doubting = doubted(doubting, ENDS_BEFORE_START)
    return replace(
        counted(doubting, meter, stopped_at),
        state="orphan" if known.state == "orphan" else "ended",
        stopped_at=stopped_at,
        meter_stop_wh=_last_register(known) if meter is None else meter,
        stop_reason=word(reason) or _USUAL_REASON,
        ended_by="operator" if known.stop_asked_at else "charger",
    )


def superseded(known: Transaction, following: Transaction) -> Transaction | None:
    """Return a running transaction as the next one on its EVSE ends it, None where it does not.

    What began before it and is told late does not end it.
    """
    if known.state != "running" or known.transaction_id == following.transaction_id:
        return None
    if not known.evse_id or known.evse_id != following.evse_id:
        return None
    if following.started_at < known.started_at:
        return None
    return _conclude(known, "superseded", following.started_at)


def lost_at_boot(known: Transaction, booted_at: datetime) -> Transaction:
    """Return a running transaction that its charger has not brought through a restart."""
    return _conclude(known, "boot", max(booted_at, known.started_at))


def resumed(known: Transaction, at: datetime) -> Transaction:
    """Return a transaction as it is when its charger tells of it from a moment.

    What was told since the boot that seemed to end it shows that it runs.
    """
    if known.ended_by != "boot" or known.stopped_at is None or at <= known.stopped_at:
        return known
    return replace(known, state="running", stopped_at=None, meter_stop_wh=None, ended_by=None)


def _conclude(known: Transaction, ended_by: Any, stopped_at: datetime) -> Transaction:
    return replace(
        known,
        state="ended",
        stopped_at=stopped_at,
        meter_stop_wh=_last_register(known),
        ended_by=ended_by,
    )


def _last_register(known: Transaction) -> float | None:
    if known.meter_start_wh is None or known.energy_wh is None:
        return None
    return round(known.meter_start_wh + known.energy_wh, 3)  # no meter has more digits
