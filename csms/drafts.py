"""Make of the profile that an operator asks for the one that is wanted of the charger; pure.

Whatever is changed is told. Profiles are in the words of OCPP 2.0.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from csms.profile_lint import HIGHEST
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Fields, round_down
from csms.told import Told
from storage.clock import timestamp
from storage.records import Transaction

EXTERNAL = "ChargingStationExternalConstraints"
_SCHEDULES, _PERIODS = "chargingSchedule", "chargingSchedulePeriod"


class Draft(NamedTuple):
    """A profile, where it is meant to be, and what was changed about it."""

    evse_id: int
    profile: Mapping[str, Any]
    transaction: Transaction | None = None
    told: tuple[Told, ...] = ()

    def changed(self, code: str, sentence: str, **more: Any) -> Draft:
        """Return the draft with other fields in its profile, and tell so."""
        told = (*self.told, Told(code, sentence))
        return self._replace(profile={**self.profile, **more}, told=told)


def drafted(asked: Fields, evse_id: int, running: Sequence[Transaction], now: datetime) -> Draft:
    """Return the profile for an EVSE, of EVSE 0 the station, and the transaction it is for."""
    draft = _sent_as(Draft(evse_id, asked))
    return _rounded(_begun(_placed(draft, running), now))


def start_draft(asked: Fields, evse_id: int, now: datetime) -> Draft:
    """Return the profile for the transaction that a start leads to: it has no id yet.

    OCPP 2.0.1 K05.FR.02, F01.FR.11, 1.6 §5.16.2.
    """
    bare = {name: value for name, value in asked.items() if name != "transactionId"}
    draft = _as_purpose(Draft(evse_id, bare), TX)
    return _rounded(_begun(draft, now))


def purposes_of(purpose: str, evse_id: int | None) -> tuple[str, ...]:
    """Return what profiles of a purpose are sent as: a CSMS may set no external constraints."""
    if purpose != EXTERNAL:
        return (purpose,)
    return (TX_DEFAULT, TX) if evse_id else (STATION_MAX,)


def _sent_as(draft: Draft) -> Draft:
    purposes = purposes_of(draft.profile["chargingProfilePurpose"], draft.evse_id)
    of_transaction = len(purposes) > 1 and "transactionId" in draft.profile
    return _as_purpose(draft, purposes[of_transaction])  # K01.FR.22


def _as_purpose(draft: Draft, purpose: str) -> Draft:
    if draft.profile["chargingProfilePurpose"] == purpose:
        return draft
    return draft.changed("PurposeChanged", f"Sent as {purpose}.", chargingProfilePurpose=purpose)


def _placed(draft: Draft, running: Sequence[Transaction]) -> Draft:
    """Find the transaction; on the station it has to be named, on an EVSE it is the one there."""
    if draft.profile["chargingProfilePurpose"] != TX:
        return draft
    named, evse_id = draft.profile.get("transactionId"), draft.evse_id
    for one in running:
        if named is None:
            fits = bool(evse_id) and one.evse_id == evse_id
        else:
            fits = one.transaction_id == named and (not evse_id or one.evse_id in {0, evse_id})
        if fits:
            return _bound(draft, one)
    return draft


def _bound(draft: Draft, transaction: Transaction) -> Draft:
    profile = {**draft.profile, "transactionId": transaction.transaction_id}
    bound = draft._replace(profile=profile, transaction=transaction)
    if transaction.evse_id:
        return bound._replace(evse_id=transaction.evse_id)
    # K01.FR.16: a transaction that began with its token has no EVSE before the cable is in.
    return bound.changed("Deferred", "It is sent as soon as the transaction has an EVSE.")


def _begun(draft: Draft, now: datetime) -> Draft:
    """Let an absolute schedule begin now where nothing else is said: some chargers insist."""
    schedules = draft.profile[_SCHEDULES]
    absolute = draft.profile["chargingProfileKind"] == "Absolute"
    if not absolute or all("startSchedule" in one for one in schedules):
        return draft
    begun = [{"startSchedule": timestamp(now), **one} for one in schedules]
    return draft.changed("StartScheduleSet", "The schedule begins now.", chargingSchedule=begun)


def _rounded(draft: Draft) -> Draft:
    """Let limits have the one decimal that OCPP allows."""
    before = draft.profile[_SCHEDULES]
    after = [
        _with_one_decimal(
            {**one, _PERIODS: [_with_one_decimal(each, "limit") for each in one[_PERIODS]]},
            "minChargingRate",
        )
        for one in before
    ]
    if after == before:
        return draft
    return draft.changed("Rounded", "Limits have one decimal.", chargingSchedule=after)


def _with_one_decimal(part: Fields, name: str) -> Fields:
    value = part.get(name)
    if not isinstance(value, float) or abs(value) > HIGHEST or round_down(value) == value:
        return part
    return {**part, name: round_down(value)}
