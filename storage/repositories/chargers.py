"""Chargers: who is enrolled, and what was last seen of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any

from storage.clock import Clock
from storage.database import Database, Row, Transaction
from storage.group_commit import GroupCommit
from storage.records import Charger, ChargerKey, ConnectorStatus, ProxyConfiguration
from storage.repositories.proxy_configurations import ProxyConfigurations
from storage.repositories.rows import columns, keyed, rows_among, rows_of_each
from storage.statements import chargers as statements
from storage.statements.charger_certificates import drop_certificates_of_charger
from storage.statements.installations import add_newcomer


class Chargers:
    """Enrol chargers, and note what they tell about themselves."""

    def __init__(
        self,
        database: Database,
        group: GroupCommit,
        clock: Clock,
        proxy_configurations: ProxyConfigurations,
    ) -> None:
        self._database = database
        self._group = group
        self._clock = clock
        self._proxy_configurations = proxy_configurations

    async def enroll(
        self, charger: Charger, proxy: ProxyConfiguration | None
    ) -> ProxyConfiguration | None:
        """Store a charger with its proxy configuration, both or none; raise Conflict."""
        async with self._database.transaction() as transaction:
            await transaction.execute(statements.add_charger, columns(charger))
            await transaction.execute(add_newcomer, charger.key._asdict())
            return await self._add_proxy(transaction, proxy)

    async def _add_proxy(
        self, transaction: Transaction, proxy: ProxyConfiguration | None
    ) -> ProxyConfiguration | None:
        if proxy is None:
            return None
        return await self._proxy_configurations.add(transaction, proxy)

    async def get(self, key: ChargerKey) -> Charger | None:
        """Return one charger."""
        rows = await self._database.fetch(statements.charger, key._asdict())
        return _charger(rows[0]) if rows else None

    async def with_serial(self, organization_uuid: str, serial_number: str) -> list[Charger]:
        """Return the chargers that say this serial number, two of them at most."""
        values = {
            "organization_uuid": organization_uuid,
            "serial_number": serial_number,
            "limit": 2,
        }
        rows = await self._database.fetch(statements.chargers_with_serial, values)
        return [_charger(row) for row in rows]

    async def with_serials(
        self, organization_uuid: str, serial_numbers: Iterable[str]
    ) -> dict[str, set[str]]:
        """Return who says each of many serial numbers, by their charge_box_ids."""
        found: dict[str, set[str]] = {}
        among = statements.serials_among
        for row in await rows_among(self._database, among, organization_uuid, serial_numbers):
            found.setdefault(row["serial_number"], set()).add(row["charge_box_id"])
        return found

    async def profiles(self) -> dict[int, int]:
        """Return how many chargers of all organizations have each security profile."""
        rows = await self._database.fetch(statements.chargers_by_profile)
        return {row["security_profile"]: row["chargers"] for row in rows}

    async def among(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> dict[str, Charger]:
        """Return those of many chargers that are enrolled, by charge_box_id."""
        rows = await rows_among(
            self._database, statements.chargers_among, organization_uuid, charge_box_ids
        )
        return {row["charge_box_id"]: _charger(row) for row in rows}

    async def of_site(
        self, organization_uuid: str, site_id: str, limit: int = 100, after: str | None = None
    ) -> list[Charger]:
        """Return a site's chargers by charge_box_id, those behind ``after``."""
        values = {
            "organization_uuid": organization_uuid,
            "site_id": site_id,
            "after": after or "",
            "limit": limit,
        }
        rows = await self._database.fetch(statements.chargers_of_site, values)
        return [_charger(row) for row in rows]

    async def recently_seen(
        self, since: datetime, page: int = 1000
    ) -> AsyncIterator[tuple[ChargerKey, str, datetime]]:
        """Yield which chargers of anybody's were seen since then, from where and when at last."""
        after = ChargerKey("", "")
        while True:
            values = {
                "after_organization": after.organization_uuid,
                "after": after.charge_box_id,
                "since": since,
                "limit": page,
            }
            rows = await self._database.fetch(statements.chargers_seen_since, values)
            for row in rows:
                after = ChargerKey(row["organization_uuid"], row["charge_box_id"])
                yield after, row["last_address"], row["last_seen"]
            if len(rows) < page:
                return

    async def update(self, key: ChargerKey, **changes: Any) -> Charger | None:
        """Change named fields of a charger; return None where it is not enrolled."""
        if unknown := changes.keys() - set(statements.CHANGEABLE):
            raise TypeError(f"A charger's {', '.join(sorted(unknown))} cannot be changed.")
        async with self._database.transaction() as transaction:
            stored = await transaction.execute(statements.charger_to_change, key._asdict())
            if not stored:
                return None
            kept = {name: stored[0][name] for name in statements.CHANGEABLE}
            rows = await transaction.execute(
                statements.replace_charger,
                {
                    **kept,
                    **changes,
                    "of_organization": key.organization_uuid,
                    "of_charger": key.charge_box_id,
                },
            )
        return _charger(rows[0])

    async def delete(self, key: ChargerKey) -> bool:
        """Delete a charger with its configuration and connectors; messages and sessions stay.

        So do certificates that were revoked: one enrolled in its place must not come in with them.
        """
        async with self._database.transaction() as transaction:
            await transaction.execute(drop_certificates_of_charger, key._asdict())
            return bool(await transaction.execute(statements.delete_charger, key._asdict()))

    async def connectors(self, key: ChargerKey) -> list[ConnectorStatus]:
        """Return the latest status of each connector."""
        rows = await self._database.fetch(statements.connectors_of_charger, key._asdict())
        return [ConnectorStatus(**keyed(row)) for row in rows]

    async def connectors_of(
        self, organization_uuid: str, charge_box_ids: Sequence[str]
    ) -> dict[str, list[ConnectorStatus]]:
        """Return the connectors of the chargers of one page, by charge_box_id."""
        rows = await rows_of_each(
            self._database, statements.connectors_among, organization_uuid, charge_box_ids
        )
        return {name: [ConnectorStatus(**keyed(row)) for row in own] for name, own in rows.items()}

    def note_boot(
        self,
        key: ChargerKey,
        *,
        vendor_name: str | None,
        model_name: str | None,
        serial_number: str | None,
        firmware_version: str | None,
        boot_payload: bytes,
    ) -> asyncio.Future[None]:
        """Note what a charger claims to be; what was enrolled or claimed before stays."""
        claims = {
            "claimed_vendor_name": vendor_name,
            "claimed_model_name": model_name,
            "claimed_serial_number": serial_number,
            "firmware_version": firmware_version,
            "boot_payload": boot_payload,
            "at": self._clock.now(),
        }
        return self._group.submit(statements.note_boot, {**key._asdict(), **claims})

    def note_connected(
        self, key: ChargerKey, at: datetime, ocpp_version: str, address: str | None = None
    ) -> asyncio.Future[None]:
        """Note that a charger has connected, which version it speaks and from which address."""
        values = {
            **key._asdict(),
            "at": at,
            "ocpp_version": ocpp_version,
            "last_address": address,
        }
        return self._group.submit(statements.note_connected, values)

    def note_seen(self, key: ChargerKey, at: datetime) -> asyncio.Future[None]:
        """Note that a charger was heard."""
        return self._group.submit(statements.note_seen, {**key._asdict(), "at": at})

    def note_disconnected(
        self, key: ChargerKey, at: datetime, code: int, reason: str
    ) -> asyncio.Future[None]:
        """Note that a charger's link has ended, and how."""
        end = {"gone_at": at, "last_close_code": code, "last_close_reason": reason}
        return self._group.submit(statements.note_disconnected, {**key._asdict(), "at": at, **end})

    def note_status(
        self,
        key: ChargerKey,
        evse_id: int,
        connector_id: int,
        status: str,
        payload: bytes,
        error_code: str | None = None,
    ) -> None:
        """Note that a connector has a status now; ``payload`` is the charger's own."""
        # In the order of the statement and bound, because this is what chargers say most.
        now = self._clock.microseconds()
        row = (*key, evse_id, connector_id, status, error_code, payload, now, *key)
        self._group.add(statements.note_status, row)

    async def list(
        self, organization_uuid: str, limit: int = 100, after: str | None = None
    ) -> list[Charger]:
        """Return chargers by charge_box_id, those behind ``after``."""
        values = {"organization_uuid": organization_uuid, "after": after or "", "limit": limit}
        return [
            _charger(row) for row in await self._database.fetch(statements.chargers_after, values)
        ]


def _charger(row: Row) -> Charger:
    values = keyed(row)
    values["allowed_versions"] = tuple(values["allowed_versions"])
    return Charger(**values)
