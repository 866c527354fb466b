"""One profile in the words of both versions."""

from __future__ import annotations

from typing import Any

import pytest

from csms.profile_words import from_16, purpose_of, to_16

SAID: dict[str, Any] = {
    "chargingProfileId": 7,
    "transactionId": 4711,
    "stackLevel": 2,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "validFrom": "2026-11-21T10:00:00Z",
    "validTo": "2026-11-22T10:00:00Z",
    "chargingSchedule": {
        "duration": 3600,
        "startSchedule": "2026-11-21T10:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 13.5, "numberPhases": 1}],
        "minChargingRate": 6.0,
    },
}


def test_what_comes_in_1_6_goes_out_the_same() -> None:
    assert to_16(from_16(SAID)) == SAID


def test_in_between_it_is_a_2_0_1_profile() -> None:
    profile = from_16(SAID)

    assert (profile["id"], profile["transactionId"]) == (7, "4711")
    assert profile["chargingSchedule"] == [{"id": 7, **SAID["chargingSchedule"]}]


def test_what_is_null_is_not_there() -> None:
    profile = from_16({**SAID, "transactionId": None, "validTo": None})

    assert "transactionId" not in profile
    assert "validTo" not in profile


def test_what_1_6_cannot_say_is_left_out() -> None:
    profile = from_16(SAID)
    profile["customData"] = {"vendorId": "x"}
    profile["chargingSchedule"][0]["salesTariff"] = {"id": 1}

    assert to_16(profile) == SAID


@pytest.mark.parametrize(
    ("word", "purpose"),
    [
        ("ChargePointMaxProfile", "ChargingStationMaxProfile"),
        ("TxDefaultProfile", "TxDefaultProfile"),
    ],
)
def test_purposes_have_one_name(word: str, purpose: str) -> None:
    assert purpose_of(word) == purpose
    said = {**SAID, "chargingProfilePurpose": word}
    assert to_16(from_16(said))["chargingProfilePurpose"] == word


def test_without_a_schedule_there_is_no_profile() -> None:
    with pytest.raises(KeyError):
        from_16({key: value for key, value in SAID.items() if key != "chargingSchedule"})
