"""One message after the other reaches the target, or becomes a dead letter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from csms import frames
from proxy.entries import Entry, Waiter
from proxy.telling import Telling
from storage.errors import StorageUnavailable
from storage.schema import messages
from storage.target_schema import cursors, id_pairs
from tests.doubles import settled, until
from tests.proxy.post import DURABLE, Post, posted
from tests.proxy.stage import QUICK, Stage

AT_ONCE = replace(QUICK, attempt_interval=0.0)
START, STOP, METERS = "StartTransaction", "StopTransaction", "MeterValues"


async def killed_before_it_was_noted(post: Post, begin: int) -> None:
    """Start anew, as if the answers of the target were all that had been stored."""
    await post.hangs_up()
    await post.storage.journal.flush()
    database, id = post.storage.database, post.stored.id
    of_cursor = cursors.c.proxy_configuration_id == id
    await database.execute(update(cursors).where(of_cursor).values(position=begin))
    await database.execute(delete(id_pairs).where(id_pairs.c.proxy_configuration_id == id))
    await post.restarts()


async def test_what_was_answered_before_we_were_killed_is_not_sent_again_and_teaches_its_id(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    begin = post.delivery.position
    post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    peer = await post.connects()
    assert (await peer.answers(b'{"transactionId":77}'))[2] == START
    await post.drains()
    await killed_before_it_was_noted(post, begin)
    post.exchanges(STOP, b'{"transactionId":5}')
    peer = await post.connects()

    assert (await peer.answers())[2:] == [STOP, {"transactionId": 77}]
    await post.hangs_up()


async def test_a_start_that_is_said_again_after_a_kill_is_told_as_perhaps_told(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    post.unanswered(START, b'{"connectorId":1}')
    peer = await post.connects()
    assert (await peer.hears())[2] == START
    await post.restarts()
    post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    post.exchanges(STOP, b'{"transactionId":5}')
    peer = await post.connects()

    assert (await peer.answers(b'{"transactionId":77}'))[2] == START
    assert (await peer.answers())[2:] == [STOP, {"transactionId": 77}]
    assert [one.call.maybe_duplicate for one in await post.copies()] == [False, True, False]
    await post.hangs_up()


async def test_a_start_that_the_target_answered_before_a_kill_is_not_told_again(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    begin = post.delivery.position
    post.unanswered(START, b'{"connectorId":1}')
    peer = await post.connects()
    assert (await peer.answers(b'{"transactionId":77}'))[2] == START
    await post.drains()
    await killed_before_it_was_noted(post, begin)
    post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    post.exchanges(STOP, b'{"transactionId":5}')
    peer = await post.connects()

    assert (await peer.answers())[2:] == [STOP, {"transactionId": 77}]
    await post.hangs_up()


# ---- dead letters ----


async def test_a_dead_letter_that_is_sent_again_goes_before_all_that_waits(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead = await post.says(DURABLE, 1)
    await post.connects()
    await post.buries()
    await post.hangs_up()
    await post.says(DURABLE, 2)
    assert await post.queues.retry(post.stored, dead)
    await post.connects()
    await post.hears()
    await post.hears()
    await post.drains()

    assert post.heard == [1, 1, 1, 1, 2]
    assert await post.backlog() == (0, None, 0, 0)
    await post.hangs_up()


async def test_a_dead_letter_is_sent_again_at_once_and_may_die_again(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead = await post.says(DURABLE, 1)
    await post.connects()
    await post.buries()
    await post.queues.retry(post.stored, dead)
    await post.buries()

    (letter,) = await post.queues.page(post.stored, 0, 10)
    assert letter.dead
    assert (letter.attempts, letter.dead.retry_at) == (6, None)
    await post.hangs_up()


async def test_a_dead_start_that_succeeds_later_teaches_its_id(stage: Stage) -> None:
    post = await posted(stage.storage, replace(AT_ONCE, attempts=1))
    dead = post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    post.exchanges(METERS, b'{"transactionId":5,"n":1}')
    peer = await post.connects()
    start = await peer.hears()
    await peer.says(f'[4,"{start[1]}","InternalError","",{{}}]')
    assert (await peer.answers())[3] == {"transactionId": -1, "n": 1}
    await post.drains()
    await post.queues.retry(post.stored, dead)
    assert (await peer.answers(b'{"transactionId":88}'))[2] == START
    post.exchanges(STOP, b'{"transactionId":5}')

    assert (await peer.answers())[3] == {"transactionId": 88}
    await post.hangs_up()


async def test_a_dead_letter_that_the_log_has_no_longer_stays_dead(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead = await post.says(DURABLE, 1)
    await post.connects()
    await post.buries()
    await stage.storage.database.execute(delete(messages).where(messages.c.seq == dead))
    await post.queues.retry(post.stored, dead)
    await post.drains()

    (letter,) = await post.queues.page(post.stored, 0, 10)
    assert letter.dead
    assert letter.dead.reason == "The message log has it no longer."
    await post.hangs_up()


async def test_what_is_called_off_does_not_die(stage: Stage) -> None:
    post = await posted(stage.storage, replace(QUICK, attempt_interval=60.0))
    await post.says(DURABLE, 1)
    await post.connects()
    await post.hears(refuse=True)
    await settled()
    assert await post.queues.purge(post.stored) == (1, 0)
    await post.says(DURABLE, 2)
    await post.hears()
    await post.drains()

    assert post.heard == [1, 2]
    assert await post.backlog() == (0, None, 0, 1)
    await post.hangs_up()


async def test_orphans_stay_here_where_their_owner_wants_that(stage: Stage) -> None:
    post = await posted(
        stage.storage, replace(AT_ONCE, attempts=1), policy={"orphan_policy": "skip"}
    )
    post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    post.exchanges(METERS, b'{"transactionId":5}')
    post.exchanges(METERS, b'{"connectorId":1}')
    post.exchanges(METERS, b'{"transactionId":0}')
    post.exchanges(STOP, b'{"transactionId":5}')
    peer = await post.connects()
    start = await peer.hears()
    await peer.says(f'[4,"{start[1]}","InternalError","",{{}}]')

    assert (await peer.answers())[3] == {"connectorId": 1}
    assert (await peer.answers())[2] == METERS
    await post.drains()
    backlog = await post.backlog()
    assert (backlog.dead_letters, backlog.skipped) == (1, 2)
    await post.hangs_up()


async def test_what_was_told_out_of_turn_is_not_told_again(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    early = await post.says(DURABLE, 1)
    post.delivery.overtaken(early)
    await post.says(DURABLE, 2)
    await post.connects()
    await post.hears()
    await post.drains()

    assert post.heard == [2]
    await post.hangs_up()


# ---- who waits ----


def asks(post: Post) -> Waiter:
    """Let the charger ask something that only the target can answer."""
    call = frames.call("1", "Authorize", b"{}")
    kept = post.storage.journal.append(
        post.stored.key, "charger_to_platform", "1.6", "Call", "1", call.action, call.text
    )
    theirs = post.delivery.offer(kept.position, call, frames.call_result("1", b"{}", {}))
    assert theirs
    return theirs


async def test_who_waits_for_what_is_out_hears_the_answer_though_a_boot_is_due(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    peer = await post.connects()
    await post.drains()
    theirs = asks(post)
    asked = await peer.hears()
    post.delivery.hold()
    await peer.says(frames.call_error(asked[1], "SecurityError").text)

    answer = await theirs
    assert isinstance(answer, frames.CallError)
    await post.hangs_up()


async def test_nobody_waits_for_what_was_out_when_its_link_ended(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    peer = await post.connects()
    await post.drains()
    theirs = asks(post)
    await peer.hears()
    await post.hangs_up()

    assert await theirs is None


async def test_an_id_that_storage_did_not_take_is_noted_with_the_next_position(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: object) -> None:
        raise StorageUnavailable

    post = await posted(stage.storage, AT_ONCE)
    post.exchanges(START, b'{"connectorId":1}', b'{"transactionId":5}')
    peer = await post.connects()
    call = await peer.hears()
    with monkeypatch.context() as patch:
        patch.setattr(stage.storage.database, "write", full)
        await peer.says(frames.call_result(call[1], b'{"transactionId":77}').text)
        await until(lambda: post.storage.group.away)
    await post.storage.group.back()
    post.exchanges(METERS, b'{"transactionId":5}')
    assert (await peer.answers())[2:] == [METERS, {"transactionId": 77}]
    await post.drains()
    await post.restarts()
    post.exchanges(STOP, b'{"transactionId":5}')
    peer = await post.connects()

    assert (await peer.answers())[2:] == [STOP, {"transactionId": 77}]
    await post.hangs_up()


async def test_that_meter_values_were_told_is_noted_later_and_none_is_told_again(
    stage: Stage,
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    peer = await post.connects()
    for connector in range(3):
        post.exchanges(METERS, b'{"connectorId":%d,"meterValue":[]}' % connector)
        assert (await peer.answers(b"{}"))[3]["connectorId"] == connector
    await post.drains()
    cursor = await stage.storage.proxy_configurations.cursor(post.stored.id)
    assert cursor is not None
    assert cursor.position < post.delivery.position

    await post.dies()
    await post.restarts()
    peer = await post.connects()
    post.exchanges(METERS, b'{"connectorId":3,"meterValue":[]}')

    assert (await peer.answers(b"{}"))[3]["connectorId"] == 3
    await post.drains()
    await post.hangs_up()
    assert (await post.backlog()).queue_length == 0


async def test_what_is_looked_up_while_the_queue_is_held_does_not_go_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, found, copy_of = asyncio.Event(), asyncio.Event(), Telling.copy_of

    async def slowly(self: Telling, entry: Entry, live_from: int) -> bytes | None:
        looking.set()
        await found.wait()
        return await copy_of(self, entry, live_from)

    monkeypatch.setattr(Telling, "copy_of", slowly)
    post = await posted(stage.storage, AT_ONCE)
    peer = await post.connects()
    await post.says(DURABLE, 1)
    await looking.wait()

    post.delivery.hold()
    found.set()
    await settled()
    assert await post.copies() == []
    assert peer.socket.unread == 0

    post.delivery.flow()
    assert await post.hears()
    await post.hangs_up()
