"""Records become rows and rows become records; a page takes only its own chargers."""

from __future__ import annotations

from storage.records import Transaction
from storage.repositories.rows import columns, keyed, rows_of_page
from storage.statements import transactions as statements
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, ORGANIZATION
from tests.storage.records import transaction


def test_a_record_comes_back_from_its_row() -> None:
    row = columns(transaction(ALICE))

    assert row["organization_uuid"] == ALICE.organization_uuid
    assert row["charge_box_id"] == ALICE.charge_box_id
    assert Transaction(**keyed(row)) == transaction(ALICE)


async def test_a_page_has_the_rows_of_its_own_chargers_only(storage: Storage) -> None:
    for key in (ALICE, BOB):
        await storage.transactions.note_started(transaction(key))
    names = [ALICE.charge_box_id, "CP-Z"]

    page = await rows_of_page(storage.database, statements.running_between, ORGANIZATION, names)

    assert {name: len(rows) for name, rows in page.items()} == {ALICE.charge_box_id: 1, "CP-Z": 0}
