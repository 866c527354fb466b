"""What is installed at chargers, who may change it, and who has not booted yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, delete, literal, null, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import ColumnElement

from storage.commissioning_schema import installations, newcomers, rollout_steps, rollouts
from storage.schema import chargers
from storage.statements.parts import among, given, insert_or_update, of_charger, to_change

_C, _S = installations.c, rollout_steps.c
_KEY = ("organization_uuid", "charge_box_id")

installation = select(installations).where(of_charger(installations))
installation_to_change = to_change(installation)
installations_among = select(installations).where(
    _C.organization_uuid == given(_C.organization_uuid), among(_C.charge_box_id)
)
put_installation = insert_or_update(installations, _KEY)

# A rollout claims its chargers when it begins; what is installed at each stays until it gets there.
_CLAIM = ("claim", "requested_by", "requested_at")
_claimed: dict[str, Any] = {
    **{name: _S[name] for name in (*_KEY, "wanted_version")},
    **{name: given(_C[name]) for name in _CLAIM},
    **dict.fromkeys(("applied_version", "charge_point_id", "error", "applied_at"), null()),
    "state": literal("pending"),
}
# Of those that are still there: a charger may have been deleted meanwhile.
_claim = upsert(installations).from_select(
    [c.key for c in _C],
    select(*(_claimed[c.key].label(c.key) for c in _C))
    .select_from(rollout_steps.join(chargers, and_(*(_S[c] == chargers.c[c] for c in _KEY))))
    .where(_S.rollout_id == given(_C.claim, "claim")),
)
claim = _claim.on_conflict_do_update(
    index_elements=list(_KEY),
    set_={name: _claim.excluded[name] for name in ("wanted_version", *_CLAIM, "state", "error")},
)
# What was claimed and not reached; asked of the steps before those are ended, too.
_open_steps = select(*(_S[name] for name in _KEY)).where(_S.state == literal("pending"))
_unreached = _C.state == literal("pending")


def _give_up(claims: ColumnElement[bool], steps: Any) -> Any:
    return update(installations).where(
        tuple_(*(_C[name] for name in _KEY)).in_(steps), claims, _unreached
    )


give_up = _give_up(
    _C.claim == given(_C.claim, "of_claim"),
    _open_steps.where(_S.rollout_id == given(_S.rollout_id, "of_claim")),
).values(state=given(_C.state), error=given(_C.error))
_running_there = select(rollouts.c.rollout_id).where(
    rollouts.c.organization_uuid == given(rollouts.c.organization_uuid),
    rollouts.c.site_id == given(rollouts.c.site_id),
    rollouts.c.state == literal("running"),
)
supersede = _give_up(
    _C.claim.in_(_running_there), _open_steps.where(_S.rollout_id.in_(_running_there))
).values(state=literal("superseded"))

# ---- newcomers ----

add_newcomer = upsert(newcomers).values({c.key: given(c) for c in newcomers.c})
remove_newcomer = delete(newcomers).where(of_charger(newcomers))
all_newcomers = select(newcomers, chargers.c.boot_payload.is_not(null()).label("booted")).join(
    chargers
)
