"""Which charging profiles are to be taken back: read from what OCPP says, and chosen; pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from csms.commands import RemoveProfiles
from csms.profile_words import Words, purpose_of
from csms.readings import mapping
from storage.records import ChargingProfile

Chosen: TypeAlias = Callable[[ChargingProfile], bool]


def removal(words: Words, fields: Any) -> RemoveProfiles:
    """Read a ClearChargingProfile; an id stands alone (K10.FR.02, 1.6 errata 3.25)."""
    fields = mapping(fields)
    id = fields.get("id", fields.get("chargingProfileId"))
    if id is not None:
        return RemoveProfiles(profile_id=id)
    criteria = mapping(fields.get("chargingProfileCriteria")) or fields
    purpose = criteria.get("chargingProfilePurpose")
    return RemoveProfiles(
        evse_id=criteria.get(words.evse),
        purpose=None if purpose is None else purpose_of(purpose),
        stack_level=criteria.get("stackLevel"),
    )


def chosen(command: RemoveProfiles) -> Chosen:
    """Return what tells whether a profile matches all that is named."""
    wanted = {
        "profile_id": command.profile_id,
        "evse_id": command.evse_id,
        "purpose": command.purpose,
        "stack_level": command.stack_level,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return lambda one: all(getattr(one, name) == value for name, value in given.items())
