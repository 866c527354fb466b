"""Pairs of ids at each target."""

from __future__ import annotations

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from storage.statements.parts import given
from storage.target_schema import id_pairs, proxy_configurations

add_id_pair = (
    upsert(id_pairs)
    .from_select(
        ["proxy_configuration_id", "kind", "ours", "theirs"],
        # A configuration that was deleted meanwhile takes its ids along.
        select(
            proxy_configurations.c.id,
            given(id_pairs.c.kind),
            given(id_pairs.c.ours),
            given(id_pairs.c.theirs),
        ).where(proxy_configurations.c.id == given(proxy_configurations.c.id, "of_id")),
    )
    .on_conflict_do_update(
        index_elements=["proxy_configuration_id", "kind", "ours"],
        set_={"theirs": given(id_pairs.c.theirs, "theirs")},
    )
)
_OF_TARGET = and_(
    id_pairs.c.proxy_configuration_id == given(id_pairs.c.proxy_configuration_id),
    id_pairs.c.kind == given(id_pairs.c.kind),
)
their_id = select(id_pairs.c.theirs).where(_OF_TARGET, id_pairs.c.ours == given(id_pairs.c.ours))
our_id = (
    select(id_pairs.c.ours)
    .where(_OF_TARGET, id_pairs.c.theirs == given(id_pairs.c.theirs))
    .order_by(id_pairs.c.id.desc())
    .limit(1)
)
forget_id_pairs = delete(id_pairs).where(
    id_pairs.c.proxy_configuration_id == given(id_pairs.c.proxy_configuration_id)
)
