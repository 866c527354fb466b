"""Start and stop transactions from afar, and keep what belongs to the session.

A start is noted before it is sent, as some chargers begin at once. One that the charger refuses
is forgotten; one that it does not answer may begin all the same.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from csms.commands import Outcome, Performers, RemoteStart, RemoteStop
from csms.errors import CallRefused, InvalidCommand, LinkBusy, NotStored
from csms.operator_profiles import ready_start
from csms.parties import PLATFORM
from csms.told import outcome as joined
from csms.turns import held
from storage.operation_records import AskedStart

if TYPE_CHECKING:
    from csms.station import Station

_ACCEPTED = "Accepted"
# What a start ends with that the charger has not heard of, or will not try.
_NOT_TRIED = (CallRefused, InvalidCommand, LinkBusy, NotStored)


async def start(station: Station, command: RemoteStart) -> Outcome:
    """Ask the charger to start; the token is accepted from now on, by the platform.

    Raises as ``Station.ask``, and StorageError.
    """
    books, now = station.books, station.books.clock.now()
    asked = AskedStart(
        key=station.key,
        remote_start_id=command.remote_start_id,
        evse_id=command.evse_id,
        id_token=command.id_token,
        details=command.details,
        created_at=now,
    )
    books.id_tokens.note_accepted(station.key, command.id_token, "platform", now)
    books.remote_starts.note(asked)  # in the commit of what is sent, or in one before
    try:
        outcome = await _with_profile(station, command)
    except _NOT_TRIED:
        books.remote_starts.drop(asked)
        raise
    if outcome.status != _ACCEPTED:
        books.remote_starts.drop(asked)
    return outcome


async def stop(station: Station, command: RemoteStop) -> Outcome:
    """Ask the charger to stop a transaction, and remember that we did; raise as ``Station.ask``.

    One at a time: a refusal is of the one, and not of others that wait. Raises StorageError.
    """
    async with held(station.stopping):
        return await _stop(station, command)


async def _stop(station: Station, command: RemoteStop) -> Outcome:
    ledger, key = station.books.transactions, station.key
    before = await ledger.note_stop_asked(key, command.transaction_id)
    try:
        outcome = await station.remote_stop(command)
    except _NOT_TRIED:
        await ledger.note_stop_refused(key, command.transaction_id, before)
        raise
    if outcome.status != _ACCEPTED:
        await ledger.note_stop_refused(key, command.transaction_id, before)
    return outcome


async def _with_profile(station: Station, command: RemoteStart) -> Outcome:
    """Ask with the profile, which is bound to the transaction that comes of it."""
    if command.profile is None:
        return await station.remote_start(command)
    profiles, evse_id = station.profiles, command.evse_id or 0
    async with profiles.choosing():
        ready = await ready_start(station, evse_id, command.profile, command.meta)
        sent = await profiles.starting(PLATFORM, evse_id, ready.wish.profile)
        expected = {**ready.wish.meta, "id_token": command.id_token, "sent": sent}
        wish = replace(ready.wish, meta=expected)
        await profiles.expect(wish)
    try:
        outcome = await station.remote_start(replace(command, profile=sent))
    except _NOT_TRIED:
        await profiles.expect_no_more(wish)
        raise
    if outcome.status != _ACCEPTED:
        await profiles.expect_no_more(wish)
    return joined(outcome.status, ready.told, outcome.status_info, outcome.response)


PERFORMERS: Performers = MappingProxyType({RemoteStart: start, RemoteStop: stop})
