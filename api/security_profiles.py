"""Who may give a charger which security profile and name; no charger and no target is asked."""

from __future__ import annotations

from api.errors import Forbidden, Invalid
from api.routing import Request


def check_name(request: Request, wanted: str | None, present: str | None) -> None:
    """Raise Forbidden where somebody else than an admin changes whose certificate lets it in."""
    if wanted != present and request.caller.scope != "admin":
        raise Forbidden("Only an admin may change a charger's certificate_name.")


def check_profile(request: Request, wanted: int, present: int | None = None) -> None:
    """Raise Forbidden or Invalid where a charger cannot be given this profile.

    Without ``present`` it is new. Lowering is a matter of admins, and so is having none at all
    (A00.FR.005).
    """
    if wanted == present:
        return
    admin = request.caller.scope == "admin"
    if wanted == 0 and not admin:
        raise Forbidden("Only an admin may let a charger in without a password (profile 0).")
    if present is not None and wanted < present and not admin:
        raise Forbidden("Only an admin may lower a charger's security_profile.")
    hindrance = request.parts.profiles.hindrance(wanted)
    if hindrance is not None:
        told = f"No charger could come in with profile {wanted}: {hindrance}."
        raise Invalid({"security_profile": [told]}, told)
