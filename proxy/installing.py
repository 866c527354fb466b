"""Work out what a version of connection details makes of a charger's proxy configuration; pure.

A version decides where a charger is linked to and as whom. Mode, role and policy stay what the
owner of the configuration has made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from csms.credentials import CHARGE_BOX_ID
from proxy.errors import InvalidTarget
from proxy.template import DOTS
from storage.records import ProxyConfiguration

if TYPE_CHECKING:
    from storage.commissioning_records import ConnectionDetails, Installation
    from storage.records import Charger

OFF = "OcppOff"
CHARGE_POINT_ID = "chargePointId"
# What is told of a configuration that a version needs and that is not there.
DELETED = "proxy_configuration"

_SHARED = (
    "Another charger has this serial number too: store connection details with a chargePointId for "
    "this charger."
)
_PASSWORD = "target_auth_basic_password"  # noqa: S105 - the name of a field
_LABEL = "target_platform_identifier"
# What a version decides.
DECIDED = (
    "target_websocket_url",
    "target_authentication_method",
    "target_auth_basic_username",
    _PASSWORD,
    "target_auth_client_cert_id",
    "target_charge_box_id",
    "target_ca_certificate",
    "target_ca_certificate_domain",
    "enabled",
)
_KEPT = (*DECIDED, _LABEL, "password_from_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A charger as an installation finds it."""

    charger: Charger
    installation: Installation | None
    configuration: ProxyConfiguration | None
    # A serial number is but a claim: another charger may make it too, or be called like that.
    serial_is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be installed; ``configuration`` is None where nothing has to be stored."""

    version: str | None
    charge_point_id: str | None
    changes: tuple[str, ...]
    configuration: ProxyConfiguration | None = field(repr=False)


def planned(details: ConnectionDetails, scene: Scene, now: datetime) -> Plan:
    """Return what a version makes of a charger; raise InvalidTarget.

    The same version once more mends what was changed by hand, but for a password that the target
    itself has set since.
    """
    name = _name(details, scene)
    decided = _decided(details, name)
    if _is_rotated(details, scene):
        decided.pop(_PASSWORD, None)
    elif _PASSWORD in decided:
        decided["password_from_target"] = False
    return _plan(details.version, name, decided, scene, now)


def taken_back(before: Mapping[str, Any], scene: Scene, now: datetime) -> Plan:
    """Return what brings back a snapshot; where there was no configuration it is switched off."""
    kept = before["configuration"] or {"enabled": False}
    return _plan(before["version"], before["charge_point_id"], kept, scene, now)


def snapshot(scene: Scene) -> Mapping[str, Any]:
    """Return what `taken_back` brings back, ready for JSON; it holds passwords."""
    installation, configuration = scene.installation, scene.configuration
    return {
        "version": installation.applied_version if installation else None,
        "charge_point_id": installation.charge_point_id if installation else None,
        "configuration": configuration and {name: getattr(configuration, name) for name in _KEPT},
    }


def drift(
    details: ConnectionDetails,
    installation: Installation,
    configuration: ProxyConfiguration | None,
) -> tuple[str, ...]:
    """Name the fields that were changed by hand since a version was installed."""
    if configuration is None:
        return () if details.connectivity_mode == OFF else (DELETED,)
    decided = _decided(details, installation.charge_point_id)
    if configuration.password_from_target:
        decided.pop(_PASSWORD, None)
    return _differences(decided, configuration)


def charge_point_id(details: ConnectionDetails, charger: Charger) -> str:
    """Return as which a charger is known at its operator's server; raise InvalidTarget."""
    name = details.charge_point_id or charger.serial_number or charger.key.charge_box_id
    if not is_id(name):
        told = (
            "The charger's serial number cannot be a chargePointId: store connection details with "
            "another one for this charger."
        )
        raise InvalidTarget(CHARGE_POINT_ID, told)
    return name


def is_id(name: str) -> bool:
    """Tell whether a charger can be known by a name: it ends the path of a URL."""
    return CHARGE_BOX_ID.fullmatch(name) is not None and name not in DOTS


def _name(details: ConnectionDetails, scene: Scene) -> str | None:
    """Return as which a charger is known at the target, or was where its link is taken down."""
    if details.connectivity_mode == OFF:
        return scene.installation.charge_point_id if scene.installation else None
    if details.charge_point_id is None and scene.serial_is_shared:
        raise InvalidTarget(CHARGE_POINT_ID, _SHARED)
    return charge_point_id(details, scene.charger)


def target_url(url: str) -> str:
    """Return the template of the URL that is dialled: the chargePointId ends the path."""
    parts = urlsplit(url)
    path = f"{parts.path.removesuffix('/')}/{{target_charge_box_id}}"
    return urlunsplit(parts._replace(path=path))


def _decided(details: ConnectionDetails, name: str | None) -> dict[str, Any]:
    if details.connectivity_mode == OFF or details.url is None:
        return {"enabled": False}
    secure = urlsplit(details.url).scheme == "wss"
    password = details.basic_auth_password
    return {
        "target_websocket_url": target_url(details.url),
        "target_authentication_method": "None" if password is None else "Basic",
        "target_auth_basic_username": None,  # which is the id at the target
        _PASSWORD: password,
        "target_auth_client_cert_id": None,
        "target_charge_box_id": name,
        "target_ca_certificate": details.ca_certificate if secure else None,
        "target_ca_certificate_domain": details.ca_certificate_domain if secure else None,
        "enabled": True,
    }


def _is_rotated(details: ConnectionDetails, scene: Scene) -> bool:
    installation, configuration = scene.installation, scene.configuration
    if installation is None or configuration is None or details.basic_auth_password is None:
        return False
    is_set = configuration.password_from_target and configuration.target_auth_basic_password
    return bool(is_set) and installation.applied_version == details.version


def _plan(
    version: str | None,
    name: str | None,
    decided: Mapping[str, Any],
    scene: Scene,
    now: datetime,
) -> Plan:
    old = scene.configuration
    changes = _differences(decided, old)
    new: ProxyConfiguration | None = None
    if old is not None and changes:
        label = decided.get(_LABEL) or _host(decided, old)
        new = replace(old, **{**decided, _LABEL: label}, updated_at=now)
    elif old is None and decided.get("enabled"):
        made = {_LABEL: _host(decided, None), **decided}
        new = ProxyConfiguration(key=scene.charger.key, **made, created_at=now, updated_at=now)
    elif old is None:
        changes = ()
    return Plan(version=version, charge_point_id=name, changes=changes, configuration=new)


def _differences(
    decided: Mapping[str, Any], configuration: ProxyConfiguration | None
) -> tuple[str, ...]:
    return tuple(
        name
        for name in DECIDED
        if name in decided and getattr(configuration, name, None) != decided[name]
    )


def _host(decided: Mapping[str, Any], old: ProxyConfiguration | None) -> str:
    """Name the platform like its host, unless it stays where it was."""
    url = decided.get("target_websocket_url")
    if url is None or (old is not None and old.target_websocket_url == url):
        return old.target_platform_identifier if old else ""
    return (urlsplit(url).hostname or "")[:100]
