"""
Keep a chronicle of what limits chargers, so that it can be drawn over what they took.

Whoever changes the books of profiles, of limits from outside or of transactions tells of it at
once; what is foreseen now is reckoned a moment later, beside all else, and noted where it is not
what was foreseen before. Chargers that nothing limits cost no more than a look into a set.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from csms.composite import Lying
from csms.errors import place_of
from csms.limit_steps import Prospect, foreseen, record_of, tells_the_same
from csms.schedules import NOMINAL_VOLTAGE, Supply
from storage.errors import StorageError

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.records import Charger, ChargerKey, ChargingProfile
    from storage.store import Storage

log = structlog.get_logger("ringmain.chronicle")

_SETTLING = 0.02  # s: a change is made of several
_LOOK = 60.0  # s between two looks for what was foreseen long ago
_AGAIN = 5.0  # s after storage was away
_REST = 2.0
_SOONEST = timedelta(minutes=1)
_FAREWELL = 5.0  # s, for what was told of before the end; the next start looks at the rest
_AT_ONCE = 20  # chargers that are looked at anew after a start, before others have their turn


class Scene(NamedTuple):
    """All that limits one charger by its books."""

    charger: Charger
    lying: Lying
    wishes: Sequence[ChargingProfile]
    evses: Sequence[int]
    # What is on its way to the charger, or may be: nobody knows yet what holds.
    unsure: bool

    @property
    def supply(self) -> Supply:
        """Return what is known of the mains without asking the charger."""
        return Supply(self.charger.supply_phases, self.charger.nominal_voltage or NOMINAL_VOLTAGE)

    def prospects(self, now: datetime) -> Iterator[tuple[int, Prospect]]:
        """Yield what is foreseen for the station and each EVSE."""
        return foreseen(self.lying, self.wishes, self.evses, now, self.supply)


async def scene_of(storage: Storage, key: ChargerKey) -> Scene | None:
    """Read a charger's books as they are committed, None where it is gone; raise StorageError."""
    charger = await storage.chargers.get(key)
    if charger is None:
        return None
    installed = await storage.charging_profiles.installed(key)
    limits = await storage.station_limits.of(key)
    running = await storage.transactions.running(key)
    connectors = await storage.chargers.connectors(key)
    named = {one.evse_id for rows in (installed, limits, running, connectors) for one in rows}
    return Scene(
        charger,
        Lying.of(installed, limits, running),
        await storage.charging_profiles.of_owners(key),
        sorted({0, *named}),
        unsure=any("unsure" in one.profile for one in installed),
    )


class Chronicle:
    """Note what is foreseen for each charger whenever it may have changed."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        settling: float = _SETTLING,
        farewell: float = _FAREWELL,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._settling = settling
        self._farewell = farewell
        self._limited: set[ChargerKey] = set()
        # When each was told of last; None: the books know.
        self._told: dict[ChargerKey, datetime | None] = {}
        self._later: deque[ChargerKey] = deque()  # to be looked at anew after a start
        self._due: dict[ChargerKey, datetime] = {}
        self._wake = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep it until the context ends; raise StorageError."""
        storage = self._storage
        self._later.extend(await storage.limit_records.limited())
        self._limited.update(self._later)
        storage.charging_profiles.changed = storage.station_limits.changed = self.limits_changed
        storage.transactions.changed = self.sessions_changed
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._say_farewell()

    # ---- what is told ----

    def limits_changed(self, key: ChargerKey) -> None:
        """Hear that what limits a charger has changed, or is about to."""
        self._limited.add(key)
        self._tell(key)

    def sessions_changed(self, key: ChargerKey) -> None:
        """Hear that a transaction has begun, ended or changed."""
        if key in self._limited:
            self._tell(key)

    def _tell(self, key: ChargerKey) -> None:
        self._told[key] = self._clock.now()
        self._wake.set()

    # ---- what is made of it ----

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if self._later else _LOOK):
                    await self._wake.wait()
            await asyncio.sleep(self._settling)
            self._wake.clear()
            try:
                self._look_ahead()
                await self.catch_up(_REST)
            except StorageError as away:
                log.warning("limits_not_noted", error=str(away))
                await asyncio.sleep(_AGAIN)
                self._wake.set()
            except Exception as fault:  # noqa: BLE001 - whatever it is, others are to be noted
                log.error("chore_failed", chore="Chronicle", fault=place_of(fault))
                self._wake.set()

    def _look_ahead(self) -> None:
        """Take up what was foreseen long ago, and some of what was there before a start."""
        now = self._clock.now()
        for key in [key for key, due in self._due.items() if due <= now]:
            del self._due[key]
            self._told.setdefault(key, now)
        for _ in range(min(_AT_ONCE, len(self._later))):
            self._told.setdefault(self._later.popleft(), None)

    async def catch_up(self, rest: float = 0.0) -> None:
        """Note all that was told of; raise StorageError.

        ``rest`` is how much longer than the work for each charger others have their turn.
        """
        while self._told:
            told, self._told = self._told, {}
            try:
                await self._storage.group.flush()  # what they were told of; who is told now waits
                await self._note_all(told, rest)
            finally:
                self._told = {**told, **self._told}

    async def _note_all(self, told: dict[ChargerKey, datetime | None], rest: float) -> None:
        """Note those who were told of, and take them out; who waits for longest comes first."""
        now = asyncio.get_running_loop().time
        while told:
            key = next(iter(told))
            at = told.pop(key)
            begun = now()
            try:
                await self._note(key, at)
            except (StorageError, asyncio.CancelledError):
                told[key] = at
                raise
            await asyncio.sleep(rest * (now() - begun))

    async def _say_farewell(self) -> None:
        """Note what there is time for: a fleet whose limits have just changed holds up no end."""
        with contextlib.suppress(StorageError, TimeoutError):
            async with asyncio.timeout(self._farewell):
                await self.catch_up()
        if self._told:
            log.warning("limits_left_for_the_next_start", chargers=len(self._told))

    async def _note(self, key: ChargerKey, at: datetime | None) -> None:
        scene = await scene_of(self._storage, key)
        at = self._told.get(key) or at  # what was told while they were read may be in the books
        if scene is None:
            self._spare(key)
            return
        if scene.unsure:  # what comes of it is told again
            return
        records = {one.evse_id: one for one in await self._storage.limit_records.at(key)}
        scene = scene._replace(evses=sorted({*scene.evses, *records}))
        newest = max((one.at for one in records.values()), default=None)
        moment = at or self._changed_at(scene, newest)
        for evse_id, prospect in scene.prospects(moment):
            if not tells_the_same(records.get(evse_id), moment, prospect.limits):
                self._storage.limit_records.note(record_of(key, evse_id, moment, prospect.limits))
            self._expect(key, moment, prospect)
            await asyncio.sleep(0)  # a charger may have a hundred
        if not scene.lying.layers:
            self._spare(key)

    def _spare(self, key: ChargerKey) -> None:
        """Watch who is not limited no more, unless he may be again by now."""
        if key not in self._told:
            self._limited.discard(key)

    def _changed_at(self, scene: Scene, newest: datetime | None) -> datetime:
        """Return when the books changed last, unless that is noted already."""
        now = self._clock.now()
        moments = [layer.changed_at for layer in scene.lying.layers]
        moments += [one.started_at for one in scene.lying.running]
        changed = max((moment for moment in moments if moment <= now), default=now)
        return changed if newest is None or changed > newest else now

    def _expect(self, key: ChargerKey, at: datetime, prospect: Prospect) -> None:
        """Look at it again before what is foreseen ends, where it is not always the same."""
        if len(prospect.limits) > 1:
            due = at + max((prospect.until - at) / 2, _SOONEST)
            self._due[key] = min(self._due.get(key, due), due)
