"""Charging profiles that a CSMS sets, or somebody behind its back (1.6 §3.13, 2.0.1 K01-K13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from simulators.conversation import tell
from simulators.hardware import Transaction
from simulators.profiles import (
    EMS,
    EXTERNAL,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    Profile,
    Profiles,
    Running,
    read,
)
from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger

_NO_TRANSACTION = "TxNotFound"
_PURPOSES = frozenset({STATION_MAX, TX_DEFAULT, TX, EXTERNAL})
_KINDS = frozenset({"Absolute", "Recurring", "Relative"})


def install_profile(charger: Charger, evse_id: int, fields: Fields) -> str | None:
    """Obey a profile from now on; return the reason code where it is refused."""
    profile = read(evse_id, fields, charger.now())
    refusal = _refusal(charger, profile)
    if refusal is None:
        charger.hardware.profiles.put(profile)
        charger.limits_changed()
    return refusal


def _refusal(charger: Charger, new: Profile) -> str | None:
    return next((reason for refuses, reason in _RULES if refuses(charger, new)), None)


def has_rival(charger: Charger, evse_id: int, fields: Fields) -> bool:
    """Tell whether another profile lies on the same EVSE, purpose and level."""
    new = read(evse_id, fields, charger.now())
    return charger.hardware.profiles.rival(new) is not None


def fits_start(charger: Charger, profile: Profile) -> bool:
    """Tell whether a start may bring this: a TxProfile without a transaction.

    1.6 §5.11, 2.0.1 F01.FR.11.
    """
    if profile.purpose != TX or profile.transaction_id is not None:
        return False
    return _refusal(charger, profile) in (None, _NO_TRANSACTION)


def belong(charger: Charger, profile: Profile, own: Transaction) -> None:
    """Make a start's profile that of its transaction, where it has an id already."""
    if own.id:
        fields = {**profile.fields, "transactionId": own.id}
        charger.hardware.profiles.put(replace(profile, transaction_id=own.id, fields=fields))


def _unknown_evse(charger: Charger, new: Profile) -> bool:
    return new.evse_id not in (0, *charger.hardware.evses)


def _unknown_purpose(_charger: Charger, new: Profile) -> bool:
    return new.purpose not in _PURPOSES


def _unknown_kind(_charger: Charger, new: Profile) -> bool:
    return new.kind not in _KINDS


def _wrong_place(_charger: Charger, new: Profile) -> bool:
    # The station's limit belongs on EVSE 0 and begins with no transaction (K01.FR.38), a
    # transaction's is on its EVSE, and a CSMS may set no external constraint (K01.FR.22).
    refused = {
        STATION_MAX: new.evse_id != 0 or new.kind == "Relative",
        TX: new.evse_id == 0,
        EXTERNAL: True,
    }
    return refused.get(new.purpose, False)


def _level_too_high(charger: Charger, new: Profile) -> bool:
    return not 0 <= new.level <= charger.settings.integer(charger.voice.names.max_level)


def _bad_schedule(charger: Charger, new: Profile) -> bool:
    # The first period begins at once (K01.FR.31).
    most = charger.settings.integer(charger.voice.names.max_periods)
    return not 0 < len(new.periods) <= most or new.periods[0].start != 0


def _kept_id(charger: Charger, new: Profile) -> bool:
    name = charger.voice.names.max_external_id
    return name in charger.settings and new.id <= charger.settings.integer(name)


def _phases_of_none(charger: Charger, new: Profile) -> bool:
    named = any(period.phases is not None for period in new.periods)
    return named and not charger.hardware.supply.phases


def _unsupported_unit(charger: Charger, new: Profile) -> bool:
    return new.unit not in charger.voice.rate_units(charger.settings)


def _no_room(charger: Charger, new: Profile) -> bool:
    profiles = charger.hardware.profiles
    kept = [old for old in profiles if old.id != new.id and old.purpose != EXTERNAL]
    most = charger.settings.integer(charger.voice.names.max_profiles)
    return profiles.rival(new) is None and len(kept) >= most


def _without_transaction(charger: Charger, new: Profile) -> bool:
    if new.purpose != TX:
        return False
    own = charger.hardware.evses[new.evse_id].transaction
    # One that has no vehicle has no EVSE yet, for all that its CSMS knows.
    return own is None or not own.plugged or new.transaction_id not in (None, own.id)


# In this order; the codes are those of 2.0.1 (Part 2 Appendix 5).
_RULES: tuple[tuple[Callable[[Charger, Profile], bool], str], ...] = (
    (_unknown_evse, "UnknownEvse"),
    (_unknown_purpose, "UnsupportedPurpose"),
    (_unknown_kind, "UnsupportedKind"),
    (_wrong_place, "InvalidProfile"),
    (_kept_id, "InvalidProfileId"),  # 2.1 K01.FR.80
    (_level_too_high, "InvalidStackLevel"),
    (_bad_schedule, "InvalidSchedule"),
    (_phases_of_none, "NoPhaseForDC"),  # K01.FR.44
    (_unsupported_unit, "UnsupportedRateUnit"),
    (_without_transaction, _NO_TRANSACTION),  # K01.FR.16, .33
    (_no_room, "OutOfStorage"),
)


def clear_profiles(charger: Charger, chosen: Callable[[Profile], bool]) -> bool:
    """Forget the chosen profiles, but no external constraint; False where there were none."""
    removed = charger.hardware.profiles.remove(lambda one: one.purpose != EXTERNAL and chosen(one))
    charger.limits_changed()
    return removed > 0


def matches(wanted: Fields) -> Callable[[Profile], bool]:
    """Choose by any of ``id``, ``evse_id``, ``purpose`` and ``level``; None is any."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return lambda profile: all(getattr(profile, name) == value for name, value in given.items())


# ---- what holds together ----


def schedule(charger: Charger, evse_id: int, duration: int, unit: str) -> Fields:
    """Return chargingRateUnit and chargingSchedulePeriod as they will hold from now on."""
    hardware, now = charger.hardware, charger.now()
    evse = hardware.evses.get(evse_id)
    own = (evse.running if evse else None) or Running("", now)
    steps = composite(
        hardware.profiles,
        lambda moment: hardware.limit_w(evse_id, moment, own),
        now,
        duration,
        own,
    )
    convert = hardware.supply.amperes if unit == "A" else float
    return {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": int(start), "limit": round(convert(watts), 1)} for start, watts in steps
        ],
    }


def composite(
    profiles: Profiles,
    limit_w: Callable[[datetime], float],
    now: datetime,
    duration: float,
    running: Running | None,
) -> list[tuple[float, float]]:
    """Return (seconds from now, W) for every change of the limit within ``duration`` seconds."""
    end = now + timedelta(seconds=duration)
    edges = set(profiles.edges(now, running))
    moments = [now, *sorted(edge for edge in edges if now < edge < end)]
    steps: list[tuple[float, float]] = []
    for moment in moments:
        watts = limit_w(moment)
        if not steps or steps[-1][1] != watts:
            steps.append(((moment - now).total_seconds(), watts))
    return steps


# ---- limits that no CSMS has set ----


async def impose(charger: Charger, amperes: float, evse_id: int = 0, *, source: str = EMS) -> None:
    """Limit an EVSE (0: the station) from outside, and tell the CSMS (2.0.1 K12)."""
    fields = _external(charger, amperes, evse_id)
    charger.hardware.profiles.put(read(evse_id, fields, charger.now(), source))
    charger.limits_changed()
    message = charger.voice.limited(evse_id, source, fields["chargingSchedule"])
    if message is not None:
        await tell(charger, *message)


async def lift(charger: Charger, evse_id: int = 0, *, source: str = EMS) -> bool:
    """Take such a limit away, and tell the CSMS (2.0.1 K13); False where there is none."""
    removed = charger.hardware.profiles.remove(
        lambda one: (one.purpose, one.evse_id, one.source) == (EXTERNAL, evse_id, source)
    )
    charger.limits_changed()
    message = charger.voice.unlimited(evse_id, source)
    if removed and message is not None:
        await tell(charger, *message)
    return removed > 0


def _external(charger: Charger, amperes: float, evse_id: int) -> Fields:
    # Ids below 0 are never those of a CSMS.
    schedule = {
        "id": 1,
        "startSchedule": timestamp(charger.now()),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amperes}],
    }
    return {
        "id": -1 - evse_id,
        "stackLevel": 0,
        "chargingProfilePurpose": EXTERNAL,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
