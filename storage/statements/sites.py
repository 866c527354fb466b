"""Sites, and which chargers belong to each."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, null, select, update

from storage.commissioning_schema import sites
from storage.schema import chargers
from storage.statements.parts import among, given, insert_into, limit

_OF_ORGANIZATION = sites.c.organization_uuid == given(sites.c.organization_uuid)
_NAMED = and_(_OF_ORGANIZATION, sites.c.site_id == given(sites.c.site_id))

add_site = insert_into(sites)
site = select(sites).where(_NAMED)
sites_after = (
    select(sites)
    .where(_OF_ORGANIZATION, sites.c.site_id > given(sites.c.site_id, "after"))
    .order_by(sites.c.site_id)
    .limit(limit())
)
change_site = (
    update(sites)
    .where(
        sites.c.organization_uuid == given(sites.c.organization_uuid, "of_organization"),
        sites.c.site_id == given(sites.c.site_id, "of_site"),
    )
    .values(name=given(sites.c.name), updated_at=given(sites.c.updated_at))
)
delete_site = delete(sites).where(_NAMED).returning(sites.c.site_id)

# ---- its chargers ----

_THEIR_ORGANIZATION = chargers.c.organization_uuid == given(chargers.c.organization_uuid)
_MEMBER = and_(_THEIR_ORGANIZATION, chargers.c.site_id == given(chargers.c.site_id))
_SOME = and_(_THEIR_ORGANIZATION, among(chargers.c.charge_box_id))
whereabouts = select(chargers.c.charge_box_id, chargers.c.site_id).where(_SOME)
sizes_between = (
    select(chargers.c.site_id, func.count().label("chargers"))
    .where(
        _THEIR_ORGANIZATION,
        chargers.c.site_id >= given(chargers.c.site_id, "first"),
        chargers.c.site_id <= given(chargers.c.site_id, "last"),
    )
    .group_by(chargers.c.site_id)
)
members = select(chargers.c.charge_box_id).where(_MEMBER).order_by(chargers.c.charge_box_id)
enter_site = update(chargers).where(_SOME).values(site_id=given(chargers.c.site_id, "site"))
leave_site = (
    update(chargers)
    .where(_SOME, chargers.c.site_id == given(chargers.c.site_id, "site"))
    .values(site_id=null())
)
