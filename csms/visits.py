"""Note when chargers connect and how each connection ends, for whoever asks what went on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csms.errors import LinkClosed
from csms.readings import word
from storage.history_records import Visit

if TYPE_CHECKING:
    from csms.registry import Connection
    from storage.clock import Clock
    from storage.records import Charger
    from storage.repositories.visits import Visits


class VisitorsBook:
    """Write down each connection as it begins, and complete it at its end."""

    def __init__(self, visits: Visits, clock: Clock) -> None:
        self._visits = visits
        self._clock = clock

    def begun(self, connection: Connection, charger: Charger) -> Visit:
        """Note that a charger has connected."""
        visit = Visit(
            key=connection.key,
            since=connection.since,
            remote_address=connection.remote_address,
            subprotocol=connection.subprotocol,
            security_profile=charger.security_profile,
        )
        self._visits.note(visit)
        return visit

    def ended(self, visit: Visit, connection: Connection) -> None:
        """Note that its link has ended, and how, whether another one has taken its place or not."""
        ended, traffic = connection.link.closed or LinkClosed(), connection.link.traffic
        self._visits.note(
            Visit(
                key=visit.key,
                since=visit.since,
                until=max(visit.since, self._clock.now()),
                remote_address=visit.remote_address,
                subprotocol=visit.subprotocol,
                security_profile=visit.security_profile,
                close_code=ended.code,
                close_reason=word(ended.reason),
                frames_received=traffic.frames_received,
                frames_sent=traffic.frames_sent,
                bytes_received=traffic.bytes_received,
                bytes_sent=traffic.bytes_sent,
            )
        )
