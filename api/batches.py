"""One action asked of many stations: a few at a time, and whatever happens to this server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from api.actions import Asked, carried_out, check_action
from api.command_records import before_of, end_overdue, page_of
from api.commands import Asker, refused
from api.errors import ApiError, Invalid, NotFound, Taken
from api.guarded import check_scope
from api.pages import page, read_cursor
from api.parts import PARTS, ApiParts
from api.routing import Request, route
from api.schemas.commands import (
    NOT_FOUND,
    STATES,
    WAITING,
    Batches,
    BatchesQuery,
    BatchRequest,
    OneBatch,
    StartedBatch,
)
from api.schemas.common import PageQuery
from api.schemas.organizations import SCOPES
from api.stations import BASE, TAG
from csms.errors import place_of
from csms.secrecy import concealed, has_password
from storage.errors import StorageError
from storage.operation_records import CommandBatch
from storage.records import ChargerKey, Command

log = structlog.get_logger("ringmain.api")

# Beside the paths of a station called "commands": an action begins with a capital, they do not.
OF_ALL = BASE + "/commands"
OF_BATCHES = OF_ALL + "/batches"
AT_ONCE = 20  # stations of a batch
MOST_RUNNING = 10  # batches of an organization
_CONFIDENTIAL = "A password is not set on many stations at once."
_INTERRUPTED = "The server was restarted before the charger's answer came."


@route(
    "POST",
    OF_ALL + "/{Action}",
    tag=TAG,
    scope="operate",
    body=BatchRequest(),
    answer=StartedBatch(),
    status=202,
    errors=(409,),
)
async def ask_stations(request: Request) -> Mapping[str, Any]:
    """Ask many stations for one action of OCPP, a few at a time.

    The request is held against each station's own OCPP version. What became of it is in the batch.
    """
    action, asked = request.path["Action"], request.body["request"]
    check_action(action)
    check_scope(action, asked, request.caller.scope)
    if has_password(asked):  # a batch has to be kept as it is
        raise Invalid({"request": [_CONFIDENTIAL]}, _CONFIDENTIAL)
    batch = CommandBatch(
        batch_id=request.record_id(),
        organization_uuid=request.organization_uuid,
        action=action,
        request=asked,
        stations=list(dict.fromkeys(request.body["stations"])),
        requested_by=request.caller.id,
        created_at=request.parts.clock.now(),
    )
    await request.http.app[RUNNING].begin(batch)
    return {"batch_id": batch.batch_id, "stations": len(batch.stations)}


@route("GET", OF_BATCHES, tag=TAG, scope="read", query=BatchesQuery(), answer=Batches())
async def list_batches(request: Request) -> Mapping[str, Any]:
    """List what was asked of many stations at once, newest first."""
    commands, limit = request.parts.storage.commands, request.query["limit"]
    found = await commands.batches(request.organization_uuid, before_of(request), limit + 1)
    batches, next_cursor = page_of(found, limit, lambda one: one.batch_id)
    states = [await commands.states_of_batch(one.batch_id) for one in batches]
    shown = [_shown(one, counted) for one, counted in zip(batches, states, strict=True)]
    return {"batches": shown, "next_cursor": next_cursor}


@route(
    "GET", OF_BATCHES + "/{batchId}", tag=TAG, scope="read", query=PageQuery(), answer=OneBatch()
)
async def get_batch(request: Request) -> Mapping[str, Any]:
    """Show a batch: how far it is, and what became of it at each station."""
    commands, batch_id = request.parts.storage.commands, request.path["batchId"]
    batch = await commands.batch(request.organization_uuid, batch_id)
    if batch is None:
        raise NotFound
    begin, limit = read_cursor(request.query["cursor"], int) or 0, request.query["limit"]
    results = await _results(request.parts, batch)
    numbered = list(enumerate(results))[begin : begin + limit + 1]
    items, next_cursor = page(numbered, limit, lambda one: one[0] + 1)
    return {
        "batch": _shown(batch, await commands.states_of_batch(batch_id)),
        "results": [result for _, result in items],
        "next_cursor": next_cursor,
    }


async def _results(parts: ApiParts, batch: CommandBatch) -> list[Mapping[str, Any]]:
    commands = parts.storage.commands
    found = await commands.of_batch(batch.batch_id)
    if await end_overdue(parts, found):
        found = await commands.of_batch(batch.batch_id)
    by_station = {one.key.charge_box_id: one for one in found}
    absent = WAITING if batch.finished_at is None else NOT_FOUND
    return [_result(name, by_station.get(name), absent) for name in batch.stations]


def _result(station_id: str, command: Command | None, absent: str) -> Mapping[str, Any]:
    return {
        "station_id": station_id,
        "state": command.state if command else absent,
        "command_id": command.command_id if command else None,
        "response": command.response if command else None,
    }


def _shown(batch: CommandBatch, states: Mapping[str, int]) -> Mapping[str, Any]:
    total = len(batch.stations)
    absent = "waiting" if batch.finished_at is None else "not_found"
    others = {"total": total, "waiting": 0, "not_found": 0, absent: total - sum(states.values())}
    counts = {**dict.fromkeys(STATES, 0), **states, **others}
    fields = {name: getattr(batch, name) for name in _SHOWN}
    return {**fields, "request": concealed(batch.request), "counts": counts}


_SHOWN = ("batch_id", "action", "request", "requested_by", "created_at", "finished_at")


# ---- in the background ----


@dataclass(frozen=True, slots=True)
class Pace:
    """In s: when the chargers are back after a restart, and when storage may be."""

    resume: float = 60.0
    retry: float = 5.0


class RunningBatches:
    """Run batches, each in a task; what a restart interrupts goes on where it was."""

    def __init__(self, parts: ApiParts, pace: Pace) -> None:
        self._parts = parts
        self._pace = pace
        self._tasks: dict[asyncio.Task[None], str] = {}

    async def begin(self, batch: CommandBatch) -> None:
        """Store a batch and run it; raise Taken where too many run, or StorageError."""
        if list(self._tasks.values()).count(batch.organization_uuid) >= MOST_RUNNING:
            raise Taken(f"{MOST_RUNNING} batches are running already; wait until one has ended.")
        await self._parts.storage.commands.note_batch(batch)
        self._start(batch, 0)

    async def resume(self) -> None:
        """Go on with what a restart has interrupted, once the chargers had time to come back.

        What was out then has failed: whether a charger did it nobody knows. Raises StorageError.
        """
        commands, now = self._parts.storage.commands, self._parts.clock.now()
        await commands.end_interrupted(now, _INTERRUPTED)
        for batch in await commands.unfinished_batches():
            self._start(batch, self._pace.resume)

    async def close(self) -> None:
        """Stop; what is left goes on after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, batch: CommandBatch, after: float) -> None:
        task = asyncio.create_task(self._kept_up(batch, after))
        self._tasks[task] = batch.organization_uuid
        task.add_done_callback(self._tasks.pop)

    async def _kept_up(self, batch: CommandBatch, after: float) -> None:
        """Run a batch, and begin again where a fault or storage has stopped it."""
        while True:
            await asyncio.sleep(after)
            try:
                return await self._run(batch)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the batch is to be ended
                log.warning("batch_waits", batch_id=batch.batch_id, fault=place_of(fault))
                after = self._pace.retry

    async def _run(self, batch: CommandBatch) -> None:
        commands = self._parts.storage.commands
        asked = {one.key.charge_box_id for one in await commands.of_batch(batch.batch_id)}
        left = iter([name for name in batch.stations if name not in asked])

        async def work() -> None:
            for name in left:
                await self._ask(batch, name)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
        await commands.note_batch_ended(batch.batch_id, self._parts.clock.now())

    async def _ask(self, batch: CommandBatch, name: str) -> None:
        key = ChargerKey(batch.organization_uuid, name)
        asker = Asker(self._parts, batch.requested_by, batch.batch_id)
        try:
            # What it takes to ask for this was checked when the batch began.
            await carried_out(asker, key, Asked(batch.action, batch.request), SCOPES[-1])
        except NotFound:
            return
        except ApiError as error:
            if "command_id" not in error.details:
                await refused(asker, key, batch.action, batch.request, error)
        except StorageError:
            raise
        except Exception as fault:  # noqa: BLE001 - the other stations are to be asked all the same
            log.error("batch_faults", batch_id=batch.batch_id, fault=place_of(fault))
            await refused(asker, key, batch.action, batch.request, ApiError())


RUNNING = web.AppKey("RUNNING", RunningBatches)
PACE = web.AppKey("PACE", Pace)


async def running_batches(app: web.Application) -> AsyncIterator[None]:
    """Run the application's batches as long as it is up."""
    app[RUNNING] = running = RunningBatches(app[PARTS], app[PACE])
    await running.resume()
    yield
    await running.close()
