"""Which EVSE a request is about."""

from __future__ import annotations

from api.errors import NotFound
from api.routing import Request
from csms.profile_ids import MOST_EVSES
from storage.records import Charger


async def evse_of(request: Request, charger: Charger) -> int:
    """Return the EVSE of the path; raise NotFound where the charger has told of others only."""
    evse_id: int = request.path["evseId"]
    connectors = await request.parts.storage.chargers.connectors(charger.key)
    told = {one.evse_id for one in connectors if one.evse_id}
    if evse_id > MOST_EVSES or (told and evse_id not in told):
        raise NotFound("The station has no such EVSE.")
    return evse_id
