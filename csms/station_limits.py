"""Note what chargers tell of limits from outside (2.x NotifyChargingLimit, ClearedChargingLimit).

Grid operators and energy managers limit a charger beside its CSMS; what they do holds whatever we
want, so it is part of what limits the charger (`csms/composite.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csms.profile_ids import MOST_EVSES
from csms.readings import mapping, whole, word
from storage.clock import Clock
from storage.operation_records import StationLimit
from storage.records import ChargerKey
from storage.repositories.station_limits import StationLimits

if TYPE_CHECKING:
    from csms.books import Hear
    from csms.frames import Call, Send

_LONGEST_SOURCE = 20  # in 2.1, which has words of anybody's
_LONGEST_PAYLOAD = 64 << 10  # bytes; a longer one is kept without its schedules


def hearing(limits: StationLimits, clock: Clock) -> Mapping[str, Hear]:
    """Return who notes what is told, by action."""

    def notified(key: ChargerKey, call: Call | Send) -> None:
        fields = mapping(call.fields)
        evse_id = _evse(fields)
        source = _word(mapping(fields.get("chargingLimit")).get("chargingLimitSource"))
        if evse_id is None or source is None:
            return
        if len(call.payload) > _LONGEST_PAYLOAD:
            fields = {"chargingLimit": fields["chargingLimit"]}
        limits.note(
            StationLimit(
                key=key, evse_id=evse_id, source=source, payload=fields, updated_at=clock.now()
            )
        )

    def cleared(key: ChargerKey, call: Call | Send) -> None:
        fields = mapping(call.fields)
        evse_id, source = _evse(fields), _word(fields.get("chargingLimitSource"))
        if evse_id is not None and source is not None:
            limits.note_cleared(key, evse_id, source)

    return {"NotifyChargingLimit": notified, "ClearedChargingLimit": cleared}


def _evse(fields: Mapping[str, object]) -> int | None:
    """Return the EVSE, 0 where none is named, None for one that no charger has."""
    evse_id = whole(fields.get("evseId", 0))
    return evse_id if evse_id is not None and evse_id <= MOST_EVSES else None


def _word(source: object) -> str | None:
    return word(source, _LONGEST_SOURCE)
