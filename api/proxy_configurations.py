"""Proxy configurations: list, create, show, replace, change and delete (seed 000)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from api.drifts import marked
from api.errors import Invalid, NotFound, Taken
from api.pages import page, read_cursor
from api.parts import ApiParts
from api.routing import Request, route
from api.schemas.common import Done, PageQuery
from api.schemas.proxy_configurations import (
    OneProxyConfiguration,
    OneTargetStatus,
    ProxyConfigurationChange,
    ProxyConfigurationRequest,
    ProxyConfigurations,
)
from proxy import template
from proxy.addresses import TARGET_URL
from proxy.errors import InvalidTarget
from storage.errors import Conflict
from storage.records import ChargerKey, ProxyConfiguration

BASE = "/api/v1/organizations/{organization_uuid}/proxy_configurations"
TAG = "Proxy configurations"
CERTIFICATE = "target_auth_client_cert_id"
DOMAIN = "target_ca_certificate_domain"
# What each authentication method needs; what the others need is not kept.
CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "None": (),
    "Basic": ("target_auth_basic_password",),
    "ClientCertificate": (CERTIFICATE,),
}
_SECRETS = tuple(name for names in CREDENTIALS.values() for name in names)


@route("GET", BASE, tag=TAG, scope="read", query=PageQuery(), answer=ProxyConfigurations())
async def list_proxy_configurations(request: Request) -> Mapping[str, Any]:
    """List the organization's proxy configurations."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], int)
    found = await request.parts.storage.proxy_configurations.list(
        request.organization_uuid, limit + 1, after
    )
    items, next_cursor = page(found, limit, lambda configuration: configuration.id)
    told = await marked(request.parts.storage, request.organization_uuid, items)
    return {"proxy_configurations": told, "next_cursor": next_cursor}


@route(
    "POST",
    BASE,
    tag=TAG,
    scope="operate",
    body=ProxyConfigurationRequest(),
    answer=OneProxyConfiguration(),
    status=201,
    errors=(409,),
)
async def create_proxy_configuration(request: Request) -> Mapping[str, Any]:
    """Proxy an enrolled charger to a third-party platform.

    A charger has at most one proxy configuration.
    """
    key = ChargerKey(request.organization_uuid, request.body["charge_box_id"])
    async with request.parts.commissioning.changing:
        wanted = await configuration_of(key, request)
        if await request.parts.storage.chargers.get(key) is None:
            raise NotFound("There is no charger with this charge_box_id.")
        try:
            created = await request.parts.storage.proxy_configurations.create(wanted)
        except Conflict:
            raise Taken("The charger has a proxy configuration already.") from None
    await request.parts.commissioning.follow(key)
    return await _told("created", created, request)


@route("GET", BASE + "/{id}", tag=TAG, scope="read", answer=OneProxyConfiguration())
async def get_proxy_configuration(request: Request) -> Mapping[str, Any]:
    """Show one proxy configuration."""
    return await _told("retrieved", await stored(request), request)


@route(
    "PUT",
    BASE + "/{id}",
    tag=TAG,
    scope="operate",
    body=ProxyConfigurationRequest(),
    answer=OneProxyConfiguration(),
)
async def replace_proxy_configuration(request: Request) -> Mapping[str, Any]:
    """Replace a proxy configuration as a whole; its charger stays the same."""
    return await _change(
        request,
        lambda old: replace(_described(old.key, request), id=old.id, created_at=old.created_at),
    )


@route(
    "PATCH",
    BASE + "/{id}",
    tag=TAG,
    scope="operate",
    body=ProxyConfigurationChange(partial=True),
    answer=OneProxyConfiguration(),
)
async def change_proxy_configuration(request: Request) -> Mapping[str, Any]:
    """Change the fields that are given, and of the policy the wishes that are given."""
    given = {name: value for name, value in request.body.items() if name != "charge_box_id"}
    wishes = given.pop("policy", {})
    if "target_auth_basic_password" in given:
        given["password_from_target"] = False
    now = request.parts.clock.now()
    return await _change(
        request,
        lambda old: replace(old, **given, policy={**old.policy, **wishes}, updated_at=now),
    )


@route("DELETE", BASE + "/{id}", tag=TAG, scope="operate", answer=Done())
async def delete_proxy_configuration(request: Request) -> Mapping[str, Any]:
    """Delete a proxy configuration; its charger is served by the platform alone from now on."""
    async with request.parts.commissioning.changing:
        configuration = await stored(request)
        await request.parts.storage.proxy_configurations.delete(
            request.organization_uuid, configuration.id
        )
    await request.parts.commissioning.follow(configuration.key)
    return {"message": "Proxy configuration deleted successfully"}


@route("GET", BASE + "/{id}/status", tag=TAG, scope="read", answer=OneTargetStatus())
async def get_proxy_status(request: Request) -> Mapping[str, Any]:
    """Show how the link to the target is."""
    configuration = await stored(request)
    status = await request.parts.relays.status(configuration)
    oldest = status.oldest_queued_at
    age = (request.parts.clock.now() - oldest).total_seconds() if oldest else None
    return {"status": {**asdict(status), "oldest_age_seconds": age}}


async def stored(request: Request) -> ProxyConfiguration:
    """Return the configuration that the path names."""
    found = await request.parts.storage.proxy_configurations.get(
        request.organization_uuid, request.path["id"]
    )
    if found is None:
        raise NotFound
    return found


async def configuration_of(key: ChargerKey, request: Request) -> ProxyConfiguration:
    """Return the configuration that a body describes, checked; raise Invalid."""
    return await checked(_described(key, request), request.parts)


def _described(key: ChargerKey, request: Request) -> ProxyConfiguration:
    now = request.parts.clock.now()
    given = {name: request.body[name] for name in _FIELDS}
    return ProxyConfiguration(key=key, **given, created_at=now, updated_at=now)


_FIELDS = tuple(ProxyConfigurationRequest().fields.keys() - {"charge_box_id"})


async def checked(configuration: ProxyConfiguration, parts: ApiParts) -> ProxyConfiguration:
    """Return the configuration without credentials that it does not use; raise Invalid.

    The lock `changing` is held until it is stored, so that its certificate is there then.
    """
    try:
        template.check(configuration.target_websocket_url, parts.guard)
    except InvalidTarget as wrong:
        raise Invalid({wrong.field: [wrong.reason]}) from None
    _check_domain(configuration)
    method = configuration.target_authentication_method
    used = CREDENTIALS[method]
    for name in used:
        if getattr(configuration, name) is None:
            raise Invalid({name: [f"This is required with {method}."]})
    if CERTIFICATE in used:
        await _check_certificate(configuration, parts)
    needless: dict[str, Any] = {name: None for name in _SECRETS if name not in used}
    return replace(configuration, **needless)


def _check_domain(configuration: ProxyConfiguration) -> None:
    if configuration.target_ca_certificate_domain is not None and not _is_secure(configuration):
        raise Invalid({DOMAIN: ["This needs a target_websocket_url with wss://."]})


def _is_secure(configuration: ProxyConfiguration) -> bool:
    return configuration.target_websocket_url.lower().startswith("wss:")


async def _check_certificate(configuration: ProxyConfiguration, parts: ApiParts) -> None:
    if not _is_secure(configuration):
        raise Invalid({TARGET_URL: ["A client certificate needs wss://."]})
    named = configuration.key.organization_uuid, configuration.target_auth_client_cert_id or ""
    if await parts.storage.client_certificates.get(*named) is None:
        raise Invalid({CERTIFICATE: ["The organization has no such client certificate."]})


async def _change(
    request: Request, change: Callable[[ProxyConfiguration], ProxyConfiguration]
) -> Mapping[str, Any]:
    async with request.parts.commissioning.changing:
        old = await stored(request)
        if request.body.get("charge_box_id", old.key.charge_box_id) != old.key.charge_box_id:
            wrong = "The charger of a proxy configuration cannot change."
            raise Invalid({"charge_box_id": [wrong]})
        new = await checked(change(old), request.parts)
        if await request.parts.storage.proxy_configurations.replace(new) is None:
            raise NotFound  # deleted a moment ago
    await request.parts.commissioning.follow(new.key)
    return await _told("updated", new, request)


async def _told(
    done: str, configuration: ProxyConfiguration, request: Request
) -> Mapping[str, Any]:
    (told,) = await marked(request.parts.storage, request.organization_uuid, [configuration])
    return {"message": f"Proxy configuration {done} successfully", "proxy_configuration": told}
