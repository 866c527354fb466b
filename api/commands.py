"""Commands: recorded before they are sent, with what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import structlog

from api.errors import ApiError, Invalid, NotFound, Offline, Refused, Silent, Unavailable
from api.routing import Request, route
from api.schemas.stations import OneCommand
from api.stations import STATION, TAG
from csms.commands import (
    ClearPowerLimit,
    Command,
    Outcome,
    PutProfile,
    RemoteStart,
    RemoteStop,
    RemoveProfiles,
    Reset,
    SetPowerLimit,
)
from csms.errors import (
    AnswerTimeout,
    BadAnswer,
    CallRefused,
    ChargerOffline,
    CommandError,
    InvalidCommand,
    LinkBusy,
    LinkClosed,
    LinkError,
    NotStored,
    NotSupported,
)
from storage import records
from storage.errors import StorageError
from storage.records import Charger

log = structlog.get_logger("ringmain.api")

State = Literal["answered", "failed", "timeout", "offline"]


@route("GET", STATION + "/commands/{command_id}", tag=TAG, scope="read", answer=OneCommand())
async def get_command(request: Request) -> Mapping[str, Any]:
    """Show what was asked of a station, and what became of it."""
    found = await request.parts.storage.commands.get(
        request.charger_key, request.path["command_id"]
    )
    if found is None:
        raise NotFound
    return {"command": found}


async def perform(
    request: Request, charger: Charger, command: Command, asked: Mapping[str, Any]
) -> Outcome:
    """Let a charger carry out a command, between the two halves of its record.

    Raises ApiError where it was not carried out; the error names the record.
    """
    record = await _begin(request, charger, type(command).__name__, asked)
    try:
        outcome = await request.parts.registry.perform(charger.key, command)
    except (LinkError, CommandError) as failure:
        ending = ENDINGS[type(failure)]
        await _end(request, record, ending.state, {"error": str(failure)})
        error = ending.error(Failed(failure, charger, command))
        error.details["command_id"] = record.command_id
        raise error from None
    await _end(request, record, "answered", outcome.response)
    return outcome


async def _begin(
    request: Request, charger: Charger, action: str, asked: Mapping[str, Any]
) -> records.Command:
    record = records.Command(
        command_id=request.parts.new_id(),
        key=charger.key,
        action=action,
        request=asked,
        requested_by=request.caller.key_id,
        created_at=request.parts.clock.now(),
    )
    await request.parts.storage.commands.create(record)
    return record


async def _end(
    request: Request, record: records.Command, state: State, response: Mapping[str, Any]
) -> None:
    now = request.parts.clock.now()
    try:
        await request.parts.storage.commands.finish(record.command_id, state, response, now)
    except StorageError:
        # The charger has done it or not: the caller is told that, lest it asks again.
        log.warning("command_end_not_stored", command_id=record.command_id, state=state)


class Failed(NamedTuple):
    """What was not carried out, by whom, and why."""

    failure: LinkError | CommandError
    charger: Charger
    command: Command


def _offline(failed: Failed) -> ApiError:
    seen = failed.charger
    return Offline(
        str(failed.failure), last_seen=seen.last_seen, last_disconnect=seen.last_disconnect
    )


def _refused(failed: Failed) -> ApiError:
    assert isinstance(failed.failure, CallRefused)  # noqa: S101 - the table below
    error = failed.failure.error
    return Refused(charger_error={"code": error.code, "description": error.description})


def _no_answer(failed: Failed) -> ApiError:
    return Refused(charger_error={"code": "BadAnswer", "description": str(failed.failure)})


def _invalid(failed: Failed) -> ApiError:
    message = str(failed.failure)
    named = failed.failure.fields if isinstance(failed.failure, InvalidCommand) else {}
    return Invalid(named or {_CHOSEN[type(failed.command)]: [message]}, message)


# What the caller chose that a charger's OCPP version may not be able to say.
_CHOSEN: Mapping[type[Command], str] = {
    RemoteStart: "idToken",
    RemoteStop: "transactionId",
    Reset: "type",
    SetPowerLimit: "limit.dcMaxPowerKw",
    ClearPowerLimit: "evseId",
    PutProfile: "chargingProfile",
    RemoveProfiles: "chargingProfileCriteria",
}


class Ending(NamedTuple):
    """How a failure goes into the record, and how it is told to the caller."""

    state: State
    error: Callable[[Failed], ApiError]


ENDINGS: Mapping[type[LinkError | CommandError], Ending] = {
    ChargerOffline: Ending("offline", _offline),
    LinkClosed: Ending("offline", _offline),
    AnswerTimeout: Ending("timeout", lambda _: Silent()),
    CallRefused: Ending("failed", _refused),
    BadAnswer: Ending("failed", _no_answer),
    LinkBusy: Ending("failed", lambda failed: Unavailable(str(failed.failure))),
    NotStored: Ending("failed", lambda failed: Unavailable(str(failed.failure))),
    NotSupported: Ending("failed", _invalid),
    InvalidCommand: Ending("failed", _invalid),
}
