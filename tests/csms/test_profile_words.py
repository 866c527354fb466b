"""One profile in the words of both versions."""

from __future__ import annotations

from typing import Any

import pytest

from csms.profile_words import from_16, left_out, path_in, purpose_of, to_16, unsayable

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
    [period] = SAID["chargingSchedule"]["chargingSchedulePeriod"]
    profile["chargingSchedule"][0]["chargingSchedulePeriod"] = [{**period, "phaseToUse": 1}]

    assert to_16(profile) == SAID


def full() -> dict[str, Any]:
    """Return a profile with something that each version beyond 1.6 has brought."""
    profile = from_16({**SAID, "transactionId": None})
    schedule = profile["chargingSchedule"][0]
    [period] = schedule["chargingSchedulePeriod"]
    custom = {"customData": {"vendorId": "x"}}
    periods = [{**period, "phaseToUse": 1, "preconditioningRequest": True, **custom}]
    schedules = [{**schedule, "salesTariff": {}, "chargingSchedulePeriod": periods}, schedule]
    return {**profile, "transactionId": "A-1", "chargingSchedule": schedules, **custom}


@pytest.mark.parametrize(
    ("version", "paths"),
    [
        (
            "1.6",
            [
                "chargingSchedule.0.salesTariff",
                "chargingSchedule.0.chargingSchedulePeriod.0.phaseToUse",
                "chargingSchedule.0.chargingSchedulePeriod.0.preconditioningRequest",
                "chargingSchedule.1",
                "transactionId",
            ],
        ),
        ("2.0.1", ["chargingSchedule.0.chargingSchedulePeriod.0.preconditioningRequest"]),
        ("2.1", []),
    ],
)
def test_what_a_version_cannot_say_is_named_by_its_place(version: str, paths: list[str]) -> None:
    found = []
    for flaw in unsayable(version, full()):
        found.append(flaw.path)
        assert "OCPP" in flaw.sentence

    assert sorted(found) == sorted(paths)


def test_a_transaction_of_1_6_has_a_number() -> None:
    for id, paths in (("4711", []), ("-1", []), ("1.5", ["transactionId"])):
        profile = {**from_16(SAID), "transactionId": id}
        assert [flaw.path for flaw in unsayable("1.6", profile)] == paths


def test_custom_data_is_left_out_on_1_6_only() -> None:
    assert left_out("1.6", full()) == [
        "customData",
        "chargingSchedule.0.chargingSchedulePeriod.0.customData",
    ]
    assert left_out("2.0.1", full()) == []


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


@pytest.mark.parametrize(
    ("path", "old"),
    [
        (
            "chargingProfile.chargingSchedule.0.chargingSchedulePeriod.12.limit",
            "csChargingProfiles.chargingSchedule.chargingSchedulePeriod.12.limit",
        ),
        ("chargingProfile.id", "csChargingProfiles.chargingProfileId"),
        ("chargingProfile.chargingSchedule.0.id", "csChargingProfiles.chargingSchedule.id"),
        ("chargingProfileId", "id"),
        ("chargingProfileCriteria.stackLevel", "stackLevel"),
    ],
)
def test_places_in_a_request_have_other_names_in_1_6(path: str, old: str) -> None:
    assert path_in("1.6", path) == old
    assert path_in("2.0.1", path) == path
