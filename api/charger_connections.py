"""Connect a charger to its operator's own server, and show how it is connected (seed 001)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.drifts import applied, drifted
from api.errors import Invalid, NotFound, Taken, about
from api.foreseen import changes
from api.parts import ApiParts, remark
from api.routing import Request, route
from api.schemas.applied_connections import (
    ApplyRequest,
    ChargerApplied,
    ChargerConnection,
    DryRunQuery,
)
from api.serials import FIELD, NOBODY, charger_named, charger_of, serial_of
from proxy.commissioning import Outcome, Wish
from proxy.installing import CHARGE_POINT_ID, Scene
from proxy.survey import surveyed
from storage.commissioning_records import ConnectionDetails
from storage.records import Charger

TAG = "Commissioning"
_V1 = "/local-ocpp/v1"
OF_OPERATOR = _V1 + "/operators/{operatorId}/connections"
_CHARGER = "/chargers/{serialNumber}"
# The key says whose charger it is.
_OF_KEY = _V1 + "/connections"
VERSION = "version"
NO_VERSION = "There is no such version of connection details."
_OF_ANOTHER = (
    "This version was stored for another charger: apply one that was stored for this charger's "
    "serial number, or one of the operator's."
)
_OF_SEVERAL = (
    "Several chargers have the serial number that this version was stored for: store one for the "
    "charge_box_id, and apply that."
)


@route(
    "POST",
    OF_OPERATOR + _CHARGER,
    tag=TAG,
    scope="operate",
    body=ApplyRequest(),
    query=DryRunQuery(),
    answer=ChargerApplied(),
    errors=(409,),
)
async def apply_to_charger(request: Request) -> Mapping[str, Any]:
    """Apply a version of connection details to a charger; its live link follows at once.

    The version may be one of the operator's, or one of this charger's. The last apply wins; the
    same version once more changes nothing, but for what was changed by hand, which is mended.
    """
    return await _apply(request)


@route(
    "POST",
    _OF_KEY + _CHARGER,
    tag=TAG,
    scope="operate",
    body=ApplyRequest(),
    query=DryRunQuery(),
    answer=ChargerApplied(),
    errors=(409,),
)
async def apply_to_own_charger(request: Request) -> Mapping[str, Any]:
    """Apply a version of connection details to a charger of the key's organization."""
    return await _apply(request)


@route(
    "GET", OF_OPERATOR + _CHARGER, tag=TAG, scope="read", answer=ChargerConnection(), errors=(409,)
)
async def get_charger_connection(request: Request) -> Mapping[str, Any]:
    """Show which version a charger is to have and which it has, and how its link is."""
    return await _shown(request)


@route("GET", _OF_KEY + _CHARGER, tag=TAG, scope="read", answer=ChargerConnection(), errors=(409,))
async def get_own_charger_connection(request: Request) -> Mapping[str, Any]:
    """Show which version a charger of the key's organization is to have, and which it has."""
    return await _shown(request)


async def version_of(request: Request) -> ConnectionDetails:
    """Return the version that the body names."""
    found = await request.parts.storage.connection_details.get(
        request.organization_uuid, request.body["version"]
    )
    if found is None:
        raise about(NotFound, VERSION, NO_VERSION)
    return found


# ---- apply ----


async def _apply(request: Request) -> Mapping[str, Any]:
    charger, details = await charger_of(request), await version_of(request)
    await _check_whose(request, charger, details)
    commissioning = request.parts.commissioning
    claim, caller = request.parts.new_id(), request.caller.id
    wish = Wish(details=details, requested_by=caller, claim=claim)
    # What cannot be installed leaves the charger as it is.
    prospect = await commissioning.foresee(charger.key, wish)
    outcome = _possible(prospect.outcome)
    if request.query["dry_run"]:
        foreseen = {"dry_run": True, "changes": changes(prospect)}
        return {**_applied(charger, details, outcome), **foreseen}
    outcome = await commissioning.carry_out(charger.key, wish)
    remark(request.http, version=details.version, outcome=outcome.error or outcome.state)
    return _applied(charger, details, _possible(outcome))


async def _check_whose(request: Request, charger: Charger, details: ConnectionDetails) -> None:
    """Raise Taken for another charger's version: it has that one's id and password."""
    if details.serial_number in (None, charger.key.charge_box_id):
        return  # it has proven this name, whoever gives it for a serial number too
    try:
        owner = await charger_named(request, details.serial_number)
    except NotFound:
        raise about(Taken, VERSION, _OF_ANOTHER) from None
    except Taken:
        raise about(Taken, VERSION, _OF_SEVERAL) from None
    if owner.key != charger.key:
        raise about(Taken, VERSION, _OF_ANOTHER)


def _possible(outcome: Outcome) -> Outcome:
    """Return what a wish came to; raise what there is to tell where it came to nothing."""
    if outcome.state == "gone":
        raise about(NotFound, FIELD, NOBODY)
    if outcome.state == "failed":
        told = outcome.error or ""
        raise Invalid({outcome.field or CHARGE_POINT_ID: [told]}, told)
    return outcome


def _applied(charger: Charger, details: ConnectionDetails, outcome: Outcome) -> Mapping[str, Any]:
    return {
        "version": details.version,
        "serial_number": serial_of(charger, charger.key.charge_box_id),
        "charge_box_id": charger.key.charge_box_id,
        "state": outcome.state,
    }


# ---- show ----


async def _shown(request: Request) -> Mapping[str, Any]:
    (shown,) = await shown_connections(request, [await charger_of(request)])
    return shown


async def shown_connections(
    request: Request, chargers: Sequence[Charger]
) -> list[Mapping[str, Any]]:
    """Return how chargers of the caller's organization are connected."""
    storage, organization_uuid = request.parts.storage, request.organization_uuid
    scenes = await surveyed(storage, organization_uuid, chargers)
    installed = [one.installation for one in scenes if one.installation]
    details = await applied(storage, organization_uuid, installed)
    return [_connection(request.parts, scene, details) for scene in scenes]


def _connection(
    parts: ApiParts, scene: Scene, versions: Mapping[str, ConnectionDetails]
) -> Mapping[str, Any]:
    installed, configuration = scene.installation, scene.configuration
    version = installed.applied_version if installed else None
    details = versions.get(version) if version else None
    glance = parts.relays.glance(configuration) if configuration else None
    return {
        "serial_number": serial_of(scene.charger, scene.charger.key.charge_box_id),
        "charge_box_id": scene.charger.key.charge_box_id,
        "site_id": scene.charger.site_id,
        **{name: getattr(installed, name, None) for name in _INSTALLED},
        "connectivity_mode": details.connectivity_mode if details else None,
        "link_state": glance.state.value if glance else None,
        "last_error": glance.last_error if glance else None,
        "proxy_configuration_id": configuration.id if configuration else None,
        "drift": drifted(versions, installed, configuration),
    }


_INSTALLED = (
    "wanted_version",
    "applied_version",
    "applied_at",
    "requested_by",
    "charge_point_id",
    "state",
    "error",
)
