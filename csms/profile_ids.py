"""Which ids charging profiles have on a charger: by scope and options, or by place; pure.

Ids 3000 to 5282 are those of power limits (`smart-charging` item 10).
"""

from __future__ import annotations

from typing import NamedTuple

from csms.schedules import STATION_MAX, TX, TX_DEFAULT

MOST_EVSES = 189  # each has ids of its own in there
MOST_AT_ONE_PLACE = 2
NO_CLOUD, NOT_AUTHORIZED = "whenNoCloudConnection", "whenSessionNotAuthorized"
CONDITIONS = (NO_CLOUD, NOT_AUTHORIZED)

PLATFORM_IDS = range(3000, 5283)
_LIMITS, _TRANSACTION_LIMITS, _IDS_PER_EVSE = 3000, 4140, 6
_TARGET_IDS, _TARGET_IDS_PER_EVSE = 1_000_000, 10
_FIRST_TARGET_ID = {
    purpose: n * MOST_AT_ONE_PLACE for n, purpose in enumerate((TX_DEFAULT, TX, STATION_MAX))
}


class Reserved(NamedTuple):
    """Whose power limits an id is kept for; of a transaction those on its EVSE."""

    evse_id: int
    of_transaction: bool


def limit_id(
    evse_id: int,
    condition: str | None = None,
    *,
    delayed: bool = False,
    of_transaction: bool = False,
) -> int:
    """Return the id that a power limit has by default."""
    first = _TRANSACTION_LIMITS if of_transaction else _LIMITS
    option = 0 if condition is None else 1 + CONDITIONS.index(condition)
    return first + _IDS_PER_EVSE * evse_id + 2 * option + delayed


def reserved_for(profile_id: int) -> Reserved | None:
    """Return the scope of power limits that an id is kept for, if it is."""
    if profile_id not in PLATFORM_IDS:
        return None
    of_transaction = profile_id >= _TRANSACTION_LIMITS
    first = _TRANSACTION_LIMITS if of_transaction else _LIMITS
    return Reserved((profile_id - first) // _IDS_PER_EVSE, of_transaction)


def is_reserved_for_targets(profile_id: int) -> bool:
    """Tell whether an id may stand for a target's profile."""
    return profile_id >= _TARGET_IDS


def target_id(purpose: str, evse_id: int, n: int = 0) -> int:
    """Return the id that the n-th profile of a target has at a place of the charger."""
    first = _FIRST_TARGET_ID.get(purpose, 0)
    return _TARGET_IDS + _TARGET_IDS_PER_EVSE * evse_id + first + n
