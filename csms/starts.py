"""Make the profile that goes along with a start, for a transaction that is yet to come; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from csms.fallbacks import Part, Planner
from csms.limits import Abilities
from csms.merging import capped
from csms.parties import PLATFORM, Scope, is_limit, parties_at
from csms.profile_ids import limit_id, target_id
from csms.scenes import Scene
from csms.schedules import TX, TX_DEFAULT, Fields, Rate
from storage.records import ChargingProfile


def start_profile(
    profile: Fields,
    owner: int,
    evse_id: int,
    wishes: Sequence[ChargingProfile],
    abilities: Mapping[int, Abilities],
    scene: Scene,
) -> dict[str, Any]:
    """Return a TxProfile as it goes out with a start: as low as others may want of the EVSE.

    What holds exactly is planned once the transaction is there. EVSE 0 is any.
    """
    here = {evse_id} if evse_id else {one.evse_id for one in wishes}
    caps = _caps(owner, here, wishes, scene)
    of_evse, own = abilities[evse_id], dict(profile)
    if caps:
        own = capped(profile, of_evse.lowest(caps), of_evse)
    id = _id(profile, owner, evse_id, limited=bool(caps))
    part = Part({**own, "id": id, "stackLevel": 0}, id)
    planner = Planner(wishes, of_evse, scene)
    if any(planner.is_covered(Scope(TX, one), scene.now) for one in here):
        part = planner.windowed(part, scene.now.replace(microsecond=0), None)
    schedules = [{"id": id, **one} for one in part.content["chargingSchedule"]]
    return {**part.content, "chargingSchedule": schedules}


def _caps(
    owner: int, evses: Collection[int], wishes: Sequence[ChargingProfile], scene: Scene
) -> list[Rate]:
    others = [one for one in wishes if is_limit(one) or one.owner != owner]
    return [
        rate
        for evse_id in evses
        for party in parties_at(Scope(TX_DEFAULT, evse_id), others, {}, scene.now)
        for rate in party.floor(scene.now)
    ]


def _id(profile: Fields, owner: int, evse_id: int, *, limited: bool) -> int:
    """Return the id that it will keep."""
    if limited:
        return limit_id(evse_id, of_transaction=True)
    id: int = profile["id"] if owner == PLATFORM else target_id(TX, evse_id)
    return id
