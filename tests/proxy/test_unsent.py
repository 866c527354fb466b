"""A target that asks for messages in the queue hears of those that wait here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from csms import frames
from csms.frames import CallResult
from proxy.asked import Asked
from proxy.unsent import Unsent
from tests.proxy.stage import MOMENT, OCPP21, OCPP201, Device, Stage, Target, never, says

if TYPE_CHECKING:
    from proxy.target import TargetLink

ENDED = b'{ "ongoingIndicator":false , "messagesInQueue":false}'


def event(transaction_id: str, number: int = 0) -> dict[str, Any]:
    return {
        "eventType": "Updated",
        "timestamp": MOMENT,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction_id},
    }


async def asked(target: Target, transaction_id: str | None = None) -> bytes:
    """Ask how a transaction is, or whether anything waits at all."""
    fields = {} if transaction_id is None else {"transactionId": transaction_id}
    answer = await target.link.call("GetTransactionStatus", orjson.dumps(fields))
    return answer.payload


async def waiting(charger: Device, target: Target, *events: dict[str, Any]) -> None:
    """Let the first event get stuck at the target and the others wait behind it."""
    charger.answers["GetTransactionStatus"] = says(ENDED)
    target.answers["TransactionEvent"] = never
    for told in events:
        await charger.call("TransactionEvent", told)
    await target.hears("TransactionEvent")


async def test_with_an_empty_queue_the_answer_is_the_charger_s(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        charger.answers["GetTransactionStatus"] = says(ENDED)
        await stage.reaches(key, "ready")

        assert await asked(target, "T-1") == await asked(target) == ENDED


@pytest.mark.parametrize("subprotocol", [OCPP201, OCPP21])
async def test_what_waits_here_is_in_the_queue(
    stage: Stage, target: Target, subprotocol: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, subprotocol) as charger:
        await stage.reaches(key, "ready")
        await waiting(charger, target, event("T-1"), event("T-2"))

        in_queue = b'{ "ongoingIndicator":false , "messagesInQueue":true}'
        assert await asked(target, "T-2") == await asked(target) == in_queue


async def test_what_waits_of_another_transaction_does_not_count(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key, OCPP201) as charger:
        await stage.reaches(key, "ready")
        await waiting(charger, target, event("T-1"))
        await charger.call("SecurityEventNotification", {"type": "X", "timestamp": MOMENT})

        assert await asked(target, "T-2") == ENDED


async def test_behind_very_many_events_of_others_the_answer_is_yes(stage: Stage) -> None:
    key = await stage.enrol("ws://127.0.0.1:1/")
    configuration = await stage.configuration(key)

    async def ask(_action: str, _payload: bytes, _origin: int | None = None) -> CallResult:
        return frames.call_result("1", ENDED)

    one = frames.call("1", "GetTransactionStatus", b"", {"transactionId": "T-2"})
    place = SimpleNamespace(
        configuration=configuration, delivery=SimpleNamespace(position=stage.storage.journal.head)
    )
    serve = Unsent(stage.storage, ask, page=2, most=4).serve
    async with stage.charger(key, OCPP201) as charger:
        for number, waits in enumerate([False, False, False, True]):
            await charger.call("TransactionEvent", event("T-1", number))
            answer = await serve(Asked(one, cast("TargetLink", place), 1))

            assert isinstance(answer, CallResult)
            assert orjson.loads(answer.payload)["messagesInQueue"] is waits
