"""Try a target out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import Unavailable
from api.proxy_configurations import BASE, TAG, stored
from api.routing import Request, route
from api.schemas.probes import Probe
from proxy.errors import DialledTooOften


@route("POST", BASE + "/{id}/test", tag=TAG, scope="operate", answer=Probe(), errors=(503,))
async def test_target(request: Request) -> Mapping[str, Any]:
    """Dial the target once and tell what happened, step by step.

    It is dialled beside the living link, if there is one, in the charger's OCPP version, also while
    the charger or its proxy is not there. No BootNotification is sent: at some systems it would end
    a running session. The test counts as one of the ten dials a minute that a target gets.
    """
    configuration = await stored(request)
    try:
        steps = await request.parts.relays.test(configuration)
    except DialledTooOften as often:
        raise Unavailable(str(often)) from None
    return {"steps": steps}
