"""Rollouts to sites, and what became of each charger."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, literal, literal_column, null, select, update

from storage.commissioning_schema import rollout_steps, rollouts
from storage.statements.parts import given, insert_into, limit

_R, _S = rollouts.c, rollout_steps.c
_PENDING = _S.state == literal("pending")
_RUNNING = _R.state == literal("running")
_OF_SITE = and_(
    _R.organization_uuid == given(_R.organization_uuid), _R.site_id == given(_R.site_id)
)

add_rollout = insert_into(rollouts, without=("number",))
rollout = select(rollouts).where(
    _R.organization_uuid == given(_R.organization_uuid), _R.rollout_id == given(_R.rollout_id)
)
rollouts_before = (
    select(rollouts)
    .where(_OF_SITE, _R.number < given(_R.number, "before"))
    .order_by(_R.number.desc())
    .limit(limit())
)
running_rollouts = select(rollouts).where(_RUNNING).order_by(_R.number)
finish_rollout = (
    update(rollouts)
    .where(_R.rollout_id == given(_R.rollout_id, "of_rollout"), _RUNNING)
    .values(state=given(_R.state), error=given(_R.error), finished_at=given(_R.finished_at))
)
REOPENED = (
    "canary_chargers",
    "canary_seconds",
    "state",
    "error",
    "requested_by",
    "finished_at",
)
reopen_rollout = (
    update(rollouts)
    .where(_R.rollout_id == given(_R.rollout_id, "of_rollout"))
    .values({name: given(_R[name]) for name in REOPENED})
)
# Whoever rolls out something else to the site ends what still runs there.
_running_there = select(_R.rollout_id).where(_OF_SITE, _RUNNING).scalar_subquery()
supersede_steps = (
    update(rollout_steps)
    .where(_S.rollout_id.in_(_running_there), _PENDING)
    .values(state=literal("superseded"), finished_at=given(_S.finished_at, "at"))
)
supersede = (
    update(rollouts)
    .where(_OF_SITE, _RUNNING)
    .values(state=literal("superseded"), finished_at=given(_R.finished_at, "at"))
)
# Nobody goes back further than one rollout: what older ones have found, they need to know no more.
_ended_lately = (
    select(_R.rollout_id)
    .where(
        _OF_SITE,
        _R.rollout_id.not_in(given(_R.rollout_id, name) for name in ("newest", "taken_back")),
    )
    .order_by(_R.number.desc())
    .limit(literal_column("3"))
    .scalar_subquery()
)
forget_before = (
    update(rollout_steps)
    .where(_S.rollout_id.in_(_ended_lately), _S.before.is_not(None))
    .values(before=null())
)
_newest = (
    select(_R.number).where(_OF_SITE).order_by(_R.number.desc()).limit(limit()).scalar_subquery()
)
forget_old = delete(rollouts).where(_OF_SITE, ~_RUNNING, _R.number.not_in(_newest))

# ---- steps ----

_STEP = and_(_S.rollout_id == given(_S.rollout_id, "of_rollout"), _S.place == given(_S.place, "at"))

add_step = insert_into(rollout_steps)
drop_steps = delete(rollout_steps).where(_S.rollout_id == given(_S.rollout_id))
steps_after = (
    select(*(c for c in _S if c.key != "wanted_version"))
    .where(_S.rollout_id == given(_S.rollout_id), _S.place > given(_S.place, "after"))
    .order_by(_S.place)
    .limit(limit())
)
# Once, and of this charger: who comes late has seen the rollout before it was opened again.
finish_step = (
    update(rollout_steps)
    .where(_STEP, _PENDING, _S.charge_box_id == given(_S.charge_box_id, "of_charger"))
    .values({name: given(_S[name]) for name in ("state", "error", "before", "finished_at")})
)
finish_open_steps = (
    update(rollout_steps)
    .where(_S.rollout_id == given(_S.rollout_id, "of_rollout"), _PENDING)
    .values(state=given(_S.state), error=given(_S.error), finished_at=given(_S.finished_at))
)
states_of_steps = (
    select(_S.state, func.count().label("chargers"))
    .where(_S.rollout_id == given(_S.rollout_id))
    .group_by(_S.state)
)
