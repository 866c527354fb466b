"""Mark proxy configurations with the version that made them, and what was changed by hand since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from proxy.installing import drift
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
    versions = {one.applied_version for one in installed.values() if one.applied_version}
    details = await storage.connection_details.among(organization_uuid, versions)
    told: list[Mapping[str, Any]] = []
    for name, configuration in zip(names, configurations, strict=True):
        found = installed.get(name)
        version = found.applied_version if found else None
        made = details.get(version) if version else None
        differs = drift(made, found, configuration) if made and found else ()
        shown = {name: getattr(configuration, name) for name in _SHOWN}
        told.append({**shown, "connection_version": version, "drift": differs})
    return told
