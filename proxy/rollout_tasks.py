"""Keep rollouts going, each in a task of its own, until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog

from csms.errors import place_of
from proxy.rolling import Pace, Rolling
from storage.records import AuditEntry
from storage.tenancy import on_behalf_of

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning
    from storage.commissioning_records import Rollout, Site

log = structlog.get_logger("ringmain.rollouts")


class _Place(NamedTuple):
    organization_uuid: str
    site_id: str


class RolloutTasks:
    """Run what is begun; a site has one task, which runs what is newest there until it has ended.

    Another one begins when the one before it is over.
    """

    def __init__(self, commissioning: Commissioning, pace: Pace) -> None:
        self._clock = commissioning.clock
        self._storage = commissioning.storage
        self._rolling = Rolling(commissioning, pace)
        self._pace = pace
        self._tasks: dict[_Place, asyncio.Task[None]] = {}

    def keep(self, rollout: Rollout) -> None:
        """Run what is stored as running, unless that is done already."""
        if _place(rollout) not in self._tasks:
            self._begin(_place(rollout), [])

    def start(self, rollout: Rollout, *, grace: float = 0.0) -> None:
        """Run a rollout instead of what runs at its site."""
        before = self._before(rollout)
        for task in before:
            task.cancel()
        self._begin(_place(rollout), before, grace=grace)

    def look(self, rollout: Rollout) -> None:
        """Run a rollout where it turns out to be stored, else what runs at its site."""
        self._begin(_place(rollout), self._before(rollout), after=self._pace.retry)

    async def stop(self, site: Site) -> None:
        """End what runs at a site."""
        task = self._tasks.get(_Place(site.organization_uuid, site.site_id))
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def close(self) -> None:
        """End all that runs; it goes on after a restart."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _before(self, rollout: Rollout) -> list[asyncio.Task[None]]:
        task = self._tasks.get(_place(rollout))
        return [task] if task else []

    def _begin(
        self,
        place: _Place,
        before: Sequence[asyncio.Task[None]],
        *,
        after: float = 0.0,
        grace: float = 0.0,
    ) -> None:
        with on_behalf_of(place.organization_uuid):
            task = asyncio.create_task(self._kept_up(place, before, after, grace))
        self._tasks[place] = task
        task.add_done_callback(partial(self._forget, place))

    def _forget(self, place: _Place, task: asyncio.Task[None]) -> None:
        if self._tasks.get(place) is task:
            del self._tasks[place]

    async def _kept_up(
        self, place: _Place, before: Sequence[asyncio.Task[None]], after: float, grace: float
    ) -> None:
        """Run what is newest, and go on where a fault or storage has stopped it."""
        await asyncio.gather(*before, return_exceptions=True)
        while True:
            await asyncio.sleep(after)
            try:
                if not await self._run(place, grace):
                    return
            except Exception as fault:  # noqa: BLE001 - whatever it is, the rollout is to be ended
                log.warning("rollout_waits", site_id=place.site_id, fault=place_of(_first(fault)))
                after = self._pace.retry

    async def _run(self, place: _Place, grace: float) -> bool:
        """Run what is newest at a site; return false where that has ended already."""
        found = await self._storage.rollouts.list(*place, 1)
        if not found or found[0].state != "running":
            return False
        trouble = await self._rolling.run(found[0], grace)
        if trouble is not None:
            self.note(found[0], "rollout.halt", "halted", "platform", error=trouble)
        return True

    def note(
        self, rollout: Rollout, action: str, result: str, actor: str, **details: object
    ) -> None:
        """Leave an audit entry."""
        named = {
            "site_id": rollout.site_id,
            "rollout_id": rollout.rollout_id,
            "version": rollout.version,
        }
        self._storage.audit.note(
            AuditEntry(
                timestamp=self._clock.now(),
                organization_uuid=rollout.organization_uuid,
                actor=actor,
                action=action,
                result=result,
                details={**named, **details},
            )
        )


def _place(rollout: Rollout) -> _Place:
    return _Place(rollout.organization_uuid, rollout.site_id)


def _first(fault: BaseException) -> BaseException:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault
