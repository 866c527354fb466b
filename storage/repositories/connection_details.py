"""Connection details: how chargers connect to their operator's own server, version by version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from storage.commissioning_records import ConnectionDetails
from storage.database import Database, Row
from storage.repositories.rows import columns, rows_among
from storage.sealed_columns import DETAILS_PASSWORD
from storage.secrets import Sealer
from storage.statements import connection_details as statements

_SEALED = DETAILS_PASSWORD.column.name


class StoredDetails:
    """Store versions; passwords are sealed on the way in and opened on the way out."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def add(self, details: ConnectionDetails) -> ConnectionDetails:
        """Store a new version and return it with its number."""
        row = columns(details)
        del row["number"]
        if details.basic_auth_password is not None:
            row[_SEALED] = self._sealer.seal(
                details.basic_auth_password, DETAILS_PASSWORD.place(row)
            )
        [added] = await self._database.execute(statements.add_details, row)
        return replace(details, number=added["number"])

    async def get(self, organization_uuid: str, version: str) -> ConnectionDetails | None:
        """Return one version of an organization; raise SealBroken."""
        return await self._one(
            statements.details, {"organization_uuid": organization_uuid, "version": version}
        )

    async def among(
        self, organization_uuid: str, versions: Iterable[str]
    ) -> dict[str, ConnectionDetails]:
        """Return many versions of an organization, by version; raise SealBroken."""
        rows = await rows_among(
            self._database, statements.details_among, organization_uuid, versions
        )
        return {row["version"]: self._record(row) for row in rows}

    async def latest(
        self, organization_uuid: str, serial_number: str | None
    ) -> ConnectionDetails | None:
        """Return a charger's latest version, None names the operator's; raise SealBroken."""
        if serial_number is None:
            of_operator = {"organization_uuid": organization_uuid}
            return await self._one(statements.latest_of_operator, of_operator)
        return await self._one(
            statements.latest_of_charger,
            {"organization_uuid": organization_uuid, "serial_number": serial_number},
        )

    async def _one(self, statement: Any, values: dict[str, str]) -> ConnectionDetails | None:
        rows = await self._database.fetch(statement, values)
        return self._record(rows[0]) if rows else None

    def _record(self, row: Row) -> ConnectionDetails:
        values = dict(row)
        if values[_SEALED] is not None:
            values[_SEALED] = self._sealer.unseal(
                bytes(values[_SEALED]), DETAILS_PASSWORD.place(row)
            )
        return ConnectionDetails(**values)
