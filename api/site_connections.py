"""Connect all chargers of a site at once, show how they are connected, and take it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.charger_connections import OF_OPERATOR, TAG, VERSION, shown_connections, version_of
from api.errors import NotFound, Taken, about
from api.foreseen import prospects, told
from api.pages import page, read_cursor
from api.routing import Other, Request, route
from api.schemas.applied_connections import (
    STATES,
    DryRunQuery,
    OneRollout,
    RollbackRequest,
    RolloutsQuery,
    SiteApplied,
    SiteApplyRequest,
    SiteConnections,
    SiteForeseen,
    SiteRollouts,
)
from api.schemas.common import PageQuery
from api.serials import serial_of
from proxy.commissioning import Prospect, Wish
from proxy.rollouts import Canary
from storage.commissioning_records import Rollout, RolloutStep, Site
from storage.errors import StorageError
from storage.records import Charger, ChargerKey

_SITE = OF_OPERATOR + "/sites/{siteId}"
_ROLLOUTS = _SITE + "/rollouts"
_PAGE = 500  # chargers; others are served between one page and the next
_OF_ONE_CHARGER = (
    "This version was stored for one charger: apply it there, or store one for the operator."
)
_NOTHING = "Nothing was applied to this site yet: there is nothing to take back."


@route(
    "POST",
    _SITE,
    tag=TAG,
    scope="operate",
    body=SiteApplyRequest(),
    query=DryRunQuery(),
    answer=SiteApplied(),
    status=202,
    also={200: SiteForeseen()},
    errors=(409,),
)
async def apply_to_site(request: Request) -> Mapping[str, Any] | Other:
    """Apply a version of the operator's to all chargers of a site, a few at a time.

    The answer comes at once: the site and its rollout tell what becomes of each charger. The same
    version once more goes on with the same rollout, and tries again what failed. With a `canary`
    the first chargers are to be linked in time, else the others are left as they are.
    """
    site, details = await _site(request), await version_of(request)
    if details.serial_number is not None:
        raise about(Taken, VERSION, _OF_ONE_CHARGER)
    chargers = await _chargers(request, site)
    if request.query["dry_run"]:
        wish = Wish(details=details, requested_by=request.caller.id, claim="")
        found = await prospects(request, chargers, wish)
        return await _foreseen(request, site, details.version, found)
    asked = request.body["canary"]
    canary = Canary(**asked) if asked else None
    try:
        rollout = await request.parts.rollouts.begin(
            site, chargers, details, canary, request.caller.id
        )
    except StorageError:
        await _site(request)  # deleted a moment ago?
        raise
    return await _begun(request, rollout)


@route(
    "POST",
    _SITE + "/rollback",
    tag=TAG,
    scope="operate",
    body=RollbackRequest(),
    query=DryRunQuery(),
    answer=SiteApplied(),
    status=202,
    also={200: SiteForeseen()},
    errors=(409,),
)
async def roll_back(request: Request) -> Mapping[str, Any] | Other:
    """Return every charger of a site to what it had before the last rollout.

    A charger that something else was applied to since is left alone. Once more changes nothing.
    """
    site, rollouts = await _site(request), request.parts.rollouts
    if request.query["dry_run"]:
        if await rollouts.newest(site) is None:
            raise Taken(_NOTHING)
        return await _foreseen(request, site, None, await rollouts.would_take_back(site))
    rollout = await rollouts.take_back(site, request.caller.id)
    if rollout is None:
        await _site(request)  # deleted a moment ago?
        raise Taken(_NOTHING)
    return await _begun(request, rollout)


@route("GET", _SITE, tag=TAG, scope="read", query=PageQuery(), answer=SiteConnections())
async def get_site_connections(request: Request) -> Mapping[str, Any]:
    """Show how the chargers of a site are connected, and how its last rollout is."""
    site = await _site(request)
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], str)
    named = request.organization_uuid, site.site_id
    found = await request.parts.storage.chargers.of_site(*named, limit + 1, after)
    chargers, next_cursor = page(found, limit, lambda one: one.key.charge_box_id)
    newest = await request.parts.rollouts.newest(site)
    return {
        "site_id": site.site_id,
        "name": site.name,
        "rollout": newest and await _shown(request, newest),
        "results": await shown_connections(request, chargers),
        "next_cursor": next_cursor,
    }


@route("GET", _ROLLOUTS, tag=TAG, scope="read", query=RolloutsQuery(), answer=SiteRollouts())
async def list_site_rollouts(request: Request) -> Mapping[str, Any]:
    """List what was rolled out to a site or taken back, newest first; the last 50 are kept."""
    site, limit = await _site(request), request.query["limit"]
    before = read_cursor(request.query["cursor"], int)
    found = await request.parts.storage.rollouts.list(
        request.organization_uuid, site.site_id, limit + 1, before
    )
    rollouts, next_cursor = page(found, limit, lambda one: one.number)
    shown = [await _shown(request, one) for one in rollouts]
    return {"rollouts": shown, "next_cursor": next_cursor}


@route(
    "GET",
    _ROLLOUTS + "/{rolloutId}",
    tag=TAG,
    scope="read",
    query=PageQuery(),
    answer=OneRollout(),
)
async def get_site_rollout(request: Request) -> Mapping[str, Any]:
    """Show a rollout, and what has become of each charger so far."""
    site, rollouts = await _site(request), request.parts.storage.rollouts
    rollout = await rollouts.get(request.organization_uuid, request.path["rolloutId"])
    if rollout is None or rollout.site_id != site.site_id:
        raise about(NotFound, "rolloutId", "There is no such rollout at this site.")
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], int)
    found = await rollouts.steps(rollout.rollout_id, limit + 1, -1 if after is None else after)
    steps, next_cursor = page(found, limit, lambda step: step.place)
    return {
        "rollout": await _shown(request, rollout),
        "results": await _results(request, steps),
        "next_cursor": next_cursor,
    }


async def _site(request: Request) -> Site:
    named = request.organization_uuid, request.path["siteId"]
    found = await request.parts.storage.sites.get(*named)
    if found is None:
        raise about(NotFound, "siteId", "There is no such site.")
    return found


async def _chargers(request: Request, site: Site) -> list[Charger]:
    found: list[Charger] = []
    named, stored = (site.organization_uuid, site.site_id), request.parts.storage.chargers
    while True:
        after = found[-1].key.charge_box_id if found else None
        some = await stored.of_site(*named, _PAGE, after)
        found += some
        if len(some) < _PAGE:
            return found


# ---- what is told ----


async def _foreseen(
    request: Request, site: Site, version: str | None, found: Sequence[Prospect]
) -> Other:
    chargers = await _named(request, [prospect.key for prospect in found])
    results = [told(prospect, chargers.get(prospect.key.charge_box_id)) for prospect in found]
    what = {"dry_run": True, "site_id": site.site_id, "version": version, "results": results}
    return Other(200, what)


async def _begun(request: Request, rollout: Rollout) -> Mapping[str, Any]:
    steps = await request.parts.storage.rollouts.steps(rollout.rollout_id)
    return {
        "site_id": rollout.site_id,
        "version": rollout.version,
        "rollout_id": rollout.rollout_id,
        "results": await _results(request, steps),
    }


async def _results(request: Request, steps: Sequence[RolloutStep]) -> list[Mapping[str, Any]]:
    chargers = await _named(request, [step.key for step in steps])
    return [
        {
            "serial_number": serial_of(chargers.get(name), name),
            "charge_box_id": name,
            "state": step.state,
            "error": step.error,
            "finished_at": step.finished_at,
        }
        for step in steps
        for name in (step.key.charge_box_id,)
    ]


async def _named(request: Request, keys: Sequence[ChargerKey]) -> dict[str, Charger]:
    names = [key.charge_box_id for key in keys]
    return await request.parts.storage.chargers.among(request.organization_uuid, names)


async def _shown(request: Request, rollout: Rollout) -> Mapping[str, Any]:
    counted = await request.parts.storage.rollouts.states(rollout.rollout_id)
    canary = {"chargers": rollout.canary_chargers, "seconds": rollout.canary_seconds}
    return {
        **{name: getattr(rollout, name) for name in _SHOWN},
        "canary": canary if rollout.canary_chargers else None,
        "counts": {**dict.fromkeys(STATES, 0), **counted},
    }


_SHOWN = (
    "rollout_id",
    "version",
    "takes_back",
    "state",
    "error",
    "requested_by",
    "created_at",
    "finished_at",
)
