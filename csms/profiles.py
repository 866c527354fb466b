"""Keep what lies on one charger in line with what its owners want of its power.

Owners have stacks of their own, which the charger never sees (ADR 0015). Whatever changes, what is
to lie on the charger is planned anew (`csms/plans.py`) and only the difference is sent. A wish is
stored once the charger has accepted what follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from csms.bindings import bind
from csms.errors import CallRefused, CommandError, InvalidCommand, LinkError
from csms.fulfilment import Fulfilment, Settled, Wishes, sent_with_starts
from csms.installed import Installed
from csms.known_abilities import KnownAbilities
from csms.parties import PLATFORM, conditions_of, is_limit
from csms.readback import REPORTED
from csms.readings import mapping
from csms.refusals import pause_of, reason_of
from csms.scenes import Place
from csms.schedules import TX, Fields
from csms.sessions import Sessions
from csms.starts import start_profile
from csms.turns import held
from csms.upkeep import AGAIN, Upkeep
from storage.errors import StorageError
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.limits import Abilities
    from csms.station import Station

log = structlog.get_logger("ringmain.profiles")

_STATUSES = frozenset({"StatusNotification", "NotifyEvent"})
HEARD = _STATUSES | {
    "BootNotification",
    REPORTED,
    "StartTransaction",
    "StopTransaction",
    "TransactionEvent",
}
_TOLD_LATER = frozenset({"evse", "idToken"})  # of a transaction, by what says that it goes on
JUDGED = frozenset({"Authorize", "TransactionEvent"})
_NONE = 2  # of two choices


class Profiles:
    """Hold the charging profiles of one charger while it is connected; one change at a time."""

    __slots__ = (
        "_abilities",
        "_bare",
        "_boots",
        "_choosing",
        "_fulfilment",
        "_installed",
        "_restored",
        "_sessions",
        "_station",
        "_stored",
        "_turn",
        "_upkeep",
        "_watching",
        "alarm",
    )

    def __init__(self, station: Station) -> None:
        self._station = station
        self._stored = station.books.profiles
        self._turn = asyncio.Lock()
        self._choosing = asyncio.Lock()
        self._abilities = KnownAbilities(station)
        self._installed = Installed(station)
        self._sessions = Sessions(station)
        self._fulfilment = Fulfilment(station, self._installed, self._sessions, self._abilities)
        self._upkeep = Upkeep(station, self._attend)
        self.alarm: str | None = None  # why the charger does not have what it should
        self._watching = True  # something is wanted that depends on what goes on at the plugs
        self._bare = False  # nothing is wanted and nothing lies there
        self._boots = self._restored = 0  # heard, and looked after: it may have forgotten all

    # ---- what owners want ----

    async def put(
        self, wish: ChargingProfile, instead_of: Collection[ChargingProfile] = ()
    ) -> Settled:
        """Try to have one more wish fulfilled; choice 0 is that it is, and then it is stored.

        Without what targets want it is choice 1; else all stays as it was. Raises LinkError,
        CommandError or StorageError; InvalidCommand where its id is that of something else.
        """
        async with self._changing():
            before = await self._present()
            _check_id(wish, before)
            kept = (one for one in before if not _same(one, wish) and one not in instead_of)
            after = [*kept, wish]
            mine = wish.owner == PLATFORM
            choices = [after, *([_platforms(after)] if mine else [])]
            settled = await self._fulfilment.settle([*choices, before, _platforms(before)])
            if settled.choice < len(choices):
                self._bare = False
                for one in instead_of:
                    self._stored.note_removed(one)
                await self._stored.note_put(wish)
                if settled.refusal is not None or await self._exact_until(after):
                    self._upkeep.soon()  # a transaction's id may not have reached the charger yet
                return settled
            return Settled(len(choices), settled.refusal)

    async def remove(self, chosen: Callable[[ChargingProfile], bool]) -> bool:
        """Take wishes back; tell whether there were any. Raises as ``put`` does.

        A charger that will not follow keeps what is lower, and is asked again later; one that
        answers with a CALLERROR throughout changes nothing.
        """
        async with self._changing():
            before = await self._present()
            gone = [one for one in before if chosen(one)]
            if gone:
                after = [one for one in before if one not in gone]
                settled = await self._fulfilment.settle([after, _platforms(after)])
                if settled.choice == _NONE and isinstance(settled.refusal, CallRefused):
                    raise settled.refusal
                await asyncio.gather(*map(self._stored.note_removed, gone))
                if settled.refusal is not None or await self._exact_until(after):
                    self._upkeep.soon()
            return bool(gone)

    async def wishes(self, owner: int) -> list[ChargingProfile]:
        """Return an owner's own stack; raise LinkBusy or StorageError."""
        async with held(self._turn):
            return [one for one in await self._present() if one.owner == owner]

    @contextlib.asynccontextmanager
    async def choosing(self) -> AsyncIterator[None]:
        """Choose an id that none of the platform's ``wishes`` has, until that is stored.

        Raises LinkBusy.
        """
        async with held(self._choosing):
            yield

    async def starting(self, owner: int, evse_id: int, profile: Fields) -> dict[str, Any]:
        """Return the TxProfile that goes along with a start, never above what others want.

        EVSE 0 is any. Raises LinkError or StorageError.
        """
        async with held(self._turn):
            wishes = await self._present()
            scene, abilities = await self._fulfilment.surroundings(wishes, {evse_id})
        return start_profile(profile, owner, evse_id, wishes, abilities, scene)

    async def expect(self, wish: ChargingProfile) -> None:
        """Store the profile of a remote start; it is bound to the transaction that comes of it.

        Its meta names the ``id_token`` to start with, and the profile as it is ``sent``.
        """
        running = await self._station.books.transactions.running(self._station.key)
        before = [one.transaction_id for one in running]
        await self._stored.note_put(replace(wish, meta={**wish.meta, "before": before}))
        self.look()  # whoever looked meanwhile has not seen it

    async def expect_no_more(self, wish: ChargingProfile) -> None:
        """Forget the profile of a remote start that the charger would not try."""
        await self._stored.note_removed(wish)

    async def abilities(self, evse_id: int) -> Abilities:
        """Return what schedules for an EVSE may be made of; asked once per boot.

        Raises LinkError or StorageError.
        """
        return await self._abilities.of(evse_id)

    # ---- what the charger tells ----

    def heard(self, action: str, fields: Any) -> None:
        """Look after the profiles soon: the charger has booted, or a transaction begins or ends.

        So it is, where it counts, when something is plugged in or a transaction goes on.
        """
        if action == REPORTED:
            self._installed.readback.heard(fields)
            return
        if action == "BootNotification":
            self._abilities.forget()
            self._boots, self._bare = self._boots + 1, False
        elif self._bare or not self._counts(action, fields):
            return
        self._upkeep.soon()

    def _counts(self, action: str, fields: Any) -> bool:
        if action in _STATUSES:
            return self._watching
        if mapping(fields).get("eventType") != "Updated":
            return True
        return self._watching and not _TOLD_LATER.isdisjoint(fields)

    def judged(self, fields: Any, answer: Any) -> None:
        """Look after the profiles soon where a token was accepted, or was not, and it counts."""
        if self._bare or not self._watching:
            return
        self._sessions.judged(fields, answer)
        self._upkeep.soon()

    def supply_changed(self) -> None:
        """Ask anew what schedules may be made of, and make anew those that lie there."""
        self._abilities.forget()
        self.look()

    def look(self) -> None:
        """Look after the profiles soon: an owner has come, gone or changed."""
        self._bare = False
        self._upkeep.soon()

    @property
    def at_rest(self) -> bool:
        """Tell whether the charger has all that it should, and nothing of it ends."""
        return self._upkeep.at_rest

    async def close(self) -> None:
        """Look after nothing any more."""
        await self._upkeep.close()

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        async with held(self._turn):
            try:
                yield
            except (LinkError, StorageError, asyncio.CancelledError):
                self._upkeep.soon()  # half of a change may have been made
                raise

    async def _attend(self) -> datetime | None:
        """Bring the charger in line, and say until when it is; again later where that fails."""
        try:
            async with self._turn:
                return await self._renew()
        except (LinkError, CommandError, StorageError) as failure:
            self.alarm = str(failure)
            name = self._station.id
            log.warning("profiles_not_renewed", charge_box_id=name, error=self.alarm)
        return None if self._station.link.closed else self._station.books.clock.now() + AGAIN

    async def _renew(self) -> datetime | None:
        """Bring the charger in line; return until when it is."""
        await self._stored.flush()  # what begins or ends was noted a moment ago
        boots = self._boots  # it may boot again while it is looked after
        wishes = await self._present()
        if not wishes and await self._installed.nothing():
            self._bare, self._restored = True, boots
            return None
        booted = boots != self._restored
        await self._installed.check(sent_with_starts(wishes), booted=booted)
        self._restored = boots
        settled = await self._fulfilment.settle([wishes, _platforms(wishes)])
        until = await self._exact_until(wishes)
        if settled.refusal is None:
            self.alarm = None
            return until
        self.alarm = reason_of(settled.refusal)
        log.warning("profiles_refused", charge_box_id=self._station.id, reason=self.alarm)
        again = self._station.books.clock.now() + (pause_of(settled.refusal) or AGAIN)
        return min(until or again, again)

    async def _exact_until(self, wishes: Wishes) -> datetime | None:
        """Return until when what lies there will do, and note what it depends on."""
        self._watching = any(conditions_of(one) or _has_no_evse(one) for one in wishes)
        return await self._fulfilment.exact_until(wishes)

    async def _present(self) -> list[ChargingProfile]:
        """Read what is wanted, without what has ended, and bind what has begun."""
        await self._installed.read()
        wishes = await self._stored.of_owners(self._station.key)
        running = {}
        if any(one.purpose == TX for one in wishes):
            found = await self._station.books.transactions.running(self._station.key)
            running = {one.transaction_id: one for one in found}
        bound = bind(wishes, running, self._station.books.clock.now())
        for one in bound.ended:
            self._stored.note_removed(one)
        for before, after in bound.changed:
            self._note_bound(before, after)
        return bound.wishes

    def _note_bound(self, before: ChargingProfile, after: ChargingProfile) -> None:
        if before.profile_id != after.profile_id:
            self._stored.note_removed(before)
        self._stored.note_put(after)
        if before.transaction_id is None:
            self._installed.note(Place(after.evse_id, TX, 0), before.meta["sent"])


def _has_no_evse(wish: ChargingProfile) -> bool:
    return wish.purpose == TX and not wish.evse_id


def _check_id(wish: ChargingProfile, wishes: Wishes) -> None:
    """Let no power limit be replaced by what is for something else, nor the reverse (item 10)."""
    rivals = (one for one in wishes if _same(one, wish) and (is_limit(one) or is_limit(wish)))
    if any(_use(one) != _use(wish) for one in rivals):
        told = f"The id {wish.profile_id} is in use for something else at this station."
        raise InvalidCommand(told, {"chargingProfileId": [told]})


def _use(wish: ChargingProfile) -> tuple[bool, str, int | str]:
    """Return what a wish is for; a transaction may get its EVSE later."""
    return is_limit(wish), wish.purpose, wish.transaction_id or wish.evse_id


def _platforms(wishes: Wishes) -> list[ChargingProfile]:
    return [one for one in wishes if one.owner == PLATFORM]


def _same(one: ChargingProfile, other: ChargingProfile) -> bool:
    return (one.owner, one.profile_id) == (other.owner, other.profile_id)
