"""Whatever is applied, rolled out, taken back, changed, deleted and restarted: the last one wins.

The model is a dict of what each charger has, and of what the newest rollout has found there.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from storage.commissioning_records import ConnectionDetails, Rollout
from storage.errors import StorageUnavailable
from tests.proxy.ground import NAMES, Ground, broken, opened

CHARGERS = st.sampled_from(NAMES)
VERSIONS = st.sampled_from(("v1", "v2", "off"))
# What storage is asked for when it goes away, and whether it does it all the same.
OUTAGES = st.tuples(
    st.sampled_from(("installations.put", "rollouts.begin", "rollouts.finish")),
    st.booleans(),
    st.integers(1, 3),
)
EXAMPLES = {"sqlite": 5, "postgresql": 1}
SETTINGS = settings(
    stateful_step_count=15,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


class Has(NamedTuple):
    """What a charger has: the version, and where its link leads to and as whom (None: nowhere)."""

    version: str | None = None
    link: tuple[str, str | None] | None = None


@dataclass
class Newest:
    """The newest rollout: what it has found at the chargers that are its own."""

    version: str | None
    found: dict[str, Has] = field(default_factory=dict)


class Commissioned(RuleBasedStateMachine):
    """A site, and all who have a say in it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.passing = contextlib.AsyncExitStack()
        self.numbers = count(1)
        self.details: dict[str, ConnectionDetails] = {}
        self.has: dict[str, Has] = {}
        self.newest: Newest | None = None
        self.ground: Ground
        self.run(self._begin())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    async def _begin(self) -> None:
        await self._open()
        await self.ground.enrol(*NAMES)
        self.has = {name: Has() for name in NAMES}
        for name in ("v1", "v2"):
            self.details[name] = await self.ground.version(name)
        self.details["off"] = await self.ground.version("off", connectivity_mode="OcppOff")

    async def _open(self) -> None:
        self.ground = await self.passing.enter_async_context(opened(Path(self.folder.name)))

    # ---- the model ----

    def gets(self, name: str, version: str) -> None:
        link = None if version == "off" else (version, name)
        self.has[name] = Has(version, link)

    def applied(self, name: str, version: str) -> None:
        self.gets(name, version)
        if self.newest is not None:
            self.newest.found.pop(name, None)

    def rolled_out(self, version: str) -> None:
        if self.newest is None or self.newest.version != version:
            self.newest = Newest(version)
        for name, has in self.has.items():
            self.newest.found.setdefault(name, has)
            self.gets(name, version)

    def taken_back(self) -> None:
        if self.newest is not None and self.newest.version is not None:
            self.has.update(self.newest.found)
            self.newest = Newest(None)

    # ---- what is done ----

    async def insists(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Ask again while storage is away."""
        while True:
            try:
                return await work()
            except StorageUnavailable:
                pass

    async def rolls_out(self, version: str) -> Rollout:
        def begin() -> Awaitable[Rollout]:
            return self.ground.roll_out(self.details[version], to_its_end=False)

        found: Rollout = await self.insists(begin)
        return found

    async def takes_back(self) -> Rollout | None:
        found: Rollout | None = await self.insists(
            lambda: self.ground.rollouts.take_back(self.ground.site, "key")
        )
        return found

    async def applies(self, name: str, version: str) -> None:
        await self.insists(lambda: self.ground.apply(name, self.details[version], self.claim()))

    def claim(self) -> str:
        return f"own-{next(self.numbers)}"

    async def ends(self, rollout: Rollout | None) -> None:
        if rollout is not None:
            assert (await self.ground.end(rollout)).state in {"done", "superseded"}

    @rule(outage=OUTAGES)
    def storage_goes_away(self, outage: tuple[str, bool, int]) -> None:
        """Have it away when it is asked for something the next time."""
        place, stored, times = outage
        repository, work = place.split(".")
        asked = getattr(self.ground.storage, repository)
        setattr(asked, work, broken(getattr(asked, work), stored=stored, times=times))

    @rule(name=CHARGERS, version=VERSIONS)
    def one_charger_gets_a_version(self, name: str, version: str) -> None:
        self.run(self.applies(name, version))
        if name in self.has:
            self.applied(name, version)

    @rule(version=VERSIONS)
    def all_get_a_version(self, version: str) -> None:
        async def work() -> None:
            await self.ends(await self.rolls_out(version))

        self.run(work())
        self.rolled_out(version)

    @rule(version=VERSIONS, name=CHARGERS, other=VERSIONS)
    def one_gets_another_version_meanwhile(self, version: str, name: str, other: str) -> None:
        async def work() -> None:
            rollout = await self.rolls_out(version)
            await self.applies(name, other)
            await self.ends(rollout)

        self.run(work())
        self.rolled_out(version)
        if name in self.has:
            self.applied(name, other)

    @rule(version=VERSIONS)
    def we_are_restarted_meanwhile(self, version: str) -> None:
        async def work() -> None:
            rollout = await self.rolls_out(version)
            await self.passing.aclose()
            await self._open()
            await self.ends(rollout)

        self.run(work())
        self.rolled_out(version)

    @rule()
    def it_is_taken_back(self) -> None:
        async def work() -> None:
            await self.ends(await self.takes_back())

        self.run(work())
        self.taken_back()

    @rule(version=VERSIONS)
    def it_is_taken_back_meanwhile(self, version: str) -> None:
        async def work() -> None:
            await self.rolls_out(version)
            await self.ends(await self.takes_back())

        self.run(work())
        self.rolled_out(version)
        self.taken_back()

    @rule(name=CHARGERS)
    def one_is_changed_by_hand(self, name: str) -> None:
        has = self.has.get(name)
        if has is None or has.link is None:
            return
        id = f"hand-{next(self.numbers)}"
        self.run(self.ground.by_hand(name, target_charge_box_id=id))
        self.has[name] = has._replace(link=(has.link[0], id))

    @rule(name=CHARGERS)
    def one_is_deleted_or_enrolled(self, name: str) -> None:
        if self.has.pop(name, None) is None:
            self.run(self.ground.enrol(name))
            self.has[name] = Has()
            return
        self.run(self._deleted(name))
        if self.newest is not None:
            self.newest.found.pop(name, None)

    async def _deleted(self, name: str) -> None:
        key = self.ground.key(name)
        await self.ground.storage.chargers.delete(key)
        await self.ground.links.configure(key)

    # ---- what is true then ----

    async def _seen(self, name: str) -> Has:
        configuration = await self.ground.configuration(name)
        assert self.ground.links.live.get(self.ground.key(name)) == configuration
        installation = await self.ground.storage.installations.get(self.ground.key(name))
        version = installation.applied_version if installation else None
        if installation is not None:
            assert installation.wanted_version == version
            assert installation.state == "applied"
        if configuration is None or not configuration.enabled:
            return Has(version)
        host = configuration.target_websocket_url.split("/")[2].removesuffix(".example")
        return Has(version, (host, configuration.target_charge_box_id))

    async def _all_seen(self) -> dict[str, Has]:
        await self.ground.commissioning._following.close()  # all has followed
        return {name: await self._seen(name) for name in self.has}

    @invariant()
    def each_has_what_was_wished_for_last(self) -> None:
        assert self.run(self._all_seen()) == self.has

    def teardown(self) -> None:
        self.run(self.passing.aclose())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.both_engines
def test_the_last_one_wins(engine: str) -> None:
    run_state_machine_as_test(
        Commissioned, settings=settings(SETTINGS, max_examples=EXAMPLES[engine])
    )
