"""
What only admins may ask of a charger: who may speak to it, where it calls, how it comes in.

The last goes the way of `rotate-password`, whatever words it is asked for in: else the charger
would be locked out (ADR 0035).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from api.errors import Invalid, Offline, Unauthorized
from api.schemas.organizations import SCOPES
from csms.commands import RaiseProfile, RotatePassword
from csms.readings import mapping
from csms.secrecy import has_password, is_secret
from proxy import keys
from storage.records import Scope

OF_ADMINS = frozenset(
    {"CertificateSigned", "DeleteCertificate", "InstallCertificate", "SetNetworkProfile"}
)
_KEYS_OF_ADMINS = re.compile(r"securityprofile|networkconfigurationpriority", re.IGNORECASE)
_PASSWORD = re.compile(r"auth(orization)?key|basicauth", re.IGNORECASE)
_PROFILE = re.compile(r"securityprofile", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")
# How they are spelled, in any case.
_PASSWORDS = {
    "ChangeConfiguration": "authorizationkey",
    "SetVariables": "securityctrlr.basicauthpassword",
}
_PROFILES = {
    "ChangeConfiguration": "securityprofile",
    "SetVariables": "securityctrlr.securityprofile",
}
# 16 to 20 bytes (security white paper, A00.FR.205), 16 to 40 characters (2.0.1 A00.FR.205).
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,20}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{16,40}")
_SPELL = (
    "What a charger comes in with is set alone, and spelled as OCPP spells it: `AuthorizationKey` "
    "or `SecurityProfile` (1.6), `BasicAuthPassword` or `SecurityProfile` of `SecurityCtrlr` (2.x)."
)
_HEX_WANTED = (
    "AuthorizationKey takes the hex digits of 16 to 20 bytes, two for each: 32 to 40 digits. "
    "`rotate-password` makes a password and writes it so."
)
_TEXT_WANTED = "BasicAuthPassword takes 16 to 40 characters, without control characters."
_NO_PASSWORD = "A password is not sent along here: `rotate-password` changes it."  # noqa: S105 - a sentence
_NO_PROFILE = "A security profile is 0, 1, 2 or 3."
# Why nobody could come in with a profile, None where one can.
Hindrance: TypeAlias = Callable[[int], str | None]


def check_scope(action: str, fields: Mapping[str, Any], scope: Scope) -> None:
    """Raise Unauthorized where a request needs more than this scope.

    Names of keys are searched, not compared: chargers cut and trim them.
    """
    of_admins = action in OF_ADMINS or any(
        _KEYS_OF_ADMINS.search(name) or is_secret(name) for name in _names(action, fields)
    )
    if of_admins and scope != SCOPES[-1]:
        raise Unauthorized(f"This needs the scope {SCOPES[-1]}, which you have not.")


def check_heard(action: str, fields: Mapping[str, Any]) -> None:
    """Raise Offline for what a charger of unknown version may not be asked in passing."""
    if action == "SetNetworkProfile" or _is_secured(_names(action, fields)):
        raise Offline("The charger was never here, so its OCPP version is not known.")


def secured(
    version: str,
    action: str,
    fields: Mapping[str, Any],
    id: str,
    by: str,
    hindrance: Hindrance,
) -> RotatePassword | RaiseProfile | None:
    """Return the command of what changes a charger's password or profile, None of anything else.

    Raises Invalid for what would lock it out.
    """
    if action == "SetNetworkProfile":
        return _network_profile(fields, hindrance)
    if not _is_secured(_names(action, fields)):
        return None
    name, value = _alone(action, fields)
    if name.casefold() == _PASSWORDS[action]:
        return RotatePassword(_password(version, value), id, by)
    return RaiseProfile(_profile(value, _place(action), hindrance), action, fields)


def _network_profile(fields: Mapping[str, Any], hindrance: Hindrance) -> RaiseProfile:
    if has_password(fields):
        raise Invalid({"connectionData.basicAuthPassword": [_NO_PASSWORD]}, _NO_PASSWORD)
    asked, place = mapping(fields["connectionData"]), "connectionData.securityProfile"
    profile = _profile(str(asked.get("securityProfile")), place, hindrance)
    return RaiseProfile(profile, "SetNetworkProfile", fields)


def _alone(action: str, fields: Mapping[str, Any]) -> tuple[str, str]:
    """Return the one setting of a request; raise Invalid where it is not plainly that."""
    settings, spelled = keys.settings_in(action, fields), (_PASSWORDS[action], _PROFILES[action])
    if not settings or len(settings) > 1 or not _plain(fields):
        raise Invalid({_place(action): [_SPELL]}, _SPELL)
    if settings[0][0].casefold() not in spelled:
        raise Invalid({_place(action): [_SPELL]}, _SPELL)
    return settings[0]


def _plain(fields: Mapping[str, Any]) -> bool:
    if fields.keys() == {"key", "value"}:
        return True
    items = keys.items_of(fields, "setVariableData")
    return fields.keys() == {"setVariableData"} and all(map(_is_plain, items))


def _is_plain(item: Mapping[str, Any]) -> bool:
    return (
        item.keys() - {"attributeType"} == {"component", "variable", "attributeValue"}
        and item.get("attributeType", "Actual") == "Actual"
        and item["component"].keys() == item["variable"].keys() == {"name"}
    )


def _password(version: str, value: str) -> bytes:
    if version == "1.6":
        if not _HEX.fullmatch(value):
            raise Invalid({"value": [_HEX_WANTED]}, _HEX_WANTED)
        return bytes.fromhex(value)
    if not _TEXT.fullmatch(value):
        raise Invalid({"setVariableData": [_TEXT_WANTED]}, _TEXT_WANTED)
    return value.encode()


def _profile(value: str, place: str, hindrance: Hindrance) -> int:
    if value not in {"0", "1", "2", "3"}:
        raise Invalid({place: [_NO_PROFILE]}, _NO_PROFILE)
    hindered = hindrance(int(value))
    if hindered is not None:
        told = f"The charger could not come back with profile {value}: {hindered}."
        raise Invalid({place: [told]}, told)
    return int(value)


def _place(action: str) -> str:
    return "key" if action == "ChangeConfiguration" else "setVariableData"


def _is_secured(names: list[str]) -> bool:
    return any(_PASSWORD.search(name) or _PROFILE.search(name) for name in names)


def _names(action: str, fields: Mapping[str, Any]) -> list[str]:
    found = keys.settings_in(action, fields) or ()
    return [_SEPARATORS.sub("", name) for name, _ in found]
