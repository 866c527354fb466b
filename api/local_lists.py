"""The list of tokens that a charger can let charge by itself, without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.chargers import stored_charger
from api.commands import perform
from api.errors import CommandFailed
from api.outcomes import answered
from api.routing import Request, route
from api.schemas.reservations import (
    Answered,
    ListedToken,
    LocalListChange,
    LocalListRequest,
    OneLocalList,
)
from api.stations import STATION
from csms.commands import ChangeLocalList, Command, GetLocalListVersion, PutLocalList
from storage.records import Charger

TAG = "Local lists"
FAILURES = (409, 422, 502, 504)
PATH = STATION + "/localList"
_ENTRIES = ListedToken(many=True)


@route("GET", PATH, tag=TAG, scope="read", answer=OneLocalList())
async def get_local_list(request: Request) -> Mapping[str, Any]:
    """Show the list that we have put on a charger, and which version the charger says it has.

    They differ where somebody else has written the list; without a word of the charger
    `chargerVersion` is null.
    """
    charger = await stored_charger(request)
    stored = await request.parts.storage.local_lists.get(charger.key)
    shown = {
        "version": stored.version if stored else 0,
        "entries": _ENTRIES.load(list(stored.entries)) if stored else [],
        "updated_at": stored.updated_at if stored else None,
    }
    return {"local_list": {**shown, "charger_version": await _version(request, charger)}}


@route(
    "PUT",
    PATH,
    tag=TAG,
    scope="operate",
    body=LocalListRequest(),
    answer=Answered(),
    errors=FAILURES,
)
async def put_local_list(request: Request) -> Mapping[str, Any]:
    """Give a charger a list of tokens in place of what it has."""
    entries = _written(request.body["entries"])
    return await _perform(request, PutLocalList(entries), {"entries": entries})


@route(
    "PATCH",
    PATH,
    tag=TAG,
    scope="operate",
    body=LocalListChange(),
    answer=Answered(),
    errors=FAILURES,
)
async def change_local_list(request: Request) -> Mapping[str, Any]:
    """Add or replace tokens in a charger's list, and take others out.

    A charger whose list is not the one that we have put there is given the whole list.
    """
    entries, removed = _written(request.body["entries"]), request.body["removed"]
    asked = {"entries": entries, "removed": removed}
    return await _perform(request, ChangeLocalList(entries, removed), asked)


@route("DELETE", PATH, tag=TAG, scope="operate", answer=Answered(), errors=FAILURES)
async def clear_local_list(request: Request) -> Mapping[str, Any]:
    """Empty a charger's list."""
    return await _perform(request, PutLocalList(()), {"entries": []})


async def _perform(
    request: Request, command: Command, asked: Mapping[str, Any]
) -> Mapping[str, Any]:
    return answered(await perform(request, await stored_charger(request), command, asked))


async def _version(request: Request, charger: Charger) -> int | None:
    if request.parts.registry.find(charger.key) is None:
        return None
    try:
        outcome = await perform(request, charger, GetLocalListVersion(), {})
    except CommandFailed:
        return None
    version: int = next(iter(outcome.response.values()))
    return version


def _written(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    shown = _ENTRIES.dump(entries)
    return [{name: value for name, value in one.items() if value is not None} for one in shown]
