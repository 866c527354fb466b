"""What a transaction is, from the messages of every OCPP version: one record in the ledger.

1.6 asks the server for the id, and its natural key tells a repeated start; in 2.x the id is the
station's. Everything is noted without waiting: the Link's next send waits for the commit.
"""

from __future__ import annotations

import secrets
from asyncio import Lock
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from csms import beginnings, endings
from csms.asked_starts import AskedStarts
from csms.doubts import counted, doubt_of_time, doubted
from csms.readings import energy_registers, mapping, meter_values, moment
from csms.restarts import Restarts
from csms.transaction_records import TransactionRecords
from storage.clock import Clock
from storage.records import ChargerKey, Transaction
from storage.repositories.remote_starts import RemoteStarts
from storage.repositories.transactions import Transactions


def nobody_minds(_key: ChargerKey, _transaction_id: str) -> None:
    """Let a charger name a transaction that is not its own: it is recorded as an orphan."""


def random_transaction_id() -> int:
    """Return a random positive 31-bit id, so that nobody guesses another charger's (S-21)."""
    return secrets.randbelow(2**31 - 1) + 1


class TransactionLedger:
    """Keep one record per transaction, whatever the order and the repeats of its messages.

    A charger's message never touches a transaction of another charger (CVE-2026-28230).
    """

    def __init__(
        self,
        transactions: Transactions,
        remote_starts: RemoteStarts,
        clock: Clock,
        new_transaction_id: Callable[[], int] = random_transaction_id,
        max_known: int = 16_384,
        unknown: Callable[[ChargerKey, str], None] = nobody_minds,
    ) -> None:
        self._unknown = unknown
        self._records = TransactionRecords(transactions, max_known)
        self._asked = AskedStarts(remote_starts, clock)
        self._clock = clock
        self._new_transaction_id = new_transaction_id
        # A second socket of a charger may bring the same start while we look for the first.
        self._beginning = Lock()
        self._restarts = Restarts(max_known)

    # ---- what 1.6 tells ----

    async def start(
        self,
        key: ChargerKey,
        *,
        evse_id: Any,
        id_token: Any,
        timestamp: Any,
        meter_start: Any,
        given: int | None = None,
    ) -> int:
        """Record a 1.6 start and return its id; a repeat gets the id that it got before.

        ``given`` is the id where somebody else has chosen it.
        """
        start = beginnings.started(
            key,
            self._clock.now(),
            evse_id=evse_id,
            id_token=id_token,
            timestamp=timestamp,
            meter=meter_start,
        )
        async with self._beginning:
            found = await self._records.started_like(start)
            if found is None or given not in (None, int(found.transaction_id)):
                minted = str(given) if given else await self._mint(key)
                begun = await self._asked.like(replace(start, transaction_id=minted))
                found = await self._note_begun(begun)
        return int(found.transaction_id)

    async def meter(
        self, key: ChargerKey, transaction_id: str, meter_value: Any, evse_id: Any = None
    ) -> None:
        """Record meter values of a 1.6 transaction."""
        known = await self._records.find(key, transaction_id)
        if known is None:
            at = beginnings.first_moment(meter_value, self._clock.now())
            lost = beginnings.orphan(key, transaction_id, at, evse_id=evse_id)
            known = self._adopt(lost)
        await self._note_values(known, meter_value)

    async def stop(
        self,
        key: ChargerKey,
        transaction_id: str | None,
        *,
        timestamp: Any,
        meter_stop: Any,
        reason: Any,
        transaction_data: Any,
        id_token: Any = None,
    ) -> None:
        """Record the end of a 1.6 transaction; a repeat changes nothing.

        One that got no id from any server ends as an orphan.
        """
        if transaction_id is None:
            transaction_id = beginnings.name_of_nameless(timestamp, meter_stop, id_token)
        known = await self._records.find(key, transaction_id)
        if known is None:
            told_at = moment(timestamp, self._clock.now())
            at = min(told_at, beginnings.first_moment(transaction_data, told_at))
            lost = beginnings.orphan(key, transaction_id, at, id_token=id_token)
            known = self._adopt(lost)
        if not endings.over(known):
            metered = await self._note_values(known, transaction_data)
            self._note_end(metered, timestamp=timestamp, meter_stop=meter_stop, reason=reason)

    def _adopt(self, lost: Transaction) -> Transaction:
        # Its own in any case: whoever names another charger's id changes nothing there (S-21).
        if lost.transaction_id.isdecimal():  # else it had no id from any server
            self._unknown(lost.key, lost.transaction_id)
        return self._records.adopt(lost)

    # ---- what 2.x tells ----

    async def event(
        self,
        key: ChargerKey,
        *,
        event_type: Any,
        timestamp: Any,
        transaction_info: Any,
        evse: Any,
        id_token: Any,
        meter_value: Any,
    ) -> None:
        """Record a 2.x TransactionEvent; the first one seen begins the record, Started or not.

        ``seqNo`` decides nothing: some stations begin to count anew within a transaction.
        """
        now, info, ends = self._clock.now(), mapping(transaction_info), event_type == "Ended"
        told = beginnings.told(
            key, now, timestamp=timestamp, info=info, evse=evse, id_token=id_token
        )
        if told is None:
            return
        known = await self._records.find(key, told.transaction_id)
        if known is None:
            async with self._beginning:
                known = await self._records.find(key, told.transaction_id)
                known = known or await self._begin(told, meter_value, last=ends)
        if endings.over(known):
            return
        known = await self._learn(known, told)
        known = await self._resume(known, told.started_at)
        known = await self._note_values(known, meter_value)
        if ends:
            stopped = info.get("stoppedReason")
            self._note_end(known, timestamp=timestamp, meter_stop=None, reason=stopped)

    # ---- what chargers of every version tell besides ----

    async def booted(self, key: ChargerKey) -> None:
        """Take note that a charger was let in anew: what it ran before is in question.

        Chargers boot at reconnects too, so nothing ends before a connector says that it is idle.
        """
        self._restarts.begin(key, self._clock.now(), await self.running(key))

    def idle(self, key: ChargerKey, evse_id: int, connector_id: int) -> None:
        """Take note that a connector has no transaction: what a restart put in question is over."""
        for booted_at, suspect in self._restarts.take(key, evse_id, connector_id):
            known = self._records.latest(suspect)
            if known.state == "running":
                self._records.change(endings.lost_at_boot(known, booted_at))

    # ---- what we ask ----

    async def note_stop_asked(self, key: ChargerKey, transaction_id: str) -> datetime | None:
        """Note that we are about to ask the charger to end a transaction; raise StorageError.

        Returns when we had asked for it before.
        """
        return await self._note_stop(key, transaction_id, self._clock.now())

    async def note_stop_refused(
        self, key: ChargerKey, transaction_id: str, before: datetime | None = None
    ) -> None:
        """Note that the charger will not end it as we asked; raise StorageError.

        What we had asked ``before`` still holds: it may be at it already.
        """
        await self._note_stop(key, transaction_id, before)

    async def _note_stop(
        self, key: ChargerKey, transaction_id: str, asked_at: datetime | None
    ) -> datetime | None:
        known = await self._records.find(key, transaction_id)
        if known is None or endings.over(known):
            return None
        self._records.change(replace(known, stop_asked_at=asked_at))
        return known.stop_asked_at

    async def busy(self, key: ChargerKey) -> bool:
        """Tell whether a transaction of this charger is running."""
        return bool(await self.running(key))

    async def running(self, key: ChargerKey) -> list[Transaction]:
        """Return what runs on this charger, as last noted, oldest first."""
        return await self._records.running(key)

    # ---- how it begins ----

    async def _mint(self, key: ChargerKey) -> str:
        return await self._records.mint(key.organization_uuid, self._new_transaction_id)

    async def _begin(self, told: Transaction, meter_value: Any, *, last: bool) -> Transaction:
        now = self._clock.now()
        values = meter_values(told.key, told.transaction_id, told.evse_id, meter_value, now)
        begun = await self._asked.named(told)
        begun = replace(begun, meter_start_wh=next(iter(energy_registers(values)), None))
        # What is over when we first hear of it began before whatever runs.
        return await self._note_begun(begun, alone=not last)

    async def _note_begun(self, begun: Transaction, *, alone: bool = True) -> Transaction:
        begun = doubted(begun, doubt_of_time(begun.start_timestamp, self._clock.now()))
        if alone:
            await self._supersede(begun)
        return self._records.begin(begun)

    async def _supersede(self, following: Transaction) -> None:
        for known in await self.running(following.key):
            if (over := endings.superseded(known, following)) is not None:
                self._records.change(over)

    # ---- how it goes on ----

    async def _learn(self, known: Transaction, told: Transaction) -> Transaction:
        # Where the cable comes first, the token and the EVSE are told by a later event.
        learnt = replace(
            known,
            evse_id=known.evse_id or told.evse_id,
            connector_id=told.connector_id if known.connector_id is None else known.connector_id,
            id_token=known.id_token or told.id_token,
            remote_start_id=known.remote_start_id or told.remote_start_id,
        )
        if learnt == known:
            return known
        if known.remote_start_id is None:
            learnt = await self._asked.named(learnt)
        if not known.evse_id and learnt.state == "running":
            learnt = await self._behind_others(learnt)
            if learnt.state == "running":
                await self._supersede(learnt)
        return self._note_looked_through(learnt)

    async def _resume(self, known: Transaction, at: datetime) -> Transaction:
        resumed = endings.resumed(known, at)
        if resumed is known:
            return known
        return self._note_looked_through(await self._behind_others(resumed))

    def _note_looked_through(self, changed: Transaction) -> Transaction:
        # We may have asked for its stop while others were looked for.
        asked_at = self._records.latest(changed).stop_asked_at
        changed = replace(changed, stop_asked_at=asked_at)
        self._records.change(changed)
        return changed

    async def _behind_others(self, known: Transaction) -> Transaction:
        for other in await self.running(known.key):  # begun since, on its EVSE
            known = endings.superseded(known, other) or known
        return known

    async def _note_values(self, known: Transaction, wire: Any) -> Transaction:
        now = self._clock.now()
        values = meter_values(known.key, known.transaction_id, known.evse_id, wire, now)
        if not values:
            return known
        if endings.over(known):
            self._records.measure(values, known, counted=False)
            return known
        latest = max(value.taken_at for value in values)
        self._restarts.clear(known, latest)
        known = await self._resume(known, latest)
        register = next(reversed(energy_registers(values)), None)
        metered = counted(known, register, latest)
        if metered.doubts != known.doubts:
            self._records.change(metered)
        self._records.measure(values, metered, counted=register is not None)
        return metered

    def _note_end(
        self, known: Transaction, *, timestamp: Any, meter_stop: Any, reason: Any
    ) -> None:
        now = self._clock.now()
        self._records.change(
            endings.ended(known, now, timestamp=timestamp, meter_stop=meter_stop, reason=reason)
        )
