"""What a plan for a charger looks at besides wishes: time, sessions, and what lies there; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from csms.limits import LEAD
from csms.schedules import Fields, moment_of
from storage.clock import timestamp
from storage.records import Transaction

# `smart-charging` item 8: how long a profile counts that a fallback lies below.
BEFORE, AFTER = timedelta(seconds=300), timedelta(seconds=1800)
OFFLINE = 300  # s without us after which one counts no more that can tell by itself (2.1)


class Place(NamedTuple):
    """Where a profile lies; a charger has room for one at each."""

    evse_id: int
    purpose: str
    level: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A charger as a plan finds it.

    ``unauthorized`` are the EVSEs whose session waits for an authorization, with the moment at
    which that ends by itself. For the EVSEs that are ``due``, what has an end is made anew. What
    an EVSE is ``busy`` with tells one session from the next.
    """

    now: datetime
    running: Mapping[str, Transaction] = field(default_factory=dict)
    lying: Mapping[Place, Fields] = field(default_factory=dict)
    unauthorized: Mapping[int, datetime | None] = field(default_factory=dict)
    due: frozenset[int] = frozenset()
    busy: Mapping[int, frozenset[str]] = field(default_factory=dict)


def unbound(profile: Fields) -> dict[str, Any]:
    """Return a profile without its transaction, which a start's profile is bound to later."""
    return {key: value for key, value in profile.items() if key != "transactionId"}


def made_at(profile: Fields) -> datetime | None:
    """Return the moment for which a profile was made, where it tells."""
    if "validFrom" in profile:
        moment = moment_of(profile["validFrom"])
        return None if moment is None else moment + BEFORE
    start = moment_of(profile["chargingSchedule"][0].get("startSchedule"))
    return None if start is None else start + LEAD


def between(profile: Fields, begin: datetime | None, end: datetime | None) -> dict[str, Any]:
    """Return a profile that counts between two moments at most."""
    starts = [one for one in (moment_of(profile.get("validFrom")), begin) if one]
    ends = [one for one in (moment_of(profile.get("validTo")), end) if one]
    said = {
        **({"validFrom": timestamp(max(starts))} if starts else {}),
        **({"validTo": timestamp(min(ends))} if ends else {}),
    }
    return {**profile, **said}
