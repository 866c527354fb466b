"""Any action of OCPP: whatever a charger's version lets us ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.command_records import OF_STATION
from api.commands import Asker, performed
from api.errors import Invalid, NotFound
from api.guarded import check_heard, check_scope, secured
from api.parts import ApiParts
from api.passwords import check_room
from api.routing import Request, route
from api.schemas.commands import OcppRequest
from api.stations import TAG
from csms.commands import Ask, Command, Outcome, RotatePassword
from csms.errors import InvalidCommand
from csms.numbers import OF_THE_PLATFORM, draw
from csms.requests import actions_of
from csms.secrecy import concealed
from csms.station import Station
from csms.stations import STATIONS
from csms.typed import command_of
from proxy.authority import id_token
from proxy.platform_settings import keep, shared
from storage.records import ChargerKey, Scope

FAILURES = (409, 422, 502, 504)
# What the platform chooses, as every request has its own.
_OURS = ("requestId", "remoteStartId")
# What names something that the caller comes back to: left out it is ours, else the caller's.
_NAMED = {"ReserveNow": ("reservationId", "id")}
_FOR_OTHERS = f"Numbers from {OF_THE_PLATFORM.stop} on are kept for third-party systems."


@route(
    "POST",
    OF_STATION + "/{Action}",
    tag=TAG,
    scope="operate",
    body=OcppRequest(),
    answer=None,
    errors=FAILURES,
)
async def ask_station(request: Request) -> Mapping[str, Any]:
    """Ask a station for any action of its OCPP version.

    The body is the OCPP request, the answer the station's own response as it came; a `requestId`
    is chosen here. What comes after the answer is in the record of the command.
    """
    asked = Asked(request.path["Action"], request.body)
    asker = Asker(request.parts, request.caller.id, command_id=request.record_id())
    outcome = await carried_out(asker, request.charger_key, asked, request.caller.scope)
    told: Mapping[str, Any] = concealed(outcome.response)
    return told


@dataclass(frozen=True, slots=True)
class Asked:
    """An action of OCPP, and the payload of its request."""

    action: str
    fields: Mapping[str, Any]


def check_action(action: str) -> None:
    """Raise NotFound for what no version lets us ask of a charger."""
    if not any(action in actions_of(kind) for kind in STATIONS.values()):
        raise NotFound("No version of OCPP lets a charger be asked for this action.")


async def carried_out(asker: Asker, key: ChargerKey, asked: Asked, scope: Scope) -> Outcome:
    """Let a charger carry out an action; raise ApiError where it was not, or may not be."""
    action, kind = asked.action, await spoken(asker.parts, key)
    check_action(action)
    if kind is None:  # it has never been here, and is not now
        check_scope(action, asked.fields, scope)
        check_heard(action, asked.fields)
        return await performed(asker, key, Ask(action, asked.fields), asked.fields)
    fields = _numbered(kind, action, asked.fields)
    _check(kind, action, fields)
    check_scope(action, fields, scope)
    storage = asker.parts.storage
    settings = await shared(storage.overlays, key, action, fields)
    command = await _command(asker, key, kind, Asked(action, settings.fields))
    token = id_token(kind.version, action, fields) if isinstance(command, Ask) else None
    if token is not None:  # before it is sent, as some chargers start at once
        now = asker.parts.clock.now()
        storage.id_tokens.note_accepted(key, token, "platform", now)
    outcome = await performed(asker, key, command, fields, action)
    await keep(storage.overlays, key, settings.taken(outcome.response))
    return outcome


async def spoken(parts: ApiParts, key: ChargerKey) -> type[Station] | None:
    """Return what a charger speaks, or spoke when it was last here; raise NotFound."""
    connection = parts.registry.find(key)
    if connection is not None:  # so it is enrolled, and nobody else has to be asked
        return type(connection.station)
    charger = await parts.storage.chargers.get(key)
    if charger is None:
        raise NotFound
    return STATIONS.get(f"ocpp{charger.ocpp_version}")


def _numbered(kind: type[Station], action: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request with the numbers that are ours to choose."""
    if action not in actions_of(kind):
        told = f"OCPP {kind.version} does not let a charger be asked for {action}."
        raise Invalid({"Action": [told]}, told)
    names, wanted = ours(kind, action)
    names += [name for name in wanted if name not in fields]
    for name in wanted:
        number = fields.get(name)
        if type(number) is int and number not in OF_THE_PLATFORM:
            raise Invalid({name: [_FOR_OTHERS]}, _FOR_OTHERS)
    return {**fields, **{name: draw(OF_THE_PLATFORM) for name in names}}


def ours(kind: type[Station], action: str) -> tuple[list[str], list[str]]:
    """Name the numbers of a request that are ours to choose, and those that need not be given."""
    names = kind.schemas.names
    chosen = [name for name in _OURS if names(action, name)]
    return chosen, [name for name in _NAMED.get(action, ()) if names(action, name)]


def _check(kind: type[Station], action: str, fields: Mapping[str, Any]) -> None:
    faults = kind.schemas.faults(action, fields)
    if faults:
        path, (sentence, *_) = next(iter(faults.items()))
        raise Invalid(faults, f"{path}: {sentence}")


async def _command(asker: Asker, key: ChargerKey, kind: type[Station], asked: Asked) -> Command:
    id, hindrance = asker.command_id or asker.parts.new_id(), asker.parts.profiles.hindrance
    special = secured(kind.version, asked.action, asked.fields, id, asker.key_id, hindrance)
    if isinstance(special, RotatePassword):
        await check_room(asker.parts, key)
    return special or _ordinary(kind, asked)


def _ordinary(kind: type[Station], asked: Asked) -> Command:
    try:
        return command_of(kind.version, asked.action, asked.fields)
    except InvalidCommand as invalid:
        raise Invalid(invalid.fields or {"body": [str(invalid)]}, str(invalid)) from None
