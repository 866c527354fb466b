"""The first message of a transaction makes its record, however little it says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms import beginnings
from storage.records import Transaction
from tests.storage.doubles import ALICE, NOON


def test_a_1_6_start() -> None:
    found = beginnings.started(
        ALICE, NOON, evse_id=2, id_token="TAG", timestamp="2026-03-01T11:00:00Z", meter="1000"
    )

    assert found == Transaction(
        key=ALICE,
        transaction_id="",
        evse_id=2,
        connector_id=1,
        id_token="TAG",
        started_at=NOON - timedelta(hours=1),
        meter_start_wh=1000.0,
        start_timestamp="2026-03-01T11:00:00Z",
    )


def test_a_2_x_event() -> None:
    found = beginnings.told(
        ALICE,
        NOON,
        timestamp=None,
        info={"transactionId": "tx-1", "remoteStartId": 7},
        evse={"id": 2, "connectorId": 3},
        id_token={"idToken": "TAG"},
    )

    assert found == Transaction(
        key=ALICE,
        transaction_id="tx-1",
        evse_id=2,
        connector_id=3,
        id_token="TAG",
        started_at=NOON,
        remote_start_id=7,
        start_timestamp="",
    )


@pytest.mark.parametrize("info", [None, {}, {"transactionId": ""}, {"transactionId": []}])
def test_an_event_of_no_transaction(info: object) -> None:
    told = beginnings.told(ALICE, NOON, timestamp=None, info=info, evse=None, id_token=None)

    assert told is None


def test_an_orphan_has_what_is_known() -> None:
    found = beginnings.orphan(ALICE, "777", NOON, evse_id=2)

    assert (found.state, found.evse_id, found.connector_id) == ("orphan", 2, 1)
    assert (found.id_token, found.started_at) == (None, NOON)
    assert beginnings.orphan(ALICE, "777", NOON, evse_id="x").connector_id is None


def test_what_has_no_id_is_named_by_what_it_says() -> None:
    said = ("2026-03-01T11:00:00Z", 4500, "TAG")

    assert beginnings.name_of_nameless(*said) == beginnings.name_of_nameless(*said)
    assert beginnings.name_of_nameless(*said) != beginnings.name_of_nameless(None, {}, [])
    assert len(beginnings.name_of_nameless(*said)) <= 36


@pytest.mark.parametrize("broken", [None, [], {}, "x", [1, None]])
def test_meter_values_without_a_time_tell_of_now(broken: object) -> None:
    assert beginnings.first_moment(broken, NOON) == NOON


def test_the_first_moment_that_meter_values_tell() -> None:
    told = [{"timestamp": f"2026-03-01T1{hour}:00:00Z"} for hour in (1, 0, 2)]

    assert beginnings.first_moment(told, NOON) == NOON - timedelta(hours=2)
