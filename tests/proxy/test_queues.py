"""What an owner does with a queue is followed at once, and works while the charger is away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from csms.station201 import Station201
from proxy.queues import Queues
from storage.records import DeadLetter, ProxyConfiguration
from tests.doubles import Held, settled, until
from tests.proxy.post import DURABLE, METERED, Post, posted
from tests.proxy.stage import CLOCK, QUICK, Stage, Target, refuses, says

AT_ONCE = replace(QUICK, attempt_interval=0.0)
NEVER = replace(QUICK, attempt_interval=60.0)
SAMPLED = b'{"connectorId":1,"meterValue":[{"timestamp":"2026-11-21T10:00:00Z","sampledValue":[]}]}'
EVENT = "FirmwareStatusNotification"


async def details(stage: Stage, action: str) -> list[Any]:
    rows = await stage.storage.audit.list(stage.organization_uuid)
    return [(row.actor, dict(row.details)) for row in rows if row.action == action]


async def away(post: Post) -> Queues:
    """Return the queues as they are while nothing is delivered."""
    return Queues(post.storage, CLOCK, lambda *_: None)


# ---- while it is being delivered ----


async def test_after_a_purge_nothing_more_goes_out_of_what_waited(stage: Stage) -> None:
    post = await posted(stage.storage, NEVER)
    for number in range(10):
        await post.says(DURABLE, number)
    await post.connects()
    await post.hears(refuse=True)
    await settled()

    assert await post.queues.purge(post.stored) == (10, 0)
    await post.says(DURABLE, 10)
    await post.hears()
    await post.drains()
    assert post.heard == [0, 10]
    assert await post.backlog() == (0, None, 0, 10)
    await post.hangs_up()


async def test_a_purge_outlives_a_restart(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    for number in range(10):
        await post.says(DURABLE, number)
    await post.queues.purge(post.stored)
    await post.restarts()
    await post.says(DURABLE, 10)
    await post.connects()
    await post.hears()
    await post.drains()

    assert post.heard == [10]
    await post.hangs_up()


async def test_what_is_purged_while_it_is_out_teaches_its_id_all_the_same(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    post.exchanges("StartTransaction", b'{"connectorId":1}', b'{"transactionId":5}')
    peer = await post.connects()
    start = await peer.hears()
    await post.queues.purge(post.stored)
    await peer.says(f'[3,"{start[1]}",{{"transactionId":77}}]')
    post.exchanges("StopTransaction", b'{"transactionId":5}')

    assert (await peer.answers())[3] == {"transactionId": 77}
    await post.hangs_up()


async def test_what_is_discarded_leaves_dead_letters_that_are_sent_again(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead = await post.says(DURABLE, 1)
    await post.connects()
    await post.buries()
    await post.hangs_up()
    await post.says(DURABLE, 2)
    assert await post.queues.discard(post.stored, "changed") == 1
    assert await post.queues.discard(post.stored, "changed") == 0
    assert await details(stage, "queue.discard") == [
        ("platform", {"proxy_configuration_id": post.stored.id, "waiting": 1})
    ]
    assert await post.queues.retry(post.stored, dead)
    await post.connects()
    await post.hears()
    await post.drains()

    assert post.heard == [1, 1, 1, 1]
    assert await post.backlog() == (0, None, 0, 1)
    await post.hangs_up()


async def test_while_a_dead_letter_is_out_it_can_be_purged(stage: Stage) -> None:
    post = await posted(stage.storage, NEVER)
    dead = await post.says(DURABLE, 1)
    letter = DeadLetter(
        proxy_configuration_id=post.stored.id,
        seq=dead,
        action=DURABLE,
        reason="refused",
        attempts=3,
        created_at=CLOCK.now(),
    )
    await stage.storage.dead_letters.note(letter)
    post.delivery.discard(dead)
    await post.connects()
    await post.drains()
    await post.queues.retry(post.stored, dead)
    await post.hears(refuse=True)
    await settled()
    assert (await post.queues.purge(post.stored)).dead_letters == 1
    await post.drains()

    assert post.heard == [1]
    assert await post.queues.page(post.stored, 0, 10) == []
    await post.hangs_up()


async def test_what_dies_while_the_queue_is_purged_is_purged_too(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    for number in range(4):
        await post.says(DURABLE, number)
    post.kind = Station201  # which nobody can tell what was said until now
    await post.restarts()
    await post.connects()
    await post.queues.purge(post.stored)
    await post.drains()

    assert await post.queues.page(post.stored, 0, 10) == []
    assert (await post.backlog())[:3] == (0, None, 0)
    await post.hangs_up()


# ---- while the charger is away ----


async def test_an_absent_charger_s_queue_is_seen_purged_and_sent_again(
    stage: Stage, target: Target
) -> None:
    target.answers[EVENT] = refuses("InternalError")
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        for status in ("Downloading", "Downloaded"):
            await charger.call(EVENT, {"status": status})
        await target.hears(EVENT, 6)
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": []})
        await target.hears("MeterValues")
    queues, configuration = stage.relays.queues, await stage.configuration(key)
    first, second = await _dead(queues, configuration)
    assert await queues.retry(configuration, first)
    assert not await queues.retry(configuration, 999)
    target.answers[EVENT] = says(b"{}")
    async with stage.charger(key) as charger:
        await target.hears(EVENT, 7)
        # It goes when that is answered; a link that ends before would have it told again.
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": []})
        await target.hears("MeterValues", 2)
    assert target.payloads(EVENT)[-1] == {"status": "Downloading"}

    assert await _dead(queues, configuration) == [second]
    assert await queues.purge(configuration) == (0, 1)
    assert await _dead(queues, configuration) == []


async def _dead(queues: Queues, configuration: ProxyConfiguration) -> list[int]:
    return [each.seq for each in await queues.page(configuration, 0, 10) if each.dead]


async def test_a_queue_that_nobody_delivers_is_purged_on_disk(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    for number in range(5):
        await post.says(DURABLE, number)
    queues = await away(post)
    page = await queues.page(post.stored, 0, 3)
    assert [each.action for each in page] == [DURABLE] * 3

    assert await queues.purge(post.stored) == (5, 0)
    assert await queues.page(post.stored, 0, 3) == []


async def test_what_was_done_between_two_links_is_followed_on_the_next(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead, taken, *_ = [await post.says(DURABLE, number) for number in range(6)]
    await post.connects()
    for refuse in (True, True, True, False):
        await post.hears(refuse=refuse)
    await until(lambda: post.delivery.position >= taken)
    await post.hangs_up()
    queues = await away(post)
    await post.storage.journal.flush()
    assert await queues.discard(post.stored, "changed") == 4
    assert await queues.retry(post.stored, dead)
    await post.connects()
    await post.hears()
    await post.drains()

    assert post.heard == [0, 0, 0, 1, 0]
    await post.hangs_up()


async def test_what_is_said_while_the_proxy_is_disabled_is_not_delivered_later(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    async with stage.charger(key) as charger:
        await charger.call(EVENT, {"status": "Downloading"})
        await stage.change(key, enabled=False)
        await charger.call(EVENT, {"status": "Downloaded"})
        await stage.change(key, enabled=True, target_websocket_url=target.url)
        await charger.call(EVENT, {"status": "Installing"})
        await target.hears(EVENT, 2)

    told = [payload["status"] for payload in target.payloads(EVENT)]
    assert told == ["Downloading", "Installing"]


async def test_what_is_purged_while_it_is_looked_up_is_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    for _ in range(10):  # more than memory keeps
        post.exchanges(METERED, SAMPLED)
    looked_up = Held(stage.storage.journal.exchanges)
    with monkeypatch.context() as patch:
        patch.setattr(stage.storage.journal, "exchanges", looked_up)
        await post.connects()
        await looked_up.done.wait()
        await post.queues.purge(post.stored)
    looked_up.release.set()
    await post.says(DURABLE, 10)
    await post.hears()
    await post.drains()

    assert post.heard == [10]
    await post.hangs_up()


@pytest.mark.parametrize("purged_while", ["it is looked up", "the link begins"])
async def test_a_dead_letter_that_is_purged_before_it_is_sent_again_is_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, purged_while: str
) -> None:
    post = await posted(stage.storage, AT_ONCE)
    dead = await post.says(DURABLE, 1)
    await post.connects()
    await post.buries()
    begins = purged_while == "the link begins"
    if begins:
        await post.hangs_up()
    owner: Any = stage.storage.dead_letters if begins else stage.storage.journal
    name = "to_retry" if begins else "exchanges"
    read = Held(getattr(owner, name))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, read)
        await post.queues.retry(post.stored, dead)
        if begins:
            await post.connects()
        await read.done.wait()
        assert (await post.queues.purge(post.stored)).dead_letters == 1
    read.release.set()
    await post.says(DURABLE, 2)
    await post.hears()
    await post.drains()

    assert post.heard == [1, 1, 1, 2]
    await post.hangs_up()
