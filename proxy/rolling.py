"""Carry a rollout out: its canaries first, then the others, a few at a time, from where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from csms.errors import place_of
from proxy.canaries import Canaries
from proxy.commissioning import Wish
from storage.errors import SealBroken, StorageError, StorageUnavailable

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning
    from storage.commissioning_records import ConnectionDetails, Rollout, RolloutStep
    from storage.records import ChargerKey

log = structlog.get_logger("ringmain.rollouts")

_FAULT = "Ringmain had an internal error."
_NO_VERSION = "The version is not stored any more."


@dataclass(frozen=True, slots=True)
class Pace:
    """How many chargers at once, and how long to wait, in s.

    ``look`` is between two looks at canaries, ``steady`` how long those have to stay linked,
    ``resume`` what they have to come back after a restart, ``retry`` until storage may be back.
    """

    at_once: int = 20
    look: float = 0.2
    steady: float = 1.0
    resume: float = 60.0
    retry: float = 5.0


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done: a version to be installed, or what is to be brought ``back``."""

    rollout: Rollout
    steps: Sequence[RolloutStep]
    details: ConnectionDetails | None
    back: Mapping[ChargerKey, Mapping[str, Any]] = field(repr=False)  # holds passwords

    @property
    def canaries(self) -> Sequence[RolloutStep]:
        """Return the steps that come first."""
        return self.steps[: self.rollout.canary_chargers or 0]

    @property
    def others(self) -> Sequence[RolloutStep]:
        """Return the steps behind the canaries."""
        return self.steps[self.rollout.canary_chargers or 0 :]

    def wish(self, step: RolloutStep) -> Wish:
        """Return what one charger is to have."""
        return Wish(
            details=self.details,
            before=self.back.get(step.key),
            requested_by=self.rollout.requested_by,
            claim=self.rollout.rollout_id,
            step=step,
        )


class Rolling:
    """Carry out one rollout at a time, as often as it is asked to, from where it is."""

    def __init__(self, commissioning: Commissioning, pace: Pace) -> None:
        self._commissioning = commissioning
        self._storage = commissioning.storage
        self._pace = pace
        self._canaries = Canaries(commissioning, look=pace.look, steady=pace.steady)

    async def run(self, rollout: Rollout, grace: float) -> str | None:
        """Do what is left, and return why it was halted, if it was; raise StorageError.

        Canaries have ``grace`` s more to be linked.
        """
        stored, now = self._storage.rollouts, self._commissioning.clock.now
        trouble = await self._carried_out(rollout, grace)
        if trouble is None:
            await stored.finish(rollout, "done", now())
        else:
            await stored.finish(rollout, "halted", now(), trouble)
        return trouble

    async def _carried_out(self, rollout: Rollout, grace: float) -> str | None:
        """Return what is wrong where it cannot go on."""
        try:
            order = await self._order(rollout)
        except SealBroken as broken:
            return str(broken)
        if rollout.version is not None and order.details is None:
            return _NO_VERSION
        await self._install(order, order.canaries)
        trouble = await self._trouble(order, grace)
        if trouble is None:
            await self._install(order, order.others)
        return trouble

    async def _order(self, rollout: Rollout) -> _Order:
        steps = await self._storage.rollouts.steps(rollout.rollout_id)
        return _Order(rollout, steps, await self._details(rollout), await self._back(rollout))

    async def _details(self, rollout: Rollout) -> ConnectionDetails | None:
        if rollout.version is None:
            return None
        details = self._storage.connection_details
        return await details.get(rollout.organization_uuid, rollout.version)

    async def _back(self, rollout: Rollout) -> dict[ChargerKey, Mapping[str, Any]]:
        if rollout.takes_back is None:
            return {}
        steps = await self._storage.rollouts.steps(rollout.takes_back)
        return {step.key: step.before for step in steps if step.before is not None}

    async def _trouble(self, order: _Order, grace: float) -> str | None:
        rollout, details = order.rollout, order.details
        gone_on = any(step.state != "pending" for step in order.others)
        if not order.canaries or details is None or gone_on:
            return None
        canaries = await self._storage.rollouts.steps(rollout.rollout_id, len(order.canaries))
        return await self._canaries.trouble(rollout, details, canaries, grace)

    async def _install(self, order: _Order, steps: Iterable[RolloutStep]) -> None:
        left = iter([step for step in steps if step.state == "pending"])

        async def work() -> None:
            for step in left:
                await self._step(order, step)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._pace.at_once):
                group.create_task(work())

    async def _step(self, order: _Order, step: RolloutStep) -> None:
        """Install at one charger; what is wrong there alone does not keep back the others."""
        try:
            await self._commissioning.carry_out(step.key, order.wish(step))
        except StorageUnavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, the other chargers are to go on
            name = step.key.charge_box_id
            log.error("step_failed", charge_box_id=name, fault=place_of(fault))
            error = str(fault) if isinstance(fault, StorageError) else _FAULT
            await self._commissioning.give_up(step.key, step, error)
