"""Whatever a charger does with a new password, and whenever we die, it comes back in.

The model is a charger that has one password, and perhaps one that it takes at its next restart. It
comes back after every conversation, and restarts at least once a day.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from csms import frames
from csms.admission import Admission, Knock, records_of
from csms.commands import RotatePassword
from csms.errors import CommandError, LinkError
from csms.rotation import MOST_OPEN, new_rotation
from csms.security_events import SecurityEvents
from storage.errors import StorageUnavailable
from storage.records import ChargerKey
from storage.repositories.password_rotations import PasswordRotations
from storage.secrets import digest_secret
from storage.security_records import PasswordRotation
from tests.csms.desk import Desk, open_desk
from tests.storage.doubles import ALICE

EXAMPLES = {"sqlite": 15, "postgresql": 3}
SETTINGS = settings(
    stateful_step_count=20,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
WHEN = st.sampled_from(["at once", "at restart", "never"])
MOST_GIVEN = 4
DEATHS = st.none() | st.sampled_from(["before it is stored", "before it is settled", "later"])
# What an honest charger answers by when it takes the password.
ANSWERS: dict[str, str] = {
    "at once": "Accepted",
    "at restart": "RebootRequired",
    "never": "Rejected",
}


class AllAllowed:
    """Evaluate every attempt."""

    def allows(self, address: str, key: ChargerKey | None) -> bool:
        return True

    def failed(self, address: str, key: ChargerKey | None) -> None:
        """Take no note."""

    succeeded = undecided = failed


@dataclass
class Dying:
    """Rotations of a server that dies at one point: what comes after it is not written."""

    kept: PasswordRotations
    death: str | None

    async def begin(self, rotation: PasswordRotation) -> None:
        self._dies("before it is stored")
        await self.kept.begin(rotation)

    async def settle(self, *named: Any) -> bool:
        self._dies("before it is settled")
        return await self.kept.settle(*named)

    async def await_restart(self, *named: Any) -> None:
        self._dies("before it is settled")
        await self.kept.await_restart(*named)

    async def drop(self, *named: Any) -> bool:
        self._dies("before it is settled")
        return await self.kept.drop(*named)

    def _dies(self, point: str) -> None:
        if self.death == point:
            raise StorageUnavailable


class Passwords(RuleBasedStateMachine):
    """A charger, the door and whoever changes its password."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = contextlib.AsyncExitStack()
        self.numbers = count()
        self.desk: Desk
        self.door: Admission
        self.has = b"the-first-password"
        self.proven = self.has  # it was in with it
        self.taken: bytes | None = None  # at its next restart
        self.given: list[bytes] = []  # to a person
        self.refused: set[bytes] = set()  # what must not count any more
        self.run(self._open())
        digest = digest_secret(self.has)
        self.run(self.desk.storage.chargers.update(ALICE, password_digest=digest))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    async def _open(self) -> None:
        self.desk = desk = await self.stack.enter_async_context(open_desk(Path(self.folder.name)))
        records, clock = records_of(desk.storage), desk.clock
        events = SecurityEvents(desk.storage.audit, clock)
        allowed: Any = AllAllowed()
        self.door = Admission(records, allowed, events, clock)

    def new(self) -> bytes:
        self.desk.clock.pass_time(seconds=1)
        return f"password-number-{next(self.numbers)}".encode()

    def lets_in(self, password: bytes) -> bool:
        knock = Knock(address="192.0.2.1", key=ALICE, basic=True, password=password)
        return self.run(self.door.judge(knock)).charger is not None

    def comes_back(self) -> None:
        """Let the charger dial, and see that what it does not have any more is refused."""
        assert self.lets_in(self.has)
        if self.has != self.proven:
            self.refused.add(self.proven)
            self.proven = self.has
        for password in self.refused - {self.has}:
            assert not self.lets_in(password), password

    def takes(self, password: bytes, when: str) -> None:
        if when == "at once":
            self.has, self.taken = password, None
        elif when == "at restart":
            self.taken = password

    # ---- by OCPP ----

    @precondition(lambda self: not self.given)
    @rule(version=st.sampled_from(["1.6", "2.0.1"]), when=WHEN, death=DEATHS)
    def it_answers(self, version: str, when: str, death: str | None) -> None:
        before, password, answer = self.has, self.new(), ANSWERS[when]
        heard = self.asks(password, version, answer, death)
        if heard:
            self.takes(password, when)
        if heard and not death and answer == "Accepted":
            self.refused.add(before)
        if not heard or (answer == "Rejected" and not death):
            self.refused.add(password)
        self.comes_back()

    @precondition(lambda self: not self.given)
    @rule(when=WHEN, answer=st.sampled_from(["InternalError", "GenericError", None]))
    def it_does_not_say(self, when: str, answer: str | None) -> None:
        password = self.new()
        if self.asks(password, "1.6", answer, None):
            self.takes(password, when)
        self.comes_back()

    def asks(self, password: bytes, version: str, answer: str | None, death: str | None) -> bool:
        """Tell the charger a password, and whether it has heard it; after a death we come back."""
        open_now = self.run(self.desk.storage.password_rotations.of(ALICE))
        if len([one for one in open_now if one.is_open(self.desk.clock.now())]) >= MOST_OPEN:
            return False
        heard: bool = self.run(self._asks(password, version, answer, death))
        if death:
            self.run(self.stack.aclose())
            now = self.desk.clock
            self.run(self._open())
            self.desk.clock._now = now.now()
            self.door._clock = self.desk.clock
        return heard

    async def _asks(
        self, password: bytes, version: str, answer: str | None, death: str | None
    ) -> bool:
        rotations: Any = Dying(self.desk.storage.password_rotations, death)
        desk = replace(self.desk, books=replace(self.desk.books, rotations=rotations))
        command = RotatePassword(password, password.decode(), "key-1")
        async with desk.connected(version) as (station, talk):
            asking = asyncio.ensure_future(station.perform(command))
            hearing = asyncio.ensure_future(talk.peer.hears())
            await asyncio.wait((asking, hearing), return_when=asyncio.FIRST_COMPLETED)
            heard = hearing.done()
            if heard and answer is not None:
                await talk.peer.says(_reply(hearing.result()[1], version, answer))
            else:
                hearing.cancel()
                await talk.link.close()
            with contextlib.suppress(LinkError, CommandError):
                await asking
        return heard

    # ---- by hand ----

    @precondition(lambda self: len(self.given) < MOST_GIVEN)
    @rule(typed=st.booleans())
    def somebody_is_given_one(self, *, typed: bool) -> None:
        rotations, now = self.desk.storage.password_rotations, self.desk.clock.now()
        if len([one for one in self.run(rotations.of(ALICE)) if one.is_open(now)]) >= MOST_OPEN:
            return
        password = self.new()
        rotation = new_rotation(ALICE, password.decode(), password, "key-1", now)
        self.run(rotations.begin(rotation))
        self.given.append(password)
        if typed:
            self.types(password)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def somebody_types_it_in(self, data: st.DataObject) -> None:
        self.types(data.draw(st.sampled_from(self.given)))

    def types(self, password: bytes) -> None:
        before, self.has, self.taken = self.has, password, None
        place = self.given.index(password)
        earlier, self.given = self.given[:place], self.given[place + 1 :]
        self.refused |= {before, *earlier}
        self.comes_back()

    @precondition(lambda self: self.given)
    @rule()
    def it_is_cancelled(self) -> None:
        for password in self.given:
            self.run(self.desk.storage.password_rotations.drop(ALICE, password.decode()))
        self.refused |= set(self.given)
        self.given = []
        self.comes_back()

    # ---- later ----

    @rule()
    def it_comes_back(self) -> None:
        self.comes_back()

    @rule()
    def it_restarts(self) -> None:
        self.has, self.taken = self.taken or self.has, None
        self.comes_back()

    @rule()
    def a_day_passes(self) -> None:
        self.it_restarts()
        self.desk.clock.pass_time(hours=24)
        self.refused |= set(self.given)
        self.given = []
        self.comes_back()

    def teardown(self) -> None:
        try:
            self.it_restarts()
        finally:
            self.run(self.stack.aclose())
            self.runner.close()
            self.folder.cleanup()


def _reply(id: str, version: str, answer: str) -> bytes:
    if answer.endswith("Error"):
        return frames.call_error(id, answer, "").text
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    told: Any = {"status": answer}
    if version != "1.6":
        told = {"setVariableResult": [{**place, "attributeStatus": answer}]}
    return frames.call_result(id, orjson.dumps(told)).text


@pytest.mark.both_engines
def test_a_charger_always_comes_back_in(engine: str) -> None:
    examples = settings(SETTINGS, max_examples=EXAMPLES[engine])
    run_state_machine_as_test(Passwords, settings=examples)
