"""Keep what lies on one charger in line with what its owners want of its power.

Owners have stacks of their own, which the charger never sees (ADR 0013). Whatever changes, what is
to lie on the charger is planned anew (`csms/plans.py`) and only the difference is sent. A wish is
stored once the charger has accepted what follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import structlog

from csms.commands import ClearChargingProfile, Outcome, SetChargingProfile
from csms.errors import BadAnswer, CallRefused, CommandError, LinkError
from csms.plans import PLATFORM, Place, Plan, Planned, plan, power_limit, rate_of
from csms.readings import mapping
from csms.schedules import TX, TX_DEFAULT, Fields, Rate
from storage.errors import StorageError
from storage.records import ChargingProfile, InstalledProfile, Transaction

if TYPE_CHECKING:
    from csms.limits import Abilities
    from csms.station import Station

log = structlog.get_logger("ringmain.profiles")

Wishes: TypeAlias = Sequence[ChargingProfile]
# Why the charger would not have a plan; None: it has it.
Refusal: TypeAlias = Outcome | CallRefused | CommandError | None

HEARD = frozenset({"BootNotification", "StartTransaction", "StopTransaction", "TransactionEvent"})
_ACCEPTED = "Accepted"
_START_LASTS = timedelta(hours=1)  # a remote start that nothing came of
_CLOCKS_DIFFER = timedelta(seconds=60)
_AGAIN = timedelta(seconds=600)  # after which the charger may think otherwise
_SHORTEST_RENEWAL = 60.0  # s: chargers keep profiles in flash


class Settled(NamedTuple):
    """Which of several choices the charger has now, and what it said against the first."""

    choice: int
    refusal: Refusal


class Profiles:
    """Hold the charging profiles of one charger while it is connected; one change at a time."""

    __slots__ = (
        "_abilities",
        "_afresh",
        "_bare",
        "_lying",
        "_station",
        "_stored",
        "_task",
        "_turn",
        "_wake",
    )

    def __init__(self, station: Station) -> None:
        self._station = station
        self._stored = station.books.profiles
        self._turn = asyncio.Lock()
        self._abilities: dict[int, Abilities] = {}
        self._lying: dict[Place, InstalledProfile] | None = None
        self._bare = False  # nothing is wanted and nothing lies there
        self._afresh = False  # the charger may have forgotten everything
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Event | None = None  # the task's: most chargers never need one

    # ---- what owners want ----

    async def put(
        self, wish: ChargingProfile, instead_of: Collection[ChargingProfile] = ()
    ) -> Settled:
        """Try to have one more wish fulfilled; choice 0 is that it is, and then it is stored.

        Without what targets want it is choice 1; else all stays as it was. Raises LinkError,
        CommandError or StorageError.
        """
        async with self._changing():
            before = await self._present()
            kept = (one for one in before if not _same(one, wish) and one not in instead_of)
            after = [*kept, wish]
            mine = wish.owner == PLATFORM
            choices = [after, *([_platforms(after)] if mine else [])]
            settled = await self._settle([*choices, before, _platforms(before)])
            if settled.choice < len(choices):
                self._bare = False
                for one in instead_of:
                    self._stored.note_removed(one)
                await self._stored.note_put(wish)
                if settled.refusal is not None:
                    self._attend_soon()  # a transaction's id may not have reached the charger yet
                return settled
            return Settled(len(choices), settled.refusal)

    async def remove(self, chosen: Callable[[ChargingProfile], bool]) -> bool:
        """Take wishes back; tell whether there were any. Raises as ``put`` does."""
        async with self._changing():
            before = await self._present()
            gone = [one for one in before if chosen(one)]
            if gone:
                after = [one for one in before if one not in gone]
                await self._settle([after, _platforms(after), []])
                await asyncio.gather(*map(self._stored.note_removed, gone))
            return bool(gone)

    async def wishes(self, owner: int) -> list[ChargingProfile]:
        """Return an owner's own stack; raise StorageError."""
        async with self._turn:
            return [one for one in await self._present() if one.owner == owner]

    async def limit_of(self, evse_id: int | None) -> Rate | None:
        """Return the power limit of a connector, of any the lowest; raise StorageError."""
        wishes = await self._stored.of_owners(self._station.key)
        evses = {one.evse_id for one in wishes if one.purpose == TX_DEFAULT}
        named = sorted(evses) if evse_id is None else [evse_id]
        found = [power_limit(wishes, TX_DEFAULT, evse) for evse in named]
        rates = [rate_of(one) for one in found if one is not None]
        if not rates:
            return None
        abilities = await self.abilities(evse_id or 0)
        return abilities.supply.lowest(rates, abilities.unit_for(*(one.unit for one in rates)))

    async def expect(self, wish: ChargingProfile) -> None:
        """Store the profile of a remote start; it is bound to the transaction that comes of it."""
        self._bare = False
        await self._stored.note_put(wish)

    async def expect_no_more(self, wish: ChargingProfile) -> None:
        """Forget the profile of a remote start that the charger would not try."""
        await self._stored.note_removed(wish)

    async def abilities(self, evse_id: int) -> Abilities:
        """Return what schedules for an EVSE may be made of; asked once per boot."""
        known = evse_id if self._station.supply_by_evse else 0
        if known not in self._abilities:
            self._abilities[known] = await self._station.abilities(known)
        return self._abilities[known]

    # ---- what the charger tells ----

    def heard(self, action: str, fields: Any) -> None:
        """Look after the profiles soon: the charger has booted, or a transaction begins or ends."""
        if action == "BootNotification":
            self._abilities.clear()
            self._afresh, self._bare = True, False
        elif self._bare or mapping(fields).get("eventType") == "Updated":
            return
        self._attend_soon()

    async def close(self) -> None:
        """Look after nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        async with self._turn:
            try:
                yield
            except LinkError:
                self._attend_soon()  # half of a change may have been made
                raise

    def _attend_soon(self) -> None:
        if self._wake is None or self._task is None or self._task.done():
            self._wake = asyncio.Event()
            self._task = asyncio.create_task(self._attend(self._wake))
        self._wake.set()

    async def _attend(self, wake: asyncio.Event) -> None:
        exact_until = None
        while exact_until is not None or wake.is_set():
            await self._wait(wake, exact_until)
            try:
                async with self._turn:
                    exact_until = await self._renew()
            except (LinkError, CommandError, StorageError) as failure:
                log.warning(
                    "profiles_not_renewed", charge_box_id=self._station.id, error=str(failure)
                )
                return

    async def _wait(self, wake: asyncio.Event, exact_until: datetime | None) -> None:
        if exact_until is not None:
            left = (exact_until - self._station.books.clock.now()).total_seconds()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(left, _SHORTEST_RENEWAL)):
                    await wake.wait()
        wake.clear()

    async def _renew(self) -> datetime | None:
        """Bring the charger in line; return until when it is."""
        await self._stored.flush()  # what begins or ends was noted a moment ago
        wishes, afresh = await self._present(), self._afresh
        if not wishes and not await self._known():
            self._bare, self._afresh = True, False
            return None
        settled = await self._settle([wishes, _platforms(wishes)], afresh=afresh)
        self._afresh = False
        exact_until = (await self._plan(wishes)).exact_until
        if settled.refusal is None:
            return exact_until
        log.warning("profiles_refused", charge_box_id=self._station.id)
        again = self._station.books.clock.now() + _AGAIN
        return min(exact_until or again, again)

    # ---- planning ----

    async def _present(self) -> list[ChargingProfile]:
        """Read what is wanted, without what has ended, and bind what has begun."""
        wishes = await self._stored.of_owners(self._station.key)
        running = await self._running(wishes)
        now = self._station.books.clock.now()
        kept = []
        for wish in wishes:
            bound = self._bound(wish, running) if wish.purpose == TX else wish
            waits = bound.transaction_id is None and now - bound.created_at < _START_LASTS
            if bound.purpose != TX or bound.transaction_id in running or waits:
                kept.append(bound)
            else:
                self._stored.note_removed(wish)
        return kept

    def _bound(self, wish: ChargingProfile, running: Mapping[str, Transaction]) -> ChargingProfile:
        if wish.transaction_id is not None:
            return wish
        for one in running.values():
            here = wish.evse_id in {0, one.evse_id} and one.evse_id
            fresh = one.started_at >= wish.created_at - _CLOCKS_DIFFER
            if here and fresh and one.id_token == wish.meta.get("id_token"):
                bound = replace(wish, evse_id=one.evse_id, transaction_id=one.transaction_id)
                self._stored.note_put(bound)
                self._lies(Place(one.evse_id, TX, 0), wish.meta["sent"])
                return bound
        return wish

    async def _plan(self, wishes: Wishes) -> Plan:
        running = await self._running(wishes)
        evses = {one.evse_id for one in wishes} | {one.evse_id for one in running.values()}
        abilities = {evse_id: await self.abilities(evse_id) for evse_id in sorted(evses)}
        return plan(wishes, running, abilities, self._station.books.clock.now())

    async def _running(self, wishes: Wishes) -> Mapping[str, Transaction]:
        if not any(one.purpose == TX for one in wishes):
            return {}
        found = await self._station.books.transactions.running(self._station.key)
        return {one.transaction_id: one for one in found}

    # ---- what lies on the charger ----

    async def _settle(self, choices: Sequence[Wishes], *, afresh: bool = False) -> Settled:
        """Fulfil the first choice that the charger accepts."""
        first: Refusal = None
        await self._known()
        for n, wishes in enumerate(choices):
            planned = (await self._plan(wishes)).profiles
            refusal = await self._bring(planned, afresh=afresh)
            if refusal is None:
                return Settled(n, first)
            first = first or refusal
        return Settled(len(choices), first)

    async def _bring(self, planned: Sequence[Planned], *, afresh: bool) -> Refusal:
        wanted = {one.place: one for one in planned}
        lying = await self._known()
        rivals = [
            place
            for place, one in lying.items()
            if place in wanted and wanted[place].profile["id"] != one.profile["id"]
        ]
        if not self._station.replaces_rivals:
            await self._clear(rivals)
        for one in planned:
            if afresh or not self._has(one):
                refusal = await self._set(one)
                if refusal is not None:
                    return refusal
        await self._clear([place for place in lying if place not in wanted])
        return None

    def _has(self, planned: Planned) -> bool:
        there = (self._lying or {}).get(planned.place)
        # A start's profile is bound to its transaction by having started it.
        return there is not None and _unbound(there.profile) == _unbound(planned.profile)

    async def _set(self, planned: Planned) -> Refusal:
        place = planned.place
        try:
            command = SetChargingProfile(place.evse_id, planned.profile)
            outcome = await self._station.perform(command)
        except (CallRefused, CommandError) as refused:
            if isinstance(refused, BadAnswer):
                self._is_unsure(planned)
            return refused
        except LinkError:
            self._is_unsure(planned)
            raise
        if outcome.status != _ACCEPTED:
            return outcome
        for other in [other for other in await self._known() if other != place]:
            if (await self._known())[other].profile["id"] == planned.profile["id"]:
                self._gone(other)  # the same id replaces wherever it lay (K01.FR.05)
        await self._lies(place, planned.profile)
        return None

    async def _clear(self, places: Sequence[Place]) -> None:
        for place in places:
            profile_id = (await self._known())[place].profile["id"]
            try:
                await self._station.perform(ClearChargingProfile(profile_id))
            except CallRefused:
                log.warning("profile_not_cleared", charge_box_id=self._station.id, id=profile_id)
            await self._gone(place)

    async def _known(self) -> dict[Place, InstalledProfile]:
        if self._lying is None:
            self._lying = {
                Place(one.evse_id, one.purpose, one.stack_level): one
                for one in await self._stored.installed(self._station.key)
            }
        return self._lying

    def _lies(self, place: Place, profile: Fields) -> asyncio.Future[None]:
        now = self._station.books.clock.now()
        installed = InstalledProfile(
            key=self._station.key,
            evse_id=place.evse_id,
            purpose=place.purpose,
            stack_level=place.level,
            profile=profile,
            installed_at=now,
        )
        if self._lying is not None:
            self._lying[place] = installed
        return self._stored.note_installed(installed)

    def _is_unsure(self, planned: Planned) -> None:
        # The charger may have it or not; as nobody wants it so, the next plan sets things right.
        self._lies(planned.place, {**planned.profile, "unsure": True})

    def _gone(self, place: Place) -> asyncio.Future[None]:
        assert self._lying is not None  # noqa: S101 - what is gone was known
        return self._stored.note_cleared(self._lying.pop(place))


def _platforms(wishes: Wishes) -> list[ChargingProfile]:
    return [one for one in wishes if one.owner == PLATFORM]


def _same(one: ChargingProfile, other: ChargingProfile) -> bool:
    return (one.owner, one.profile_id) == (other.owner, other.profile_id)


def _unbound(profile: Fields) -> dict[str, Any]:
    return {key: value for key, value in profile.items() if key != "transactionId"}
