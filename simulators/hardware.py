"""The electrical half of a charger: plugs, meters and the limit that they obey. No OCPP frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import uuid4

from simulators.profiles import TX, Profiles, Running, Supply
from simulators.watched import Now

State: TypeAlias = Literal[
    "Available", "Preparing", "Charging", "SuspendedEVSE", "Finishing", "Reserved", "Unavailable"
]


@dataclass(slots=True)
class Transaction:
    """One charging session; ``id`` is empty until it is known (1.6: from the CSMS's answer)."""

    evse_id: int
    id_token: str
    token_type: str
    started_at: datetime
    meter_start_wh: float
    id: str = ""
    remote_start_id: int | None = None
    reservation_id: int | None = None
    authorized: bool = True  # not yet where the cable has started it
    plugged: bool = True  # not yet where a token has
    stopped_at: datetime | None = None
    meter_stop_wh: float | None = None
    stop_reason: str | None = None
    confirmed: bool = False  # the CSMS has answered its start
    events: int = 0  # how many the CSMS was told of, the next seqNo of 2.0.1
    reference: str = field(default_factory=lambda: str(uuid4()))

    @property
    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self.stopped_at is None

    @property
    def may_charge(self) -> bool:
        """Tell whether there are a vehicle and somebody who may charge it."""
        return self.authorized and self.plugged


@dataclass(frozen=True, slots=True)
class Reservation:
    """An EVSE kept for one token until a moment."""

    id: int
    id_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of one EVSE's meter."""

    at: datetime
    energy_wh: float
    power_w: float
    supply: Supply


@dataclass(slots=True)
class Evse:
    """One plug with its meter."""

    id: int
    plugged: bool = False
    operative: bool = True
    operative_later: bool | None = None  # wanted once the transaction has ended
    used: bool = False  # a transaction ended and the vehicle is still there
    transaction: Transaction | None = None
    reservation: Reservation | None = None
    energy_wh: float = 0.0
    flow_w: float = 0.0  # since the meters were last settled

    @property
    def running(self) -> Running | None:
        """Return what profiles need to know of the transaction."""
        own = self.transaction
        return Running(own.id or own.reference, own.started_at) if own else None


class Hardware:
    """Move energy through EVSEs as fast as vehicles, profiles and mains allow.

    ``max_power_w`` is each EVSE's; ``time_factor`` makes energy flow that much faster than the
    clock. Below ``min_current_a`` a phase AC charging pauses (IEC 61851-1). One that does not
    ``obeys`` knows its profiles and charges as if there were none.
    """

    def __init__(
        self,
        evses: int,
        now: Now,
        *,
        max_power_w: float = 11_000.0,
        supply: Supply | None = None,
        min_current_a: float = 6.0,
        time_factor: float = 1.0,
        obeys: bool = True,
        knows_connectors: bool = True,
    ) -> None:
        self.evses = {id: Evse(id) for id in range(1, evses + 1)}
        self.profiles = Profiles(knows_connectors=knows_connectors)
        self.obeys = obeys
        self.supply = supply or Supply()
        self.max_power_w = max_power_w
        self.operative = True
        self.restarting = False
        self._min_current_a = min_current_a
        self._time_factor = time_factor
        self._now = now
        self._settled_at = now()

    @property
    def transactions(self) -> list[Transaction]:
        """Return the running transactions."""
        return [evse.transaction for evse in self.evses.values() if evse.transaction]

    def state(self, evse_id: int) -> State:
        """Tell what an EVSE does, in the words of 1.6."""
        evse = self.evses[evse_id]
        if self.restarting or not evse.operative:
            return "Unavailable"
        if evse.transaction and evse.transaction.may_charge:
            return "Charging" if self.power_w(evse_id) > 0 else "SuspendedEVSE"
        if evse.transaction:
            return "Preparing"
        if evse.plugged:
            return "Finishing" if evse.used else "Preparing"
        return "Reserved" if self.reservation(evse) else "Available"

    def reservation(self, evse: Evse) -> Reservation | None:
        """Return the reservation of an EVSE that has not expired."""
        kept = evse.reservation
        return kept if kept is not None and self._now() < kept.expires_at else None

    def is_free(self, evse_id: int) -> bool:
        """Tell whether anybody may start here."""
        evse = self.evses[evse_id]
        return evse.operative and evse.transaction is None and self.reservation(evse) is None

    def plug(self, evse_id: int, *, plugged: bool) -> Transaction | None:
        """Put a vehicle's cable in or out; return the transaction that waited for it."""
        evse = self.evses[evse_id]
        evse.plugged = plugged
        evse.used = evse.used and plugged
        own = evse.transaction
        waited = plugged and own is not None and not own.plugged
        if waited and own is not None:
            own.plugged = evse.used = True
        self.settle()
        return own if waited else None

    def begin(
        self,
        evse_id: int,
        id_token: str | None = None,
        token_type: str = "",
        remote_start_id: int | None = None,
        *,
        plug: bool = True,
    ) -> Transaction:
        """Start a transaction, with nobody's token where the cable does; it uses a reservation up.

        The vehicle is plugged in with it, or comes later without ``plug``.
        """
        evse = self.evses[evse_id]
        self.settle()
        kept, evse.reservation = self.reservation(evse), None
        evse.plugged = evse.plugged or plug
        evse.used = evse.plugged
        evse.transaction = Transaction(
            evse_id,
            id_token or "",
            token_type,
            self._now(),
            evse.energy_wh,
            remote_start_id=remote_start_id,
            reservation_id=kept.id if kept else None,
            authorized=id_token is not None,
            plugged=evse.plugged,
        )
        self.settle()
        return evse.transaction

    def identify(
        self, own: Transaction, id_token: str, token_type: str, remote_start_id: int | None
    ) -> None:
        """Let somebody charge in a transaction that the cable has started."""
        own.id_token, own.token_type, own.remote_start_id = id_token, token_type, remote_start_id
        own.authorized = True
        self.settle()

    def end(self, transaction: Transaction, reason: str) -> None:
        """End a transaction; its profiles go with it (1.6 §3.13.1, 2.0.1 K02)."""
        self.settle()
        evse = self.evses[transaction.evse_id]
        transaction.stopped_at, transaction.stop_reason = self._now(), reason
        transaction.meter_stop_wh, evse.transaction = evse.energy_wh, None
        self.profiles.remove(lambda old: old.purpose == TX and old.evse_id == evse.id)
        if evse.operative_later is not None:
            evse.operative, evse.operative_later = evse.operative_later, None
        self.settle()

    def set_operative(self, evse_id: int, *, operative: bool) -> bool:
        """Take an EVSE (0: the station) in or out of service; False where it waits for a stop."""
        chosen = self.evses.values() if evse_id == 0 else [self.evses[evse_id]]
        if evse_id == 0:
            self.operative = operative
        waits = [evse for evse in chosen if evse.transaction and not operative]
        for evse in chosen:
            evse.operative_later = operative if evse in waits else None
            evse.operative = evse.operative if evse in waits else operative
        return not waits

    def link_changed(self, *, up: bool) -> None:
        """Take note that the CSMS can be reached, or cannot any more."""
        self.settle()
        (self.profiles.find_link if up else self.profiles.lose_link)(self._now())
        self.settle()

    def settle(self) -> None:
        """Bring the meters up to now, limits that changed meanwhile included."""
        now = self._now()
        edges = self._edges_after(self._settled_at) if self._settled_at < now else ()
        for moment in (*sorted({edge for edge in edges if edge < now}), now):
            self._flow_until(moment)

    def next_edge(self) -> datetime | None:
        """Return the moment at which a limit of a transaction may change next."""
        return min(self._edges_after(self._now()), default=None)

    def _edges_after(self, moment: datetime) -> Iterator[datetime]:
        for evse in self.evses.values():
            if evse.transaction:
                edges = self.profiles.edges(moment, evse.running)
                yield from (edge for edge in edges if edge > moment)

    def _flow_until(self, moment: datetime) -> None:
        hours = (moment - self._settled_at).total_seconds() * self._time_factor / 3600
        self._settled_at = moment
        for evse in self.evses.values():
            evse.energy_wh += evse.flow_w * hours
        for evse_id, watts in self._shares(moment).items():
            self.evses[evse_id].flow_w = watts

    def power_w(self, evse_id: int) -> float:
        """Return the power that flows into a vehicle now, in W."""
        self.settle()
        return self.evses[evse_id].flow_w

    def energy_wh(self, evse_id: int) -> float:
        """Return the meter register of an EVSE, in Wh."""
        self.settle()
        return self.evses[evse_id].energy_wh

    def sample(self, evse_id: int) -> Sample:
        """Read a meter."""
        self.settle()
        evse = self.evses[evse_id]
        return Sample(self._now(), evse.energy_wh, evse.flow_w, self.supply)

    def limit_w(self, evse_id: int, moment: datetime, running: Running | None) -> float:
        """Return the highest power allowed at a moment; EVSE 0 is the whole station."""
        if evse_id == 0:
            most: float = self.max_power_w * len(self.evses)
            limit = self.profiles.station_w(moment, self.supply)
        else:
            most = self.max_power_w
            limit = self.profiles.evse_w(evse_id, moment, running, self.supply)
        return most if limit is None else max(0.0, min(most, limit))

    def _shares(self, now: datetime) -> dict[int, float]:
        wanted = {evse.id: self._wanted_w(evse, now) for evse in self.evses.values()}
        if not self.obeys:
            return wanted
        total, most = sum(wanted.values()), self.limit_w(0, now, None)
        # A limit of the station is shared in proportion.
        share = 1.0 if total <= most else most / total
        return {evse_id: self._usable_w(watts * share) for evse_id, watts in wanted.items()}

    def _wanted_w(self, evse: Evse, now: datetime) -> float:
        if evse.transaction is None or not evse.transaction.may_charge:
            return 0.0
        return self.limit_w(evse.id, now, evse.running) if self.obeys else self.max_power_w

    def _usable_w(self, watts: float) -> float:
        # One millionth of slack: 4,140 W over three phases is not exactly 6 A in binary.
        if not self.supply.phases:
            return watts
        return watts if self.supply.amperes(watts) >= self._min_current_a - 1e-6 else 0.0
