"""Sites: put chargers together that stand in one place, change that, and take it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from api.errors import Invalid, NotFound, Taken
from api.pages import page, read_cursor
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.sites import MOST_CHARGERS, OneSite, SiteChange, SiteRequest, Sites
from storage.commissioning_records import Site

BASE = "/api/v1/organizations/{organization_uuid}/sites"
ONE = BASE + "/{site_id}"
TAG = "Sites"
_MOST_NAMED = 100
_FULL = f"A site has {MOST_CHARGERS} chargers at most."


@route("GET", BASE, tag=TAG, scope="read", query=PageQuery(), answer=Sites())
async def list_sites(request: Request) -> Mapping[str, Any]:
    """List the organization's sites."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    stored, organization_uuid = request.parts.storage.sites, request.organization_uuid
    found = await stored.list(organization_uuid, limit + 1, after)
    sites, next_cursor = page(found, limit, lambda site: site.site_id)
    sizes = await stored.sizes(organization_uuid, [site.site_id for site in sites])
    shown = [_shown(site, sizes[site.site_id]) for site in sites]
    return {"sites": shown, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="operate",
    body=SiteRequest(),
    answer=OneSite(),
    status=201,
    errors=(409,),
)
async def create_site(request: Request) -> Mapping[str, Any]:
    """Make a site of chargers that stand in one place.

    A charger belongs to one site at most.
    """
    now = request.parts.clock.now()
    site = Site(
        site_id=request.parts.new_id(),
        organization_uuid=request.organization_uuid,
        name=request.body["name"],
        created_at=now,
        updated_at=now,
    )
    async with request.parts.commissioning.changing:
        moves = await _moves(request, site)
        await request.parts.storage.sites.create(site, moves.entering)
    return await _told("created", site, request)


@route("GET", ONE, tag=TAG, scope="read", answer=OneSite())
async def get_site(request: Request) -> Mapping[str, Any]:
    """Show a site and all of its chargers."""
    return await _told("retrieved", await _stored(request), request)


@route(
    "PATCH",
    ONE,
    tag=TAG,
    scope="operate",
    body=SiteChange(),
    answer=OneSite(),
    errors=(409,),
)
async def change_site(request: Request) -> Mapping[str, Any]:
    """Change the name, or which chargers are its: all of them, or only some more or less.

    What is connected stays connected: a charger that comes or leaves keeps its configuration.
    """
    async with request.parts.commissioning.changing:
        old, now = await _stored(request), request.parts.clock.now()
        site = replace(old, name=request.body.get("name", old.name), updated_at=now)
        moves = await _moves(request, site)
        await request.parts.storage.sites.change(
            site, now, entering=moves.entering, leaving=moves.leaving
        )
    return await _told("updated", site, request)


@route("DELETE", ONE, tag=TAG, scope="operate", answer=Done())
async def delete_site(request: Request) -> Mapping[str, Any]:
    """Delete a site, and end what is being rolled out to it; its chargers stay as they are."""
    site = await _stored(request)
    async with request.parts.rollouts.ended(site):  # which holds the lock
        if not await request.parts.storage.sites.delete(site.organization_uuid, site.site_id):
            raise NotFound  # deleted a moment ago
    return {"message": "Site deleted successfully"}


async def check_site(request: Request, site_id: str | None, now_at: str | None = None) -> None:
    """Raise Invalid where a charger cannot come to a site; the lock `changing` is held."""
    if site_id is None or site_id == now_at:
        return
    named = request.organization_uuid, site_id
    if await request.parts.storage.sites.get(*named) is None:
        raise Invalid({"site_id": ["The organization has no such site."]})
    sizes = await request.parts.storage.sites.sizes(named[0], [site_id])
    if sizes[site_id] >= MOST_CHARGERS:
        raise Invalid({"site_id": [_FULL]})


async def _stored(request: Request) -> Site:
    found = await request.parts.storage.sites.get(
        request.organization_uuid, request.path["site_id"]
    )
    if found is None:
        raise NotFound
    return found


# ---- who comes and who leaves ----


class Moves(NamedTuple):
    """The chargers that come to a site, and those that leave it."""

    entering: Collection[str]
    leaving: Collection[str]


_LISTS = ("chargers", "add_chargers", "remove_chargers")


async def _moves(request: Request, site: Site) -> Moves:
    """Return what a body makes of a site's chargers; raise Invalid or Taken."""
    given = {name: request.body[name] for name in _LISTS if name in request.body}
    if not any(given.values()) and "chargers" not in given:
        return Moves((), ())
    stored, organization_uuid = request.parts.storage.sites, request.organization_uuid
    where = await stored.whereabouts(organization_uuid, chain.from_iterable(given.values()))
    for name, charge_box_ids in given.items():
        _check_known(name, charge_box_ids, where)
    own = await stored.members(organization_uuid, site.site_id)
    moves = moves_of(given, own)
    coming = "chargers" if "chargers" in given else "add_chargers"
    elsewhere = [name for name in moves.entering if where[name] is not None]
    if elsewhere:
        raise await _taken(request, coming, elsewhere, where)
    if len(own) + len(moves.entering) - len(moves.leaving) > MOST_CHARGERS:
        raise Invalid({coming: [_FULL]})
    return moves


def moves_of(given: Mapping[str, Collection[str]], own: Collection[str]) -> Moves:
    """Return who comes and who leaves, of a site that has its ``own`` chargers; raise Invalid."""
    kept = set(own)
    coming, leaving = (set(given.get(name, ())) for name in ("add_chargers", "remove_chargers"))
    if "chargers" in given:
        if coming or leaving:
            raise Invalid(
                {"chargers": ["Give either all chargers, or those to add and to remove."]}
            )
        coming = set(given["chargers"])
        leaving = kept - coming
    if both := coming & leaving:
        told = f"{min(both)} cannot be both added and removed."
        raise Invalid({"remove_chargers": [told]})
    return Moves(sorted(coming - kept), sorted(leaving & kept))


def _check_known(field: str, charge_box_ids: Sequence[str], known: Collection[str]) -> None:
    unknown = [name for name in dict.fromkeys(charge_box_ids) if name not in known]
    if unknown:
        told = [f"There is no charger {name}." for name in unknown[:_MOST_NAMED]]
        raise Invalid({field: told})


async def _taken(
    request: Request, field: str, elsewhere: Sequence[str], where: Mapping[str, str | None]
) -> Taken:
    """Tell which chargers belong to other sites, and to which."""
    first = elsewhere[0]
    site_id = where[first] or ""
    site = await request.parts.storage.sites.get(request.organization_uuid, site_id)
    called = f"{site.name} ({site_id})" if site else site_id
    told = [f"{name} belongs to the site {where[name]}." for name in elsewhere[:_MOST_NAMED]]
    message = f"Charger {first} belongs to the site {called}: take it out of there first."
    return Taken(message, fields_={field: told})


# ---- as it is told ----


async def _told(done: str, site: Site, request: Request) -> Mapping[str, Any]:
    members = await request.parts.storage.sites.members(site.organization_uuid, site.site_id)
    shown = {**_shown(site, len(members)), "chargers": members}
    return {"message": f"Site {done} successfully", "site": shown}


def _shown(site: Site, charger_count: int) -> Mapping[str, Any]:
    return {
        "site_id": site.site_id,
        "name": site.name,
        "charger_count": charger_count,
        "created_at": site.created_at,
        "updated_at": site.updated_at,
    }
