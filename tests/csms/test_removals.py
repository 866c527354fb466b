"""Which profiles a ClearChargingProfile names, in the words of each version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.commands import RemoveProfiles
from csms.profile_words import Words
from csms.removals import chosen, removal
from storage.records import ChargerKey, ChargingProfile

OLD, NEW = Words.of("1.6"), Words.of("2.0.1")


@pytest.mark.parametrize(
    ("words", "fields", "named"),
    [
        (OLD, {"id": 7, "connectorId": 2, "stackLevel": 1}, RemoveProfiles(profile_id=7)),
        (OLD, {"connectorId": 2}, RemoveProfiles(evse_id=2)),
        (
            OLD,
            {"chargingProfilePurpose": "ChargePointMaxProfile"},
            RemoveProfiles(purpose="ChargingStationMaxProfile"),
        ),
        (NEW, {"chargingProfileId": 0}, RemoveProfiles(profile_id=0)),
        (
            NEW,
            {"chargingProfileId": 7, "chargingProfileCriteria": {"evseId": 2}},
            RemoveProfiles(profile_id=7),
        ),
        (
            NEW,
            {"chargingProfileCriteria": {"evseId": 0, "stackLevel": 3}},
            RemoveProfiles(evse_id=0, stack_level=3),
        ),
        (NEW, {}, RemoveProfiles()),
        (NEW, None, RemoveProfiles()),
    ],
)
def test_an_id_stands_alone_and_criteria_together(
    words: Words, fields: Any, named: RemoveProfiles
) -> None:
    assert removal(words, fields) == named  # K10.FR.02, 1.6 errata 3.25


def test_what_matches_all_that_is_named_is_chosen() -> None:
    one = ChargingProfile(
        key=ChargerKey("org", "CP-1"),
        owner=0,
        profile_id=7,
        evse_id=0,
        purpose="TxDefaultProfile",
        stack_level=1,
        profile={},
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )

    assert chosen(RemoveProfiles(evse_id=0, stack_level=1))(one)
    assert not chosen(RemoveProfiles(evse_id=0, stack_level=0))(one)
    assert chosen(RemoveProfiles())(one)
