"""Records become rows and rows become records; a page takes only its own chargers."""

from __future__ import annotations

from storage.records import Transaction
from storage.repositories.rows import columns, keyed, rows_among, rows_of_each, rows_of_page
from storage.statements import chargers, profiles
from storage.statements import transactions as statements
from storage.statements.parts import AMONG
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, ORGANIZATION
from tests.storage.records import charger, transaction
from tests.storage.repositories.test_charging_profiles import profile


def test_a_record_comes_back_from_its_row() -> None:
    row = columns(transaction(ALICE))

    assert row["organization_uuid"] == ALICE.organization_uuid
    assert row["charge_box_id"] == ALICE.charge_box_id
    assert Transaction(**keyed(row)) == transaction(ALICE)


async def test_a_page_has_the_rows_of_its_own_chargers_only(storage: Storage) -> None:
    for key in (ALICE, BOB):
        await storage.transactions.note_started(transaction(key))
    names = [ALICE.charge_box_id, "CP-Z"]

    page = await rows_of_each(storage.database, statements.running_among, ORGANIZATION, names)

    assert {name: len(rows) for name, rows in page.items()} == {ALICE.charge_box_id: 1, "CP-Z": 0}


async def test_a_page_reads_what_lies_between_and_keeps_its_own(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    for key in (ALICE, BOB):
        await storage.charging_profiles.note_put(profile(key=key))

    async def page(*names: str) -> dict[str, int]:
        between = profiles.charging_profiles_between
        rows = await rows_of_page(storage.database, between, ORGANIZATION, names)
        return {name: len(own) for name, own in rows.items()}

    assert await page("CP-A", ALICE.charge_box_id, "CP-Z") == {"CP-A": 0, "CP-ALICE": 1, "CP-Z": 0}
    assert await page() == {}


async def test_of_many_names_those_are_found_that_are_there(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    strangers = [f"CP-X{number}" for number in range(AMONG)]
    asked = [ALICE.charge_box_id, *strangers, BOB.charge_box_id, ALICE.charge_box_id]

    async def found(*names: str, organization_uuid: str = ORGANIZATION) -> list[str]:
        among = chargers.chargers_among
        rows = await rows_among(storage.database, among, organization_uuid, names)
        return sorted(row["charge_box_id"] for row in rows)

    assert await found(*asked) == sorted([ALICE.charge_box_id, BOB.charge_box_id])
    assert await found(ALICE.charge_box_id) == [ALICE.charge_box_id]
    assert await found(*strangers) == []
    assert await found() == []
    assert await found(*asked, organization_uuid="another") == []
