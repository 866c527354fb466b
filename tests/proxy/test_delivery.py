"""Every durable message reaches the target: in order, at least once, none skipped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from csms import frames
from csms.errors import LinkError
from csms.frames import Call, Reply
from proxy.reader import LONGEST_PAGE
from storage.database import Write
from storage.errors import StorageUnavailable
from storage.records import Message
from storage.repositories.queues import Place
from storage.repositories.queues import Queues as StoredQueues
from tests.doubles import PATIENCE, settled, until
from tests.proxy.post import DURABLE, posted
from tests.proxy.stage import (
    OCPP201,
    QUICK,
    Device,
    Stage,
    Target,
    never,
    refuses,
    says,
    staged,
)
from tests.proxy.test_overtaken import PROBLEM, events, status

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


async def test_statuses_that_are_told_as_events_are_not_replayed_and_other_events_are(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        await charger.call("NotifyEvent", events(status("Available")))
        await target.hears("NotifyEvent")
        async with away(target):
            await charger.call("NotifyEvent", events(status("Occupied")))
            await charger.call("NotifyEvent", events(PROBLEM, status("Faulted"), seqNo=1))
            await charger.call("NotifyEvent", events(status("Reserved", 2)))
            await charger.call("NotifyEvent", events(PROBLEM, seqNo=2))
            await charger.call("NotifyEvent", events(status("Occupied")))
        await target.hears("NotifyEvent", 5)
        await charger.call("NotifyEvent", events(status("Available")))
        await target.hears("NotifyEvent", 6)
        async with asyncio.timeout(PATIENCE):
            while (left := await stage.status(key)).queue_length:  # noqa: ASYNC110 - untold
                await asyncio.sleep(0.002)

    assert target.payloads("NotifyEvent") == [
        events(status("Available")),
        events(status("Occupied")),
        events(status("Reserved", 2)),
        events(PROBLEM, seqNo=1),
        events(PROBLEM, seqNo=2),
        events(status("Available")),
    ]
    assert (left.skipped, left.dead_letters) == (0, 0)


async def test_a_question_that_nobody_waits_for_any_more_is_not_asked(
    tmp_path: Path, target: Target
) -> None:
    held = asyncio.Event()

    async def slow(call: frames.Call) -> Reply:
        await held.wait()
        return frames.call_result(call.id, b"{}")

    target.answers["StatusNotification"] = slow
    async with staged(tmp_path, replace(QUICK, ask=0.5)) as stage:
        key = await stage.enrol(target.url)
        async with stage.charger(key) as charger:
            await flows(stage, charger)
            await charger.call("StatusNotification", STATUS % b"Preparing")
            await charger.call("Authorize", {"idTag": "CARD"})
            held.set()
            await charger.starts()
            await target.hears("StartTransaction")

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
    patient = replace(QUICK, attempt_interval=0.0, answer=0.2, silent_calls=5)
    post = await posted(stage.storage, patient)
    await post.says(DURABLE, 1)
    await post.says(DURABLE, 2)
    peer = await post.connects()

    assert [(await peer.hears())[3]["number"] for _ in range(4)] == [1, 1, 1, 2]
    await post.hangs_up()


async def test_a_message_that_nobody_can_read_holds_nothing_up(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)
    await post.says(DURABLE, 1)
    stage.storage.journal.append(
        post.stored.key, "charger_to_platform", "1.6", "Call", "1", DURABLE, b"[2,"
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


# ---- a long queue ----


class CountedQueues(StoredQueues):
    """The same queues, and how often they were read."""

    reads = 0

    async def waiting(self, place: Place, limit: int) -> list[Message]:
        self.reads += 1
        return await super().waiting(place, limit)


async def test_a_long_queue_costs_a_read_for_many_messages_and_keeps_few_in_memory(
    stage: Stage,
) -> None:
    queues = CountedQueues(stage.storage.database, stage.storage.group)
    post = await posted(replace(stage.storage, queues=queues), QUICK, longest_page=LONGEST_PAGE)
    for number in range(1000):
        await post.says(DURABLE, number)
    await post.connects()
    while await post.hears():
        assert len(post.delivery._reader._page) <= LONGEST_PAGE
        assert len(post.delivery._tail.entries()) == 1

    assert post.heard == post.said
    assert queues.reads <= 1000 / LONGEST_PAGE + 1
    await post.hangs_up()


async def test_what_storage_lost_on_its_way_is_told_once_when_it_is_said_again(
    stage: Stage, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await stage.enrol(target.url)
    released = asyncio.Event()

    async def late(call: Call) -> Reply:
        await released.wait()
        return frames.call_result(call.id, b"{}")

    async def full(_: object) -> None:
        raise StorageUnavailable

    async with stage.charger(key) as charger:
        await charger.boots()
        await flows(stage, charger)
        target.answers[EVENT] = late
        await charger.call(EVENT, {"status": "Idle"})
        await target.hears(EVENT)  # and is busy with it
        await stage.storage.group.flush()
        with monkeypatch.context() as patch:
            patch.setattr(stage.storage.database, "write", full)
            with pytest.raises(LinkError):
                await charger.meters(0, 17)
        await stage.storage.group.back()
        released.set()
        await stage.status(key)
    async with stage.charger(key) as charger:
        await charger.meters(0, 17)
        await charger.call(EVENT, {"status": "Uploaded"})
        await until(lambda: target.payloads(EVENT)[-1:] == [{"status": "Uploaded"}])

    assert len(target.payloads("MeterValues")) == 1


async def test_what_is_lost_before_it_is_queued_is_not_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: object) -> None:
        raise StorageUnavailable

    post, storage = await posted(stage.storage, QUICK), stage.storage
    peer = await post.connects()
    await post.drains()
    call = frames.call("lost", DURABLE, b'{"number":1}')
    with monkeypatch.context() as patch:
        patch.setattr(storage.database, "write", full)
        lost = storage.journal.append(
            post.stored.key, "charger_to_platform", "1.6", "Call", call.id, DURABLE, call.text
        )
        await storage.group.flush()
    await storage.group.back()
    await post.says(DURABLE, 2)
    assert (await peer.answers())[3] == {"number": 2}
    await post.drains()

    post.delivery.offer(lost.position, call, frames.call_result(call.id, b"{}"))
    assert post.delivery.drained.is_set()
    await post.says(DURABLE, 3)

    assert (await peer.answers())[3] == {"number": 3}
    await post.hangs_up()


async def test_what_was_told_lost_and_is_there_after_all_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, storage = await posted(stage.storage, QUICK), stage.storage
    peer = await post.connects()
    await post.drains()
    write = storage.database.write

    async def cut_off(writes: Sequence[Write]) -> None:
        await write(writes)
        raise StorageUnavailable

    call = frames.call("doubtful", DURABLE, b'{"number":1}')
    with monkeypatch.context() as patch:
        patch.setattr(storage.database, "write", cut_off)
        told = storage.journal.append(
            post.stored.key, "charger_to_platform", "1.6", "Call", call.id, DURABLE, call.text
        )
        await storage.group.flush()
        post.delivery.offer(told.position, call, frames.call_result(call.id, b"{}"))

    assert (await peer.answers())[3] == {"number": 1}
    await post.says(DURABLE, 2)
    assert (await peer.answers())[3] == {"number": 2}
    await post.hangs_up()


async def test_who_asks_for_a_verdict_does_not_wait_for_a_long_queue(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    gate = asyncio.Semaphore(1)

    async def slow(call: Call) -> Reply:
        await gate.acquire()
        return frames.call_result(call.id, b"{}")

    target.answers["MeterValues"] = slow
    async with stage.charger(key) as charger:
        for number in range(20):
            await charger.meters(0, number)
        await stage.change(key, target_websocket_url=target.url)
        await target.hears("MeterValues", 2)
        asking = asyncio.create_task(charger.call("Authorize", {"idTag": "CARD"}))
        while not asking.done():
            gate.release()
            await asyncio.sleep(0.001)
        overtook = len(target.payloads("MeterValues"))
        for _ in range(20):
            gate.release()
        await target.hears("MeterValues", 20)

    assert asking.result()["idTagInfo"] == {"status": "Accepted"}
    assert overtook < 20
    metered = [one["meterValue"][0]["sampledValue"][0] for one in target.payloads("MeterValues")]
    assert metered == [{"value": str(number)} for number in range(20)]
