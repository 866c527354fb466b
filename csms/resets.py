"""Send the resets that wait until their charger is not busy any more.

A reset waits on disk, one for each owner, and goes out when its moment has come, also after a
restart of either side. A target's waits until nothing charges, because it must not end another
party's session; the platform's OnIdle on 1.6, which has no word for it, until nothing at all goes
on at the charger. The charger is not made Inoperative meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from csms.commands import Outcome
from csms.errors import AnswerTimeout, CallRefused, LinkBusy, LinkClosed, LinkError, NotStored
from csms.parties import PLATFORM
from csms.readings import mapping, whole
from storage.errors import StorageError
from storage.repositories.availability import DeferredReset
from storage.repositories.commands import State

if TYPE_CHECKING:
    from csms.station import Station
    from storage.records import ConnectorStatus, Transaction

log = structlog.get_logger("ringmain.resets")

ACTION = "Reset"
_JOBS = frozenset(
    {
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "SignedFirmwareStatusNotification",
    }
)
# What may be the last thing that a charger says before it is not busy any more.
HEARD = _JOBS | {
    "BootNotification",
    "NotifyEvent",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
    "TransactionEvent",
}
# A transaction whose connector says this was lost: nothing charges there.
_NOT_CHARGING = frozenset({"Available", "Faulted", "Reserved", "Unavailable"})
_BUSY = frozenset(
    {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved"}
)
_AT_WORK = frozenset(
    {
        "Downloading",
        "Downloaded",
        "DownloadPaused",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
        "Uploading",
    }
)
_LONGEST_JOB = timedelta(days=1)  # after which it has ended, whatever was told of it
_MOST_ATTEMPTS = 3
_SOFT, _IMMEDIATE = b'{"type":"Soft"}', b'{"type":"Immediate"}'
SCHEDULED = "Scheduled"
_TAKEN = frozenset({"Accepted", SCHEDULED})


class Resets:
    """Hold the resets of one connected charger back, and send each when its moment has come."""

    __slots__ = (
        "_at_work",
        "_booted",
        "_changes",
        "_heard",
        "_holding",
        "_spoken",
        "_station",
        "_stored",
        "_task",
        "_waiting",
    )

    def __init__(self, station: Station) -> None:
        self._station = station
        self._stored = station.books.deferred_resets
        self._waiting = True  # until storage has said that there is none
        self._holding = asyncio.Lock()
        self._heard = False  # something since the last look
        self._spoken = False  # on this link
        self._changes = 0  # told, of what it is idle by
        self._booted = False  # on this link, since a reset went out
        self._at_work: frozenset[str] = frozenset()  # jobs, by what tells their status
        self._task: asyncio.Task[None] | None = None

    async def hold(self, reset: DeferredReset) -> None:
        """Let a reset wait, in the place of its owner's last one; raise StorageError."""
        async with self._holding:
            replaced = await self._stored.take(reset.key, reset.owner)
            await self._stored.note(reset)
        if replaced is not None:
            self._end(replaced, "failed", {"error": "A later reset has taken its place."})
        self._waiting = True
        self.look()  # what it waits for may have ended meanwhile

    async def charges(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether a transaction runs, on the EVSE that a reset is about if it names one.

        Raises StorageError.
        """
        return await self._as_it_is(partial(self._charges, fields))

    async def _charges(self, fields: Mapping[str, Any]) -> bool:
        books, key = self._station.books, self._station.key
        await books.profiles.flush()  # what begins or ends was noted a moment ago
        running = await books.transactions.running(key)
        evse_id = whole(fields.get("evseId"))
        concerned = [one for one in running if evse_id in (None, 0, one.evse_id)]
        if not concerned:
            return False
        connectors = await books.chargers.connectors(key)
        return any(not _is_lost(one, connectors) for one in concerned)

    async def busy(self) -> bool:
        """Tell whether anything goes on at the charger: a session, a plug, a reservation, a job.

        Raises StorageError.
        """
        return await self._as_it_is(self._busy)

    async def _busy(self) -> bool:
        if self._at_work or await self._charges({}):
            return True
        books, key = self._station.books, self._station.key
        if any(one.status in _BUSY for one in await books.chargers.connectors(key)):
            return True
        return await self._stored.awaits_job(key, books.clock.now() - _LONGEST_JOB)

    async def _as_it_is(self, tell: Callable[[], Awaitable[bool]]) -> bool:
        """Look again where the charger has said something while the books were read."""
        seen = -1
        while seen != self._changes:
            seen = self._changes
            if await tell():
                return True
        return False

    async def schedule(self, payload: bytes, command_id: str | None) -> Outcome:
        """Let the platform's own reset wait; raise StorageError."""
        now = self._station.books.clock.now()
        await self.hold(DeferredReset(self._station.key, PLATFORM, payload, now, command_id))
        return Outcome(SCHEDULED, {"status": SCHEDULED}, pending=True)

    async def at_once(self, outcome: Outcome) -> Outcome:
        """Let nothing wait any more that a reset of the whole charger has done; raise StorageError.

        Returns what the charger has answered to it.
        """
        if outcome.status in _TAKEN:
            for one in await self._stored.of(self._station.key):
                await self._done(one, "answered", outcome.response)
        return outcome

    def heard(self, action: str, fields: Any) -> None:
        """See whether a reset may go out now, after what the charger said."""
        self._spoken = True
        self._changes += 1
        if action in _JOBS:
            at_work = mapping(fields).get("status") in _AT_WORK
            self._at_work = self._at_work | {action} if at_work else self._at_work - {action}
        elif action == "BootNotification":
            self._booted, self._at_work = True, frozenset()
        self.look()

    def look(self) -> None:
        """See soon whether a reset may go out."""
        if not self._waiting or self._station.link.closed:  # nobody would end the task
            return
        self._heard = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._attend())

    async def close(self) -> None:
        """Send nothing any more; what waits goes on waiting on disk."""
        self._waiting = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _attend(self) -> None:
        while self._heard:
            self._heard = False
            await asyncio.sleep(self._station.books.settling)  # it has our answer first
            try:
                await self._send_due()
            except LinkBusy:
                self._heard = True  # it may say nothing for long
            except (LinkError, StorageError) as failure:  # it waits on
                self._heard |= isinstance(failure, (NotStored, StorageError))
                log.warning("reset_waits", charge_box_id=self._station.id, reason=str(failure))

    async def _send_due(self) -> None:
        while (due := await self._due()) is not None:
            await self._send(due)

    async def _due(self) -> DeferredReset | None:
        waiting = await self._stored.of(self._station.key)
        self._waiting = bool(waiting)
        for one in waiting:
            if one.attempts and not self._spoken:
                continue  # its boot may be about to come
            has_to_wait = await self._has_to_wait(one)
            if one.attempts and (self._booted or one.attempts >= _MOST_ATTEMPTS):
                told = "has restarted without answering" if self._booted else "does not answer"
                await self._done(one, "timeout", {"error": f"The charger {told}."})
            elif not has_to_wait:
                return one
        return None

    async def _has_to_wait(self, reset: DeferredReset) -> bool:
        if reset.owner == PLATFORM:
            return await self.busy()
        return await self.charges(orjson.loads(reset.payload))

    async def _send(self, reset: DeferredReset) -> None:
        link = self._station.link
        if link.closed is not None:
            raise link.closed
        waits = await self._stored.note_attempts(reset, reset.attempts + 1)
        if not waits or (reset.attempts and self._booted):
            return  # it was cancelled in the very moment, or is done
        self._booted = False
        try:
            # At once or not at all: who waits for his turn may be cancelled, and a session begin.
            answer = await link.call(ACTION, self._words(reset), patience=0.0)
        except CallRefused as refused:  # an answer as well: asking again would not change it
            log.warning("reset_refused", charge_box_id=self._station.id, code=refused.error.code)
            await self._done(reset, "failed", {"error": str(refused)})
        except (AnswerTimeout, LinkClosed):  # it may have had it
            raise
        except LinkError:
            await self._stored.note_attempts(reset, reset.attempts)
            raise
        else:
            response = mapping(answer.fields)
            await self._done(reset, "answered", response)
            if not orjson.loads(reset.payload).get("evseId"):
                await self.at_once(Outcome(str(response.get("status")), response))

    def _words(self, reset: DeferredReset) -> bytes:
        """Return what the charger is told: it may have come back with another OCPP version."""
        station = self._station
        if station.schemas.request(ACTION, orjson.loads(reset.payload)) is None:
            return reset.payload
        return _SOFT if station.version == "1.6" else _IMMEDIATE

    async def _done(self, reset: DeferredReset, state: State, response: Mapping[str, Any]) -> None:
        # Whoever takes it out ends its record: it may have been cancelled or replaced meanwhile.
        if await self._stored.end(reset):
            self._end(reset, state, response)

    def _end(self, reset: DeferredReset, state: State, response: Mapping[str, Any]) -> None:
        if reset.command_id is not None:
            books = self._station.books
            books.commands.note_ended(reset.command_id, state, response, books.clock.now())


def _is_lost(transaction: Transaction, connectors: list[ConnectorStatus]) -> bool:
    """Tell whether a transaction cannot be running: its end never came."""
    told = [one.status for one in connectors if one.evse_id == transaction.evse_id]
    return bool(told) and all(status in _NOT_CHARGING for status in told)
