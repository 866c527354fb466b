"""Roll a version out to the chargers of a site, and take it back.

A rollout claims its chargers when it begins. A charger that somebody applies something else to
meanwhile is left to whoever came last. The same version once more is the same rollout: it goes on,
tries again what failed, and still knows what there was before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.commissioning import Outcome, Prospect, Wish
from proxy.rolling import Pace
from proxy.rollout_tasks import RolloutTasks
from proxy.survey import prospects
from storage.commissioning_records import Rollout, RolloutStep

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning
    from storage.commissioning_records import ConnectionDetails, Installation, Site
    from storage.records import Charger, ChargerKey

_SITE_GONE = "The site was deleted before this charger's turn."


class Canary(NamedTuple):
    """So many chargers go first, and have so many s to be linked."""

    chargers: int
    seconds: int


class Rollouts:
    """Begin rollouts; what a restart interrupts goes on where it was."""

    def __init__(
        self,
        commissioning: Commissioning,
        connected: Callable[[ChargerKey], bool],
        new_id: Callable[[], str],
        pace: Pace | None = None,
    ) -> None:
        self.commissioning = commissioning
        self._storage = commissioning.storage
        self._connected = connected
        self._new_id = new_id
        self._pace = pace or Pace()
        self._beginning = asyncio.Lock()
        self._tasks = RolloutTasks(commissioning, self._pace)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rollouts]:
        """Run until the context ends; raise StorageError."""
        for rollout in await self._storage.rollouts.unfinished():
            self._tasks.start(rollout, grace=self._pace.resume)
        try:
            yield self
        finally:
            await self._tasks.close()

    # ---- what is asked for ----

    async def begin(
        self,
        site: Site,
        chargers: Sequence[Charger],
        details: ConnectionDetails,
        canary: Canary | None,
        requested_by: str,
    ) -> Rollout:
        """Begin to apply a version to a site's chargers, or go on with it; raise StorageError."""
        async with self._quiet():
            old = await self.newest(site)
            same = old if old is not None and old.version == details.version else None
            if same is not None and same.state == "running":
                self._tasks.keep(same)
                return same
            rollout = replace(
                self._opened(same, site, requested_by),
                version=details.version,
                canary_chargers=canary.chargers if canary else None,
                canary_seconds=canary.seconds if canary else None,
            )
            keys = [one.key for one in chargers]
            keys.sort(key=lambda key: not self._connected(key))  # canaries are to be connected
            before = {step.key: step.before for step, _ in await self._own(rollout)}
            steps = [replace(step, before=before.get(step.key)) for step in _steps(rollout, keys)]
            await self._begin(rollout, steps, [details.version] * len(steps))
        return rollout

    async def take_back(self, site: Site, requested_by: str) -> Rollout | None:
        """Begin to bring back what was there before a site's last rollout; None: there was none.

        Once more changes nothing, but tries again where it failed. Raises StorageError.
        """
        async with self._quiet():
            old = await self.newest(site)
            if old is None:
                return None
            if old.takes_back is not None and await self._needs_nothing(old):
                return old
            again = old if old.takes_back is not None else None
            rollout = replace(
                self._opened(again, site, requested_by),
                takes_back=old.takes_back or old.rollout_id,
            )
            own, before = await self._own(old), await self._before(rollout)
            wanted = [
                before[step.key]["version"] if step.key in before else installed.applied_version
                for step, installed in own
            ]
            await self._begin(rollout, _steps(rollout, (step.key for step, _ in own)), wanted)
        return rollout

    async def would_take_back(self, site: Site) -> list[Prospect]:
        """Return what `take_back` would make of each charger, which changes nothing.

        Those that somebody applied something else to since are superseded. Raises StorageError.
        """
        old = await self.newest(site)
        if old is None or (old.takes_back is not None and await self._needs_nothing(old)):
            return []
        own = [step.key.charge_box_id for step, _ in await self._own(old)]
        steps = await self._storage.rollouts.steps(old.rollout_id)
        found = {step.key: step.before for step in steps}
        before = found if old.takes_back is None else await self._before(old)
        chargers = await self._storage.chargers.among(site.organization_uuid, own)
        wishes = [
            (charger, Wish(before=before.get(charger.key), requested_by="", claim=""))
            for charger in chargers.values()
        ]
        foreseen = await prospects(self.commissioning, site.organization_uuid, wishes)
        taken_back = {prospect.key: prospect for prospect in foreseen}
        return [taken_back.get(key) or _left_alone(key) for key in found]

    @asynccontextmanager
    async def ended(self, site: Site) -> AsyncIterator[None]:
        """End what is rolled out to a site and let nothing begin there; raise StorageError.

        `changing` is held meanwhile: no charger is left half done. Those that it did not come to
        stay as they are.
        """
        async with self._quiet():
            for rollout in await self._storage.rollouts.list(site.organization_uuid, site.site_id):
                if rollout.state == "running":
                    now = self.commissioning.clock.now()
                    await self._storage.rollouts.finish(rollout, "halted", now, _SITE_GONE)
            await self._tasks.stop(site)  # not before: what has not ended is to go on
            yield

    @asynccontextmanager
    async def _quiet(self) -> AsyncIterator[None]:
        """Have nobody begin a rollout meanwhile, nor claim or change a charger."""
        async with self._beginning, self.commissioning.changing:
            yield

    # ---- what there is ----

    async def newest(self, site: Site) -> Rollout | None:
        """Return a site's last rollout, which may be one that takes back; raise StorageError."""
        found = await self._storage.rollouts.list(site.organization_uuid, site.site_id, 1)
        return found[0] if found else None

    async def _own(self, rollout: Rollout) -> list[tuple[RolloutStep, Installation]]:
        """Return the steps whose charger nobody else has claimed since, and what that one has."""
        steps = await self._storage.rollouts.steps(rollout.rollout_id)
        installed = await self._storage.installations.of(
            rollout.organization_uuid, [step.key.charge_box_id for step in steps]
        )
        return [
            (step, found)
            for step in steps
            if (found := installed.get(step.key.charge_box_id)) is not None
            and found.claim == rollout.rollout_id
        ]

    async def _needs_nothing(self, rollback: Rollout) -> bool:
        """Tell whether a rollback runs, or has brought back everything."""
        if rollback.state == "running":
            self._tasks.keep(rollback)
            return True
        states = await self._storage.rollouts.states(rollback.rollout_id)
        return not states.keys() & {"failed", "halted"}

    async def _before(self, rollback: Rollout) -> Mapping[ChargerKey, Mapping[str, Any]]:
        """Return what a rollback is to bring back."""
        steps = await self._storage.rollouts.steps(rollback.takes_back or "")
        return {step.key: step.before for step in steps if step.before is not None}

    # ---- what is begun ----

    def _opened(self, again: Rollout | None, site: Site, requested_by: str) -> Rollout:
        """Return a new rollout, or one that is opened again."""
        if again is not None:
            opened = replace(again, requested_by=requested_by, state="running")
            return replace(opened, error=None, finished_at=None)
        return Rollout(
            rollout_id=self._new_id(),
            organization_uuid=site.organization_uuid,
            site_id=site.site_id,
            requested_by=requested_by,
            created_at=self.commissioning.clock.now(),
        )

    async def _begin(
        self, rollout: Rollout, steps: Sequence[RolloutStep], wanted: Sequence[str | None]
    ) -> None:
        try:
            await self._storage.rollouts.begin(rollout, steps, wanted)
        except BaseException:
            self._tasks.look(rollout)  # it may be stored all the same
            raise
        self._tasks.start(rollout)
        action = "rollout.begin" if rollout.takes_back is None else "rollout.take_back"
        self._tasks.note(
            rollout,
            action,
            "begun",
            f"key:{rollout.requested_by}",
            chargers=len(steps),
            takes_back=rollout.takes_back,
        )


def _left_alone(key: ChargerKey) -> Prospect:
    return Prospect(key=key, outcome=Outcome(state="superseded"))


def _steps(rollout: Rollout, keys: Iterable[ChargerKey]) -> list[RolloutStep]:
    return [
        RolloutStep(rollout_id=rollout.rollout_id, place=place, key=key)
        for place, key in enumerate(keys)
    ]
