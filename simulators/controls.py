"""What a CSMS may make a charger do, in words that no OCPP version owns."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from simulators.charging import belong, fits_start
from simulators.conversation import tell
from simulators.hardware import Evse, Reservation, Transaction
from simulators.profiles import read
from simulators.watched import Fields

if TYPE_CHECKING:
    from simulators.charger import Charger

Availability = Literal["Accepted", "Scheduled", "Rejected"]
Reserved = Literal["Accepted", "Occupied", "Rejected", "Unavailable"]

# What state an EVSE may be in to start, and what a reservation is answered in each of the others.
_STARTABLE = frozenset({"Available", "Preparing", "Finishing", "Reserved"})
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
    if evse.transaction is not None and evse.transaction.authorized:
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
    if own is not None and not fits_start(charger, own):
        return False

    async def ask_and_begin(*, ask: bool) -> None:
        if ask and not await charger.authorize(id_token, token_type):
            return
        if free_evse(charger, evse.id, id_token) is None:
            return  # somebody else was faster
        if own is not None:
            charger.hardware.profiles.put(own)
        begun = charger.begin(evse.id, id_token, token_type, remote_start_id)
        if own is not None:
            belong(charger, own, begun)

    asks = charger.settings.flag(charger.voice.names.authorize_remote)
    if asks and charger.habits.asks_before_answering:
        if not await charger.authorize(id_token, token_type):
            return False
        asks = False
    charger.later(ask_and_begin(ask=asks))
    return True


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
    for evse in charger.hardware.evses.values():
        if not evse.operative:
            _end_reservation(charger, evse, "Removed")
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
    free.reservation = kept = Reservation(id, id_token, expires_at)
    charger.meanwhile(_expire(charger, free, kept))
    charger.changed()
    return "Accepted"


async def _expire(charger: Charger, evse: Evse, kept: Reservation) -> None:
    """Wait until a reservation is gone; tell the CSMS where its time has run out (H04)."""

    def over(_: Charger) -> bool:
        return evse.reservation is not kept or kept.expires_at <= charger.now()

    with contextlib.suppress(TimeoutError):
        left = (kept.expires_at - charger.now()).total_seconds()
        await charger.until(over, timeout=max(0.0, left))
    if evse.reservation is kept:
        _end_reservation(charger, evse, "Expired")


def _end_reservation(charger: Charger, evse: Evse, status: str) -> None:
    kept, evse.reservation = evse.reservation, None
    message = charger.voice.unreserved(kept.id, status) if kept is not None else None
    if message is not None:
        charger.meanwhile(tell(charger, *message))
    charger.changed()


def cancel_reservation(charger: Charger, id: int) -> bool:
    """Give up a reservation; False for one that is not known."""
    for evse in charger.hardware.evses.values():
        kept = charger.hardware.reservation(evse)
        if kept is not None and kept.id == id:
            evse.reservation = None
            charger.changed()
            return True
    return False
