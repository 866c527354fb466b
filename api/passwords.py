"""Change the password of a charger: by OCPP where it is connected, else by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.chargers import BASE, TAG, stored_charger
from api.commands import Asker, performed
from api.errors import NotFound, Taken
from api.parts import ApiParts
from api.routing import Request, route
from api.schemas.common import Done
from api.schemas.passwords import OpenRotations, Rotated, RotationRequest
from csms.commands import RotatePassword
from csms.rotation import MOST_OPEN, OPEN_FOR, new_rotation
from storage.records import ChargerKey
from storage.secrets import new_password
from storage.security_records import PasswordRotation

_PATH = BASE + "/{charge_box_id}/rotate-password"
_TOO_MANY = (
    f"{MOST_OPEN} new passwords wait for this charger already: let it come in with one of them, or "
    "cancel those that are to be given to it by hand."
)
_BY_HAND = (
    "A new password is being given to this charger by hand. Where that is not so any more, cancel "
    "it (DELETE), then ask again."
)


class _Told(NamedTuple):
    state: str
    message: str


_REFUSED = _Told("refused", "The charger refused a new password: it keeps the one that it has.")
_TOLD: Mapping[str, _Told] = {
    "Accepted": _Told("accepted", "The charger has its new password; the old one is refused now."),
    "RebootRequired": _Told(
        "at_restart", "The charger takes its new password at its next restart; until then both do."
    ),
}
_GIVE = (
    "Give the charger this password within 24 hours. The old one is refused once it has come in "
    "with the new one."
)


@route(
    "POST",
    _PATH,
    tag=TAG,
    scope="admin",
    body=RotationRequest(),
    answer=Rotated(),
    errors=(409, 502, 504),
)
async def rotate_password(request: Request) -> Mapping[str, Any]:
    """Give a charger a new password.

    By `ocpp` it is made here and told to the charger alone, as `AuthorizationKey` or
    `BasicAuthPassword`; where no answer comes, both passwords count until the charger comes in with
    the new one, for 24 hours at most. By `hand` it is told once, to be typed in at the charger.
    """
    charger, by_hand = await stored_charger(request), request.body["by"] == "hand"
    await check_room(request.parts, charger.key, by_hand=by_hand)
    password, rotation_id = new_password(), request.record_id()
    if by_hand:
        return await _by_hand(request, charger.key, rotation_id, password)
    command = RotatePassword(password.encode(), rotation_id, request.caller.id)
    asker = Asker(request.parts, request.caller.id, command_id=rotation_id)
    outcome = await performed(asker, charger.key, command, {"by": "ocpp"})
    told = _TOLD.get(outcome.status, _REFUSED)
    return _answer(rotation_id, told, response=outcome.status)


async def _by_hand(
    request: Request, key: ChargerKey, rotation_id: str, password: str
) -> Mapping[str, Any]:
    now = request.parts.clock.now()
    rotation = new_rotation(key, rotation_id, password.encode(), request.caller.id, now)
    await request.parts.storage.password_rotations.begin(rotation)
    told = _Told("by_hand", _GIVE)
    return _answer(rotation_id, told, expires_at=now + OPEN_FOR, ocpp_password=password)


def _answer(rotation_id: str, told: _Told, **more: Any) -> Mapping[str, Any]:
    blank = dict.fromkeys(("response", "expires_at", "ocpp_password"))
    return {**blank, **told._asdict(), "rotation_id": rotation_id, **more}


@route("GET", _PATH, tag=TAG, scope="read", answer=OpenRotations())
async def list_rotations(request: Request) -> Mapping[str, Any]:
    """List the new passwords that a charger may come in with beside its own, without telling them.

    There are 16 at most.
    """
    charger = await stored_charger(request)
    return {"rotations": await open_rotations(request.parts, charger.key)}


@route("DELETE", _PATH, tag=TAG, scope="admin", answer=Done())
async def cancel_rotations(request: Request) -> Mapping[str, Any]:
    """Cancel the new passwords that were to be given to a charger by hand.

    One that has been typed in at the charger already is refused from now on. What was told to the
    charger by OCPP cannot be cancelled: it may have it.
    """
    charger = await stored_charger(request)
    rotations = request.parts.storage.password_rotations
    found = await open_rotations(request.parts, charger.key)
    mine = [one for one in found if one.state == "by_hand"]
    dropped = [await rotations.drop(one.key, one.rotation_id) for one in mine]
    if not any(dropped):
        raise NotFound("No password is to be given to this charger by hand.")
    return {"message": "The charger keeps the password that it has."}


@route("POST", _PATH + "/reopen", tag=TAG, scope="admin", answer=OpenRotations(), errors=(404,))
async def reopen_rotations(request: Request) -> Mapping[str, Any]:
    """Let a charger come in with new passwords that ran out, for another 24 hours.

    For one that was away for a day after it had been told a password: a security event tells of it.
    """
    charger, now = await stored_charger(request), request.parts.clock.now()
    rotations = request.parts.storage.password_rotations
    if not await rotations.reopen(charger.key, now, now + OPEN_FOR):
        raise NotFound("No new password of this charger has run out.")
    return {"rotations": await open_rotations(request.parts, charger.key)}


async def check_room(parts: ApiParts, key: ChargerKey, *, by_hand: bool = False) -> None:
    """Raise Taken where a charger may not be told another password now.

    One that is typed in after the charger was told another would be refused.
    """
    found = await open_rotations(parts, key)
    if not by_hand and any(one.state == "by_hand" for one in found):
        raise Taken(_BY_HAND)
    if len(found) >= MOST_OPEN:
        raise Taken(_TOO_MANY)


async def open_rotations(parts: ApiParts, key: ChargerKey) -> list[PasswordRotation]:
    """Return the rotations of a charger that count now."""
    now = parts.clock.now()
    return [one for one in await parts.storage.password_rotations.of(key) if one.is_open(now)]
