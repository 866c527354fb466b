"""Commands: what users asked of chargers, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storage.database import Database
from storage.records import ChargerKey, Command
from storage.repositories.rows import columns, keyed
from storage.statements import commands as statements


class Commands:
    """Record each command before it is sent and after it has ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, command: Command) -> None:
        """Record a command that is about to be sent."""
        await self._database.execute(statements.add_command, columns(command))

    async def finish(
        self,
        command_id: str,
        state: str,
        response: Mapping[str, Any] | None,
        finished_at: datetime,
    ) -> None:
        """Record what became of a command."""
        end = {"state": state, "response": response, "finished_at": finished_at}
        await self._database.execute(statements.finish_command, {"of_command": command_id, **end})

    async def get(self, key: ChargerKey, command_id: str) -> Command | None:
        """Return one command of a charger."""
        values = {**key._asdict(), "command_id": command_id}
        rows = await self._database.fetch(statements.command, values)
        return Command(**keyed(rows[0])) if rows else None
