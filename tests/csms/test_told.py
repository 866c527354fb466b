"""What a caller is told: the charger's own words first, then ours (smart-charging item 15)."""

from __future__ import annotations

import pytest

from csms.commands import Outcome
from csms.errors import BadAnswer
from csms.fulfilment import Settled
from csms.told import ACCEPTED, REJECTED, Told, accepted, outcome, refused

CLAMPED = Told("Clamped", "The highest stack level is 1.")
CONVERTED = Told("UnitConverted", "Sent as 16 A.")


def test_where_nothing_was_changed_nothing_is_told() -> None:
    assert outcome(ACCEPTED) == Outcome(ACCEPTED, {"status": ACCEPTED})


def test_all_that_was_changed_is_told_under_the_first_code() -> None:
    told = outcome(ACCEPTED, [CLAMPED, CONVERTED]).status_info

    assert told == {
        "reasonCode": "Clamped",
        "additionalInfo": "The highest stack level is 1. Sent as 16 A.",
    }


def test_the_reason_of_a_charger_stays_and_ours_is_appended() -> None:
    own = {"reasonCode": "InvalidProfile", "additionalInfo": "No.", "customData": {"vendorId": "x"}}
    refusal = Outcome(REJECTED, {"status": REJECTED, "statusInfo": own}, own)
    got = refused(Settled(1, refusal), [CLAMPED])

    assert got.status == REJECTED
    assert got.response == refusal.response
    assert got.status_info == {**own, "additionalInfo": "No. The highest stack level is 1."}


def test_what_is_told_is_no_longer_than_ocpp_allows() -> None:
    told = outcome(REJECTED, [CLAMPED], {"reasonCode": "x", "additionalInfo": "y" * 510})

    assert told.status_info is not None
    assert len(told.status_info["additionalInfo"]) == 512


def test_another_word_of_1_6_becomes_the_reason() -> None:
    got = refused(Settled(1, Outcome("NotSupported", {"status": "NotSupported"})))

    assert (got.status, got.response) == (REJECTED, {"status": "NotSupported"})
    assert got.status_info == {
        "reasonCode": "NotSupported",
        "additionalInfo": "The charger does not do this.",
    }


def test_what_is_no_answer_is_raised() -> None:
    with pytest.raises(BadAnswer):
        refused(Settled(1, BadAnswer()))


@pytest.mark.parametrize(("choice", "status"), [(0, ACCEPTED), (1, ACCEPTED), (2, REJECTED)])
def test_what_became_of_a_wish(choice: int, status: str) -> None:
    refusal = Outcome(REJECTED, {"status": REJECTED}) if choice else None
    got = accepted(Settled(choice, refusal), [CLAMPED])

    assert (got.status, (got.status_info or {})["reasonCode"]) == (status, "Clamped")
    assert ("left out" in str(got.status_info)) == (choice == 1)
