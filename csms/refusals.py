"""What a charger means that will not have a profile; pure."""

from __future__ import annotations

import re
from datetime import timedelta

from csms.commands import Outcome
from csms.installed import Refusal

_NUMBER = re.compile(r"[0-9]{1,6}")


def pause_of(refusal: Refusal) -> timedelta | None:
    """Return how long the charger wants no more profiles (2.1 K01.FR.56), if it says so."""
    if not isinstance(refusal, Outcome) or refusal.status_info is None:
        return None
    if refusal.status_info.get("reasonCode") != "RateLimitExceeded":
        return None
    seconds = _NUMBER.search(str(refusal.status_info.get("additionalInfo", "")))
    return timedelta(seconds=int(seconds[0])) if seconds else None


def reason_of(refusal: Refusal) -> str:
    """Return in the charger's own words why it does not have what it should."""
    if not isinstance(refusal, Outcome):
        return str(refusal)
    info = refusal.status_info or {}
    told = (refusal.status, info.get("reasonCode"), info.get("additionalInfo"))
    return " ".join(str(one) for one in told if one)
