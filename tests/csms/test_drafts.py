"""What an operator asks for, and what becomes of it before a charger is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.drafts import EXTERNAL, drafted, purposes_of, start_draft
from csms.schedules import STATION_MAX, TX, TX_DEFAULT
from storage.records import ChargerKey, Transaction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")
BEGAN = "2026-11-21T00:00:00Z"


def running(id: str, evse_id: int) -> Transaction:
    return Transaction(
        key=KEY, transaction_id=id, evse_id=evse_id, started_at=NOW, start_timestamp=""
    )


TRANSACTIONS = [running("ONE", 1), running("TWO", 2), running("NOWHERE", 0)]


def asked(purpose: str = TX_DEFAULT, limit: float = 16, **more: Any) -> dict[str, Any]:
    schedule = {
        "startSchedule": BEGAN,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    return {
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
        **more,
    }


def test_what_is_whole_is_not_changed() -> None:
    whole = asked(id=7, stackLevel=3)

    assert drafted(whole, 1, TRANSACTIONS, NOW)[:4] == (1, whole, None, ())


# ---- external constraints: K01.FR.22 ----


@pytest.mark.parametrize(
    ("evse_id", "more", "purpose"),
    [
        (0, {}, STATION_MAX),
        (0, {"transactionId": "ONE"}, STATION_MAX),  # which has none: that is told then
        (1, {}, TX_DEFAULT),
        (1, {"transactionId": "ONE"}, TX),
    ],
)
def test_external_constraints_are_sent_as_what_a_csms_may_set(
    evse_id: int, more: dict[str, Any], purpose: str
) -> None:
    draft = drafted(asked(EXTERNAL, **more), evse_id, TRANSACTIONS, NOW)

    assert draft.profile["chargingProfilePurpose"] == purpose
    assert [one.code for one in draft.told] == ["PurposeChanged"]
    assert purpose in purposes_of(EXTERNAL, evse_id)


def test_other_purposes_stay() -> None:
    assert purposes_of(TX, None) == (TX,)


# ---- the transaction ----


@pytest.mark.parametrize(
    ("evse_id", "named", "place", "found"),
    [
        (1, None, 1, "ONE"),
        (1, "ONE", 1, "ONE"),
        (1, "TWO", 1, None),
        (3, None, 3, None),
        (0, "TWO", 2, "TWO"),
        (0, None, 0, None),
        (0, "THREE", 0, None),
    ],
)
def test_the_transaction_of_a_tx_profile(
    evse_id: int, named: str | None, place: int, found: str | None
) -> None:
    named_one: dict[str, Any] = {"transactionId": named} if named else {}
    draft = drafted(asked(TX, **named_one), evse_id, TRANSACTIONS, NOW)
    transaction = draft.transaction

    assert (draft.evse_id, transaction and transaction.transaction_id) == (place, found)
    assert draft.profile.get("transactionId") == (found or named)
    assert draft.told == ()


@pytest.mark.parametrize("evse_id", [0, 4])
def test_one_without_an_evse_waits_for_it(evse_id: int) -> None:
    draft = drafted(asked(TX, transactionId="NOWHERE"), evse_id, TRANSACTIONS, NOW)

    assert draft.evse_id == evse_id
    assert draft.transaction is TRANSACTIONS[2]
    assert [one.code for one in draft.told] == ["Deferred"]  # item 14, K01.FR.16


# ---- schedules ----


def test_an_absolute_schedule_without_a_start_begins_now() -> None:
    bare = asked()
    del bare["chargingSchedule"][0]["startSchedule"]
    draft = drafted(bare, 1, (), NOW)

    assert draft.profile["chargingSchedule"][0]["startSchedule"] == "2026-11-21T12:00:00.000Z"
    assert [one.code for one in draft.told] == ["StartScheduleSet"]


def test_a_relative_schedule_has_no_start() -> None:
    bare = asked(chargingProfileKind="Relative")
    del bare["chargingSchedule"][0]["startSchedule"]

    assert drafted(bare, 1, (), NOW).profile["chargingSchedule"] == bare["chargingSchedule"]


@pytest.mark.parametrize(
    ("limit", "sent"), [(16.09, 16.0), (16.1, 16.1), (13.999999, 13.9), (0.3, 0.3)]
)
def test_limits_are_rounded_down_to_one_decimal(limit: float, sent: float) -> None:
    draft = drafted(asked(limit=limit), 1, (), NOW)
    [period] = draft.profile["chargingSchedule"][0]["chargingSchedulePeriod"]

    assert period["limit"] == sent
    assert [one.code for one in draft.told] == (["Rounded"] if sent != limit else [])


# ---- a start: item 13 ----


def test_the_profile_of_a_start_is_for_the_transaction_to_come() -> None:
    draft = start_draft(asked(STATION_MAX, transactionId="ONE"), 1, NOW)

    assert draft.profile["chargingProfilePurpose"] == TX
    assert "transactionId" not in draft.profile
    assert [one.code for one in draft.told] == ["PurposeChanged"]
    assert start_draft(asked(TX), 1, NOW).told == ()
