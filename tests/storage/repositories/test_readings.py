"""The newest meter values of what is charging, for a whole page of chargers at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.records import MeterValue
from storage.store import Storage
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.records import charger, transaction

NAMES = [ALICE.charge_box_id, BOB.charge_box_id]


def value(n: int, transaction_id: str = "4711") -> MeterValue:
    return MeterValue(
        key=ALICE,
        transaction_id=transaction_id,
        evse_id=1,
        taken_at=NOON + timedelta(seconds=n),
        measurand="Power.Active.Import",
        value=float(n),
        unit="W",
    )


async def test_the_last_messages_of_each_running_transaction_are_read(storage: Storage) -> None:
    await storage.chargers.enroll(charger(BOB), None)
    ledger = storage.transactions
    ledger.note_started(transaction(ALICE))
    ledger.note_started(replace(transaction(ALICE, "4712"), state="ended"))
    ledger.note_started(transaction(BOB, "4713"))
    for n in range(6):
        ledger.note_meter_values([value(n), value(n + 100)])
        ledger.note_meter_values([value(n, "4712")])
    await storage.group.flush()
    found = await storage.readings.of_page(ALICE.organization_uuid, NAMES)

    assert found == {
        ALICE.charge_box_id: [value(m) for n in range(2, 6) for m in (n, n + 100)],
        BOB.charge_box_id: [],
    }
