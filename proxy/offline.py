"""Say of an event that its target was told late, because the link was lost (2.0.1 E04.FR.03).

To its target the station was offline then. Signed meter data is inside the event and stays as it
is. 1.6 has no word for it.
"""

from __future__ import annotations

from proxy import splice

_EVENT = "TransactionEvent"


def told_late(action: str, payload: bytes) -> bytes:
    """Return a payload as it is told on a later link than the one it was said on."""
    return splice.put(payload, "offline", b"true") if action == _EVENT else payload
