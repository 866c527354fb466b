"""How a transaction ends, and which ends are ours to correct."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms import endings
from storage.records import Transaction
from tests.storage.doubles import ALICE, NOON
from tests.storage.records import transaction

RUNNING = replace(transaction(ALICE), energy_wh=200.0)  # on EVSE 1 since noon, from 1000 Wh on
HOUR = timedelta(hours=1)


def ended(known: Transaction, **more: Any) -> Transaction:
    told: dict[str, Any] = {
        "timestamp": "2026-03-01T13:00:00Z",
        "meter_stop": 1500,
        "reason": "Remote",
    }
    return endings.ended(known, NOON + HOUR, **(told | more))


def test_a_charger_ends_with_its_own_data() -> None:
    assert ended(RUNNING) == replace(
        RUNNING,
        state="ended",
        stopped_at=NOON + HOUR,
        meter_stop_wh=1500.0,
        energy_wh=500.0,
        stop_reason="Remote",
        ended_by="charger",
    )


def test_what_it_does_not_say_is_usual() -> None:
    found = ended(RUNNING, meter_stop=None, reason=None)

    assert (found.meter_stop_wh, found.energy_wh, found.stop_reason) == (1200.0, 200.0, "Local")


def test_a_stop_asked_for_by_us_is_the_operator_s() -> None:
    assert ended(replace(RUNNING, stop_asked_at=NOON)).ended_by == "operator"


def test_an_orphan_stays_one() -> None:
    found = ended(replace(RUNNING, state="orphan"))

    assert (found.state, found.ended_by) == ("orphan", "charger")
    assert endings.over(found)


def test_only_what_the_charger_has_told_is_over() -> None:
    lost = endings.lost_at_boot(RUNNING, NOON + HOUR)

    assert endings.over(ended(RUNNING))
    assert endings.over(ended(lost))
    assert not endings.over(RUNNING)
    assert not endings.over(lost)
    assert (endings.concluded(lost), endings.concluded(ended(lost))) == (True, False)


@pytest.mark.parametrize(
    "following",
    [
        replace(transaction(ALICE, "2"), evse_id=2),
        replace(transaction(ALICE, "2"), evse_id=0),
        replace(transaction(ALICE, "2"), started_at=NOON - HOUR),
        transaction(ALICE),
    ],
    ids=["elsewhere", "nowhere", "before", "itself"],
)
def test_what_does_not_supersede(following: Transaction) -> None:
    assert endings.superseded(RUNNING, following) is None


@pytest.mark.parametrize("known", [ended(RUNNING), replace(RUNNING, evse_id=0)])
def test_what_is_not_superseded(known: Transaction) -> None:
    following = replace(transaction(ALICE, "2"), evse_id=known.evse_id)

    assert endings.superseded(known, following) is None


def test_the_next_one_ends_the_last_at_its_start() -> None:
    found = endings.superseded(RUNNING, replace(transaction(ALICE, "2"), started_at=NOON + HOUR))

    assert found == replace(
        RUNNING,
        state="ended",
        stopped_at=NOON + HOUR,
        meter_stop_wh=1200.0,
        ended_by="superseded",
    )


def test_what_is_told_of_after_the_boot_runs() -> None:
    lost = endings.lost_at_boot(RUNNING, NOON + HOUR)

    assert endings.resumed(lost, NOON + HOUR) is lost
    assert endings.resumed(lost, NOON + 2 * HOUR) == RUNNING
    assert endings.resumed(ended(RUNNING), NOON + 2 * HOUR) == ended(RUNNING)


def test_nothing_ends_at_a_boot_before_it_began() -> None:
    assert endings.lost_at_boot(RUNNING, NOON - HOUR).stopped_at == NOON
