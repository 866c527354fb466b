"""The links of all proxied chargers at once: where each is, why, and what waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.pages import read_cursor, write_cursor
from api.proxy_configurations import TAG
from api.routing import Request, route
from api.schemas.proxy_links import LinksQuery, ProxyLinks
from proxy.overview import LinkStatus
from storage.records import ProxyConfiguration

LINKS = "/api/v1/organizations/{organization_uuid}/proxy_links"
_AT_ONCE = 250  # others are served between one lot and the next
_LOOKED_THROUGH = 2000  # for links in one state


@route("GET", LINKS, tag=TAG, scope="read", query=LinksQuery(), answer=ProxyLinks())
async def list_proxy_links(request: Request) -> Mapping[str, Any]:
    """List the links to all targets: where each is, why, and what waits for it.

    With a `state` some 2,000 links are looked through for a page; `next_cursor` goes on behind.
    """
    found, behind = await _found(request)
    statuses = await request.parts.relays.statuses(found)
    links = [_shown(*one) for one in zip(found, statuses, strict=True)]
    more = await request.parts.storage.proxy_configurations.list(
        request.organization_uuid, 1, behind
    )
    return {"proxy_links": links, "next_cursor": write_cursor(behind) if more else None}


async def _found(request: Request) -> tuple[Sequence[ProxyConfiguration], int]:
    """Return the configurations of a page, and the id behind which the next one begins."""
    limit, state = request.query["limit"], request.query["state"]
    outlook, stored = request.parts.relays.outlook, request.parts.storage.proxy_configurations
    after, looked = read_cursor(request.query["cursor"], int) or 0, 0
    found: list[ProxyConfiguration] = []
    while looked < _LOOKED_THROUGH:
        lot = await stored.list(request.organization_uuid, _AT_ONCE, after)
        for configuration in lot:
            after = configuration.id
            if state is None or outlook(configuration).state == state:
                found.append(configuration)
                if len(found) == limit:
                    return found, after
        if len(lot) < _AT_ONCE:
            break
        looked += len(lot)
    return found, after


def _shown(configuration: ProxyConfiguration, status: LinkStatus) -> Mapping[str, Any]:
    return {
        "proxy_configuration_id": configuration.id,
        "charge_box_id": configuration.key.charge_box_id,
        **{name: getattr(configuration, name) for name in _SHOWN},
        **status._asdict(),
    }


_SHOWN = ("target_platform_identifier", "target_websocket_url", "enabled", "mode", "role")
