"""What is wanted of transactions follows them: bound, placed, and gone with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csms.bindings import bind
from csms.schedules import TX
from tests.csms.wishes import NOW, constant, limit, running, transaction

AWAITED: dict[str, Any] = {"id_token": "CARD", "before": []}


def test_what_is_of_no_transaction_stays_as_it_is() -> None:
    wishes = [limit(6000), constant(7, 5000)]

    assert bind(wishes, {}, NOW) == (wishes, [], [])


def test_what_is_of_a_transaction_goes_with_it() -> None:
    bound = limit(6000, transaction_id="T")

    assert bind([bound], running(transaction()), NOW).wishes == [bound]
    assert bind([bound], {}, NOW).ended == [bound]


def test_a_starts_profile_is_bound_to_what_it_started() -> None:
    wish = constant(7, 6000, 0, purpose=TX, **AWAITED)
    other = transaction("U", 1, token="OTHER")
    assert bind([wish], running(other), NOW).wishes == [wish]

    [bound] = bind([wish], running(other, transaction("T", 2)), NOW).wishes
    assert (bound.transaction_id, bound.evse_id) == ("T", 2)


def test_it_is_not_bound_to_what_ran_before() -> None:
    wish = constant(7, 6000, purpose=TX, id_token="CARD", before=["T"])

    assert bind([wish], running(transaction()), NOW).changed == []


def test_a_start_that_nothing_came_of_is_over_after_an_hour() -> None:
    wish = constant(7, 6000, purpose=TX, **AWAITED)

    assert bind([wish], {}, NOW + timedelta(minutes=59)).wishes == [wish]
    assert bind([wish], {}, NOW + timedelta(hours=1)).ended == [wish]


def test_a_limit_comes_to_the_evse_that_its_transaction_gets() -> None:
    """Item 14, K01.FR.16."""
    wish = limit(6000, 0, id=-1, transaction_id="T")
    assert bind([wish], running(transaction(evse_id=0)), NOW).changed == []

    [(before, after)] = bind([wish], running(transaction(evse_id=2)), NOW).changed
    assert before == wish
    assert (after.evse_id, after.profile_id, after.transaction_id) == (2, 4152, "T")
