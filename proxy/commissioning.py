"""Install stored connection details at one charger; the live link follows at once.

Whoever has claimed a charger last decides what it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from proxy.errors import InvalidTarget
from proxy.following import Following, Links
from proxy.installing import Plan, Scene, planned, snapshot, taken_back
from proxy.seat import ABSENT
from proxy.states import State
from storage.commissioning_records import (
    ConnectionDetails,
    Installation,
    RolloutStep,
    StepState,
)
from storage.errors import StorageError, StorageUnavailable

if TYPE_CHECKING:
    from storage.clock import Clock
    from storage.records import Charger, ChargerKey, ProxyConfiguration
    from storage.store import Storage

CERTIFICATE = "target_auth_client_cert_id"
_DELETED = "The client certificate that was used before has been deleted."
_TRIES = 3
_PATIENCE = 10.0  # s for a link to follow; it does so behind whoever waits no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A version for a charger; without one, what a rollout has found ``before`` is brought back.

    ``claim`` is whose wish it is: a rollout's, with its ``step``, else one of its own. Where there
    is neither a version nor a ``before``, what is installed is wanted. With ``seen`` it is one for
    as long as nobody changes or applies anything there.
    """

    details: ConnectionDetails | None = None
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    requested_by: str
    claim: str
    step: RolloutStep | None = None
    seen: Scene | None = None

    def is_over(self, scene: Scene) -> bool:
        """Tell whether it was for another scene than the one that is there."""
        return self.seen is not None and (
            self.seen.installation != scene.installation
            or self.seen.configuration != scene.configuration
        )


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
        self._following = Following(links, again)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Commissioning]:
        """Have links follow until the context ends."""
        try:
            yield self
        finally:
            await self._following.close()

    # ---- what there is, and what would be ----

    async def scene(self, key: ChargerKey) -> Scene | None:
        """Return what there is of a charger, None where it is not enrolled; raise StorageError."""
        charger = await self.storage.chargers.get(key)
        if charger is None:
            return None
        return Scene(
            charger=charger,
            installation=await self.storage.installations.get(key),
            configuration=await self.storage.proxy_configurations.for_charger(key),
            serial_is_shared=await self._shares_its_serial(charger),
        )

    async def _shares_its_serial(self, charger: Charger) -> bool:
        serial = charger.serial_number
        return serial is not None and await self.is_anothers(serial, charger.key)

    async def is_anothers(self, name: str, key: ChargerKey) -> bool:
        """Tell whether another charger has a name too: a serial number is but a claim (S-08)."""
        chargers = self.storage.chargers
        with_serial = await chargers.with_serial(key.organization_uuid, name)
        named = await chargers.get(key._replace(charge_box_id=name))
        return any(one.key != key for one in (*with_serial, *([named] if named else ())))

    def plan(self, wish: Wish, scene: Scene) -> Plan:
        """Return what a wish makes of a charger, which changes nothing; raise InvalidTarget."""
        now = self.clock.now()
        if wish.details is not None:
            return planned(wish.details, scene, now)
        return taken_back(wish.before or snapshot(scene), scene, now)

    def _planned(self, scene: Scene, wish: Wish) -> Outcome:
        if wish.is_over(scene):
            return Outcome(state="superseded")
        try:
            plan = self.plan(wish, scene)
        except InvalidTarget as wrong:
            return Outcome(state="failed", error=wrong.reason, field=wrong.field)
        same = scene.installation and scene.installation.applied_version == plan.version
        return Outcome(state="unchanged" if same and not plan.changes else "applied", plan=plan)

    async def foresee(self, key: ChargerKey, wish: Wish) -> Prospect:
        """Return what would become of a wish, which changes nothing; raise StorageError."""
        scene = await self.scene(key)
        outcome = await self.judged(scene, wish) if scene else Outcome(state="gone")
        return Prospect(key=key, outcome=outcome, found=scene.configuration if scene else None)

    async def judged(self, scene: Scene, wish: Wish) -> Outcome:
        """Return what would become of a wish, which changes nothing; raise StorageError."""
        outcome = self._planned(scene, wish)
        new = outcome.plan.configuration if outcome.plan else None
        named = new.target_auth_client_cert_id if new else None
        if new is not None and named is not None:
            certificates = self.storage.client_certificates
            if await certificates.get(new.key.organization_uuid, named) is None:
                return Outcome(state="failed", error=_DELETED, field=CERTIFICATE)
        return outcome

    # ---- what is done ----

    async def follow(self, key: ChargerKey) -> None:
        """Have the live link follow what is stored, also behind whoever waits no longer."""
        await asyncio.wait((self._following.begin(key),), timeout=_PATIENCE)

    async def carry_out(self, key: ChargerKey, wish: Wish) -> Outcome:
        """Install what is wished, and have the live link follow; raise StorageError."""
        async with self.changing:
            outcome, following = await self._carried_out(key, wish)
        if following is not None:
            await asyncio.wait((following,), timeout=_PATIENCE)
        return outcome

    async def _carried_out(
        self, key: ChargerKey, wish: Wish
    ) -> tuple[Outcome, asyncio.Task[None] | None]:
        for tries_left in reversed(range(_TRIES)):
            scene = await self.scene(key)
            if scene is None:
                break
            try:
                return await self._installed(scene, wish)
            except StorageUnavailable:
                raise
            except StorageError:  # changed or deleted this moment, by who does not hold the lock
                if not tries_left:
                    raise
        return await self._gone(wish), None

    async def _installed(
        self, scene: Scene, wish: Wish
    ) -> tuple[Outcome, asyncio.Task[None] | None]:
        key = scene.charger.key
        try:
            outcome = await self._store(scene, wish)
        except BaseException:
            self._following.begin(key)  # it may be stored all the same
            raise
        if outcome.plan is None or outcome.plan.configuration is None:
            return outcome, None
        return outcome, self._following.begin(key)

    async def _store(self, scene: Scene, wish: Wish) -> Outcome:
        """Store a plan with its installation and its step, or that there can be none."""
        outcome = self._hurried(scene, await self.judged(scene, wish))
        if outcome.state == "superseded":
            return outcome
        now = self.clock.now()
        step = wish.step and replace(
            _ended(wish.step, outcome.state, now, outcome.error),
            # Tried once more, it still knows what there was before the first time. What is taken
            # back does not come again.
            before=wish.step.before or (snapshot(scene) if outcome.plan and wish.details else None),
        )
        installation = _installation(scene, wish, outcome, now)
        new = outcome.plan.configuration if outcome.plan else None
        found = scene.configuration
        if await self.storage.installations.put(installation, new, step, found=found):
            return outcome
        return await self._late(scene.charger.key, wish)

    def _hurried(self, scene: Scene, outcome: Outcome) -> Outcome:
        """Have a link dialled at once that rests after a failure, though nothing is to be changed.

        Whoever applies a version once more has mended what was wrong at its other end.
        """
        found, plan = scene.configuration, outcome.plan
        if plan is None or plan.configuration or found is None or not found.enabled:
            return outcome
        state, error = self.links.glance(found)
        if state is not State.BACKOFF or error == ABSENT:
            return outcome
        touched = replace(found, updated_at=self.clock.now())
        return replace(outcome, plan=replace(plan, configuration=touched))

    async def _late(self, key: ChargerKey, wish: Wish) -> Outcome:
        """Note that somebody else has claimed the charger, or deleted it."""
        if await self.storage.chargers.get(key) is None:
            return await self._gone(wish)
        assert wish.step is not None  # noqa: S101 - nobody else is refused
        late = _ended(wish.step, "superseded", self.clock.now())
        await self.storage.rollouts.finish_step(late)
        return Outcome(state="superseded")

    async def _gone(self, wish: Wish) -> Outcome:
        if wish.step is not None:
            gone = _ended(wish.step, "gone", self.clock.now())
            await self.storage.rollouts.finish_step(gone)
        return Outcome(state="gone")

    async def give_up(self, key: ChargerKey, step: RolloutStep, error: str) -> None:
        """Note that a rollout's wish cannot be carried out; raise StorageError."""
        failed = _ended(step, "failed", self.clock.now(), error)
        async with self.changing:
            installation = await self.storage.installations.get(key)
            if installation is None or installation.claim != step.rollout_id:
                await self.storage.rollouts.finish_step(failed)
            else:
                marked = replace(installation, state="failed", error=error)
                await self.storage.installations.put(marked, None, failed)


def _installation(scene: Scene, wish: Wish, outcome: Outcome, now: datetime) -> Installation:
    plan, before = outcome.plan, scene.installation
    claimed: dict[str, Any] = {
        "key": scene.charger.key,
        "claim": wish.claim,
        "requested_by": wish.requested_by,
        "requested_at": now,
    }
    if plan is None:
        wanted = wish.details.version if wish.details else (wish.before or {}).get("version")
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
