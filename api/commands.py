"""Commands: recorded before they are sent, with what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import structlog

from api.errors import ApiError, Invalid, Lost, Offline, Refused, Silent, Unavailable
from api.parts import ApiParts
from api.routing import Request
from csms.commands import (
    Ask,
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
from csms.late_parts import LATE_PARTS, collects
from csms.secrecy import concealed
from storage import records
from storage.errors import StorageError
from storage.records import Charger, ChargerKey
from storage.repositories.commands import STILL_TO_COME, State

log = structlog.get_logger("ringmain.api")


_INTERRUPTED = {"error": "It was interrupted: whether the charger has done it is not known."}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, by the id of the key, in which batch, and what the server is made of."""

    parts: ApiParts
    key_id: str
    batch_id: str | None = None
    # Of the record, where it has to be known before.
    command_id: str | None = None


async def perform(
    request: Request, charger: Charger, command: Command, asked: Mapping[str, Any]
) -> Outcome:
    """Let a charger carry out a command, between the two halves of its record.

    Raises ApiError where it was not carried out; the error names the record.
    """
    asker = Asker(request.parts, request.caller.id, command_id=request.record_id())
    return await performed(asker, charger.key, command, asked)


async def performed(
    asker: Asker,
    key: ChargerKey,
    command: Command,
    asked: Mapping[str, Any],
    named: str | None = None,
) -> Outcome:
    """Do what ``perform`` does for whoever asks; ``named`` is the action where it was OCPP's."""
    record = _record(asker, key, named or _name(command), asked)
    if isinstance(command, Reset):  # which may have to wait, and ends its record later
        command = replace(command, command_id=record.command_id)
    try:
        outcome = await _between(asker.parts, record, command)
    except (LinkError, CommandError) as failure:
        ending = ENDINGS[type(failure)]
        away = ending.state == "offline"
        seen = await asker.parts.storage.chargers.get(key) if away else None
        error = ending.error(Failed(failure, seen, command))
        await _end(asker.parts, record, ending.state, told_of(failure))
        error.details["command_id"] = record.command_id
        raise error from None
    except BaseException:  # ours may also be a task that is to end, so nothing is waited for
        now = asker.parts.clock.now()
        asker.parts.storage.commands.note_ended(record.command_id, "failed", _INTERRUPTED, now)
        raise
    await _end(asker.parts, record, _state(record, outcome), concealed(outcome.response))
    return outcome


async def _between(parts: ApiParts, record: records.Command, command: Command) -> Outcome:
    """Carry out a command whose record is on its way to the disk.

    What is sent is in the log first, behind the record in the same commit or in a later one. Where
    the record is lost, nothing that waits for its turn is sent any more.
    """
    doing = asyncio.ensure_future(parts.registry.perform(record.key, command))
    begun: asyncio.Future[None] = doing.get_loop().create_future()

    def tell(fault: Exception | None) -> None:
        if begun.cancelled():  # whoever waited for it is gone
            return
        if fault is None:
            begun.set_result(None)
            return
        doing.cancel()  # at once: the frame's turn to be told comes next
        begun.set_exception(fault)
        begun.exception()  # nobody waits for it where all was done before

    parts.storage.commands.begin(record, tell)
    try:
        outcome = await doing
    except asyncio.CancelledError:
        if begun.done():
            begun.result()
        raise
    except (LinkError, CommandError):
        await begun
        raise
    return outcome


def told_of(failure: LinkError | CommandError) -> dict[str, Any]:
    """Return what a record tells of a failure."""
    told: dict[str, Any] = {"error": str(failure)}
    if isinstance(failure, CallRefused):
        error = failure.error
        told["chargerError"] = {"code": error.code, "description": error.description}
    if isinstance(failure, InvalidCommand) and failure.fields:
        told["fields"] = failure.fields
    return told


def _name(command: Command) -> str:
    return command.action if isinstance(command, Ask) else type(command).__name__


def _record(asker: Asker, key: ChargerKey, named: str, asked: Mapping[str, Any]) -> records.Command:
    number = asked.get("requestId")
    return records.Command(
        command_id=asker.command_id or asker.parts.new_id(),
        key=key,
        action=named,
        request=concealed(asked),
        requested_by=asker.key_id,
        created_at=asker.parts.clock.now(),
        batch_id=asker.batch_id,
        request_id=number if type(number) is int else None,
        progress=STILL_TO_COME if named in LATE_PARTS else None,
    )


def _state(record: records.Command, outcome: Outcome) -> State:
    later = outcome.pending or collects(record.action, outcome.response)
    return "collecting" if later else "answered"


async def _end(
    parts: ApiParts, record: records.Command, state: State, response: Mapping[str, Any]
) -> None:
    now = parts.clock.now()
    parts.metered.tally.commands[record.action, state] += 1
    try:
        await parts.storage.commands.note_ended(record.command_id, state, response, now)
    except StorageError:
        # The charger has done it or not: the caller is told that, lest it asks again.
        log.warning("command_end_not_stored", command_id=record.command_id, state=state)


async def refused(
    asker: Asker, key: ChargerKey, action: str, asked: Mapping[str, Any], error: ApiError
) -> None:
    """Record what was not even sent; raise StorageError."""
    commands, record = asker.parts.storage.commands, _record(asker, key, action, asked)
    told = {"error": str(error), "fields": error.details.get("fields_", {})}
    commands.note_begun(record)
    await commands.note_ended(record.command_id, "failed", told, record.created_at)


class Failed(NamedTuple):
    """What was not carried out, and why; ``seen`` is the charger where it is away."""

    failure: LinkError | CommandError
    seen: Charger | None
    command: Command


def _offline(failed: Failed) -> ApiError:
    seen, message = failed.seen, str(failed.failure)
    if seen is None:  # deleted meanwhile
        return Offline(message)
    return Offline(message, last_seen=seen.last_seen, last_disconnect=seen.last_disconnect)


def _lost(failed: Failed) -> ApiError:
    return Lost(str(failed.failure), **_offline(failed).details)


def _refused(failed: Failed) -> ApiError:
    assert isinstance(failed.failure, CallRefused)  # noqa: S101 - the table below
    error = failed.failure.error
    return Refused(charger_error={"code": error.code, "description": error.description})


def _no_answer(failed: Failed) -> ApiError:
    return Refused(charger_error={"code": "BadAnswer", "description": str(failed.failure)})


def _invalid(failed: Failed) -> ApiError:
    message = str(failed.failure)
    named = failed.failure.fields if isinstance(failed.failure, InvalidCommand) else {}
    return Invalid(named or {_CHOSEN.get(type(failed.command), "body"): [message]}, message)


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
    LinkClosed: Ending("offline", _lost),
    AnswerTimeout: Ending("timeout", lambda _: Silent()),
    CallRefused: Ending("failed", _refused),
    BadAnswer: Ending("failed", _no_answer),
    LinkBusy: Ending("failed", lambda failed: Unavailable(str(failed.failure))),
    NotStored: Ending("failed", lambda failed: Unavailable(str(failed.failure))),
    NotSupported: Ending("failed", _invalid),
    InvalidCommand: Ending("failed", _invalid),
}
