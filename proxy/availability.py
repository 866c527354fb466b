"""Serve a target's ChangeAvailability as one owner's wish among others (`csms/availability.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csms import frames
from csms.availability import ACTION, read_wish
from csms.frames import Reply
from proxy.asked import Ask, Asked
from storage.repositories.availability import AvailabilityWish

if TYPE_CHECKING:
    from csms.station import Station

_ACCEPTED, _REJECTED = b'{"status":"Accepted"}', b'{"status":"Rejected"}'


class TargetAvailability:
    """Change the availability of one connected charger for its target, in the target's words."""

    def __init__(self, station: Station, ask: Ask) -> None:
        self._station = station
        self._ask = ask

    async def serve(self, asked: Asked) -> Reply:
        """Serve a target's ChangeAvailability.

        Where the charger is not asked, because another owner keeps it closed, the target is told
        Accepted: it has no say in what others want.
        """
        call, station = asked.call, self._station
        broken = station.schemas.request(ACTION, call.fields)
        if broken is not None:
            return frames.call_error(call.id, broken.code, broken.message)
        place, type = read_wish(station.version, call.fields)
        if place is None:
            return frames.call_result(call.id, _REJECTED)
        wish = AvailabilityWish(asked.configuration.id, *place, type)
        changed = await station.availability.change(
            wish, lambda action, told: self._ask(action, told, asked.position), call.payload
        )
        payload = _ACCEPTED if changed.answer is None else changed.answer.payload
        return frames.call_result(call.id, payload)

    async def release(self) -> None:
        """Open what only targets closed that are gone; raise LinkError or StorageError."""
        await self._station.availability.release(self._ask)
