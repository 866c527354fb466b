"""What a CSMS may make a charger do, in words that no OCPP version owns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from simulators.hardware import Evse, Reservation, Transaction
from simulators.profiles import (
    EXTERNAL,
    STATION_MAX,
    TX,
    Profile,
    Running,
    composite,
    read,
)
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger

Availability = Literal["Accepted", "Scheduled", "Rejected"]
Reserved = Literal["Accepted", "Occupied", "Rejected", "Unavailable"]

# What state an EVSE may be in to start, and what a reservation is answered in each of the others.
_STARTABLE = frozenset({"Available", "Preparing", "Finishing", "Reserved"})
_NO_TRANSACTION = "TxNotFound"
_RESERVABLE: dict[str, Reserved] = {"Available": "Accepted", "Unavailable": "Unavailable"}


# ---- transactions ----


def running(charger: Charger, transaction_id: object) -> Transaction | None:
    """Return the running transaction with this id."""
    wanted = str(transaction_id)
    return next((own for own in charger.hardware.transactions if own.id == wanted), None)


def free_evse(charger: Charger, wanted: int | None, id_token: str) -> Evse | None:
    """Return the wanted EVSE, or any, that could start for this token now."""
    evses = charger.hardware.evses
    chosen = evses.values() if wanted is None else [evses[wanted]] if wanted in evses else []
    return next((evse for evse in chosen if _may_start(charger, evse, id_token)), None)


def _may_start(charger: Charger, evse: Evse, id_token: str) -> bool:
    kept = charger.hardware.reservation(evse)
    if kept is not None and kept.id_token != id_token:
        return False
    return charger.hardware.state(evse.id) in _STARTABLE


async def remote_start(
    charger: Charger,
    evse_id: int | None,
    id_token: str,
    token_type: str,
    remote_start_id: int | None = None,
    profile: Fields | None = None,
) -> bool:
    """Start as soon as this is answered; False where it cannot.

    Asks Authorize first where the settings want it: after the answer as the specification draws
    it (F01, F02), or before as many stations do.
    """
    evse = free_evse(charger, evse_id, id_token)
    if evse is None or not charger.connected:
        return False
    own = read(evse.id, profile, charger.now()) if profile else None
    if own is not None and not _for_start(charger, own):
        return False

    async def ask_and_begin(*, ask: bool) -> None:
        if ask and not await charger.authorize(id_token, token_type):
            return
        if free_evse(charger, evse.id, id_token) is None:
            return  # somebody else was faster
        if own is not None:
            charger.hardware.profiles.put(own)
        charger.begin(evse.id, id_token, token_type, remote_start_id)

    asks = charger.settings.flag(charger.voice.names.authorize_remote)
    if asks and charger.habits.asks_before_answering:
        if not await charger.authorize(id_token, token_type):
            return False
        asks = False
    charger.later(ask_and_begin(ask=asks))
    return True


def _for_start(charger: Charger, profile: Profile) -> bool:
    # 1.6 §5.11, 2.0.1 F01.FR.11: the profile of a start is a TxProfile without a transaction.
    if profile.purpose != TX or profile.transaction_id is not None:
        return False
    return _refusal(charger, profile) in (None, _NO_TRANSACTION)


def remote_stop(charger: Charger, transaction_id: object) -> bool:
    """Stop as soon as this is answered; False for an id that is not running."""
    own = running(charger, transaction_id)
    if own is None:
        return False
    charger.later(_end(charger, own, "Remote"))
    return True


async def _end(charger: Charger, transaction: Transaction, reason: str) -> None:
    if transaction.running:
        charger.end(transaction, reason)


def unlock(charger: Charger, evse_id: int) -> None:
    """Open the lock; a transaction ends by it."""
    own = charger.hardware.evses[evse_id].transaction
    if own is not None:
        charger.later(_end(charger, own, "UnlockCommand"))


# ---- availability and reservations ----


def set_availability(charger: Charger, evse_id: int, *, operative: bool) -> Availability:
    """Take an EVSE (0: the station) in or out of service, after its transaction."""
    if evse_id != 0 and evse_id not in charger.hardware.evses:
        return "Rejected"
    at_once = charger.hardware.set_operative(evse_id, operative=operative)
    charger.changed()
    return "Accepted" if at_once else "Scheduled"


def reserve(
    charger: Charger, id: int, evse_id: int | None, id_token: str, expires_at: datetime
) -> Reserved:
    """Keep an EVSE, or any that is free, for a token; the same id moves its reservation."""
    evses = charger.hardware.evses
    chosen = [evses[evse_id]] if evse_id in evses else []
    chosen = list(evses.values()) if not evse_id else chosen
    if not chosen:
        return "Rejected"
    cancel_reservation(charger, id)
    verdicts = {_RESERVABLE.get(charger.hardware.state(evse.id), "Occupied") for evse in chosen}
    if "Accepted" not in verdicts:
        return verdicts.pop()
    free = next(evse for evse in chosen if charger.hardware.state(evse.id) == "Available")
    free.reservation = Reservation(id, id_token, expires_at)
    charger.changed()
    return "Accepted"


def cancel_reservation(charger: Charger, id: int) -> bool:
    """Give up a reservation; False for one that is not known."""
    for evse in charger.hardware.evses.values():
        kept = charger.hardware.reservation(evse)
        if kept is not None and kept.id == id:
            evse.reservation = None
            charger.changed()
            return True
    return False


# ---- charging profiles ----


def install_profile(charger: Charger, evse_id: int, fields: Fields) -> str | None:
    """Obey a profile from now on; return the reason code where it is refused."""
    profile = read(evse_id, fields, charger.now())
    refusal = _refusal(charger, profile)
    if refusal is None:
        charger.hardware.profiles.put(profile)
        charger.limits_changed()
    return refusal


def _refusal(charger: Charger, new: Profile) -> str | None:
    return next((reason for refuses, reason in _RULES if refuses(charger, new)), None)


def has_rival(charger: Charger, evse_id: int, fields: Fields) -> bool:
    """Tell whether another profile lies on the same EVSE, purpose and level."""
    new = read(evse_id, fields, charger.now())
    return charger.hardware.profiles.rival(new) is not None


def _unknown_evse(charger: Charger, new: Profile) -> bool:
    return new.evse_id not in (0, *charger.hardware.evses)


def _wrong_place(_charger: Charger, new: Profile) -> bool:
    # The station's limit belongs on EVSE 0, a transaction's on its EVSE, and a CSMS may set no
    # external constraint (K01.FR.22).
    refused = {STATION_MAX: new.evse_id != 0, TX: new.evse_id == 0, EXTERNAL: True}
    return refused.get(new.purpose, False)


def _level_too_high(charger: Charger, new: Profile) -> bool:
    return not 0 <= new.level <= charger.settings.integer(charger.voice.names.max_level)


def _bad_schedule(charger: Charger, new: Profile) -> bool:
    # The first period begins at once (K01.FR.31).
    most = charger.settings.integer(charger.voice.names.max_periods)
    return not 0 < len(new.periods) <= most or new.periods[0].start != 0


def _unsupported_unit(charger: Charger, new: Profile) -> bool:
    return new.unit not in charger.voice.rate_units(charger.settings)


def _without_transaction(charger: Charger, new: Profile) -> bool:
    if new.purpose != TX:
        return False
    own = charger.hardware.evses[new.evse_id].transaction
    return own is None or new.transaction_id not in (None, own.id)


# In this order; the codes are those of 2.0.1 (Part 2 Appendix 5).
_RULES: tuple[tuple[Callable[[Charger, Profile], bool], str], ...] = (
    (_unknown_evse, "UnknownEvse"),
    (_wrong_place, "InvalidProfile"),
    (_level_too_high, "InvalidStackLevel"),
    (_bad_schedule, "InvalidSchedule"),
    (_unsupported_unit, "UnsupportedRateUnit"),
    (_without_transaction, _NO_TRANSACTION),  # K01.FR.16, .33
)


def clear_profiles(charger: Charger, chosen: Callable[[Profile], bool]) -> bool:
    """Forget the chosen profiles; False where there were none."""
    removed = charger.hardware.profiles.remove(chosen)
    charger.limits_changed()
    return removed > 0


def matches(wanted: Fields) -> Callable[[Profile], bool]:
    """Choose by any of ``id``, ``evse_id``, ``purpose`` and ``level``; None is any."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return lambda profile: all(getattr(profile, name) == value for name, value in given.items())


def schedule(charger: Charger, evse_id: int, duration: int, unit: str) -> Fields:
    """Return chargingRateUnit and chargingSchedulePeriod as they will hold from now on."""
    hardware, now = charger.hardware, charger.now()
    evse = hardware.evses.get(evse_id)
    own = (evse.running if evse else None) or Running("", now)
    steps = composite(
        hardware.profiles,
        lambda moment: hardware.limit_w(evse_id, moment, own),
        now,
        duration,
        own,
    )
    convert = hardware.supply.amperes if unit == "A" else float
    return {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": int(start), "limit": round(convert(watts), 1)} for start, watts in steps
        ],
    }


# ---- restarts and slow jobs ----


async def restart_when_idle(charger: Charger, cause: str, boot_reason: str) -> None:
    """Restart once no transaction is running."""
    await charger.until(lambda c: not c.hardware.transactions, timeout=None)
    await charger.restart(cause, boot_reason)


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


async def report_progress(
    charger: Charger, action: str, steps: tuple[str, ...], extra: Fields, *, step_s: float = 2.0
) -> None:
    """Tell the CSMS how a job goes on, one status every ``step_s`` s of the charger's time."""
    for status in steps:
        await charger.call(action, {"status": status, **extra})
        await charger.pause(step_s)
