"""Charging profiles: what each owner wants of a charger, and what we have put on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.database import Database, Row
from storage.group_commit import GroupCommit
from storage.records import ChargerKey, ChargingProfile, InstalledProfile
from storage.repositories.hearing import Changed, nobody_listens
from storage.repositories.rows import columns, keyed, rows_of_page
from storage.statements import profiles as statements


class ChargingProfiles:
    """Keep every owner's own profiles apart from what lies on the charger for all of them."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group
        # Told whose have changed.
        self.changed: Changed = nobody_listens

    async def of_owners(self, key: ChargerKey) -> list[ChargingProfile]:
        """Return what all owners want of a charger, each owner's oldest first.

        What belongs to a proxy configuration that is deleted or disabled is left out.
        """
        rows = await self._database.fetch(statements.charging_profiles_of, key._asdict())
        return [ChargingProfile(**keyed(row)) for row in rows]

    async def of_page(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[ChargingProfile]]:
        """Return what all owners want of the chargers of one page, by charge_box_id."""
        rows = await rows_of_page(
            self._database, statements.charging_profiles_between, organization_uuid, charge_box_ids
        )
        return {name: [ChargingProfile(**keyed(row)) for row in own] for name, own in rows.items()}

    async def flush(self) -> None:
        """Wait until all that has been noted, by whomever, is committed or has failed."""
        await self._group.flush()

    def note_put(self, profile: ChargingProfile) -> asyncio.Future[None]:
        """Note a profile, in place of its owner's own of the same id."""
        self.changed(profile.key)
        return self._group.submit(statements.put_charging_profile, columns(profile))

    def note_removed(self, profile: ChargingProfile) -> asyncio.Future[None]:
        """Note that an owner wants a profile no more."""
        self.changed(profile.key)
        own = {"of_owner": profile.owner, "of_profile": profile.profile_id}
        values = {**_this(profile.key), **own}
        return self._group.submit(statements.remove_charging_profile, values)

    async def installed(self, key: ChargerKey) -> list[InstalledProfile]:
        """Return what we have put on a charger."""
        rows = await self._database.fetch(statements.installed_profiles_of, key._asdict())
        return [InstalledProfile(**keyed(row)) for row in rows]

    async def installed_on_page(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[InstalledProfile]]:
        """Return what we have put on the chargers of one page, by charge_box_id."""
        rows = await rows_of_page(
            self._database, statements.installed_profiles_between, organization_uuid, charge_box_ids
        )
        return {name: [InstalledProfile(**keyed(row)) for row in own] for name, own in rows.items()}

    def note_installed(self, profile: InstalledProfile) -> asyncio.Future[None]:
        """Note what lies on the charger at an EVSE, purpose and level from now on."""
        self.changed(profile.key)
        return self._group.submit(statements.put_installed_profile, columns(profile))

    def note_cleared(self, profile: InstalledProfile) -> asyncio.Future[None]:
        """Note that nothing of ours lies there any more."""
        self.changed(profile.key)
        place = {
            "of_evse": profile.evse_id,
            "of_purpose": profile.purpose,
            "of_level": profile.stack_level,
        }
        values = {**_this(profile.key), **place}
        return self._group.submit(statements.remove_installed_profile, values)


def _this(key: ChargerKey) -> Row:
    return {"of_organization": key.organization_uuid, "of_charger": key.charge_box_id}
