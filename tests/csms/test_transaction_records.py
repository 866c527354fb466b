"""Records are found as last noted, whatever is on disk yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat

import pytest

from csms.transaction_records import TransactionRecords
from tests.csms.desk import Desk
from tests.storage.doubles import ALICE, BOB, NOON, ORGANIZATION
from tests.storage.records import transaction

BEGUN = transaction(ALICE)
ENDED = replace(BEGUN, state="ended", stopped_at=NOON, ended_by="charger")


@pytest.fixture
def records(desk: Desk) -> TransactionRecords:
    return TransactionRecords(desk.storage.transactions, 10)


@pytest.mark.parametrize("committed", [True, False])
async def test_what_runs_is_what_was_noted_last(
    desk: Desk,
    records: TransactionRecords,
    committed: bool,  # noqa: FBT001 - a case of the table
) -> None:
    earlier = replace(
        transaction(ALICE, "1"), started_at=NOON - timedelta(hours=1), start_timestamp="earlier"
    )
    records.begin(BEGUN)
    records.begin(earlier)
    if committed:
        await desk.storage.group.flush()
    assert await records.running(ALICE) == [earlier, BEGUN]
    assert await records.started_like(replace(BEGUN, transaction_id="")) == BEGUN

    records.change(ENDED)
    if committed:
        await desk.storage.group.flush()
    assert await records.running(ALICE) == [earlier]
    assert await records.find(ALICE, "4711") == ENDED
    assert await records.started_like(BEGUN) is None
    assert await records.running(BOB) == []


async def test_an_id_is_minted_that_nobody_has(desk: Desk, records: TransactionRecords) -> None:
    numbers = chain([1, 2, 1, 2], repeat(3))
    records.begin(transaction(ALICE, "1"))
    await desk.storage.group.flush()
    records.begin(transaction(BOB, "2"))

    assert await records.mint(ORGANIZATION, lambda: next(numbers)) == "3"


async def test_what_is_found_is_as_it_is_on_disk(desk: Desk, records: TransactionRecords) -> None:
    await desk.storage.transactions.note_started(BEGUN)

    assert await records.find(ALICE, "4711") == BEGUN
    assert await records.find(BOB, "4711") is None
