"""Install stored connection details at one charger; the live link follows at once.

Whoever has claimed a charger last decides what it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from proxy.errors import InvalidTarget
from proxy.installing import Plan, Scene, planned, snapshot, taken_back
from storage.commissioning_records import (
    ConnectionDetails,
    Installation,
    RolloutStep,
    StepState,
)
from storage.errors import StorageError

if TYPE_CHECKING:
    from proxy.states import Glance
    from storage.clock import Clock
    from storage.records import ChargerKey, ProxyConfiguration
    from storage.store import Storage


log = structlog.get_logger("ringmain.commissioning")


class Links(Protocol):
    """The target links, as far as commissioning has to do with them."""

    async def configure(self, key: ChargerKey, old: ProxyConfiguration | None = None) -> None:
        """Take up this charger's proxy configuration as it is stored now; it was ``old``."""

    def glance(self, configuration: ProxyConfiguration) -> Glance:
        """Tell where the link of a configuration is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A version for a charger; without one, what a rollout has found ``before`` is brought back.

    ``claim`` is whose wish it is: a rollout's, with its ``step``, else one of its own. Where there
    is neither a version nor a ``before``, what is installed is wanted.
    """

    details: ConnectionDetails | None = None
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    requested_by: str
    claim: str
    step: RolloutStep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a wish; ``plan`` is what was installed.

    Where there can be none, ``error`` says what is wrong with ``field``.
    """

    state: StepState
    plan: Plan | None = None
    error: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What would become of a wish at one charger, which changes nothing."""

    key: ChargerKey
    outcome: Outcome
    # What the charger has now.
    found: ProxyConfiguration | None = None


class Commissioning:
    """Install what is wished.

    ``changing`` is held from the reading to the writing of a proxy configuration, by everybody.
    """

    def __init__(
        self,
        storage: Storage,
        links: Links,
        clock: Clock,
        *,
        again: float = 5.0,
    ) -> None:
        self.storage = storage
        self.links = links
        self.clock = clock
        self.changing = asyncio.Lock()
        self._again = again
        self._following: set[asyncio.Task[None]] = set()

    async def scene(self, key: ChargerKey) -> Scene | None:
        """Return what there is of a charger, None where it is not enrolled; raise StorageError."""
        charger = await self.storage.chargers.get(key)
        if charger is None:
            return None
        return Scene(
            charger=charger,
            installation=await self.storage.installations.get(key),
            configuration=await self.storage.proxy_configurations.for_charger(key),
        )

    def plan(self, wish: Wish, scene: Scene) -> Plan:
        """Return what a wish makes of a charger, which changes nothing; raise InvalidTarget."""
        now = self.clock.now()
        if wish.details is not None:
            return planned(wish.details, scene, now)
        return taken_back(wish.before or snapshot(scene), scene, now)

    async def foresee(self, key: ChargerKey, wish: Wish) -> Prospect:
        """Return what would become of a wish, which changes nothing; raise StorageError."""
        scene = await self.scene(key)
        if scene is None:
            return Prospect(key=key, outcome=Outcome(state="gone"))
        return Prospect(key=key, outcome=self.judged(scene, wish), found=scene.configuration)

    async def carry_out(self, key: ChargerKey, wish: Wish) -> Outcome:
        """Install what is wished, and have the live link follow; raise StorageError."""
        following: asyncio.Task[None] | None = None
        async with self.changing:
            scene = await self.scene(key)
            if scene is None:
                return await self._gone(wish)
            outcome = await self._store(scene, wish)
            if outcome.plan is not None and outcome.plan.configuration is not None:
                following = asyncio.create_task(self._follow(key, scene.configuration))
                self._following.add(following)
                following.add_done_callback(self._following.discard)
        if following is not None:
            await asyncio.shield(following)  # whoever asked may go away meanwhile
        return outcome

    async def _follow(self, key: ChargerKey, old: ProxyConfiguration | None) -> None:
        """Have the live link follow what is stored, whatever happens."""
        while True:
            try:
                return await self.links.configure(key, old)
            except StorageError as fault:
                name = key.charge_box_id
                log.warning("link_does_not_follow", charge_box_id=name, reason=str(fault))
                await asyncio.sleep(self._again)

    async def _gone(self, wish: Wish) -> Outcome:
        if wish.step is not None:
            gone = _ended(wish.step, "gone", self.clock.now())
            await self.storage.rollouts.finish_step(gone)
        return Outcome(state="gone")

    async def _store(self, scene: Scene, wish: Wish) -> Outcome:
        """Store a plan with its installation and its step, or that there can be none."""
        outcome = self.judged(scene, wish)
        installation = _installation(scene, wish, outcome, self.clock.now())
        step = wish.step and replace(
            _ended(wish.step, outcome.state, self.clock.now(), outcome.error),
            # Tried once more, it still knows what there was before the first time.
            before=wish.step.before or (snapshot(scene) if outcome.plan else None),
        )
        configuration = outcome.plan.configuration if outcome.plan else None
        if await self.storage.installations.put(installation, configuration, step):
            return outcome
        assert wish.step is not None  # noqa: S101 - nobody else is refused
        late = _ended(wish.step, "superseded", self.clock.now())
        await self.storage.rollouts.finish_step(late)
        return Outcome(state="superseded")

    def judged(self, scene: Scene, wish: Wish) -> Outcome:
        """Return what would become of a wish, which changes nothing."""
        try:
            plan = self.plan(wish, scene)
        except InvalidTarget as wrong:
            return Outcome(state="failed", error=wrong.reason, field=wrong.field)
        same = scene.installation and scene.installation.applied_version == plan.version
        return Outcome(state="unchanged" if same and not plan.changes else "applied", plan=plan)


def _installation(scene: Scene, wish: Wish, outcome: Outcome, now: datetime) -> Installation:
    plan, before = outcome.plan, scene.installation
    claimed: dict[str, Any] = {
        "key": scene.charger.key,
        "claim": wish.claim,
        "requested_by": wish.requested_by,
        "requested_at": now,
    }
    if plan is None:
        wanted = wish.details.version if wish.details else None
        kept = before or Installation(**claimed, wanted_version=wanted)
        claimed |= {"wanted_version": wanted, "state": "failed", "error": outcome.error}
        return replace(kept, **claimed)
    same = outcome.state == "unchanged" and before is not None
    return Installation(
        **claimed,
        wanted_version=plan.version,
        applied_version=plan.version,
        charge_point_id=plan.charge_point_id,
        state="applied",
        applied_at=before.applied_at if same and before else now,
    )


def _ended(
    step: RolloutStep, state: StepState, at: datetime, error: str | None = None
) -> RolloutStep:
    return replace(step, state=state, error=error, finished_at=at)
