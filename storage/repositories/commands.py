"""Commands: what users asked of chargers, one by one or many at once, and what became of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from storage.database import Database
from storage.group_commit import GroupCommit, Tell
from storage.operation_records import CommandBatch, CommandPart
from storage.records import ChargerKey, Command
from storage.repositories.rows import columns, keyed
from storage.statements import commands as statements
from storage.statements.commands import ALL_THERE, MOST_PARTS, STILL_TO_COME

__all__ = ["ALL_THERE", "MOST_PARTS", "STILL_TO_COME", "Awaited", "Before", "Commands", "SoFar"]

State = Literal["answered", "failed", "timeout", "offline", "collecting"]


class Awaited(NamedTuple):
    """Whose late part a message is: of the command with a number, or of the newest of an action."""

    key: ChargerKey
    request_id: int | None = None
    action: str | None = None


class SoFar(NamedTuple):
    """How many late parts of a command have come, and when the last one did."""

    parts: int
    last_at: datetime | None


class Before(NamedTuple):
    """Behind which item, newest first, a page begins."""

    created_at: datetime
    id: str


class Commands:
    """Record each command before it is sent and after it has ended, and what comes late."""

    def __init__(self, database: Database, group: GroupCommit) -> None:
        self._database = database
        self._group = group

    def note_begun(self, command: Command) -> asyncio.Future[None]:
        """Record a command that is about to be sent."""
        return self._group.submit(statements.add_command, columns(command))

    def begin(self, command: Command, tell: Tell) -> None:
        """Do the same, and tell before anybody is told whose row comes later."""
        self._group.add(statements.add_command, columns(command), tell)

    def note_ended(
        self,
        command_id: str,
        state: State,
        response: Mapping[str, Any] | None,
        finished_at: datetime,
    ) -> asyncio.Future[None]:
        """Record what became of a command; a collecting one has not ended before its last part."""
        end = {"state": state, "response": response, "finished_at": finished_at}
        return self._group.submit(statements.finish_command, {"of_command": command_id, **end})

    async def end_interrupted(self, at: datetime, why: str) -> None:
        """Record that commands failed which were out when the server ended."""
        end = {"response": {"error": why}, "finished_at": at}
        await self._database.execute(statements.end_interrupted, end)

    async def get(self, key: ChargerKey, command_id: str) -> Command | None:
        """Return one command of a charger."""
        values = {**key._asdict(), "command_id": command_id}
        rows = await self._database.fetch(statements.command, values)
        return Command(**keyed(rows[0])) if rows else None

    async def page(
        self,
        key: ChargerKey,
        before: Before,
        limit: int,
        *,
        action: str | None = None,
        state: str | None = None,
    ) -> list[Command]:
        """Return a charger's commands, newest first, those before another one."""
        values = {
            **key._asdict(),
            "before_created_at": before.created_at,
            "before_command_id": before.id,
            "action": action,
            "state": state,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.commands_before, values)
        return [Command(**keyed(row)) for row in rows]

    # ---- late parts ----

    def note_part(self, awaited: Awaited, action: str, payload: bytes, at: datetime) -> None:
        """Keep a message as a part of the open command that awaits it, if there is one.

        The same again is kept once.
        """
        part = {
            **awaited.key._asdict(),
            "action": action,
            "payload": payload,
            "digest": hashlib.sha256(payload).digest(),
            "received_at": at,
        }
        self._submit(statements.add_part, statements.add_part_to_newest, awaited, part)

    def note_last_part(self, awaited: Awaited, at: datetime) -> None:
        """Record that the last part of an open command has come."""
        end = {**awaited.key._asdict(), "finished_at": at}
        self._submit(statements.all_there, statements.newest_all_there, awaited, end)

    def _submit(self, numbered: Any, newest: Any, awaited: Awaited, values: dict[str, Any]) -> None:
        if awaited.action is None:
            self._group.add(numbered, {**values, "request_id": awaited.request_id})
        else:
            self._group.add(newest, {**values, "of_action": awaited.action})

    async def parts(self, command_id: str, after: int, limit: int) -> list[CommandPart]:
        """Return the late parts of a command, oldest first, those behind another one."""
        values = {"command_id": command_id, "after": after, "limit": limit}
        rows = await self._database.fetch(statements.parts_after, values)
        return [CommandPart(**row) for row in rows]

    async def so_far(self, command_id: str) -> SoFar:
        """Tell how many late parts of a command there are."""
        (row,) = await self._database.fetch(statements.parts_so_far, {"command_id": command_id})
        return SoFar(row["parts"], row["last_at"])

    async def collecting(self, key: ChargerKey) -> list[Command]:
        """Return a charger's commands whose late parts are not all there."""
        rows = await self._database.fetch(statements.commands_collecting, key._asdict())
        return [Command(**keyed(row)) for row in rows]

    def note_overdue(self, command_id: str, at: datetime) -> asyncio.Future[None]:
        """Record that no more late parts of a command are waited for."""
        end = {"of_command": command_id, "finished_at": at}
        return self._group.submit(statements.end_overdue, end)

    # ---- batches ----

    def note_batch(self, batch: CommandBatch) -> asyncio.Future[None]:
        """Record what is about to be asked of many chargers."""
        return self._group.submit(statements.add_batch, columns(batch))

    def note_batch_ended(self, batch_id: str, at: datetime) -> asyncio.Future[None]:
        """Record that all chargers of a batch have been asked."""
        return self._group.submit(
            statements.finish_batch, {"of_batch": batch_id, "finished_at": at}
        )

    async def batch(self, organization_uuid: str, batch_id: str) -> CommandBatch | None:
        """Return one batch of an organization."""
        values = {"organization_uuid": organization_uuid, "batch_id": batch_id}
        rows = await self._database.fetch(statements.batch, values)
        return CommandBatch(**rows[0]) if rows else None

    async def batches(
        self, organization_uuid: str, before: Before, limit: int
    ) -> list[CommandBatch]:
        """Return an organization's batches, newest first, those before another one."""
        values = {
            "organization_uuid": organization_uuid,
            "before_created_at": before.created_at,
            "before_batch_id": before.id,
            "limit": limit,
        }
        rows = await self._database.fetch(statements.batches_before, values)
        return [CommandBatch(**row) for row in rows]

    async def unfinished_batches(self) -> list[CommandBatch]:
        """Return the batches of all organizations whose chargers were not all asked yet."""
        rows = await self._database.fetch(statements.unfinished_batches)
        return [CommandBatch(**row) for row in rows]

    async def of_batch(self, batch_id: str) -> list[Command]:
        """Return the commands of a batch, by charge_box_id."""
        rows = await self._database.fetch(statements.commands_of_batch, {"batch_id": batch_id})
        return [Command(**keyed(row)) for row in rows]

    async def states_of_batch(self, batch_id: str) -> dict[str, int]:
        """Count the commands of a batch by state."""
        rows = await self._database.fetch(statements.states_of_batch, {"batch_id": batch_id})
        return {row["state"]: row["commands"] for row in rows}
