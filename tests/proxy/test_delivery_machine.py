"""The queue against a plain list: nothing is lost, reordered or repeated untold."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from csms import frames
from csms.station16 import Station16
from csms.station201 import Station201
from storage import engines
from storage.files import Files
from storage.group_commit import GroupCommit
from storage.records import Exchange, Undelivered
from storage.secrets import Sealer
from storage.sqlite import SqliteDatabase
from storage.store import Storage, assemble, new_uuid, open_storage
from tests.doubles import PATIENCE, settled
from tests.proxy.post import DURABLE, LASTING, METERED, PASSING, SILENT, posted
from tests.proxy.stage import CLOCK, QUICK

TAKEN, REFUSED, SILENT_ABOUT_IT = "taken", "refused", "silent"
AT_ONCE = replace(QUICK, attempt_interval=0.0, answer=PATIENCE)
SAYINGS = st.lists(st.sampled_from([DURABLE, METERED, PASSING, SILENT]), max_size=9)
EXAMPLES = {"sqlite": 50, "postgresql": 6}
VERSIONS = {"1.6": Station16, "2.0.1": Station201}


@contextlib.asynccontextmanager
async def reopened(folder: Path) -> AsyncIterator[Storage]:
    """Open what a killed server left; its tables are there already."""
    url = engines.default_url(folder)
    embedded = url.get_backend_name() == "sqlite"
    database = await (
        SqliteDatabase.open(url.database or "") if embedded else engines.open_database(url)
    )
    group = GroupCommit(database)
    writing = asyncio.create_task(group.run())
    try:
        yield await assemble(database, group, Sealer.open(folder), CLOCK, new_uuid, Files(folder))
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await database.close()


class Hearing(NamedTuple):
    """One CALL that the target got, and what it said."""

    number: int
    message_id: str
    outcome: str


class Deliveries(RuleBasedStateMachine):
    """A charger that talks, a target that does as it likes, a server that may be killed."""

    def __init__(
        self, runner: asyncio.Runner, base: Path, kill: Callable[[Path, Path], None]
    ) -> None:
        super().__init__()
        self.run = runner.run
        self.kill = kill
        self.folder = Path(mkdtemp(dir=base))
        self.run(made(self.folder))
        self.stack = contextlib.AsyncExitStack()
        self.storage = self.run(self.opened())
        self.post = self.run(posted(self.storage, AT_ONCE))
        self.numbers = count()
        self.places: dict[int, int] = {}  # position -> number
        self.hearings: list[Hearing] = []
        self.gone: set[int] = set()  # taken out of the queue
        self.again: set[int] = set()  # sent out of line
        self.connected = False

    async def opened(self) -> Storage:
        """Go on with the files of a server that is killed in this moment."""
        image = Path(mkdtemp(dir=self.folder.parent))
        self.kill(self.folder, image)
        self.folder = image
        self.stack.callback(shutil.rmtree, image)
        return await self.stack.enter_async_context(reopened(image))

    # ---- the charger ----

    @rule(actions=SAYINGS)
    def says(self, actions: list[str]) -> None:
        async def all_of_them() -> None:
            for action in actions:
                number = next(self.numbers)
                self.places[await self.post.says(action, number)] = number
            await self.storage.journal.flush()  # answered means stored

        self.run(all_of_them())

    @rule(version=st.sampled_from(sorted(VERSIONS)))
    def comes_back_with(self, version: str) -> None:
        self.post.kind = VERSIONS[version]
        self.restarts()

    # ---- the target ----

    @precondition(lambda self: not self.connected)
    @rule()
    def connects(self) -> None:
        self.run(self.post.connects())
        self.connected = True

    @precondition(lambda self: self.connected)
    @rule(outcomes=st.lists(st.sampled_from([TAKEN, TAKEN, TAKEN, REFUSED]), max_size=6))
    def hears(self, outcomes: list[str]) -> None:
        for outcome in outcomes:
            if not self.run(self.hears_one(outcome)):
                break

    async def hears_one(self, outcome: str) -> bool:
        call = await self.post.takes()
        if call is None:
            return False
        _, id, action, fields = call
        if action in LASTING:
            self.hearings.append(Hearing(fields["number"], id, outcome))
        if outcome != SILENT_ABOUT_IT:
            refusal = frames.call_error(id, "InternalError")
            answer = refusal if outcome == REFUSED else frames.call_result(id, b"{}")
            await self.post.peer.says(answer.text)
            await settled()
        return True

    @precondition(lambda self: self.connected)
    @rule()
    def takes_one_and_hangs_up(self) -> None:
        self.run(self.hears_one(SILENT_ABOUT_IT))
        self.hangs_up()

    @rule()
    def hangs_up(self) -> None:
        self.run(self.post.hangs_up())
        self.connected = False

    # ---- the server ----

    @rule()
    def restarts(self) -> None:
        self.run(self.post.restarts())
        self.connected = False

    @rule()
    def is_killed(self) -> None:
        async def killed() -> None:
            self.storage = await self.opened()
            await self.post.restarts(self.storage)

        self.run(killed())
        self.connected = False

    # ---- the owner ----

    async def listed(self) -> list[Undelivered]:
        return await self.post.queues.page(self.post.stored, 0, 1000)

    @rule()
    def purges(self) -> None:
        self.gone |= {self.places[each.seq] for each in self.run(self.listed())}
        self.run(self.post.queues.purge(self.post.stored))
        assert self.run(self.listed()) == []

    @rule(which=st.integers(0, 20))
    def drops_one(self, which: int) -> None:
        waiting = [each.seq for each in self.run(self.listed()) if not (each.dead or each.attempts)]
        if waiting:
            seq = waiting[which % len(waiting)]
            self.run(self.storage.queues.skip(self.post.stored.id, [seq], "thinned"))
            self.post.delivery.forget({seq})
            self.gone.add(self.places[seq])

    @rule(which=st.integers(0, 20))
    def retries(self, which: int) -> None:
        dead = [each.seq for each in self.run(self.listed()) if each.dead]
        if dead:
            seq = dead[which % len(dead)]
            self.again.add(self.places[seq])
            assert self.run(self.post.queues.retry(self.post.stored, seq))

    # ---- what must hold ----

    @invariant()
    def nothing_overtakes(self) -> None:
        first = dict.fromkeys(hearing.number for hearing in self.hearings)
        in_line = [number for number in first if number not in self.again]

        assert in_line == sorted(in_line)

    def teardown(self) -> None:
        try:
            self.run(self.ends())
        finally:
            self.run(self.stack.aclose())

    async def ends(self) -> None:
        if not self.connected:
            await self.post.connects()
        while await self.hears_one(TAKEN):
            pass
        left = await self.listed()
        dead = {self.places[each.seq] for each in left if each.dead}
        taken = {hearing.number for hearing in self.hearings if hearing.outcome == TAKEN}
        assert set(self.post.said) - taken - self.gone - dead == set()
        assert [each for each in left if not each.dead] == []
        self.no_repeat_is_untold(await self.post.copies())
        await self.post.hangs_up()

    def no_repeat_is_untold(self, copies: list[Exchange]) -> None:
        by_id = {copy.call.message_id: copy for copy in copies}
        heard: dict[int, list[Hearing]] = defaultdict(list)
        for hearing in self.hearings:
            copy = by_id[hearing.message_id]
            assert self.places[copy.call.origin or 0] == hearing.number
            before = heard[hearing.number]
            assert copy.call.maybe_duplicate or {each.outcome for each in before} <= {REFUSED}
            for each in before:  # whose answer is in the log is not told again
                answer = by_id[each.message_id].answer
                assert answer is None or answer.message_type == "CallError"
            before.append(hearing)


async def made(folder: Path) -> None:
    """Make the files of a server that nothing has happened to."""
    async with open_storage(folder, CLOCK) as storage:
        await storage.organizations.create("tests")


@pytest.fixture
def kill(engine: str, request: pytest.FixtureRequest) -> Callable[[Path, Path], None]:
    """Return what lets a folder have the files and the database of a server as they are now."""

    def killed(folder: Path, image: Path) -> None:
        for file in sorted(folder.iterdir()):
            if not file.name.endswith("-shm"):
                shutil.copy(file, image)
        if engine == "postgresql":
            request.getfixturevalue("loan").move(folder, image)

    return killed


def test_whatever_happens_nothing_is_lost_reordered_or_repeated_untold(
    tmp_path: Path, kill: Callable[[Path, Path], None], engine: str
) -> None:
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: Deliveries(runner, tmp_path, kill),  # type: ignore[arg-type]  # makes one
            settings=settings(max_examples=EXAMPLES[engine], stateful_step_count=25, deadline=None),
        )
