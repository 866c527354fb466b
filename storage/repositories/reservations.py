"""Reservations: which EVSE is kept for whom, and until when."""

from __future__ import annotations

import asyncio
from datetime import datetime

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.operation_records import Reservation
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.statements import reservations as statements

_FOREVER = datetime.fromisoformat("9999-12-31T23:59:59+00:00")


class Reservations:
    """Keep reservations; one that has ended stays as it ended."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_asked(self, reservation: Reservation) -> asyncio.Future[None]:
        """Note a reservation, in place of the charger's one of the same number."""
        return self._group.submit(statements.put_reservation, columns(reservation))

    def note_accepted(
        self, key: ChargerKey, reservation_id: int, at: datetime
    ) -> asyncio.Future[None]:
        """Note that a charger keeps a reservation, unless more is known of it already."""
        values = {
            "of_organization": key.organization_uuid,
            "of_charger": key.charge_box_id,
            "of_reservation": reservation_id,
            "updated_at": at,
        }
        return self._group.submit(statements.accept_reservation, values)

    def note_ended(
        self, key: ChargerKey, reservation_id: int, state: str, at: datetime
    ) -> asyncio.Future[None]:
        """Note how a reservation has ended, unless it has ended before."""
        values = {
            "of_organization": key.organization_uuid,
            "of_charger": key.charge_box_id,
            "of_reservation": reservation_id,
            "state": state,
            "updated_at": at,
        }
        return self._group.submit(statements.end_reservation, values)

    async def get(self, key: ChargerKey, reservation_id: int) -> Reservation | None:
        """Return one reservation of a charger."""
        values = {**key._asdict(), "reservation_id": reservation_id}
        rows = await self._database.fetch(statements.reservation, values)
        return Reservation(**keyed(rows[0])) if rows else None

    async def list(
        self, key: ChargerKey, limit: int = 100, before: Reservation | None = None
    ) -> list[Reservation]:
        """Return a charger's reservations, newest first, those made before the given one."""
        values = {
            **key._asdict(),
            "before_created_at": before.created_at if before else _FOREVER,
            "before_reservation_id": before.reservation_id if before else 0,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.reservations_before, values)
        return [Reservation(**keyed(row)) for row in rows]
