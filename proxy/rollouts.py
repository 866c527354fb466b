"""Roll a version out to the chargers of a site, and take it back: a few at a time, resumably.

A rollout claims its chargers when it begins. A charger that somebody applies something else to
meanwhile is left to whoever came last. The same version once more is the same rollout: it goes on,
tries again what failed, and still knows what there was before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from csms.errors import place_of
from proxy.commissioning import Outcome, Prospect, Wish
from proxy.installing import OFF
from proxy.states import State
from storage.commissioning_records import Rollout, RolloutStep
from storage.tenancy import on_behalf_of

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning
    from storage.commissioning_records import ConnectionDetails, Site
    from storage.records import Charger, ChargerKey

log = structlog.get_logger("ringmain.rollouts")

_SITE_GONE = "The site was deleted before this charger's turn."
_INSTALLED = frozenset({"applied", "unchanged"})


@dataclass(frozen=True, slots=True)
class Pace:
    """How many chargers at once, and how long to wait, in s.

    ``look`` is between two looks at canaries, ``resume`` until those are back after a restart,
    ``retry`` until storage may be.
    """

    at_once: int = 20
    look: float = 0.2
    resume: float = 60.0
    retry: float = 5.0


class Canary(NamedTuple):
    """So many chargers go first, and have so many s to be linked."""

    chargers: int
    seconds: int


class Rollouts:
    """Run rollouts, each in a task; what a restart interrupts goes on where it was."""

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
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by the rollout's id

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rollouts]:
        """Run until the context ends; raise StorageError."""
        for rollout in await self._storage.rollouts.unfinished():
            self._start(rollout, self._pace.resume if rollout.canary_chargers else 0.0)
        try:
            yield self
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

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
        async with self._beginning:
            old = await self.newest(site)
            goes_on = old is not None and old.version == details.version
            if old is not None and goes_on and old.state == "running":
                return old
            rollout = replace(
                old if old is not None and goes_on else self._new(site, requested_by),
                version=details.version,
                canary_chargers=canary.chargers if canary else None,
                canary_seconds=canary.seconds if canary else None,
                requested_by=requested_by,
                state="running",
                error=None,
                finished_at=None,
            )
            keys = [one.key for one in chargers]
            keys.sort(key=lambda key: not self._connected(key))  # canaries are to be connected
            before = {step.key: step.before for step in await self.own_steps(rollout)}
            steps = [replace(step, before=before.get(step.key)) for step in _steps(rollout, keys)]
            await self._begin(rollout, steps, [details.version] * len(steps))
        return rollout

    async def take_back(self, site: Site, requested_by: str) -> Rollout | None:
        """Begin to bring back what was there before a site's last rollout; None: there was none.

        Once more changes nothing. Raises StorageError.
        """
        async with self._beginning:
            old = await self.newest(site)
            if old is None or old.takes_back is not None:
                return old
            rollout = replace(self._new(site, requested_by), takes_back=old.rollout_id)
            own = await self.own_steps(old)
            steps = _steps(rollout, (step.key for step in own))
            installed = await self._storage.installations.of(
                site.organization_uuid, [step.key.charge_box_id for step in own]
            )
            wanted = [
                step.before["version"]
                if step.before
                else installed[step.key.charge_box_id].applied_version
                for step in own
            ]
            await self._begin(rollout, steps, wanted)
        return rollout

    async def would_take_back(self, site: Site) -> list[Prospect]:
        """Return what `take_back` would make of each charger, which changes nothing.

        Those that somebody applied something else to since are superseded. Raises StorageError.
        """
        old = await self.newest(site)
        if old is None or old.takes_back is not None:
            return []
        own = {step.key for step in await self.own_steps(old)}
        return [
            await self._foreseen(step) if step.key in own else _left_alone(step)
            for step in await self._storage.rollouts.steps(old.rollout_id)
        ]

    async def _foreseen(self, step: RolloutStep) -> Prospect:
        wish = Wish(before=step.before, requested_by="", claim=step.rollout_id)
        return await self.commissioning.foresee(step.key, wish)

    @asynccontextmanager
    async def ended(self, site: Site) -> AsyncIterator[None]:
        """End what is rolled out to a site and let nothing begin there; raise StorageError.

        `changing` is held meanwhile: no charger is left half done. Those that it did not come to
        stay as they are.
        """
        async with self._beginning, self.commissioning.changing:
            for rollout in await self._storage.rollouts.list(site.organization_uuid, site.site_id):
                if task := self._tasks.get(rollout.rollout_id):
                    task.cancel()
                    await asyncio.wait((task,))
                if rollout.state == "running":
                    now = self.commissioning.clock.now()
                    await self._storage.rollouts.finish(rollout, "halted", now, _SITE_GONE)
            yield

    async def newest(self, site: Site) -> Rollout | None:
        """Return a site's last rollout, which may be one that takes back; raise StorageError."""
        found = await self._storage.rollouts.list(site.organization_uuid, site.site_id, 1)
        return found[0] if found else None

    def _new(self, site: Site, requested_by: str) -> Rollout:
        return Rollout(
            rollout_id=self._new_id(),
            organization_uuid=site.organization_uuid,
            site_id=site.site_id,
            requested_by=requested_by,
            created_at=self.commissioning.clock.now(),
        )

    async def own_steps(self, rollout: Rollout) -> list[RolloutStep]:
        """Return the steps of a rollout whose charger nobody else has claimed since."""
        steps = await self._storage.rollouts.steps(rollout.rollout_id)
        installed = await self._storage.installations.of(
            rollout.organization_uuid, [step.key.charge_box_id for step in steps]
        )
        return [
            step
            for step in steps
            if (found := installed.get(step.key.charge_box_id)) is not None
            and found.claim == rollout.rollout_id
        ]

    async def _begin(
        self, rollout: Rollout, steps: Sequence[RolloutStep], wanted: Sequence[str | None]
    ) -> None:
        await self._storage.rollouts.begin(rollout, steps, wanted)
        self._start(rollout, 0.0)

    # ---- in the background ----

    def _start(self, rollout: Rollout, after: float) -> None:
        with on_behalf_of(rollout.organization_uuid):
            task = asyncio.create_task(self._kept_up(rollout, after))
        self._tasks[rollout.rollout_id] = task
        task.add_done_callback(partial(self._forget, rollout.rollout_id))

    def _forget(self, rollout_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(rollout_id) is task:
            del self._tasks[rollout_id]

    async def _kept_up(self, rollout: Rollout, after: float) -> None:
        """Run a rollout, and go on where a fault or storage has stopped it."""
        while True:
            await asyncio.sleep(after)
            try:
                return await self._run(rollout)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the rollout is to be ended
                log.warning("rollout_waits", rollout_id=rollout.rollout_id, fault=place_of(fault))
                after = self._pace.retry

    async def _run(self, rollout: Rollout) -> None:
        stored, now = self._storage.rollouts, self.commissioning.clock.now
        steps = await stored.steps(rollout.rollout_id)
        first = rollout.canary_chargers or 0
        await self._carry_out(rollout, steps[:first])
        trouble = await self._trouble(rollout) if first else None
        if trouble is None:
            await self._carry_out(rollout, steps[first:])
            await stored.finish(rollout, "done", now())
        else:
            await stored.finish(rollout, "halted", now(), trouble)

    async def _carry_out(self, rollout: Rollout, steps: Iterable[RolloutStep]) -> None:
        details = await self._details(rollout)
        back = await self._found_before(rollout)
        left = iter([step for step in steps if step.state == "pending"])

        async def work() -> None:
            for step in left:
                wish = Wish(
                    details=details,
                    before=back.get(step.key),
                    requested_by=rollout.requested_by,
                    claim=rollout.rollout_id,
                    step=step,
                )
                await self.commissioning.carry_out(step.key, wish)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._pace.at_once):
                group.create_task(work())

    async def _details(self, rollout: Rollout) -> ConnectionDetails | None:
        if rollout.version is None:
            return None
        return await self._storage.connection_details.get(
            rollout.organization_uuid, rollout.version
        )

    async def _found_before(self, rollout: Rollout) -> dict[ChargerKey, Mapping[str, Any]]:
        """Return what is to be brought back, by charger."""
        if rollout.takes_back is None:
            return {}
        steps = await self._storage.rollouts.steps(rollout.takes_back)
        return {step.key: step.before for step in steps if step.before is not None}

    async def _trouble(self, rollout: Rollout) -> str | None:
        """Wait until all canaries are linked; return what is wrong with one, when time is up."""
        first, seconds = rollout.canary_chargers or 0, rollout.canary_seconds or 0
        canaries = await self._storage.rollouts.steps(rollout.rollout_id, first)
        for step in canaries:
            if step.state not in _INSTALLED:
                return f"Canary {step.key.charge_box_id}: {step.error or step.state}"
        details = await self._details(rollout)
        if details is None or details.connectivity_mode == OFF:
            return None
        now = asyncio.get_running_loop().time
        deadline = now() + seconds
        while (trouble := await self._unlinked(canaries)) is not None:
            if now() >= deadline:
                return f"After {seconds} s a canary is not linked. {trouble}"
            await asyncio.sleep(self._pace.look)
        return None

    async def _unlinked(self, canaries: Sequence[RolloutStep]) -> str | None:
        for step in canaries:
            configuration = await self._storage.proxy_configurations.for_charger(step.key)
            if configuration is None:
                return f"{step.key.charge_box_id}: it has no proxy configuration."
            glance = self.commissioning.links.glance(configuration)
            if glance.state is not State.READY:
                return f"{step.key.charge_box_id}: {glance.last_error or glance.state.value}"
        return None


def _left_alone(step: RolloutStep) -> Prospect:
    return Prospect(key=step.key, outcome=Outcome(state="superseded"))


def _steps(rollout: Rollout, keys: Iterable[ChargerKey]) -> list[RolloutStep]:
    return [
        RolloutStep(rollout_id=rollout.rollout_id, place=place, key=key)
        for place, key in enumerate(keys)
    ]
