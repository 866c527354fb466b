"""What is committed tells which chargers look different from now on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from storage.changes import changed
from storage.database import Write
from storage.statements import chargers, messages, proxies, sites, transactions
from tests.storage.doubles import ALICE, BOB, ORGANIZATION

NAMED = {"organization_uuid": ORGANIZATION, "charge_box_id": "CP-ALICE"}
POINTED_AT = {"of_organization": ORGANIZATION, "of_charger": "CP-ALICE"}
AMONG = {"organization_uuid": ORGANIZATION, "site": "S", "name_0": "CP-ALICE", "name_1": "CP-BOB"}


@pytest.mark.parametrize(
    ("statement", "row", "whose"),
    [
        (chargers.note_status, (*ALICE, 1, 1, "Faulted"), [ALICE]),
        (chargers.add_charger, NAMED, [ALICE]),
        (chargers.note_disconnected, NAMED, [ALICE]),
        (chargers.replace_charger, {**POINTED_AT, "charger_name": "x"}, [ALICE]),
        (proxies.add_proxy_configuration, NAMED, [ALICE]),
        (sites.enter_site, AMONG, [ALICE, BOB]),
        (sites.leave_site, {**AMONG, "name_2": "CP-BOB"}, [ALICE, BOB]),
        (transactions.add_reading, NAMED, [ALICE]),
        (transactions.change_transaction, POINTED_AT, [ALICE]),
        (chargers.note_seen, NAMED, []),
        (messages.append_message, (1, 2, *ALICE), []),
    ],
)
def test_a_write_tells_whose_rows_change(statement: Any, row: Any, whose: Sequence[Any]) -> None:
    assert sorted(changed([Write(statement, [row])])) == sorted(whose)


def test_every_row_of_every_write_counts() -> None:
    writes = [
        Write(chargers.note_status, [(*ALICE, 1, 1), (*BOB, 1, 1)]),
        Write(chargers.note_boot, [NAMED]),
    ]

    assert list(changed(writes)) == [ALICE, BOB, ALICE]
