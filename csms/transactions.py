"""What a transaction is, from the messages of both OCPP versions: one record in the ledger.

1.6 asks the server for the id, and its natural key tells a repeated start; in 2.0.1 the id is the
station's. Everything is noted without waiting: the Link's next send waits for the commit. What
is noted but not committed yet is kept in mind, because no read shows it.
"""

from __future__ import annotations

import secrets
from asyncio import Future, Lock
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import structlog

from csms.readings import energy_registers, mapping, meter_values, moment, number, whole, word
from storage.clock import Clock
from storage.records import ChargerKey, Transaction
from storage.repositories.transactions import Transactions

log = structlog.get_logger("ringmain.transactions")

_LONGEST_TIMESTAMP = 64
_USUAL_REASON = "Local"  # what a station means that gives none, in both versions


def random_transaction_id() -> int:
    """Return a random positive 31-bit id, so that nobody guesses another charger's (S-21)."""
    return secrets.randbelow(2**31 - 1) + 1


class _Start(NamedTuple):
    """What tells a repeated 1.6 start from a new one (R-3)."""

    key: ChargerKey
    evse_id: int
    id_token: str | None
    start_timestamp: str
    meter_start_wh: float | None


class TransactionLedger:
    """Keep one record per transaction, whatever the order and the repeats of its messages.

    A charger's message never touches a transaction of another charger (CVE-2026-28230).
    """

    def __init__(
        self,
        transactions: Transactions,
        clock: Clock,
        new_transaction_id: Callable[[], int] = random_transaction_id,
        max_known: int = 16_384,
    ) -> None:
        self._transactions = transactions
        self._clock = clock
        self._new_transaction_id = new_transaction_id
        self._max_known = max_known
        # A second socket of a charger may bring the same start while we look for the first.
        self._beginning = Lock()
        self._starting: dict[_Start, Transaction] = {}  # noted, not yet committed
        self._known: dict[tuple[ChargerKey, str], Transaction] = {}  # running, as last noted

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
        written = word(timestamp, _LONGEST_TIMESTAMP) or ""
        start = _Start(key, whole(evse_id) or 0, word(id_token), written, number(meter_start))
        async with self._beginning:
            found = self._starting.get(start) or await self._stored(start)
            if found is None or given not in (None, int(found.transaction_id)):
                minted = str(given) if given else await self._mint(key.organization_uuid)
                found = self._begin_start(start, minted)
        return int(found.transaction_id)

    async def meter(self, key: ChargerKey, transaction_id: str, meter_value: Any) -> None:
        """Record meter values of a 1.6 transaction."""
        known = await self._find(key, transaction_id)
        if known is None:
            _log_unknown(key, transaction_id)
            return
        self._note_values(known, meter_value)

    async def stop(
        self,
        key: ChargerKey,
        transaction_id: str,
        *,
        timestamp: Any,
        meter_stop: Any,
        reason: Any,
        transaction_data: Any,
    ) -> None:
        """Record the end of a 1.6 transaction; a repeat changes nothing."""
        known = await self._find(key, transaction_id)
        if known is None:
            _log_unknown(key, transaction_id)
        elif known.state == "running":
            metered = self._note_values(known, transaction_data)
            self._note_end(metered, timestamp, number(meter_stop), reason)

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
        """Record a 2.0.1 TransactionEvent; the first one seen begins the record, Started or not.

        ``seqNo`` decides nothing: some stations begin to count anew within a transaction.
        """
        info = mapping(transaction_info)
        transaction_id = word(info.get("transactionId"))
        if transaction_id is None:
            return
        told = Transaction(
            key=key,
            transaction_id=transaction_id,
            evse_id=whole(mapping(evse).get("id")) or 0,
            connector_id=whole(mapping(evse).get("connectorId")),
            id_token=word(mapping(id_token).get("idToken")),
            started_at=moment(timestamp, self._clock.now()),
            remote_start_id=whole(info.get("remoteStartId")),
            start_timestamp=word(timestamp, _LONGEST_TIMESTAMP) or "",
        )
        known = await self._find(key, transaction_id)
        if known is None:
            async with self._beginning:
                known = await self._find(key, transaction_id) or self._begin(told, meter_value)
        if known.state == "running":
            known = self._note_values(self._note_particulars(known, told), meter_value)
            if event_type == "Ended":
                self._note_end(known, timestamp, None, info.get("stoppedReason"))

    async def busy(self, key: ChargerKey) -> bool:
        """Tell whether a transaction of this charger is running."""
        starting = any(start.key == key for start in self._starting)
        return starting or bool(await self.running(key))

    async def running(self, key: ChargerKey) -> list[Transaction]:
        """Return what runs on this charger, as last noted, oldest first."""
        stored = await self._transactions.running(key)
        latest = [self._known.get((key, one.transaction_id), one) for one in stored]
        return [one for one in latest if one.state == "running"]

    async def _stored(self, start: _Start) -> Transaction | None:
        stored = await self._transactions.find_start(*start)
        if stored is None:
            return None
        latest = self._known.get((start.key, stored.transaction_id), stored)
        return latest if latest.state == "running" else None

    async def _mint(self, organization_uuid: str) -> str:
        while True:
            minted = str(self._new_transaction_id())
            # In this order: what is committed between both questions is seen by the second.
            if self._promised(organization_uuid, minted):
                continue
            if not await self._transactions.taken(organization_uuid, minted):
                return minted

    def _promised(self, organization_uuid: str, transaction_id: str) -> bool:
        return any(
            one.key.organization_uuid == organization_uuid and one.transaction_id == transaction_id
            for one in self._starting.values()
        )

    async def _find(self, key: ChargerKey, transaction_id: str) -> Transaction | None:
        known = self._known.get((key, transaction_id))
        if known is not None:
            return known
        stored = await self._transactions.get(key, transaction_id)
        known = self._known.get((key, transaction_id))  # noted while we read?
        if known is None and stored is not None and stored.state == "running":
            self._remember(stored)
        return known or stored

    def _begin_start(self, start: _Start, transaction_id: str) -> Transaction:
        begun = Transaction(
            key=start.key,
            transaction_id=transaction_id,
            evse_id=start.evse_id,
            connector_id=1,
            id_token=start.id_token,
            started_at=moment(start.start_timestamp, self._clock.now()),
            meter_start_wh=start.meter_start_wh,
            start_timestamp=start.start_timestamp,
        )
        self._starting[start] = begun
        noted = self._note_start(begun)
        noted.add_done_callback(lambda _: self._starting.pop(start, None))
        return begun

    def _begin(self, told: Transaction, meter_value: Any) -> Transaction:
        now = self._clock.now()
        values = meter_values(told.key, told.transaction_id, told.evse_id, meter_value, now)
        begun = replace(told, meter_start_wh=next(iter(energy_registers(values)), None))
        self._note_start(begun)
        return begun

    def _note_particulars(self, known: Transaction, told: Transaction) -> Transaction:
        # Where the cable comes first, the token and the EVSE are told by a later event.
        learnt = replace(
            known,
            evse_id=known.evse_id or told.evse_id,
            connector_id=told.connector_id if known.connector_id is None else known.connector_id,
            id_token=known.id_token or told.id_token,
            remote_start_id=known.remote_start_id or told.remote_start_id,
        )
        if learnt != known:
            self._keep(learnt, self._transactions.note_particulars(learnt))
        return learnt

    def _note_start(self, begun: Transaction) -> Future[None]:
        noted: Future[None] = self._transactions.note_started(begun)
        self._keep(begun, noted)
        return noted

    def _note_values(self, known: Transaction, wire: Any) -> Transaction:
        now = self._clock.now()
        values = meter_values(known.key, known.transaction_id, known.evse_id, wire, now)
        if not values:
            return known
        register = next(reversed(energy_registers(values)), None)
        noted = self._transactions.note_meter_values(values, register)
        metered = _metered(known, register)
        if known.state == "running":
            self._keep(metered, noted)
        return metered

    def _note_end(
        self, known: Transaction, timestamp: Any, meter_stop: float | None, reason: Any
    ) -> None:
        stopped_at = max(known.started_at, moment(timestamp, self._clock.now()))
        ended = replace(
            known,
            state="ended",
            stopped_at=stopped_at,
            meter_stop_wh=_last_register(known) if meter_stop is None else meter_stop,
            stop_reason=word(reason) or _USUAL_REASON,
        )
        noted = self._transactions.note_ended(
            ended.key,
            ended.transaction_id,
            stopped_at=stopped_at,
            meter_stop_wh=ended.meter_stop_wh,
            stop_reason=ended.stop_reason,
        )
        self._keep(ended, noted)

    def _keep(self, latest: Transaction, noted: Future[None]) -> None:
        self._remember(latest)
        noted.add_done_callback(partial(self._settle, latest))

    def _remember(self, latest: Transaction) -> None:
        self._known[latest.key, latest.transaction_id] = latest
        if len(self._known) > self._max_known:
            del self._known[next(iter(self._known))]

    def _settle(self, latest: Transaction, noted: Future[None]) -> None:
        # What could not be stored was not answered either: the charger will send it again.
        lost = noted.cancelled() or noted.exception() is not None
        where = (latest.key, latest.transaction_id)
        if (lost or latest.state == "ended") and self._known.get(where) is latest:
            del self._known[where]


def _metered(known: Transaction, register: float | None) -> Transaction:
    """Return the record as a reading of the energy register leaves it, here and on disk."""
    if register is None:
        return known
    start = register if known.meter_start_wh is None else known.meter_start_wh
    energy = register - start if register >= start else known.energy_wh
    return replace(known, meter_start_wh=start, energy_wh=energy)


def _last_register(known: Transaction) -> float | None:
    if known.meter_start_wh is None or known.energy_wh is None:
        return None
    return round(known.meter_start_wh + known.energy_wh, 3)  # no meter has more digits


def _log_unknown(key: ChargerKey, transaction_id: str) -> None:
    log.warning(
        "unknown_transaction", charge_box_id=key.charge_box_id, transaction_id=transaction_id
    )
