"""What only admins may ask of a charger: who may speak to it, and where it calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api.errors import Invalid, Unauthorized
from api.schemas.organizations import SCOPES
from csms.secrecy import is_secret
from proxy import keys
from storage.records import Scope

OF_ADMINS = frozenset(
    {"CertificateSigned", "DeleteCertificate", "InstallCertificate", "SetNetworkProfile"}
)
_KEYS_OF_ADMINS = re.compile(r"securityprofile|networkconfigurationpriority", re.IGNORECASE)
_PASSWORD = re.compile(r"auth(orization)?key|basicauth", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")
_NOT_YET = (
    "The password of the charger's link cannot be changed yet: the charger would be locked out."
)


def check_scope(action: str, fields: Mapping[str, Any], scope: Scope) -> None:
    """Raise Unauthorized where a request needs more than this scope, Invalid where none will do.

    Names of keys are searched, not compared: chargers cut and trim them.
    """
    names = [_plain(name) for name, _ in keys.settings_in(action, fields) or ()]
    of_admins = action in OF_ADMINS or any(
        _KEYS_OF_ADMINS.search(name) or is_secret(name) for name in names
    )
    if of_admins and scope != SCOPES[-1]:
        raise Unauthorized(f"The API key has not the scope {SCOPES[-1]}, which this needs.")
    if any(_PASSWORD.search(name) for name in names):
        field = "key" if "key" in fields else "setVariableData"
        raise Invalid({field: [_NOT_YET]}, _NOT_YET)


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name)
