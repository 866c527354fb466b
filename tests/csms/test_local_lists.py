"""What is stored of a charger's list is what the charger has, whenever the versions agree."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from csms import frames
from csms.commands import ChangeLocalList, Command, GetLocalListVersion, Outcome, PutLocalList
from csms.errors import BadAnswer, CallRefused, CommandError, InvalidCommand, NotSupported
from csms.local_lists import Entry
from csms.station import Station
from simulators.local_list import LocalList
from tests.csms.desk import Desk, open_desk
from tests.doubles import Conversation
from tests.storage.doubles import ALICE

AT_ONCE = 2
VERSIONS = ("1.6", "2.0.1", "2.1")
# A message is taken, refused, or taken and its answer lost.
FATES = ("taken", "Failed", "lost")


@dataclass
class Lister:
    """A charger with a list, which answers by itself."""

    version: str
    own: LocalList = field(default_factory=LocalList)
    room: int | None = 100
    fates: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    async def play(self, talk: Conversation) -> None:
        while True:
            _, id, action, fields = await talk.peer.hears()
            await talk.peer.says(getattr(self, action)(id, fields).text)

    def GetConfiguration(self, id: str, fields: Any) -> Any:  # noqa: N802 - the action
        known = {"LocalAuthListMaxLength": self.room, "SendLocalListMaxLength": AT_ONCE}
        told = [{"key": key, "readonly": True, "value": str(known[key])} for key in fields["key"]]
        return self._says(id, configurationKey=told)

    def GetVariables(self, id: str, fields: Any) -> Any:  # noqa: N802 - as above
        known = {"Entries": self.room, "ItemsPerMessage": AT_ONCE}
        told = [
            {
                **one,
                "attributeStatus": "Accepted",
                "attributeValue": str(known[one["variable"]["name"]]),
            }
            for one in fields["getVariableData"]
        ]
        return self._says(id, getVariableResult=told)

    def GetLocalListVersion(self, id: str, _fields: Any) -> Any:  # noqa: N802 - as above
        return self._says(id, **{self._version: self.own.version})

    def SendLocalList(self, id: str, fields: Any) -> Any:  # noqa: N802 - as above
        self.sent.append(fields)
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate == "Failed":
            return self._says(id, status="Failed")
        listed = dict(map(self._read, fields.get("localAuthorizationList", [])))
        status = self.own.update(fields[self._version], fields["updateType"], listed)
        lost = fate == "lost"
        return frames.call_error(id, "InternalError", "") if lost else self._says(id, status=status)

    @property
    def tokens(self) -> dict[str, str]:
        """Return what the charger has, by token."""
        return {token: str(entry["status"]) for token, entry in self.own.entries.items()}

    @property
    def _version(self) -> str:
        return "listVersion" if self.version == "1.6" else "versionNumber"

    def _read(self, one: Any) -> tuple[str, Any]:
        if self.version == "1.6":
            return one["idTag"].casefold(), one.get("idTagInfo")
        return one["idToken"]["idToken"].casefold(), one.get("idTokenInfo")

    @staticmethod
    def _says(id: str, **fields: Any) -> Any:
        return frames.call_result(id, orjson.dumps(fields))


@contextlib.asynccontextmanager
async def listing(desk: Desk, lister: Lister) -> AsyncIterator[Station]:
    """Connect a charger that answers by itself."""
    async with desk.connected(lister.version) as (station, talk):
        playing = asyncio.create_task(lister.play(talk))
        try:
            yield station
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)


def entries(*tokens: str, status: str | None = None) -> list[Entry]:
    more = {} if status is None else {"status": status}
    return [{"idToken": token, **more} for token in tokens]


async def stored(desk: Desk) -> tuple[int, dict[str, str]]:
    found = await desk.storage.local_lists.get(ALICE)
    if found is None:
        return -1, {}
    listed = {one["idToken"].casefold(): one.get("status", "Accepted") for one in found.entries}
    return found.version, listed


@pytest.fixture(params=VERSIONS)
def lister(request: pytest.FixtureRequest) -> Lister:
    return Lister(request.param)


# ---- what goes out ----


async def test_a_long_list_goes_out_in_messages_under_rising_versions(
    desk: Desk, lister: Lister
) -> None:
    async with listing(desk, lister) as station:
        outcome = await station.perform(PutLocalList(entries("A", "B", "C")))

    assert outcome.status == "Accepted"
    assert [(one[lister._version], one["updateType"]) for one in lister.sent] == [
        (1, "Full"),
        (2, "Differential"),
    ]
    assert await stored(desk) == (2, lister.tokens)


async def test_every_message_follows_its_schema(desk: Desk, lister: Lister) -> None:
    full: Entry = {
        "idToken": "04E91A2B",
        "idTokenType": "RFID",
        "status": "Blocked",
        "expiresAt": "2030-01-01T00:00:00.000Z",
        "groupIdToken": "G",
    }
    async with listing(desk, lister) as station:
        await station.perform(PutLocalList([full]))
        await station.perform(ChangeLocalList((), ["04e91a2b"]))
        await station.perform(PutLocalList(()))
        assert [station.schemas.faults("SendLocalList", one) for one in lister.sent] == [{}] * 3

    assert lister.tokens == {}


async def test_half_a_list_never_has_the_version_of_the_one_before(
    desk: Desk, lister: Lister
) -> None:
    async with listing(desk, lister) as station:
        await station.perform(PutLocalList(entries("A", "B", "C", "D", "E")))  # version 3
        lister.own = LocalList()  # replaced by another device
        lister.fates = ["taken", "taken", "taken", "Failed"]
        outcome = await station.perform(PutLocalList(entries(*"FGHIJKLM")))

        assert outcome.status == "Failed"
        assert lister.own.version != (await stored(desk))[0]
        # So that the next change gives it all.
        await station.perform(ChangeLocalList(entries("Z")))
    assert await stored(desk) == (lister.own.version, lister.tokens)
    assert set(lister.tokens) == set("abcdez")


async def test_two_that_write_at_once_do_so_one_after_the_other(desk: Desk, lister: Lister) -> None:
    async with listing(desk, lister) as station:
        lists = entries(*"ABCDE"), entries(*"UVWXY")
        outcomes = await asyncio.gather(*(station.perform(PutLocalList(one)) for one in lists))

    assert [one.status for one in outcomes] == ["Accepted", "Accepted"]
    assert set(lister.tokens) == set("uvwxy")
    assert await stored(desk) == (lister.own.version, lister.tokens)


async def test_a_change_that_finds_another_version_meanwhile_sends_all(
    desk: Desk, lister: Lister
) -> None:
    async with listing(desk, lister) as station:
        await station.perform(PutLocalList(entries("A")))
        lister.sent.clear()
        lister.own.update(7, "Full", {"f": {"status": "Accepted"}})  # by somebody else
        await station.perform(ChangeLocalList(entries("B", status="Blocked")))

    assert [one["updateType"] for one in lister.sent] == ["Full"]
    assert lister.tokens == {"a": "Accepted", "b": "Blocked"}


# ---- what does not ----


@pytest.mark.parametrize(
    ("version", "command", "named"),
    [
        ("1.6", PutLocalList(entries("A", "x" * 21)), "entries.1.idToken"),
        ("2.0.1", PutLocalList(entries("with space")), "entries.0.idToken"),
        ("2.1", PutLocalList([{"idToken": "A", "groupIdToken": "é"}]), "entries.0.groupIdToken"),
        ("2.0.1", ChangeLocalList((), ["A", "é"]), "removed.1"),
        ("1.6", ChangeLocalList(entries("\u2028")), "entries.0.idToken"),
        ("1.6", PutLocalList(entries(*"ABCD")), "entries"),
    ],
)
async def test_what_cannot_be_is_named_and_not_sent(
    desk: Desk, version: str, command: Command, named: str
) -> None:
    lister = Lister(version, room=3)
    async with listing(desk, lister) as station:
        with pytest.raises(InvalidCommand) as wrong:
            await station.perform(command)

    assert wrong.value.fields.keys() == {named}
    assert lister.sent == []


async def test_a_charger_without_a_list_is_told_of(desk: Desk) -> None:  # 1.6 §5.10
    lister = Lister("1.6")
    lister.own.version = -1
    async with listing(desk, lister) as station:
        assert (await station.perform(GetLocalListVersion())).response == {"listVersion": -1}
        with pytest.raises(NotSupported):
            await station.perform(PutLocalList(entries("A")))


async def test_a_version_that_is_none_is_told_of(desk: Desk, lister: Lister) -> None:
    lister.own.version = -7
    async with listing(desk, lister) as station:
        with pytest.raises(BadAnswer):
            await station.perform(GetLocalListVersion())


# ---- whatever happens ----

TOKENS = st.lists(st.sampled_from("ABCDEFG"), unique=True, max_size=7)
SOME = st.lists(st.sampled_from(FATES), max_size=4)
STATUS = st.sampled_from([None, "Accepted", "Blocked"])


EXAMPLES = {"sqlite": 10, "postgresql": 4}


class Listing(RuleBasedStateMachine):
    """We write, messages fail, others write under higher versions, and devices are replaced."""

    version: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.open = contextlib.AsyncExitStack()
        self.desk: Desk = self.run(self.open.enter_async_context(open_desk(Path(self.folder.name))))
        self.lister = Lister(self.version)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(coroutine)

    async def asked(self, command: Command) -> Outcome:
        async with listing(self.desk, self.lister) as station:
            return await station.perform(command)

    def performs(self, fates: list[str], command: Command) -> bool:
        self.lister.fates = list(fates)
        try:
            outcome: Outcome = self.run(self.asked(command))
        except (CallRefused, CommandError):
            return False
        return outcome.status == "Accepted"

    @rule(tokens=TOKENS, status=STATUS, fates=SOME)
    def puts(self, tokens: list[str], status: str | None, fates: list[str]) -> None:
        if self.performs(fates, PutLocalList(entries(*tokens, status=status))):
            listed = {token.casefold(): status or "Accepted" for token in tokens}
            assert self.lister.tokens == listed

    @rule(put=TOKENS, removed=TOKENS, status=STATUS, fates=SOME)
    def changes(
        self, put: list[str], removed: list[str], status: str | None, fates: list[str]
    ) -> None:
        _, before = self.run(stored(self.desk))
        gone = [token for token in removed if token not in put]
        if self.performs(fates, ChangeLocalList(entries(*put, status=status), gone)):
            kept = {token: word for token, word in before.items() if token.upper() not in gone}
            changed = {token.casefold(): status or "Accepted" for token in put}
            assert self.lister.tokens == {**kept, **changed}

    @rule(tokens=TOKENS, further=st.integers(1, 3))
    def somebody_else_writes(self, tokens: list[str], further: int) -> None:
        ours, _ = self.run(stored(self.desk))
        listed = {token.casefold(): {"status": "Invalid"} for token in tokens}
        self.lister.own.update(max(ours, self.lister.own.version) + further, "Full", listed)

    @rule()
    def is_replaced(self) -> None:
        self.lister.own = LocalList()

    @invariant()
    def what_is_stored_is_there_where_the_versions_agree(self) -> None:
        version, listed = self.run(stored(self.desk))
        assert version != self.lister.own.version or listed == self.lister.tokens

    def teardown(self) -> None:
        self.run(self.open.aclose())
        self.runner.close()
        self.folder.cleanup()


class Listing16(Listing):
    version = "1.6"


class Listing201(Listing):
    version = "2.0.1"


@pytest.mark.both_engines
@pytest.mark.parametrize("machine", [Listing16, Listing201])
def test_a_list_is_known_where_its_version_agrees(machine: type[Listing], engine: str) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES[engine],
            stateful_step_count=12,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
