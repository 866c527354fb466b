from __future__ import annotations

from datetime import UTC, datetime

import pytest

from csms.errors import AnswerTimeout, LinkBusy, LinkClosed
from simulators.hardware import Transaction
from simulators.oracle import NoOracle
from simulators.outbox import Entry, Outbox
from simulators.watched import Fields

OWN = Transaction(1, "A", "Central", datetime(2026, 1, 1, tzinfo=UTC), 0.0)
OTHER = Transaction(2, "A", "Central", datetime(2026, 1, 1, tzinfo=UTC), 0.0)


class Line:
    """Answer calls from a list; an exception is raised."""

    def __init__(self, *answers: Fields | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, Fields]] = []

    async def __call__(self, action: str, fields: Fields) -> Fields:
        self.sent.append((action, fields))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def complete(entry: Entry) -> Fields:
    return {**entry.fields, "done": True}


@pytest.fixture
def outbox() -> Outbox:
    kept = Outbox(NoOracle())
    kept.add("First", {"n": 1}, OWN, 0.0)
    kept.add("Second", {"n": 2}, OWN, 0.0)
    return kept


async def test_messages_go_in_order_and_are_completed_when_they_go(outbox: Outbox) -> None:
    line = Line({"a": 1}, {"a": 2})

    answers = [await outbox.deliver(complete, line, 3, 0.0) for _ in range(2)]

    assert line.sent == [("First", {"n": 1, "done": True}), ("Second", {"n": 2, "done": True})]
    assert [answer and answer[1] for answer in answers] == [{"a": 1}, {"a": 2}]
    assert len(outbox) == 0


@pytest.mark.parametrize("lost", [LinkClosed(), LinkBusy()])
async def test_a_lost_link_keeps_the_message_and_costs_no_attempt(
    outbox: Outbox, lost: Exception
) -> None:
    line = Line(*[lost] * 3, {})
    for _ in range(3):
        with pytest.raises(type(lost)):
            await outbox.deliver(complete, line, 3, 0.0)

    delivered = await outbox.deliver(complete, line, 3, 0.0)

    assert delivered is not None
    assert [action for action, _ in line.sent] == ["First"] * 4


async def test_a_message_is_given_up_after_so_many_silences(outbox: Outbox) -> None:
    line = Line(AnswerTimeout(), AnswerTimeout(), {})

    answers = [await outbox.deliver(complete, line, 2, 0.0) for _ in range(3)]

    assert [answer is None for answer in answers] == [True, True, False]
    assert [action for action, _ in line.sent] == ["First", "First", "Second"]


def test_a_transaction_is_held_while_its_messages_wait(outbox: Outbox) -> None:
    assert outbox.holds(OWN)
    assert not outbox.holds(OTHER)
