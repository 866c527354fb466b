"""A target that rejects a token when the session runs already: what its owner wants then.

Nobody waits for such an answer any more: it belongs to a message that was delivered late, or it
came after the charger had got ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import orjson
import structlog

from csms.commands import RemoteStop
from csms.errors import RingmainError
from proxy import authority, splice
from proxy.wishes import Wishes

if TYPE_CHECKING:
    from csms.frames import CallResult
    from csms.station import Station
    from proxy.auditing import TargetAudit
    from proxy.entries import Entry
    from storage.records import ProxyConfiguration
    from storage.repositories.transactions import Transactions

log = structlog.get_logger("ringmain.delivery")

# Begin to stop a transaction at the charger, without waiting for what it says.
Stop: TypeAlias = Callable[[str], None]

# What a target may reject when the session runs already.
JUDGED = frozenset({"StartTransaction", "TransactionEvent"})
_LONGEST_VERDICT = 50
_ID = ("transactionInfo", "transactionId")


class LateVerdicts:
    """Act on what a target says of the token of a session that has begun."""

    def __init__(
        self,
        configuration: ProxyConfiguration,
        transactions: Transactions,
        audit: TargetAudit,
        stop: Stop,
    ) -> None:
        self._transactions = transactions
        self._audit = audit
        self._stop = stop
        self.take_up(configuration)

    def take_up(self, configuration: ProxyConfiguration) -> None:
        """Follow what the owner wants now."""
        self._configuration = configuration
        self._wish = Wishes.of(configuration.policy).late_reject

    async def judge(self, entry: Entry, answer: CallResult) -> None:
        """Tell the owner of a rejected token, and stop its session, as the owner wants."""
        verdict = authority.verdict_of(entry.version, entry.action, answer.fields)
        if verdict in {None, "Accepted"} or self._wish == "ignore":
            return
        transaction_id = entry.ours or _transaction_id(entry.payload)
        self._tell(entry, str(verdict), transaction_id)
        if self._wish == "remote_stop" and transaction_id and await self._runs(transaction_id):
            self._stop(transaction_id)

    async def _runs(self, transaction_id: str) -> bool:
        found = await self._transactions.get(self._configuration.key, transaction_id)
        return found is not None and found.state == "running"

    def _tell(self, entry: Entry, verdict: str, transaction_id: str | None) -> None:
        log.warning(
            "late_reject",
            charge_box_id=self._configuration.key.charge_box_id,
            position=entry.seq,
            transaction_id=transaction_id,
        )
        self._audit.note(
            self._configuration,
            entry.action,
            "rejected late",
            verdict="".join(filter(str.isprintable, verdict))[:_LONGEST_VERDICT],
            transaction_id=transaction_id,
            position=entry.seq,
            late_reject=self._wish,
        )


async def stop(station: Station, transaction_id: str) -> None:
    """Ask a charger to end a session; whatever it says, nobody is there to hear it."""
    try:
        outcome = await station.perform(RemoteStop(transaction_id))
    except RingmainError as failure:
        log.warning("late_stop_failed", transaction_id=transaction_id, error=str(failure))
    else:
        log.info("late_stop", transaction_id=transaction_id, status=outcome.status)


def _transaction_id(payload: bytes) -> str | None:
    """Return the id that a 2.0.1 station chose."""
    values = splice.values_at(payload, _ID)
    found = orjson.loads(values[-1]) if values else None
    return found if isinstance(found, str) else None
