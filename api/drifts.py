"""Mark proxy configurations with the version that made them, and what was changed by hand since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from proxy.installing import drift
from storage.commissioning_records import ConnectionDetails, Installation
from storage.records import ProxyConfiguration
from storage.store import Storage

_SECRET = "target_auth_basic_password"  # noqa: S105 - the name of a field
_SHOWN = tuple(field.name for field in fields(ProxyConfiguration) if field.name != _SECRET)


async def marked(
    storage: Storage, organization_uuid: str, configurations: Sequence[ProxyConfiguration]
) -> list[Mapping[str, Any]]:
    """Return a page of an organization's configurations as they are told; raise StorageError.

    One that was deleted and made anew by hand is still held against what was installed.
    """
    names = [one.key.charge_box_id for one in configurations]
    installed = await storage.installations.of(organization_uuid, names)
    details = await applied(storage, organization_uuid, installed.values())
    told: list[Mapping[str, Any]] = []
    for name, configuration in zip(names, configurations, strict=True):
        found = installed.get(name)
        shown = {name: getattr(configuration, name) for name in _SHOWN}
        version = found.applied_version if found else None
        differs = drifted(details, found, configuration)
        told.append({**shown, "connection_version": version, "drift": differs})
    return told


async def applied(
    storage: Storage, organization_uuid: str, installations: Iterable[Installation]
) -> dict[str, ConnectionDetails]:
    """Return what is stored of the versions that chargers have, by version; raise StorageError."""
    versions = {one.applied_version for one in installations if one.applied_version}
    return await storage.connection_details.among(organization_uuid, versions)


def drifted(
    details: Mapping[str, ConnectionDetails],
    installation: Installation | None,
    configuration: ProxyConfiguration | None,
) -> tuple[str, ...]:
    """Name what was changed by hand at a charger since it got its version, one of ``details``."""
    version = installation.applied_version if installation else None
    made = details.get(version) if version else None
    return drift(made, installation, configuration) if made and installation else ()
