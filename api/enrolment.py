"""Enrol a charger together with its proxy configuration: both or none (seed 000)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from api.errors import Taken
from api.parts import ApiParts
from api.proxy_configurations import configuration_of
from api.routing import Request, route
from api.schemas.chargers import Enrolment, EnrolmentRequest
from api.security_profiles import check_profile
from api.sites import check_site
from storage.errors import Conflict
from storage.records import Charger, ChargerKey, ProxyConfiguration
from storage.secrets import digest_secret, new_password


@route(
    "POST",
    "/api/v1/organizations/{organization_uuid}/chargers/enroll-with-proxy",
    tag="Chargers",
    scope="operate",
    body=EnrolmentRequest(),
    answer=Enrolment(),
    errors=(409,),
)
async def enroll_with_proxy(request: Request) -> Mapping[str, Any]:
    """Enrol a charger and proxy it to a third-party platform, in one transaction.

    `ocpp_password` is told only this once: it goes into the charger, with `ocpp_proxy_url`.
    """
    charger, password = new_charger(request)
    async with request.parts.commissioning.changing:
        wanted = await configuration_of(charger.key, request)
        configuration = await enrolled(request, charger, wanted)
    await request.parts.provisioning.enrolled(charger.key)
    return {
        "message": "Charger enrolled and proxy configuration created successfully",
        "charger": {
            "key": charger.key,
            "ocpp_proxy_url": ocpp_url(request.parts, charger.key),
            "ocpp_password": password,
        },
        "proxy_configuration": configuration,
    }


async def enrolled(
    request: Request, charger: Charger, wanted: ProxyConfiguration | None
) -> ProxyConfiguration | None:
    """Store a charger and its proxy configuration, if any; raise Taken or Invalid.

    The lock `changing` is held, so that its site is there then.
    """
    await check_site(request, charger.site_id)
    try:
        return await request.parts.storage.chargers.enroll(charger, wanted)
    except Conflict:
        raise Taken("A charger with this charge_box_id is enrolled already.") from None


def new_charger(request: Request) -> tuple[Charger, str]:
    """Return the charger that a body describes, and the password that was made for it.

    Raises Forbidden or Invalid where it cannot have the security profile.
    """
    body, password = request.body, new_password()
    profile = body.get("security_profile", request.parts.profiles.default)
    check_profile(request, profile)
    charger = Charger(
        key=ChargerKey(request.organization_uuid, body["charge_box_id"]),
        charger_name=body["charger_name"] or body["charge_box_id"],
        vendor_name=body["vendor_name"],
        model_name=body["model_name"],
        serial_number=body["serial_number"],
        security_profile=profile,
        certificate_name=body["certificate_name"],
        hex_password=body["hex_password"],
        allowed_versions=subprotocols(body["allowed_versions"]),
        boot_policy=body["boot_policy"],
        supply_phases=body["supply_phases"],
        nominal_voltage=body["nominal_voltage"],
        site_id=body["site_id"],
        password_digest=digest_secret(password.encode()),
        created_at=request.parts.clock.now(),
    )
    return charger, password


def subprotocols(versions: list[str]) -> tuple[str, ...]:
    """Name OCPP versions as WebSocket subprotocols."""
    return tuple(f"ocpp{version}" for version in versions)


def ocpp_url(parts: ApiParts, key: ChargerKey) -> str:
    """Return the URL that the charger connects to."""
    name = quote(key.charge_box_id, safe="")
    return f"{parts.public_ocpp_url}/{key.organization_uuid}/ocpp_proxy/{name}"
