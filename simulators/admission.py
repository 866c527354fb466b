"""Who may charge: asked of the CSMS, or known here (1.6 §3.4, 2.0.1 C13-C15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.local_list import LocalList

if TYPE_CHECKING:
    from simulators.charger import Charger


class NotAuthorized(Exception):
    """The token may not charge."""


class EvseInUse(Exception):
    """The EVSE has a running transaction."""


async def admits(charger: Charger, evse_id: int, id_token: str, token_type: str) -> bool:
    """Tell whether a token may start on an EVSE, online or not."""
    kept = charger.hardware.reservation(charger.hardware.evses[evse_id])
    if kept is not None and kept.id_token != id_token:
        return False
    known = _listed(charger, id_token)
    if not charger.connected:
        return _admits_offline(charger, known)
    if known and charger.settings.flag(charger.voice.names.local_first):
        return True
    return await charger.authorize(id_token, token_type)


def _admits_offline(charger: Charger, known: bool | None) -> bool:  # noqa: FBT001 - what the list says
    names, flag = charger.voice.names, charger.settings.flag
    if known is not None and flag(names.local_offline):
        return known
    return flag(names.unknown_offline)


def _listed(charger: Charger, id_token: str) -> bool | None:
    """Return what the local list says of a token, None where it says nothing."""
    entries: LocalList = charger.local_list
    if not charger.settings.flag(charger.voice.names.local_list):
        return None
    return entries.accepts(id_token, charger.now())
