"""What a charger does for its security by itself: have its key signed, report what happened."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from simulators.watched import Fields, timestamp

if TYPE_CHECKING:
    from simulators.charger import Charger

_NUMBERS = count(1)  # of requests, in 2.1


async def ask_for_certificate(charger: Charger, kind: str | None = None) -> str:
    """Have a new key signed, for the organization that the settings name; return the status.

    The certificate comes later, as ``charger.certificates.own``. Raises LinkError.
    """
    organization = charger.settings.text(charger.voice.names.organization)
    fields: Fields = {"csr": charger.certificates.request(charger.charge_box_id, organization)}
    if kind is not None:
        fields["certificateType"] = kind
    if charger.version == "2.1":
        fields["requestId"] = next(_NUMBERS)
    answer = await charger.call("SignCertificate", fields)
    return str(answer.get("status", ""))


async def report(charger: Charger, kind: str, tech_info: str | None = None) -> None:
    """Report a security event; raise LinkError."""
    fields: Fields = {"type": kind, "timestamp": timestamp(charger.now())}
    if tech_info is not None:
        fields["techInfo"] = tech_info
    await charger.call("SecurityEventNotification", fields)
