"""
Say what is remembered of what was: frozen records like `storage.records`.

All moments are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from storage.records import ChargerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A connection of a charger, from its handshake to its end; ``until`` is None while it lasts.

    What it has carried is None where that is not known.
    """

    key: ChargerKey
    since: datetime
    until: datetime | None = None
    remote_address: str
    subprotocol: str
    security_profile: int
    close_code: int | None = None
    close_reason: str | None = None
    frames_received: int | None = None
    frames_sent: int | None = None
    bytes_received: int | None = None
    bytes_sent: int | None = None


class LimitStep(NamedTuple):
    """What is to hold from so many s on: W, and who wants that; None: nothing that is known."""

    after: float
    watts: float | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """What was to limit an EVSE, 0 the station, as it was foreseen at a moment."""

    key: ChargerKey
    evse_id: int
    at: datetime
    steps: tuple[LimitStep, ...]
