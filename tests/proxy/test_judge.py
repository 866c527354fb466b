"""Whether a token may charge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from csms import frames
from csms.frames import Call, Reply
from proxy.judge import Judge
from proxy.parts import RelayParts
from proxy.timings import Timings
from proxy.wishes import Wishes
from storage.store import Storage, open_storage
from tests.proxy.stage import GUARD
from tests.storage.doubles import ALICE, BOB, NOON, HandClock

OURS = frames.call_result("1", b'{"idTagInfo":{"status":"Accepted"}}')


def authorize(tag: str = "TAG") -> Call:
    call = frames.parse(frames.call("1", "Authorize", orjson.dumps({"idTag": tag})).text)
    assert isinstance(call, Call)
    return call


def target_says(status: str) -> Reply:
    fields = {"idTagInfo": {"status": status, "parentIdTag": "P"}}
    return frames.call_result("9", orjson.dumps(fields), fields)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def storage(tmp_path: Path, clock: HandClock) -> AsyncIterator[Storage]:
    async with open_storage(tmp_path, clock) as storage:
        yield storage


@pytest.fixture
def judge(storage: Storage, clock: HandClock) -> Judge:
    parts = RelayParts(storage=storage, guard=GUARD, clock=clock, timings=Timings())
    return Judge(ALICE, "1.6", parts)


async def status(judge: Judge, theirs: Reply | None, wishes: Wishes | None = None) -> str:
    answer = await judge.judged(authorize(), OURS, theirs, "TAG", wishes or Wishes())
    assert answer.id == "1"
    told = orjson.loads(answer.payload)["idTagInfo"]["status"]
    assert isinstance(told, str)
    return told


@pytest.mark.parametrize("word", ["Accepted", "Blocked", "Expired", "ConcurrentTx", "Invalid"])
async def test_the_target_s_word_holds(judge: Judge, word: str) -> None:
    assert await status(judge, target_says(word)) == word


async def test_the_target_s_answer_is_passed_on_whole(judge: Judge) -> None:
    answer = await judge.judged(authorize(), OURS, target_says("Blocked"), "TAG", Wishes())

    assert orjson.loads(answer.payload)["idTagInfo"]["parentIdTag"] == "P"


@pytest.mark.parametrize("theirs", [None, frames.call_error("9", "InternalError")])
async def test_without_its_word_a_token_that_it_accepted_is_known_for_thirty_days(
    judge: Judge, clock: HandClock, storage: Storage, theirs: Reply | None
) -> None:
    assert await status(judge, theirs) == "Invalid"
    await status(judge, target_says("Accepted"))
    await storage.group.flush()
    clock.pass_time(days=30)
    assert await status(judge, theirs) == "Accepted"
    clock.pass_time(seconds=1)

    assert await status(judge, theirs) == "Invalid"


async def test_what_the_platform_accepted_is_known_on_its_own_charger_only(
    judge: Judge, storage: Storage, clock: HandClock
) -> None:
    await storage.id_tokens.note_accepted(BOB, "TAG", "platform", NOON)
    assert not await judge.knows("TAG")
    await storage.id_tokens.note_accepted(ALICE, "TAG", "platform", NOON)
    clock.pass_time(days=7)

    assert await judge.knows("TAG")
    assert await status(judge, target_says("Blocked")) == "Accepted"
    assert await status(judge, None, Wishes(on_target_down="reject")) == "Accepted"


@pytest.mark.parametrize(("wish", "told"), [("accept_all", "Accepted"), ("reject", "Invalid")])
async def test_the_owner_decides_what_happens_without_the_target(
    judge: Judge, wish: str, told: str
) -> None:
    assert await status(judge, None, Wishes.of({"on_target_down": wish})) == told


# ---- what the target itself has started ----

REJECTS = Wishes(on_target_down="reject")


async def test_a_token_that_the_target_starts_with_is_accepted_for_a_while(
    judge: Judge, clock: HandClock, storage: Storage
) -> None:
    await storage.id_tokens.note_accepted(ALICE, "TAG", "remote_start", clock.now())

    assert await status(judge, None, REJECTS) == "Accepted"
    assert await status(judge, target_says("Blocked"), REJECTS) == "Blocked"
    clock.pass_time(seconds=600)
    assert await status(judge, None, REJECTS) == "Accepted"
    clock.pass_time(seconds=1)
    assert await status(judge, None, REJECTS) == await status(judge, None) == "Invalid"


async def test_a_start_of_the_target_on_another_charger_is_another(
    judge: Judge, clock: HandClock, storage: Storage
) -> None:
    await storage.id_tokens.note_accepted(BOB, "TAG", "remote_start", clock.now())

    assert await status(judge, None) == "Invalid"


async def test_a_message_that_names_the_target_s_start_needs_no_token_that_is_known(
    judge: Judge,
) -> None:
    answer = await judge.judged(authorize(), OURS, None, "TAG", REJECTS, remote=True)

    assert orjson.loads(answer.payload)["idTagInfo"]["status"] == "Accepted"
