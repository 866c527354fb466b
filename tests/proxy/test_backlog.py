"""What a target has yet to get, and what it did not take, as its owner sees it."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from proxy.backlog import backlog, place, undelivered
from storage.repositories.queues import Place
from tests.proxy.post import DURABLE, PASSING, SILENT, Post, posted
from tests.proxy.stage import MOMENT, OCPP201, QUICK, Stage, Target

AT_ONCE = replace(QUICK, attempt_interval=0.0, attempts=1)


async def mixed(stage: Stage) -> tuple[Post, list[int]]:
    """Let two messages die, and others wait; return the positions of what lasts."""
    post = await posted(stage.storage, AT_ONCE)
    told = [await post.says(DURABLE, number) for number in range(2)]
    await post.connects()
    for _ in told:
        await post.hears(refuse=True)
    await post.drains()
    await post.hangs_up()
    for number in range(2, 5):
        told.append(await post.says(DURABLE, number))
        await post.says(SILENT, number)
        await post.says(PASSING, number)
    return post, told


async def test_only_what_lasts_is_counted(stage: Stage) -> None:
    post, told = await mixed(stage)
    found = await backlog(stage.storage, post.stored, post.delivery.position)
    oldest = (await stage.storage.journal.read_calls(post.stored.key, told[2] - 1, 1))[0].timestamp

    assert found == (3, oldest, 2, 0)


async def test_nothing_is_nothing(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)

    assert await backlog(stage.storage, post.stored, post.delivery.position) == (0, None, 0, 0)
    assert await undelivered(stage.storage, post.stored, post.delivery.position, 0, 10) == []


async def test_the_dead_come_before_what_waits_on_every_page(stage: Stage) -> None:
    post, told = await mixed(stage)
    for limit in (1, 2, 3, 10):
        found: list[int] = []
        while page := await undelivered(
            stage.storage, post.stored, post.delivery.position, found[-1] if found else 0, limit
        ):
            assert len(page) <= limit
            found += [each.seq for each in page]
        assert found == told


async def test_a_place_names_its_queue(stage: Stage) -> None:
    post = await posted(stage.storage, QUICK)

    assert place(post.stored, 7) == Place(post.stored.id, post.stored.key, 7)


async def test_what_answers_somebody_else_does_not_wait(stage: Stage, target: Target) -> None:
    target.status = HTTPStatus.SERVICE_UNAVAILABLE
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await charger.call(DURABLE, {"status": "Idle"})
        for seq_no in range(3):
            report = {"requestId": 5, "generatedAt": MOMENT, "seqNo": seq_no}
            assert await charger.call("NotifyReport", report) == {}
        status = await stage.status(key)

        assert (status.queue_length, status.skipped) == (1, 0)
        target.status = HTTPStatus.SWITCHING_PROTOCOLS
        await target.hears(DURABLE)
        assert target.payloads("NotifyReport") == []
