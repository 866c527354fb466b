"""Hold a target's Reset back while the charger charges: it must not end another party's session.

The reset waits on disk and goes out when nothing charges any more, also after a restart of either
side. 2.x has a word for that, Scheduled; 1.6 has none, so the target is told Accepted and the
charger gets a Soft reset. OnIdle (2.x) is the charger's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog

from csms import frames
from csms.errors import CallRefused, LinkError
from csms.frames import Call, Reply, Send
from csms.readings import whole
from csms.schemas import Schemas
from proxy.asked import Ask, Asked
from proxy.wishes import Wishes
from storage.errors import StorageError

if TYPE_CHECKING:
    from proxy.auditing import TargetAudit
    from proxy.parts import RelayParts
    from storage.records import ChargerKey, ConnectorStatus, Transaction

log = structlog.get_logger("ringmain.resets")

ACTION = "Reset"
# What may be the last thing that a charger says of a transaction.
_ENDINGS = frozenset({"StatusNotification", "StopTransaction", "TransactionEvent"})
# A transaction whose connector says this was lost: nothing charges there.
_NOT_CHARGING = frozenset({"Available", "Faulted", "Reserved", "Unavailable"})


class _Words(NamedTuple):
    """How a version says it: the answer to a reset that waits, and what the charger gets."""

    schemas: Schemas
    deferred: bytes
    payload: bytes | None


_WORDS: Mapping[str, _Words] = {
    "1.6": _Words(Schemas("1.6"), b'{"status":"Accepted"}', b'{"type":"Soft"}'),
    "2.0.1": _Words(Schemas("2.0.1"), b'{"status":"Scheduled"}', None),
    "2.1": _Words(Schemas("2.1"), b'{"status":"Scheduled"}', None),
}


class Resets:
    """Serve the resets of one connected charger's target, and send the one that waits."""

    def __init__(
        self, key: ChargerKey, version: str, parts: RelayParts, ask: Ask, audit: TargetAudit
    ) -> None:
        self._key = key
        self._words = _WORDS[version]
        self._storage = parts.storage
        self._clock = parts.clock
        self._settling = parts.timings.settling
        self._ask = ask
        self._audit = audit
        self._waiting = True  # until storage has said that there is none
        self._heard = False  # something since the last look
        self._task: asyncio.Task[None] | None = None

    async def serve(self, asked: Asked) -> Reply | None:
        """Serve Reset: None where it goes to the charger now."""
        call, configuration = asked.call, asked.configuration
        broken = self._words.schemas.request(ACTION, call.fields)
        if broken is not None:
            return frames.call_error(call.id, broken.code, broken.message)
        at_once = Wishes.of(configuration.policy).actions.get(ACTION) == "forward"
        if at_once or call.fields["type"] == "OnIdle" or not await self._charges(call.fields):
            return None
        payload = self._words.payload or call.payload
        await self._storage.deferred_resets.note(configuration.id, payload, self._clock.now())
        self._waiting = True
        self.look()  # what it waits for may have ended meanwhile
        self._audit.note(configuration, ACTION, "deferred", type=call.fields["type"])
        return frames.call_result(call.id, self._words.deferred)

    def look(self, call: Call | Send | None = None) -> None:
        """See whether a reset may go out now, at the start or after what the charger said."""
        if not self._waiting or (call is not None and call.action not in _ENDINGS):
            return
        self._heard = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send())

    def close(self) -> None:
        """Send nothing any more; what waits goes on waiting on disk."""
        self._waiting = False
        if self._task is not None:
            self._task.cancel()

    async def _send(self) -> None:
        try:
            while self._heard:
                self._heard = False
                await self._send_if_idle()
        except (LinkError, StorageError) as failure:  # it waits on
            log.warning("reset_waits", charge_box_id=self._key.charge_box_id, reason=str(failure))

    async def _send_if_idle(self) -> None:
        resets = self._storage.deferred_resets
        await asyncio.sleep(self._settling)  # the charger has our answer first
        reset = await resets.of(self._key)
        self._waiting = reset is not None
        if reset is None or await self._charges(orjson.loads(reset.payload)):
            return
        await self._asked(reset.payload)
        await resets.forget(reset.proxy_configuration_id)

    async def _asked(self, payload: bytes) -> None:
        try:
            await self._ask(ACTION, payload)
        except CallRefused as refused:  # an answer as well: asking again would not change it
            log.warning(
                "reset_refused", charge_box_id=self._key.charge_box_id, code=refused.error.code
            )

    async def _charges(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether a transaction runs, on the EVSE that the reset is about if it names one."""
        await self._storage.group.flush()
        running = await self._storage.transactions.running(self._key)
        evse_id = whole(fields.get("evseId"))
        concerned = [one for one in running if evse_id in (None, 0, one.evse_id)]
        if not concerned:
            return False
        connectors = await self._storage.chargers.connectors(self._key)
        return any(not _is_lost(one, connectors) for one in concerned)


def _is_lost(transaction: Transaction, connectors: list[ConnectorStatus]) -> bool:
    """Tell whether a transaction cannot be running: its end never came."""
    told = [one.status for one in connectors if one.evse_id == transaction.evse_id]
    return bool(told) and all(status in _NOT_CHARGING for status in told)
