"""What is installed at chargers, who may change it, and who has not booted yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, delete, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.commissioning_schema import installations, newcomers
from storage.schema import chargers
from storage.statements.parts import among, given, insert_or_update, of_charger, to_change
from storage.target_schema import proxy_configurations

_C = installations.c
_KEY = ("organization_uuid", "charge_box_id")

installation = select(installations).where(of_charger(installations))
installation_to_change = to_change(installation)
installations_among = select(installations).where(
    _C.organization_uuid == given(_C.organization_uuid), among(_C.charge_box_id)
)
# A page of configurations is in the order of their ids: their chargers may lie far apart.
installations_of_configurations = (
    select(installations)
    .join(
        proxy_configurations,
        and_(*(proxy_configurations.c[name] == _C[name] for name in _KEY)),
    )
    .where(
        proxy_configurations.c.organization_uuid == given(_C.organization_uuid),
        proxy_configurations.c.id >= given(proxy_configurations.c.id, "first"),
        proxy_configurations.c.id <= given(proxy_configurations.c.id, "last"),
    )
)
put_installation = insert_or_update(installations, _KEY)

# A rollout claims a charger before it gets there; what is installed stays until then.
_CLAIM = ("wanted_version", "claim", "requested_by", "requested_at")
_nothing: dict[str, Any] = {
    "applied_version": null(),
    "charge_point_id": null(),
    "error": null(),
    "applied_at": null(),
}
_claimed = {
    **{name: given(_C[name]) for name in _CLAIM},
    **{name: given(_C[name]) for name in _KEY},
    **_nothing,
    "state": literal("pending"),
}
# From what is still there: a charger may have been deleted meanwhile.
_claim = upsert(installations).from_select(
    [c.key for c in _C],
    select(*(_claimed[c.key].label(c.key) for c in _C))
    .select_from(chargers)
    .where(of_charger(chargers)),
)
claim = _claim.on_conflict_do_update(
    index_elements=list(_KEY),
    set_={name: _claim.excluded[name] for name in (*_CLAIM, "state", "error")},
)
# What was claimed and not reached.
give_up = (
    update(installations)
    .where(_C.claim == given(_C.claim, "of_claim"), _C.state == literal("pending"))
    .values(state=given(_C.state), error=given(_C.error))
)

# ---- newcomers ----

add_newcomer = upsert(newcomers).values({c.key: given(c) for c in newcomers.c})
remove_newcomer = delete(newcomers).where(of_charger(newcomers))
all_newcomers = select(newcomers, chargers.c.boot_payload.is_not(null()).label("booted")).join(
    chargers
)
