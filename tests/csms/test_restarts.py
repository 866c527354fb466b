"""What ran when a charger restarted is in question until somebody says more of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from csms.restarts import Restarts
from storage.records import Transaction
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import transaction

FIRST = transaction(ALICE, "1")
SECOND = replace(transaction(ALICE, "2"), evse_id=2)
LATER = NOON + timedelta(minutes=1)


def restarted() -> Restarts:
    restarts = Restarts(2)
    restarts.begin(ALICE, NOON, [FIRST, SECOND])
    return restarts


def taken(restarts: Restarts, evse_id: int = 1) -> list[Transaction]:
    return [one for at, one in restarts.take(ALICE, evse_id, 1) if at == NOON]


def test_it_is_taken_once_by_evse() -> None:
    restarts = restarted()

    assert taken(restarts) == [FIRST]
    assert taken(restarts) == []
    assert taken(restarts, 2) == [SECOND]


def test_another_connector_leaves_it_in_question() -> None:
    restarts = restarted()

    assert list(restarts.take(ALICE, 1, 2)) == []
    assert taken(restarts) == [FIRST]


def test_what_does_not_say_its_connector_is_taken_by_any() -> None:
    restarts = Restarts(2)
    restarts.begin(ALICE, NOON, [replace(FIRST, connector_id=None)])

    assert len(list(restarts.take(ALICE, 1, 2))) == 1


def test_what_is_told_of_since_goes_on() -> None:
    restarts = restarted()
    restarts.clear(FIRST, NOON)
    restarts.clear(SECOND, LATER)

    assert (taken(restarts), taken(restarts, 2)) == ([FIRST], [])
    restarts.clear(FIRST, LATER)


def test_the_last_restart_counts() -> None:
    restarts = restarted()
    restarts.begin(ALICE, LATER, [])

    assert taken(restarts) == []


def test_not_more_chargers_are_remembered_than_there_is_room_for() -> None:
    restarts = restarted()
    restarts.begin(BOB, NOON, [transaction(BOB)])
    restarts.begin(BOB._replace(charge_box_id="CP-CAROL"), NOON, [transaction(BOB)])

    assert taken(restarts) == []
