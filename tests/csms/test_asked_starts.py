"""A session is given what came along with the start that it came of, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from csms.asked_starts import AskedStarts
from storage.operation_records import AskedStart
from tests.csms.desk import Desk
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import transaction

ASKED = AskedStart(
    key=ALICE,
    remote_start_id=77,
    evse_id=1,
    id_token="TAG",
    details={"contractId": "DE-ABC"},
    created_at=NOON,
)
BEGUN = transaction(ALICE)
BOUND = replace(BEGUN, remote_start_id=77, remote_start={"contractId": "DE-ABC"})


@pytest.fixture
async def asked(desk: Desk) -> AskedStarts:
    await desk.storage.remote_starts.note(ASKED)
    return AskedStarts(desk.storage.remote_starts, desk.clock)


async def test_a_number_tells_which_start(desk: Desk, asked: AskedStarts) -> None:
    assert await asked.named(BEGUN) is BEGUN
    for other in (replace(BEGUN, remote_start_id=78), replace(BEGUN, key=BOB, remote_start_id=77)):
        assert await asked.named(other) is other

    assert await asked.named(replace(BEGUN, id_token="CAR", remote_start_id=77)) == replace(
        BOUND, id_token="CAR"
    )
    await desk.storage.group.flush()
    again = replace(BEGUN, transaction_id="2", remote_start_id=77)
    assert await asked.named(again) is again


@pytest.mark.parametrize("change", [{"id_token": "X"}, {"id_token": None}, {"evse_id": 2}])
async def test_a_token_and_an_evse_tell_which_start(
    asked: AskedStarts, change: dict[str, Any]
) -> None:
    other = replace(BEGUN, **change)

    assert await asked.like(other) is other
    assert await asked.like(BEGUN) == BOUND


async def test_nobody_waits_for_a_driver_for_ever(desk: Desk, asked: AskedStarts) -> None:
    desk.clock.pass_time(minutes=10, seconds=1)

    assert await asked.like(BEGUN) is BEGUN
