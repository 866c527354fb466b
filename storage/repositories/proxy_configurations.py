"""Proxy configurations: which charger is relayed where, and how far its target has got."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from storage.database import Database, Row, Transaction
from storage.errors import Conflict
from storage.group_commit import GroupCommit
from storage.records import ChargerKey, Cursor, ProxyConfiguration
from storage.repositories.queues import pause, resume
from storage.repositories.rows import columns, keyed, rows_among
from storage.sealed_columns import TARGET_PASSWORD
from storage.secrets import Sealer
from storage.statements import proxies as statements
from storage.statements.messages import last_position


class Destination(NamedTuple):
    """Where some configurations lead, and what is to be trusted there (`ProxyConfiguration`)."""

    target_websocket_url: str
    ca_certificate: str | None
    domain: str | None


class ProxyConfigurations:
    """Store proxy configurations; passwords are sealed on the way in and opened on the way out."""

    def __init__(self, database: Database, group: GroupCommit, sealer: Sealer) -> None:
        self._database = database
        self._group = group
        self._sealer = sealer

    async def create(self, configuration: ProxyConfiguration) -> ProxyConfiguration:
        """Store a new configuration and return it with its id.

        Raises Conflict where the charger has one already, StorageError where it is not enrolled.
        """
        async with self._database.transaction() as transaction:
            return await self.add(transaction, configuration)

    async def add(
        self, transaction: Transaction, configuration: ProxyConfiguration
    ) -> ProxyConfiguration:
        """Store a new configuration within a transaction; its queue begins now."""
        [added] = await transaction.execute(
            statements.add_proxy_configuration, self._row(configuration)
        )
        [newest] = await transaction.execute(last_position)
        await transaction.execute(
            statements.add_cursor,
            {
                "proxy_configuration_id": added["id"],
                "position": newest["position"] or 0,
                "booted_at": None,
                "target": configuration.leads_to,
            },
        )
        if not configuration.enabled:
            await pause(transaction, added["id"])
        return replace(configuration, id=added["id"])

    async def get(self, organization_uuid: str, id: int) -> ProxyConfiguration | None:
        """Return one configuration of an organization."""
        values = {"organization_uuid": organization_uuid, "id": id}
        return self._one(await self._database.fetch(statements.proxy_configuration, values))

    async def for_charger(self, key: ChargerKey) -> ProxyConfiguration | None:
        """Return a charger's configuration."""
        return self._one(
            await self._database.fetch(statements.proxy_configuration_of, key._asdict())
        )

    async def among(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> dict[str, ProxyConfiguration]:
        """Return the configurations of many chargers, by charge_box_id."""
        rows = await rows_among(
            self._database, statements.proxy_configurations_among, organization_uuid, charge_box_ids
        )
        return {row["charge_box_id"]: self._record(row) for row in rows}

    async def replace(self, configuration: ProxyConfiguration) -> ProxyConfiguration | None:
        """Store a changed configuration; its charger cannot change.

        What is said while it is disabled is not queued.
        """
        async with self._database.transaction() as transaction:
            return await self._replace(transaction, configuration)

    async def put(
        self,
        transaction: Transaction,
        configuration: ProxyConfiguration,
        found: ProxyConfiguration | None = None,
    ) -> None:
        """Store a configuration within a transaction: a new one where it has no id.

        Raises Conflict where it is not as it was ``found``, or not there any more.
        """
        if not configuration.id:
            await self.add(transaction, configuration)
            return
        key = configuration.key._asdict()
        rows = await transaction.execute(statements.proxy_configuration_to_change, key)
        stored = self._one(rows)
        if stored is None or stored != (found or stored):
            raise Conflict("The proxy configuration has been changed meanwhile.")
        await self._replace(transaction, configuration)

    async def _replace(
        self, transaction: Transaction, configuration: ProxyConfiguration
    ) -> ProxyConfiguration | None:
        row = self._row(configuration)
        row["of_id"] = configuration.id
        row["of_organization"] = configuration.key.organization_uuid
        rows = await transaction.execute(statements.replace_proxy_configuration, row)
        if rows:
            await (resume if configuration.enabled else pause)(transaction, configuration.id)
        return self._one(rows)

    async def delete(self, organization_uuid: str, id: int) -> bool:
        """Delete a configuration with its queue and id maps."""
        values = {"organization_uuid": organization_uuid, "id": id}
        return bool(await self._database.execute(statements.delete_proxy_configuration, values))

    async def cursor(self, id: int) -> Cursor | None:
        """Tell how far a configuration's target has got."""
        rows = await self._database.fetch(statements.cursor, {"proxy_configuration_id": id})
        return Cursor(**rows[0]) if rows else None

    async def target_of(self, configuration: ProxyConfiguration) -> str | None:
        """Return which target the cursor and the ids are of; None where it was never said."""
        found = await self.cursor(configuration.id)
        return found.target if found else None

    def note_target(self, configuration: ProxyConfiguration) -> asyncio.Future[None]:
        """Note which target it is that the cursor and the ids are of from now on."""
        values = {"of_id": configuration.id, "target": configuration.leads_to}
        return self._group.submit(statements.note_target, values)

    def note_booted(self, id: int, at: datetime) -> asyncio.Future[None]:
        """Note when a target accepted our Boot."""
        return self._group.submit(statements.note_booted, {"of_id": id, "booted_at": at})

    def note_password(
        self, configuration: ProxyConfiguration, password: str
    ) -> asyncio.Future[None]:
        """Change the password only, where the link leads to the same target still.

        A byte of it that is no text is a lone surrogate.
        """
        values = {
            "of_id": configuration.id,
            "of_target_websocket_url": configuration.target_websocket_url,
            "of_target_charge_box_id": configuration.target_charge_box_id,
            "target_auth_basic_password": self._sealer.seal(password, _place(configuration.key)),
        }
        return self._group.submit(statements.change_password, values)

    def _row(self, configuration: ProxyConfiguration) -> dict[str, Any]:
        row = columns(configuration)
        password = configuration.target_auth_basic_password
        if password is not None:
            row["target_auth_basic_password"] = self._sealer.seal(
                password, _place(configuration.key)
            )
        return row

    def _one(self, rows: list[Row]) -> ProxyConfiguration | None:
        return self._record(rows[0]) if rows else None

    def _record(self, row: Row) -> ProxyConfiguration:
        values = keyed(row)
        sealed = values["target_auth_basic_password"]
        if sealed is not None:
            opened = self._sealer.unseal(bytes(sealed), _place(values["key"]))
            values["target_auth_basic_password"] = opened
        return ProxyConfiguration(**values)

    async def list(
        self, organization_uuid: str, limit: int = 100, after: int | None = None
    ) -> list[ProxyConfiguration]:
        """Return configurations by id, those behind ``after``."""
        values = {"organization_uuid": organization_uuid, "limit": limit, "after": after or 0}
        rows = await self._database.fetch(statements.proxy_configurations_after, values)
        return [self._record(row) for row in rows]

    async def destinations(self) -> Sequence[Destination]:
        """Return where enabled configurations of all organizations lead, each once."""
        return [Destination(**row) for row in await self._database.fetch(statements.destinations)]


def _place(key: ChargerKey) -> str:
    return TARGET_PASSWORD.place(key._asdict())
