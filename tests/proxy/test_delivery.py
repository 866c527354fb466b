"""Every durable message reaches the target: in order, at least once, none skipped."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import orjson
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
from csms.frames import CallResult, Reply
from csms.link import Link
from csms.station16 import Station16
from proxy.auditing import TargetAudit
from proxy.backlog import backlog
from proxy.delivery import Delivery
from proxy.late import LateVerdicts
from proxy.ledger import IdMap
from proxy.parts import RelayParts
from proxy.timings import Timings
from storage.records import Charger, ChargerKey, Cursor, ProxyConfiguration
from storage.store import Storage, open_storage
from tests.doubles import PATIENCE, Peer, echo, settled, socket_pair, until
from tests.proxy.stage import (
    CLOCK,
    GUARD,
    OCPP201,
    QUICK,
    Device,
    Stage,
    Target,
    configuration,
    never,
    organization_of,
    refuses,
    says,
    staged,
)

EVENT = "DiagnosticsStatusNotification"
UNSTORABLE = "\ud800"
STATUS = b'{"connectorId":1,"errorCode":"NoError","status":"%b"}'
BOOTED = "BootNotification"


def told(target: Target, *unless: str) -> list[str]:
    return [action for action in target.actions if action not in (BOOTED, *unless)]


async def flows(stage: Stage, charger: Device) -> None:
    """Wait until the target has seen the connectors and hears what is said from now on."""
    await stage.reaches(charger.connection.key, "ready")
    await charger.call("DataTransfer", {"vendorId": "acme"})


@contextlib.asynccontextmanager
async def away(target: Target) -> AsyncIterator[None]:
    """Let the target take nothing until the context ends."""
    accepted = target.answers[BOOTED]
    target.answers[BOOTED] = says({"status": "Pending", "interval": 0, "currentTime": ""})
    await target.hang_up()
    times = len(target.payloads(BOOTED)) + 1
    await target.hears(BOOTED, times)
    yield
    target.answers[BOOTED] = accepted


# ---- in order, at least once ----


async def test_after_an_outage_the_target_hears_all_in_order(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        async with away(target):
            for number in range(5):
                await charger.call("MeterValues", {"connectorId": number, "meterValue": []})
            await charger.call("Heartbeat")
        await target.hears("MeterValues", 5)

    assert [payload["connectorId"] for payload in target.payloads("MeterValues")] == [0, 1, 2, 3, 4]
    assert set(told(target)) == {"MeterValues"}


async def test_what_was_said_before_a_restart_is_delivered_after_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key) as charger:
            ours = (await charger.starts())["transactionId"]
            await charger.meters(ours, 1)
            await stage.reaches(key, "backoff")
    async with Target().up() as target, staged(tmp_path) as stage:
        await stage.change(key, target_websocket_url=target.url)
        async with stage.charger(key) as charger:
            await charger.stops(ours)
            await target.hears("StopTransaction")

    assert told(target) == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert target.payloads("MeterValues")[0]["transactionId"] == 700_001
    assert target.payloads("StopTransaction")[0]["transactionId"] == 700_001


async def test_what_was_delivered_before_a_restart_is_not_delivered_again(tmp_path: Path) -> None:
    async with Target().up() as target:
        async with staged(tmp_path) as stage:
            key = await stage.enrol(target.url)
            async with stage.charger(key) as charger:
                await stage.reaches(key, "ready")
                ours = (await charger.starts())["transactionId"]
        async with staged(tmp_path) as stage, stage.charger(key) as charger:
            await charger.stops(ours)
            await target.hears("StopTransaction")

    assert told(target) == ["StartTransaction", "StopTransaction"]
    assert target.payloads("StopTransaction")[0]["transactionId"] == 700_001


async def test_what_was_not_answered_is_said_again_on_the_next_link(
    stage: Stage, target: Target
) -> None:
    target.answers["StopTransaction"] = never
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await charger.stops(ours)
        await target.hears("StopTransaction")
        target.answers["StopTransaction"] = says(b"{}")
        await target.hang_up()
        await target.hears("StopTransaction", 2)
        await charger.meters(ours, 1)
        await target.hears("MeterValues")

    first, second = [call for call in target.heard if call.action == "StopTransaction"]
    assert first.payload == second.payload
    assert first.id != second.id


# ---- what nobody hears later ----


async def test_statuses_and_questions_of_an_outage_are_not_replayed(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        async with away(target):
            await charger.call("StatusNotification", STATUS % b"Preparing")
            await charger.call("StatusNotification", STATUS % b"Charging")
            await charger.call("Authorize", {"idTag": "CARD"})
            await charger.starts()
        await target.hears("StartTransaction")

    assert told(target) == ["StatusNotification", "StartTransaction"]
    assert target.payloads("StatusNotification")[0]["status"] == "Charging"


async def test_a_question_that_nobody_waits_for_any_more_is_not_asked(
    tmp_path: Path, target: Target
) -> None:
    held = asyncio.Event()

    async def slow(call: frames.Call) -> Reply:
        await held.wait()
        return frames.call_result(call.id, b"{}")

    target.answers["StatusNotification"] = slow
    async with staged(tmp_path, replace(QUICK, ask=0.05)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await flows(stage, charger)
            await charger.call("StatusNotification", STATUS % b"Preparing")
            await charger.call("Authorize", {"idTag": "CARD"})
            held.set()
            await charger.starts()

    assert told(target) == ["DataTransfer", "StatusNotification", "StartTransaction"]


# ---- transactions ----


async def test_a_start_that_the_charger_repeats_begins_one_transaction(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        first = await charger.starts()
        again = await charger.starts()
        await charger.stops(first["transactionId"])
        await target.hears("StopTransaction")

    assert first == again
    assert told(target) == ["StartTransaction", "StopTransaction"]


async def test_the_messages_of_a_transaction_that_the_target_never_took_carry_minus_one(
    stage: Stage, target: Target
) -> None:
    target.answers["StartTransaction"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await charger.stops(ours)

        assert (await target.hears("StopTransaction"))["transactionId"] == -1
        assert (await stage.status(key)).dead_letters == 1
    assert told(target) == ["StartTransaction"] * 3 + ["StopTransaction"]


async def test_a_start_whose_answer_is_still_on_its_way_is_delivered(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)
    await post.says(DURABLE, 1)
    post.asks("StartTransaction", b'{"number":2}', b'{"transactionId":5}')
    peer = await post.connects()

    assert (await peer.answers())[2:] == [DURABLE, {"number": 1}]
    assert (await peer.answers(b'{"transactionId":9}'))[2] == "StartTransaction"
    await post.hangs_up()


async def test_what_could_not_be_stored_is_not_delivered(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)
    await post.says(DURABLE, 1)
    post.asks("StartTransaction", b'{"number":2}', b'{"transactionId":5}', id=UNSTORABLE)
    peer = await post.connects()

    assert (await peer.answers())[2:] == [DURABLE, {"number": 1}]
    await post.says(DURABLE, 3)
    assert (await peer.answers())[2:] == [DURABLE, {"number": 3}]
    await post.hangs_up()


async def test_a_start_without_a_number_is_no_reason_to_stop(stage: Stage, target: Target) -> None:
    target.answers["StartTransaction"] = says({"idTagInfo": {"status": "Accepted"}})
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts()
        await charger.stops(started["transactionId"])

        assert (await target.hears("StopTransaction"))["transactionId"] == -1
    assert started["idTagInfo"] == {"status": "Accepted"}


# ---- what the target does not take ----


async def test_a_message_that_the_target_cannot_process_is_said_three_times_and_buried(
    stage: Stage, target: Target
) -> None:
    target.answers["MeterValues"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        ours = (await charger.starts())["transactionId"]
        await charger.meters(ours, 1)
        await charger.stops(ours)
        await target.hears("StopTransaction")

        assert (await stage.status(key)).dead_letters == 1
    assert told(target, "StartTransaction") == ["MeterValues"] * 3 + ["StopTransaction"]


async def test_a_message_that_the_target_leaves_unanswered_is_said_three_times(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, replace(QUICK, attempt_interval=0.0, answer=0.02))
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    peer = await post.connects()

    assert [(await peer.hears())[3]["number"] for _ in range(4)] == [1, 1, 1, 2]
    await post.hangs_up()


async def test_a_message_that_nobody_can_read_holds_nothing_up(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)
    await post.says(DURABLE, 1)
    stage.storage.journal.append(
        post.key, "charger_to_platform", "1.6", "Call", "1", DURABLE, b"[2,"
    )
    await post.says(DURABLE, 2)
    await post.restarts()
    peer = await post.connects()

    assert [(await peer.answers())[3]["number"] for _ in range(2)] == [1, 2]
    await stage.storage.journal.flush()
    assert await stage.storage.dead_letters.count(post.stored.id) == 1
    await post.hangs_up()


async def test_failures_of_one_message_do_not_count_for_the_next(stage: Stage) -> None:
    post = await posted(stage.storage, replace(QUICK, attempt_interval=0.0))
    for number in (1, 2, 3):
        await post.says(DURABLE, number)
    await post.connects()
    for refuse in (True, True, False, True, True, True, False):
        await post.hears(refuse=refuse)
    await post.hangs_up()

    assert post.heard == [1, 1, 1, 2, 2, 2, 3]


async def test_a_message_is_not_said_again_while_the_target_sees_a_boot(stage: Stage) -> None:
    post = await posted(stage.storage, replace(QUICK, attempt_interval=0.0))
    await post.says(DURABLE, 1)
    peer = await post.connects()
    call = await peer.hears()
    post.delivery.hold()
    await peer.says(frames.call_error(call[1], "InternalError").text)
    await settled()
    assert peer.socket.unread == 0

    post.delivery.flow()
    assert (await peer.answers())[3] == {"number": 1}
    await post.hangs_up()


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported"])
async def test_what_the_target_does_not_know_is_not_said_again(
    stage: Stage, target: Target, code: str
) -> None:
    target.answers["SecurityEventNotification"] = refuses(code)
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        await charger.call("SecurityEventNotification", {"type": "X", "timestamp": ""})
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": []})
        await target.hears("MeterValues")

    assert told(target) == ["SecurityEventNotification", "MeterValues"]


async def test_a_status_that_is_refused_is_said_once(stage: Stage, target: Target) -> None:
    target.answers["StatusNotification"] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await flows(stage, charger)
        await charger.call("StatusNotification", STATUS % b"Charging")
        await charger.starts()

    assert told(target) == ["DataTransfer", "StatusNotification", "StartTransaction"]


async def test_failures_on_one_link_count_on_the_next(tmp_path: Path, target: Target) -> None:
    target.answers[EVENT] = refuses("InternalError")
    twice = replace(QUICK, attempts=2, attempt_interval=60.0)
    async with staged(tmp_path, twice) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await stage.reaches(key, "ready")
            await charger.call(EVENT, {"status": "Idle"})
            await charger.call("MeterValues", {"connectorId": 1, "meterValue": []})
            await target.hears(EVENT)
            await target.hang_up()
            await target.hears("MeterValues")

    assert told(target) == [EVENT, EVENT, "MeterValues"]


# ---- another version ----


async def test_nobody_translates_what_was_said_in_another_version(
    tmp_path: Path, target: Target
) -> None:
    async with staged(tmp_path) as stage:
        key = await stage.enrol("ws://127.0.0.1:1/")
        async with stage.charger(key) as charger:
            await charger.starts()
            await charger.call("Heartbeat")
        await stage.change(key, target_websocket_url=target.url)
        async with stage.charger(key, OCPP201) as charger:
            await stage.reaches(key, "ready")
            await charger.call("LogStatusNotification", {"status": "Idle"})
            await target.hears("LogStatusNotification")

            assert (await stage.status(key)).dead_letters == 1
    assert told(target) == ["LogStatusNotification"]


# ---- the queue against a plain list ----


class Post:
    """One delivery with its journal, and a target that is played by hand."""

    def __init__(self, storage: Storage, stored: ProxyConfiguration, timings: Timings) -> None:
        self.key = stored.key
        self.stored = stored
        self.stopped: list[str] = []
        self.said: list[int] = []  # what must arrive
        self.heard: list[int] = []
        self.passing: set[int] = set()  # what may arrive
        self._id = stored.id
        self._storage = storage
        self._timings = timings
        self._last = storage.journal.head
        self.delivery = self._opened(Cursor(stored.id, self._last))
        self._link: Link | None = None
        self._peer: Peer | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    def _opened(self, cursor: Cursor) -> Delivery:
        storage = self._storage
        parts = RelayParts(storage=storage, guard=GUARD, clock=CLOCK, timings=self._timings)
        audit = TargetAudit(storage.audit, CLOCK)
        stop = self.stopped.append
        return Delivery(
            self.stored,
            cursor,
            Station16,
            ids=IdMap(storage.id_pairs, self._id, "1.6"),
            parts=parts,
            late=LateVerdicts(self.stored, storage.transactions, audit, stop),
            longest_tail=4,
            longest_page=3,
        )

    def asks(self, action: str, payload: bytes, answer: bytes, id: str = "1") -> CallResult:
        """Let the charger say one thing that the platform is about to answer so."""
        call = frames.call("1", action, payload)
        reply = frames.call_result(call.id, answer, orjson.loads(answer))
        keep = self._storage.journal.append
        kept = keep(self.key, "charger_to_platform", "1.6", "Call", id, action, call.text)
        self._last = kept.position
        self.delivery.offer(kept.position, call, reply)
        return reply

    async def says(self, action: str, number: int) -> None:
        """Let the charger say one thing, and answer it."""
        reply = self.asks(action, b'{"number":%d}' % number, b"{}")
        keep = self._storage.journal.append
        keep(self.key, "platform_to_charger", "1.6", "CallResult", reply.id, action, reply.text)
        if action == DURABLE:
            self.said.append(number)
        elif action == PASSING and self._link:
            self.passing.add(number)

    async def connects(self) -> Peer:
        ours, theirs = socket_pair()
        self._link, self._peer = Link(ours, dialect=Station16.dialect), Peer(theirs)
        self._tasks = [
            asyncio.create_task(self._link.run(echo)),
            asyncio.create_task(self.delivery.run(self._link)),
        ]
        self.delivery.listen()
        self.delivery.flow()
        return self._peer

    async def hangs_up(self) -> None:
        if self._link:
            await self._link.close()
            self.delivery.hold()
            self._tasks[1].cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._link = self._peer = None

    async def restarts(self) -> None:
        """Forget all that is only in memory."""
        await self.hangs_up()
        await self._storage.journal.flush()
        cursor = await self._storage.proxy_configurations.cursor(self._id)
        assert cursor
        self.delivery = self._opened(cursor)

    async def hears(self, *, refuse: bool = False) -> bool:
        """Take one CALL and answer it; return False where all has been said."""
        peer = self._peer
        assert peer
        await until(lambda: peer.socket.unread or self.delivery.position >= self._last)
        if not peer.socket.unread:
            return False
        _, id, action, fields = await peer.hears()
        assert action == DURABLE or fields["number"] in self.passing
        if action == DURABLE:
            self.heard.append(fields["number"])
        answer = frames.call_error(id, "InternalError") if refuse else frames.call_result(id, b"{}")
        await peer.says(answer.text)
        return True

    async def waits(self) -> tuple[int, int]:
        """Count what is still to be delivered, as an operator sees it and as the list has it."""
        waiting = await backlog(self._storage, self.stored, self.delivery.position)
        return waiting.queue_length, len(self.said) - len(dict.fromkeys(self.heard))


class Deliveries(RuleBasedStateMachine):
    """Whatever happens: what is heard first is what was said, in order, none left out."""

    def __init__(self, runner: asyncio.Runner, storage: Storage) -> None:
        super().__init__()
        self.run = runner.run
        self.numbers = count()
        at_once = replace(QUICK, attempt_interval=0.0, answer=PATIENCE)
        self.post = self.run(posted(storage, at_once))
        self.connected = False

    @rule(actions=st.lists(st.sampled_from(["DURABLE", "PASSING", "SILENT"]), max_size=12))
    def says(self, actions: list[str]) -> None:
        async def all_of_them() -> None:
            for action in actions:
                await self.post.says(globals()[action], next(self.numbers))

        self.run(all_of_them())

    @precondition(lambda self: not self.connected)
    @rule()
    def connects(self) -> None:
        self.run(self.post.connects())
        self.connected = True

    @precondition(lambda self: self.connected)
    @rule(times=st.integers(1, 6), refuse=st.booleans())
    def hears(self, times: int, *, refuse: bool) -> None:
        for _ in range(times):
            self.run(self.post.hears(refuse=refuse))

    @rule()
    def hangs_up(self) -> None:
        self.run(self.post.hangs_up())
        self.connected = False

    @rule()
    def restarts(self) -> None:
        self.run(self.post.restarts())
        self.connected = False

    @invariant()
    def nothing_is_skipped_and_nothing_overtakes(self) -> None:
        first = list(dict.fromkeys(self.post.heard))
        assert first == self.post.said[: len(first)]

    def teardown(self) -> None:
        if not self.connected:
            self.run(self.post.connects())
        while self.run(self.post.hears()):
            pass
        counted, left = self.run(self.post.waits())
        self.run(self.post.hangs_up())
        assert list(dict.fromkeys(self.post.heard)) == self.post.said
        assert (counted, left) == (0, 0)


DURABLE, PASSING, SILENT = "DiagnosticsStatusNotification", "StatusNotification", "Heartbeat"


async def posted(storage: Storage, timings: Timings) -> Post:
    """Enrol one more charger with a proxy."""
    key = ChargerKey(await organization_of(storage), str(uuid.uuid4()))
    now = CLOCK.now()
    charger = Charger(key=key, charger_name="", password_digest=b"", created_at=now)
    stored = await storage.chargers.enroll(charger, configuration(key, "wss://target.example"))
    assert stored
    return Post(storage, stored, timings)


def test_no_course_of_events_skips_or_reorders_a_durable_message(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        storage = runner.run(stack.enter_async_context(open_storage(tmp_path, CLOCK)))
        try:
            run_state_machine_as_test(
                lambda: Deliveries(runner, storage),  # type: ignore[arg-type]  # makes one
                settings=settings(max_examples=50, stateful_step_count=25),
            )
        finally:
            runner.run(stack.aclose())
