"""See whether the chargers that a rollout begins with are linked, before it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from proxy.installing import OFF, drift
from proxy.states import State

if TYPE_CHECKING:
    from proxy.commissioning import Commissioning
    from storage.commissioning_records import ConnectionDetails, Rollout, RolloutStep, StepState
    from storage.records import ChargerKey

_ELSEWHERE = "Something else has been applied to it."
_BY_HAND = "Its proxy configuration has been changed by hand."
# What is told of a canary that is not installed and has no error of its own.
_TOLD: Mapping[StepState, str] = {
    "superseded": _ELSEWHERE,
    "gone": "It has been deleted.",
    "pending": "Nothing has been installed there.",
}
INSTALLED = frozenset({"applied", "unchanged"})


class _Trouble(NamedTuple):
    """What is wrong with a canary; what is not final may pass."""

    told: str
    is_final: bool = True


class Canaries:
    """Watch the links of canaries, by a look every so many s.

    Once all are linked they have to stay so for ``steady`` s: a link may flap.
    """

    def __init__(self, commissioning: Commissioning, *, look: float, steady: float) -> None:
        self._commissioning = commissioning
        self._storage = commissioning.storage
        self._look = look
        self._steady = steady

    async def trouble(
        self,
        rollout: Rollout,
        details: ConnectionDetails,
        canaries: Sequence[RolloutStep],
        grace: float,
    ) -> str | None:
        """Wait until all are linked; return what is wrong with one, once that is certain.

        They have ``grace`` s more than the rollout gives them. Raises StorageError.
        """
        for step in canaries:
            if step.state not in INSTALLED:
                return _said(step.key, step.error or _TOLD.get(step.state, step.state))
        if details.connectivity_mode == OFF:
            return None
        now, seconds = asyncio.get_running_loop().time, rollout.canary_seconds or 0
        deadline, linked_since = now() + seconds + grace, None
        while linked_since is None or now() - linked_since < self._steady:
            trouble = await self._first(details, canaries)
            if trouble is None:
                linked_since = linked_since or now()
            elif trouble.is_final:
                return trouble.told
            elif now() >= deadline:
                return f"After {seconds} s a canary is not linked. {trouble.told}"
            else:
                linked_since = None
            await asyncio.sleep(self._look)
        return None

    async def _first(
        self, details: ConnectionDetails, canaries: Sequence[RolloutStep]
    ) -> _Trouble | None:
        for step in canaries:
            trouble = await self._trouble(details, step)
            if trouble is not None:
                return trouble._replace(told=_said(step.key, trouble.told))
        return None

    async def _trouble(self, details: ConnectionDetails, step: RolloutStep) -> _Trouble | None:
        # In this order: whoever applies something else changes both at once.
        configuration = await self._storage.proxy_configurations.for_charger(step.key)
        installation = await self._storage.installations.get(step.key)
        if installation is None:
            return _Trouble(_TOLD["gone"])
        if installation.claim != step.rollout_id:
            return _Trouble(_ELSEWHERE)
        if configuration is None or drift(details, installation, configuration):
            return _Trouble(_BY_HAND)
        glance = self._commissioning.links.glance(configuration)
        if glance.state is State.READY:
            return None
        told = glance.last_error or f"Its link is {glance.state.value}."
        return _Trouble(told, is_final=False)


def _said(key: ChargerKey, trouble: str) -> str:
    return f"Canary {key.charge_box_id}: {trouble}"
