"""A target that rejects a token when the session runs already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from csms.station201 import Station201
from storage.errors import StorageUnavailable
from storage.records import Transaction
from tests.doubles import Peer
from tests.proxy.post import Post, posted
from tests.proxy.stage import CLOCK, MOMENT, OCPP16, QUICK, Stage, Target, says

AT_ONCE = replace(QUICK, attempt_interval=0.0)
START = b'{"connectorId":1,"idTag":"CARD"}'
BLOCKED = b'{"transactionId":77,"idTagInfo":{"status":"Blocked"}}'
EVENT = b'{"eventType":"Started","transactionInfo":{"transactionId":"T-1"},"idToken":{}}'


async def runs(post: Post, transaction_id: str) -> None:
    """Let a session run."""
    began = Transaction(
        key=post.stored.key,
        transaction_id=transaction_id,
        evse_id=1,
        started_at=CLOCK.now(),
        start_timestamp=MOMENT,
    )
    await post.storage.transactions.note_started(began)


async def late(stage: Stage, answer: bytes = BLOCKED, **wishes: str) -> Post:
    """Deliver a start of an hour ago, and let the target answer so."""
    post = await posted(stage.storage, AT_ONCE, policy=wishes)
    await runs(post, "5")
    post.exchanges("StartTransaction", START, b'{"transactionId":5}')
    await post.restarts()
    peer: Peer = await post.connects()
    await peer.answers(answer)
    await post.drains()
    await post.hangs_up()
    return post


async def audited(post: Post) -> list[Any]:
    rows = await post.storage.audit.list(post.stored.key.organization_uuid)
    return [row for row in rows if row.charge_box_id == post.stored.key.charge_box_id]


async def test_its_owner_is_told(stage: Stage) -> None:
    post = await late(stage)

    (row,) = await audited(post)
    assert (row.action, row.result) == ("StartTransaction", "rejected late")
    assert row.actor == f"target:{post.stored.id}"
    assert (row.details["verdict"], row.details["transaction_id"]) == ("Blocked", "5")
    assert post.stopped == []


async def test_the_session_is_stopped_where_its_owner_wants_that(stage: Stage) -> None:
    post = await late(stage, late_reject="remote_stop")

    assert post.stopped == ["5"]
    assert len(await audited(post)) == 1


async def test_nothing_happens_where_its_owner_wants_that(stage: Stage) -> None:
    post = await late(stage, late_reject="ignore")

    assert (post.stopped, await audited(post)) == ([], [])


@pytest.mark.parametrize(
    "answer", [b'{"transactionId":77,"idTagInfo":{"status":"Accepted"}}', b'{"transactionId":77}']
)
async def test_a_token_that_is_accepted_or_not_judged_is_no_news(
    stage: Stage, answer: bytes
) -> None:
    post = await late(stage, answer, late_reject="remote_stop")

    assert (post.stopped, await audited(post)) == ([], [])


async def test_a_session_that_has_ended_is_not_stopped(stage: Stage) -> None:
    post = await posted(stage.storage, AT_ONCE, policy={"late_reject": "remote_stop"})
    post.exchanges("StartTransaction", START, b'{"transactionId":6}')
    await post.restarts()
    await (await post.connects()).answers(BLOCKED)
    await post.drains()

    assert post.stopped == []
    assert len(await audited(post)) == 1
    await post.hangs_up()


async def test_an_answer_that_could_not_be_looked_into_is_not_asked_for_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    post = await posted(stage.storage, AT_ONCE, policy={"late_reject": "remote_stop"})
    await runs(post, "5")
    post.exchanges("StartTransaction", START, b'{"transactionId":5}')
    with monkeypatch.context() as patch:
        patch.setattr(stage.storage.transactions, "get", away)
        peer = await post.connects()
        await peer.answers(BLOCKED)
        with pytest.raises(StorageUnavailable):
            await post.fails()
        await post.hangs_up()
    await post.connects()
    await post.drains()

    assert post.stopped == ["5"]
    await post.hangs_up()


async def test_in_2_0_1_the_session_has_its_station_s_id(stage: Stage) -> None:
    wishes = {"late_reject": "remote_stop"}
    post = await posted(stage.storage, AT_ONCE, Station201, policy=wishes)
    await runs(post, "T-1")
    post.exchanges("TransactionEvent", EVENT)
    await post.restarts()
    await (await post.connects()).answers(b'{"idTokenInfo":{"status":"Invalid"}}')
    await post.drains()

    assert post.stopped == ["T-1"]
    await post.hangs_up()


async def test_the_charger_is_asked_to_stop(stage: Stage, target: Target) -> None:
    target.answers["StartTransaction"] = says(
        {"transactionId": 77, "idTagInfo": {"status": "Blocked"}}
    )
    key = await stage.enrol("ws://127.0.0.1:1/", policy={"late_reject": "remote_stop"})
    async with stage.charger(key, OCPP16) as charger:
        charger.answers["RemoteStopTransaction"] = says({"status": "Accepted"})
        ours = (await charger.starts())["transactionId"]
        await stage.change(key, target_websocket_url=target.url)

        assert await charger.hears("RemoteStopTransaction") == {"transactionId": ours}


async def test_what_the_charger_still_waits_for_is_not_late(stage: Stage, target: Target) -> None:
    target.answers["StartTransaction"] = says(
        {"transactionId": 77, "idTagInfo": {"status": "Blocked"}}
    )
    key = await stage.enrol(target.url, policy={"late_reject": "remote_stop"})
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")
        started = await charger.starts()
        await charger.meters(started["transactionId"], 1)
        await target.hears("MeterValues")

    assert started["idTagInfo"] == {"status": "Blocked"}
    assert charger.actions == []
    assert await stage.storage.audit.list(stage.organization_uuid) == []
