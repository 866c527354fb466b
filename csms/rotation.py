"""
Change the password of a charger so that it can always come back in (A01, S-06).

The new password is stored before the charger hears of it, and counts beside the old one until it is
known which of them the charger has. It accepted: only the new one counts. It refused: only the old
one. Nothing is known: both, until the new one is used or a day has passed (ADR 0035).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from csms.commands import Ask, Outcome, Performers, RotatePassword
from csms.errors import (
    AnswerTimeout,
    BadAnswer,
    CallRefused,
    InvalidCommand,
    LinkBusy,
    NotStored,
)
from csms.link import GOING_AWAY
from csms.readings import mapping
from csms.requests import ask
from storage.secrets import digest_secret, secret_matches
from storage.security_records import PasswordRotation

if TYPE_CHECKING:
    from csms.station import Station
    from storage.records import ChargerKey
    from storage.repositories.password_rotations import PasswordRotations

OPEN_FOR = timedelta(hours=24)
# So many answers have to be lost in a day before nobody can ask any more.
MOST_OPEN = 16
# The charger never heard of it.
NEVER_SENT = (InvalidCommand, LinkBusy, NotStored)
# It was looked at, and it failed then: the password may have been stored before.
DOUBTFUL = frozenset({"GenericError", "InternalError"})
REFUSALS = frozenset(
    {
        "NotSupported",
        "NotSupportedAttributeType",
        "Rejected",
        "UnknownComponent",
        "UnknownVariable",
    }
)


def rotation_of(
    presented: Sequence[bytes], rotations: Iterable[PasswordRotation], at: datetime | None
) -> PasswordRotation | None:
    """Return which of a charger's rotations a password is of that counts at a moment, or ever did.

    ``presented`` are the readings of what the charger sent (bytes, or the hex digits of bytes).
    All are compared, so that the time taken tells nothing.
    """
    matching = [
        one
        for one in rotations
        for password in presented
        if secret_matches(password, one.next_digest) and (at is None or one.is_open(at))
    ]
    return matching[0] if matching else None


def new_rotation(
    key: ChargerKey,
    rotation_id: str,
    password: bytes,
    requested_by: str,
    at: datetime,
    state: Literal["asked", "by_hand"] = "by_hand",
) -> PasswordRotation:
    """Return the rotation of a password that the charger, or a person there, is to be told."""
    return PasswordRotation(
        key=key,
        rotation_id=rotation_id,
        state=state,
        next_digest=digest_secret(password),
        requested_by=requested_by,
        requested_at=at,
        expires_at=at + OPEN_FOR,
    )


async def rotate(station: Station, command: RotatePassword) -> Outcome:
    """Give the charger a new password, and settle which one counts by what it answers.

    A charger that does not answer is hung up on: it comes back with the one that it has. Raises
    InvalidCommand, BadAnswer, LinkBusy where it is being told another, and as ``Link.call``.
    """
    request = _request(station.version, command.password)
    rotations, now = station.books.rotations, station.books.clock.now()
    id, by = command.rotation_id, command.requested_by
    rotation = new_rotation(station.key, id, command.password, by, now, "asked")
    async with alone(station):
        await rotations.begin(rotation)
        try:
            outcome = await ask(station, request)
        except (*NEVER_SENT, CallRefused) as failure:
            if not is_doubtful(failure):
                await rotations.drop(station.key, id)
            raise
        except AnswerTimeout:
            station.link.hang_up(GOING_AWAY, "no answer to a new password")
            raise
        return await _settled(rotations, rotation, outcome)


@contextlib.asynccontextmanager
async def alone(station: Station) -> AsyncIterator[None]:
    """Be the only one who changes what a charger comes in with; raise LinkBusy."""
    if station.securing.locked():
        raise LinkBusy("The charger is being told another password or security profile.")
    async with station.securing:
        yield


def is_doubtful(failure: Exception) -> bool:
    """Tell whether a charger may have done what it answered with an error."""
    return isinstance(failure, CallRefused) and failure.error.code in DOUBTFUL


async def _settled(
    rotations: PasswordRotations, rotation: PasswordRotation, outcome: Outcome
) -> Outcome:
    status = told_status(outcome)
    settle = _ENDS.get(status)
    if settle is None:
        raise BadAnswer
    await settle(rotations, rotation)
    return replace(outcome, status=status)


def told_status(outcome: Outcome) -> str:
    """Return the one status of an answer about one setting, in either version's words."""
    results = outcome.response.get("setVariableResult")
    if not isinstance(results, list) or len(results) != 1:
        return outcome.status
    return str(mapping(results[0]).get("attributeStatus"))


async def _settle(rotations: PasswordRotations, rotation: PasswordRotation) -> None:
    # False: it has come in with it before its answer was read.
    await rotations.settle(rotation.key, rotation.rotation_id)


async def _await_restart(rotations: PasswordRotations, rotation: PasswordRotation) -> None:
    await rotations.await_restart(rotation.key, rotation.rotation_id)


async def _drop(rotations: PasswordRotations, rotation: PasswordRotation) -> None:
    await rotations.drop(rotation.key, rotation.rotation_id)


_End: TypeAlias = Callable[["PasswordRotations", PasswordRotation], Awaitable[None]]
_ENDS: Mapping[str, _End] = {
    "Accepted": _settle,
    "RebootRequired": _await_restart,
    **dict.fromkeys(REFUSALS, _drop),
}


# ---- in the words of each version ----


class _Words(NamedTuple):
    action: str
    fields: Callable[[bytes], Mapping[str, Any]]


def _request(version: str, password: bytes) -> Ask:
    words = _WORDS[version]
    try:
        return Ask(words.action, words.fields(password))
    except UnicodeDecodeError:
        raise InvalidCommand("OCPP 2.x takes passwords that are text.") from None


def _key(password: bytes) -> Mapping[str, Any]:
    # Its hex digits on the wire, its bytes in the header (security white paper, A00.FR.205).
    return {"key": "AuthorizationKey", "value": password.hex()}


def _variable(password: bytes) -> Mapping[str, Any]:
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    return {"setVariableData": [{**place, "attributeValue": password.decode()}]}


_WORDS: Mapping[str, _Words] = {
    "1.6": _Words("ChangeConfiguration", _key),
    "2.0.1": _Words("SetVariables", _variable),
    "2.1": _Words("SetVariables", _variable),
}

PERFORMERS: Performers = MappingProxyType({RotatePassword: rotate})
