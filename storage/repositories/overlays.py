"""Configuration keys as targets set them, beside what the charger has."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.records import ChargerKey
from storage.statements import overlays as statements


class Overlays:
    """Remember the keys of a target's own link, and what each owner wishes of a shared key."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_link(self, proxy_configuration_id: int, name: str, value: str) -> asyncio.Future[None]:
        """Set a key of a target's link."""
        values = {"proxy_configuration_id": proxy_configuration_id, "name": name, "value": value}
        return self._group.submit(statements.note_link_setting, values)

    async def of_link(self, proxy_configuration_id: int) -> dict[str, str]:
        """Return the keys that a target set for its link."""
        await self._group.flush()  # a Boot's interval may be noted this very moment
        values = {"proxy_configuration_id": proxy_configuration_id}
        rows = await self._database.fetch(statements.link_settings_of, values)
        return {row["name"]: row["value"] for row in rows}

    def note_shared(
        self, key: ChargerKey, owner: int, name: str, value: str
    ) -> asyncio.Future[None]:
        """Set what an owner wishes; owner 0 is the platform, else a proxy configuration."""
        values = {**key._asdict(), "owner": owner, "name": name, "value": value}
        return self._group.submit(statements.note_shared_setting, values)

    async def shared(self, key: ChargerKey) -> Mapping[int, Mapping[str, str]]:
        """Return the wishes by owner and name, of owners that are still there."""
        wishes: dict[int, dict[str, str]] = defaultdict(dict)
        for row in await self._database.fetch(statements.shared_settings_of, key._asdict()):
            wishes[row["owner"]][row["name"]] = row["value"]
        return wishes
