"""Know who charges at one charger, as far as its limits depend on it.

A vehicle that is plugged in has what ends by itself renewed; a session that nobody has authorized
may have a limit of its own (`smart-charging` items 8 and 9).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from csms.parties import conditions_of, delay_of
from csms.profile_ids import NO_CLOUD
from csms.readings import mapping, word
from csms.scenes import Place, Scene, made_at
from csms.schedules import TX, Fields
from storage.records import ChargingProfile, ConnectorStatus, Transaction

if TYPE_CHECKING:
    from csms.station import Station

RENEWAL, JITTER = 600.0, 0.1  # s between two renewals, and how much more or less it may be
_SOONEST = timedelta(seconds=60)  # chargers keep profiles in flash
_BEFORE_US = datetime(2010, 1, 1, tzinfo=UTC)  # what began earlier needs no renewal
_GRACE = 60  # s a charger may wait longer than it says
_PLUGGED = frozenset(
    {"Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Occupied"}
)
_VERDICTS = ("idTagInfo", "idTokenInfo")


@dataclass(frozen=True, slots=True)
class _Busy:
    """What goes on at each EVSE: since when something is plugged in, and which transactions."""

    plugged: Mapping[int, datetime | None]
    running: Mapping[str, Transaction]

    @property
    def tokens(self) -> set[str]:
        """Return the tokens of all sessions, however they are spelled."""
        return {one.id_token.casefold() for one in self.running.values() if one.id_token}

    def at(self, evse_id: int) -> frozenset[str]:
        """Return what tells one session at an EVSE from the next; of EVSE 0 all sessions."""
        found = {f"EVSE {one}" for one in self.plugged if evse_id in {0, one}}
        found |= {id for id, one in self.running.items() if evse_id in {0, one.evse_id}}
        return frozenset(found)


class Sessions:
    """Watch the sessions of one connected charger."""

    __slots__ = ("_authorized", "_refused", "_seen", "_station")

    def __init__(self, station: Station) -> None:
        self._station = station
        self._seen: dict[int, frozenset[str]] = {}  # as of the last renewal
        # When a token was accepted last, and which, until it is known for which session.
        self._authorized: tuple[datetime, str | None] | None = None
        self._refused: set[str] = set()  # transactions whose last token was not accepted

    def judged(self, fields: Any, answer: Any) -> None:
        """Note whether a token was accepted, and for which transaction, if it is of one."""
        verdict = next((one for one in map(mapping(answer).get, _VERDICTS) if one), None)
        if verdict is None:
            return
        accepted = mapping(verdict).get("status") == "Accepted"
        transaction_id = word(mapping(mapping(fields).get("transactionInfo")).get("transactionId"))
        if accepted:
            if transaction_id is None:
                self._authorized = self._station.books.clock.now(), _token_of(fields)
            else:  # the token is of this session and of no other
                self._refused.discard(transaction_id)
            return
        # Of a proxied charger we have said a word of our own before its target's.
        self._authorized = None
        if transaction_id is not None:
            self._refused.add(transaction_id)

    async def scene(
        self, wishes: Sequence[ChargingProfile], lying: Mapping[Place, Fields], timeout: int
    ) -> Scene:
        """Describe the charger for a plan; ``timeout`` is how long in s it waits in Preparing."""
        now = self._station.books.clock.now()
        conditions = {one for wish in wishes for one in conditions_of(wish)}
        if not conditions and not any(one.purpose == TX or delay_of(one) for one in wishes):
            return Scene(now, lying=lying)
        refused = frozenset(self._refused)  # of these is known whether they run
        busy = await self._busy(conditions)
        self._refused -= refused - busy.running.keys()
        if self._authorized and self._authorized[1] in busy.tokens:
            self._authorized = None
        return Scene(
            now,
            running=busy.running,
            lying=lying,
            unauthorized=self._unauthorized(busy, timeout),
            due=frozenset(self._due(wishes, lying, busy, now)),
            busy={evse_id: busy.at(evse_id) for evse_id in {one.evse_id for one in wishes}},
        )

    def renewed(self, scene: Scene, made: Mapping[int, datetime]) -> datetime | None:
        """Note that all is as it should be; return when it is to be renewed next."""
        soonest = None
        for evse_id, at in made.items():
            self._seen[evse_id] = scene.busy.get(evse_id, frozenset())
            if self._seen[evse_id]:
                due = self._due_at(evse_id, at)
                soonest = min(soonest or due, due)
        return soonest

    async def _busy(self, conditions: Iterable[str]) -> _Busy:
        station, plugged = self._station, dict[int, datetime | None]()
        running = await station.books.transactions.running(station.key)
        if conditions:
            for one in await station.books.chargers.connectors(station.key):
                if one.evse_id and one.status in _PLUGGED:
                    plugged[one.evse_id] = _since(one)
        return _Busy(plugged, {one.transaction_id: one for one in running})

    def _unauthorized(self, busy: _Busy, timeout: int) -> dict[int, datetime | None]:
        charging = {one.evse_id for one in busy.running.values()}
        if self._station.version == "1.6":
            return {
                evse_id: since + timedelta(seconds=timeout + _GRACE)
                for evse_id, since in busy.plugged.items()
                if since is not None and evse_id not in charging and not self._is_authorized(since)
            }
        return {
            one.evse_id: None
            for one in busy.running.values()
            if one.evse_id and self._waits(one) and not self._is_authorized(one.started_at)
        }

    def _waits(self, one: Transaction) -> bool:
        return one.id_token is None or one.transaction_id in self._refused

    def _is_authorized(self, since: datetime) -> bool:
        return self._authorized is not None and self._authorized[0] >= since

    def _due(
        self,
        wishes: Sequence[ChargingProfile],
        lying: Mapping[Place, Fields],
        busy: _Busy,
        now: datetime,
    ) -> Iterable[int]:
        """Yield the EVSEs where something that ends is to be made anew.

        That is at plug-in, at a start and when the charger is back, and then now and again.
        """
        evses = {one.evse_id for one in wishes if NO_CLOUD in conditions_of(one)}
        for evse_id in evses:
            sessions = busy.at(evse_id)
            made = (made_at(one) for place, one in lying.items() if place.evse_id == evse_id)
            at = min((one for one in made if one and one > _BEFORE_US), default=None)
            new = bool(sessions - self._seen.get(evse_id, frozenset()))
            if sessions and at is not None:
                due = at + _SOONEST if new else self._due_at(evse_id, at)
                if now >= due:
                    yield evse_id

    def _due_at(self, evse_id: int, made: datetime) -> datetime:
        name = f"{self._station.id} {evse_id} {made}".encode()
        share = zlib.crc32(name) / 2**31 - 1  # -1 to 1: not all chargers at once
        return made + timedelta(seconds=RENEWAL * (1 + JITTER * share))


def _token_of(fields: Any) -> str | None:
    """Return the token that an Authorize asks about."""
    said = mapping(fields)
    token = word(said.get("idTag") or mapping(said.get("idToken")).get("idToken"))
    return None if token is None else token.casefold()


def _since(connector: ConnectorStatus) -> datetime | None:
    """Return since when a 1.6 charger waits for a token there, if it does."""
    return connector.updated_at if connector.status == "Preparing" else None
