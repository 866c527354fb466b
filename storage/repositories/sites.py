"""Sites: which chargers stand in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from storage.commissioning_records import Site
from storage.database import Database, Write
from storage.repositories.rows import by_hundreds, columns, rows_among
from storage.statements import sites as statements
from storage.statements.installations import supersede


class Sites:
    """Store sites; a charger belongs to one at most."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, site: Site, charge_box_ids: Iterable[str]) -> None:
        """Store a new site; these chargers are its from now on."""
        await self._database.write(
            [
                Write(statements.add_site, [columns(site)]),
                Write(statements.enter_site, _rows(site, charge_box_ids)),
            ]
        )

    async def get(self, organization_uuid: str, site_id: str) -> Site | None:
        """Return one site of an organization."""
        values = {"organization_uuid": organization_uuid, "site_id": site_id}
        rows = await self._database.fetch(statements.site, values)
        return Site(**rows[0]) if rows else None

    async def change(
        self, site: Site, at: datetime, *, entering: Iterable[str], leaving: Iterable[str]
    ) -> None:
        """Store a site's name, and let chargers enter it and leave it."""
        named = {"of_organization": site.organization_uuid, "of_site": site.site_id}
        await self._database.write(
            [
                Write(statements.change_site, [{**named, "name": site.name, "updated_at": at}]),
                Write(statements.leave_site, _rows(site, leaving)),
                Write(statements.enter_site, _rows(site, entering)),
            ]
        )

    async def delete(self, organization_uuid: str, site_id: str) -> bool:
        """Delete a site with what was rolled out to it; its chargers stay as they are."""
        values = {"organization_uuid": organization_uuid, "site_id": site_id}
        async with self._database.transaction() as transaction:
            await transaction.execute(supersede, values)
            members = await transaction.execute(statements.members, values)
            for some in by_hundreds(row["charge_box_id"] for row in members):
                leaving = {"organization_uuid": organization_uuid, "site": site_id, **some}
                await transaction.execute(statements.leave_site, leaving)
            return bool(await transaction.execute(statements.delete_site, values))

    async def members(self, organization_uuid: str, site_id: str) -> Sequence[str]:
        """Return the charge_box_ids of a site's chargers, in order."""
        values = {"organization_uuid": organization_uuid, "site_id": site_id}
        rows = await self._database.fetch(statements.members, values)
        return [row["charge_box_id"] for row in rows]

    async def sizes(self, organization_uuid: str, site_ids: Sequence[str]) -> dict[str, int]:
        """Count the chargers of each site of one page, by its id."""
        if not site_ids:
            return {}
        span = {"first": min(site_ids), "last": max(site_ids)}
        values = {"organization_uuid": organization_uuid, **span}
        rows = await self._database.fetch(statements.sizes_between, values)
        found = {row["site_id"]: row["chargers"] for row in rows}
        return {site_id: found.get(site_id, 0) for site_id in site_ids}

    async def whereabouts(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> dict[str, str | None]:
        """Return the sites of those of many chargers that are enrolled, by charge_box_id."""
        where = statements.whereabouts
        rows = await rows_among(self._database, where, organization_uuid, charge_box_ids)
        return {row["charge_box_id"]: row["site_id"] for row in rows}

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[Site]:
        """Return sites by id, those behind ``after``."""
        values = {"organization_uuid": organization_uuid, "limit": limit, "after": after or ""}
        rows = await self._database.fetch(statements.sites_after, values)
        return [Site(**row) for row in rows]


def _rows(site: Site, charge_box_ids: Iterable[str]) -> list[dict[str, str]]:
    named = {"organization_uuid": site.organization_uuid, "site": site.site_id}
    return [{**named, **some} for some in by_hundreds(charge_box_ids)]
