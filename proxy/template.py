"""Fill the placeholders of a target's URL.

Values are percent-encoded once and as a whole, so that an id such as ``a/../b`` or ``x@y#z``
stays one piece of the path or query; scheme, host and port cannot hold a placeholder. Nothing is
appended to the URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from proxy.addresses import TARGET_URL, AddressGuard
from proxy.errors import InvalidTarget

PLACEHOLDERS = ("organization_uuid", "charge_box_id", "target_charge_box_id")

_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
DOTS = (".", "..")  # no encoding keeps servers from walking up the path


def render(
    url: str, organization_uuid: str, charge_box_id: str, target_charge_box_id: str | None
) -> str:
    """Return the URL to dial for one charger; raise InvalidTarget naming what cannot be filled."""
    values = (organization_uuid, charge_box_id, target_charge_box_id or charge_box_id)
    authority, rest = _divide(url)
    if "{" in authority or "}" in authority:
        raise InvalidTarget(TARGET_URL, "Placeholders belong into the path or query of the URL.")
    return authority + _fill(rest, dict(zip(PLACEHOLDERS, values, strict=True)))


def check(url: str, guard: AddressGuard) -> None:
    """Raise InvalidTarget where no charger could be dialled with this template."""
    guard.check_url(render(url, "organization", "charger", "charger"))


def _divide(url: str) -> tuple[str, str]:
    head = _AUTHORITY.match(url)
    return (url, "") if head is None else (head[0], url[head.end() :])


def _fill(text: str, values: Mapping[str, str]) -> str:
    if stray := re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        raise InvalidTarget(TARGET_URL, f"The URL has a stray {stray[0]}.")
    return _PLACEHOLDER.sub(lambda found: _encoded(found[1], values), text)


def _encoded(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
        raise InvalidTarget(
            TARGET_URL, f"The placeholder {{{name}}} is unknown; known are {known}."
        )
    if values[name] in DOTS:
        raise InvalidTarget(TARGET_URL, f"{{{name}}} cannot be {values[name]} in a URL.")
    return quote(values[name], safe="")
