"""Passwords that chargers may have taken over: kept until it is known which one a charger has."""

from __future__ import annotations

from datetime import datetime

from storage.database import Database, Transaction
from storage.records import ChargerKey
from storage.repositories.rows import columns, keyed
from storage.security_records import PasswordRotation
from storage.statements import password_rotations as statements

# A charger that was away may have one of them, and they can be opened again.
MOST_RUN_OUT = 4


class PasswordRotations:
    """Keep the passwords that a charger may come in with beside its own.

    Several may be open at once: a charger that was asked twice and answered neither time may have
    taken over either, and none of them may lock it out.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, rotation: PasswordRotation) -> None:
        """Store a password before the charger is told of it; of those that ran out some stay."""
        async with self._database.transaction() as transaction:
            found = await _rotations(transaction, rotation.key)
            ran_out = [one for one in found if not one.is_open(rotation.requested_at)]
            for one in ran_out[:-MOST_RUN_OUT]:
                await transaction.execute(statements.delete_rotation, _named(one))
            await transaction.execute(statements.add_rotation, columns(rotation))

    async def of(self, key: ChargerKey) -> list[PasswordRotation]:
        """Return a charger's rotations, oldest first, also those that have run out."""
        rows = await self._database.fetch(statements.rotations_of_charger, key._asdict())
        return [PasswordRotation(**keyed(row)) for row in rows]

    async def settle(self, key: ChargerKey, rotation_id: str) -> bool:
        """Make the password of a rotation the charger's only one; False where it is gone.

        What was asked of the charger before it is over as well; a later one may come yet.
        """
        async with self._database.transaction() as transaction:
            found = await _rotations(transaction, key)
            used = next((one for one in found if one.rotation_id == rotation_id), None)
            if used is None:
                return False
            password = {**key._asdict(), "password_digest": used.next_digest}
            await transaction.execute(statements.take_password, password)
            for one in found:
                if one == used or one.requested_at < used.requested_at:
                    await transaction.execute(statements.delete_rotation, _named(one))
        return True

    async def await_restart(self, key: ChargerKey, rotation_id: str) -> None:
        """Note that the charger takes a password at its next restart: it runs out no more."""
        values = {
            "of_organization": key.organization_uuid,
            "of_charger": key.charge_box_id,
            "of_rotation": rotation_id,
        }
        await self._database.execute(statements.await_restart, values)

    async def reopen(self, key: ChargerKey, now: datetime, until: datetime) -> int:
        """Let passwords count again that ran out; return how many there were."""
        values = {
            "of_organization": key.organization_uuid,
            "of_charger": key.charge_box_id,
            "now": now,
            "expires_at": until,
        }
        return len(await self._database.execute(statements.reopen_rotations, values))

    async def drop(self, key: ChargerKey, rotation_id: str) -> bool:
        """Forget a password that the charger has not taken over; False where it is gone."""
        values = {**key._asdict(), "rotation_id": rotation_id}
        return bool(await self._database.execute(statements.delete_rotation, values))


async def _rotations(transaction: Transaction, key: ChargerKey) -> list[PasswordRotation]:
    """Return a charger's rotations, which nobody else changes until the transaction ends."""
    await transaction.execute(statements.charger_to_settle, key._asdict())
    rows = await transaction.execute(statements.rotations_of_charger, key._asdict())
    return [PasswordRotation(**keyed(row)) for row in rows]


def _named(rotation: PasswordRotation) -> dict[str, str]:
    return {**rotation.key._asdict(), "rotation_id": rotation.rotation_id}
