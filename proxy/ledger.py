"""Map the transaction ids of OCPP 1.6: the charger knows ours, the target knows its own.

Only the id changes, every other byte of the payload stays. In OCPP 2.0.1 the station chooses the
id (E01.FR.08) and none of the paths below exist, so its payloads pass unchanged.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import orjson

from proxy import splice
from proxy.splice import Path
from storage.repositories.id_pairs import IdKind

Translate: TypeAlias = Callable[[str], Awaitable[str | None]]

UNKNOWN = "-1"  # for the messages of a transaction that never got an id (1.6 errata v4 §3.18)

_TO_TARGET: Mapping[str, Path] = {
    "StopTransaction": ("transactionId",),
    "MeterValues": ("transactionId",),
}
_TO_CHARGER: Mapping[str, Path] = {
    "RemoteStopTransaction": ("transactionId",),
    "SetChargingProfile": ("csChargingProfiles", "transactionId"),
    "RemoteStartTransaction": ("chargingProfile", "transactionId"),
}
_INTEGER = re.compile(r"-?[0-9]{1,20}")


class Pairs(Protocol):
    """What storage remembers of pairs of ids."""

    def note(
        self, proxy_configuration_id: int, kind: IdKind, ours: str, theirs: str
    ) -> asyncio.Future[None]:
        """Remember one pair; the Future is done once it is on disk."""

    async def theirs(self, proxy_configuration_id: int, kind: IdKind, ours: str) -> str | None:
        """Return the target's id."""

    async def ours(self, proxy_configuration_id: int, kind: IdKind, theirs: str) -> str | None:
        """Return our id, of the latest where the target repeats its own."""


class TransactionIdMap:
    """Translate transaction ids between one charger and one target."""

    def __init__(self, id_pairs: Pairs, proxy_configuration_id: int) -> None:
        self._stored = id_pairs
        self._id = proxy_configuration_id
        self._fresh: dict[str, str] = {}  # ours -> theirs, until storage has them

    def learn(self, ours: str, theirs: str) -> asyncio.Future[None]:
        """Remember the id that the target gave to ours; return the commit to wait for."""
        self._fresh[ours] = theirs
        committed = self._stored.note(self._id, "transaction", ours, theirs)
        committed.add_done_callback(lambda done: self._settle(done, ours, theirs))
        return committed

    async def to_target(self, action: str, payload: bytes) -> bytes:
        """Return the payload with the target's id, or -1 where it never gave one."""
        found = await _translations(payload, _TO_TARGET.get(action), self.theirs)
        return _exchange(payload, _TO_TARGET.get(action), found)

    async def to_charger(self, action: str, payload: bytes) -> bytes | None:
        """Return the payload with our id, None where the target names a transaction not its own."""
        found = await _translations(payload, _TO_CHARGER.get(action), self._ours)
        if UNKNOWN in found.values():
            return None
        return _exchange(payload, _TO_CHARGER.get(action), found)

    async def theirs(self, ours: str) -> str | None:
        """Return the target's id of our transaction, None where it gave none yet."""
        return self._fresh.get(ours) or await self._stored.theirs(self._id, "transaction", ours)

    async def _ours(self, theirs: str) -> str | None:
        latest_first = reversed(self._fresh.items())
        fresh = next((ours for ours, known in latest_first if known == theirs), None)
        return fresh or await self._stored.ours(self._id, "transaction", theirs)

    def _settle(self, done: asyncio.Future[None], ours: str, theirs: str) -> None:
        # What storage did not take stays here, so the running session keeps its id.
        if not done.cancelled() and done.exception() is None and self._fresh.get(ours) == theirs:
            del self._fresh[ours]


def transaction_id(fields: Any) -> str | None:
    """Return the transaction id of a payload as a decimal string, None without one."""
    return _decimal(fields.get("transactionId")) if isinstance(fields, dict) else None


async def _translations(
    payload: bytes, path: Path | None, translate: Translate
) -> dict[bytes, str]:
    found = {}
    for raw in splice.values_at(payload, path) if path else ():
        if raw != b"null":
            known = _decimal(orjson.loads(raw))
            found[raw] = (known and await translate(known)) or UNKNOWN
    return found


def _exchange(payload: bytes, path: Path | None, found: Mapping[bytes, str]) -> bytes:
    if path is None or not found:
        return payload
    return splice.replace(payload, path, lambda raw: found[raw].encode() if raw in found else raw)


def _decimal(value: Any) -> str | None:
    # Seen in the field: 12.0 and "12".
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)):
        return None
    return str(int(value))
