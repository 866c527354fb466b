"""Installations: which version of its connection each charger is to have, and which it has."""

from __future__ import annotations

from collections.abc import Iterable

from storage.commissioning_records import Installation, RolloutStep
from storage.database import Database, Transaction
from storage.records import ChargerKey, ProxyConfiguration
from storage.repositories.proxy_configurations import ProxyConfigurations
from storage.repositories.rollouts import Rollouts
from storage.repositories.rows import columns, keyed, rows_among
from storage.statements import installations as statements


class Installations:
    """Store what is installed together with the proxy configuration that it makes."""

    def __init__(
        self, database: Database, proxy_configurations: ProxyConfigurations, rollouts: Rollouts
    ) -> None:
        self._database = database
        self._proxy_configurations = proxy_configurations
        self._rollouts = rollouts

    async def get(self, key: ChargerKey) -> Installation | None:
        """Return what is installed at a charger, None where nothing ever was."""
        rows = await self._database.fetch(statements.installation, key._asdict())
        return Installation(**keyed(rows[0])) if rows else None

    async def of(
        self, organization_uuid: str, charge_box_ids: Iterable[str]
    ) -> dict[str, Installation]:
        """Return what is installed at many chargers, by charge_box_id."""
        rows = await rows_among(
            self._database, statements.installations_among, organization_uuid, charge_box_ids
        )
        return {row["charge_box_id"]: Installation(**keyed(row)) for row in rows}

    async def put(
        self,
        installation: Installation,
        configuration: ProxyConfiguration | None,
        step: RolloutStep | None = None,
        *,
        found: ProxyConfiguration | None = None,
    ) -> bool:
        """Store an installation and what it makes of the proxy configuration: all or nothing.

        A ``configuration`` without an id is a new one, None stays as it is. With a step it is a
        rollout's: return false, and store nothing, where somebody else has claimed the charger.
        Raises Conflict where the configuration is not as it was ``found``.
        """
        async with self._database.transaction() as transaction:
            if step is not None and not await self._holds(transaction, installation):
                return False
            await transaction.execute(statements.put_installation, columns(installation))
            if configuration is not None:
                await self._proxy_configurations.put(transaction, configuration, found)
            if step is not None:
                await self._rollouts.finish_step(step, transaction)
        return True

    async def _holds(self, transaction: Transaction, installation: Installation) -> bool:
        rows = await transaction.execute(
            statements.installation_to_change, installation.key._asdict()
        )
        # Where it is not pending any more, the rollout was ended before it came here.
        return bool(rows) and (rows[0]["claim"], rows[0]["state"]) == (
            installation.claim,
            "pending",
        )

    # ---- newcomers ----

    async def newcomers(self) -> dict[ChargerKey, bool]:
        """Return all organizations' chargers that have not settled in, and whether each booted."""
        rows = await self._database.fetch(statements.all_newcomers)
        return {keyed(row)["key"]: row["booted"] for row in rows}

    async def settle_in(self, key: ChargerKey) -> None:
        """Let a charger be a newcomer no more."""
        await self._database.execute(statements.remove_newcomer, key._asdict())
