"""Put the operator's own charging profiles beside all limits and what targets want, or take back.

What OCPP's own SetChargingProfile and ClearChargingProfile ask for goes the same way, so that
nobody lifts by them what another party needs (`smart-charging` items 12 and 17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from csms.commands import ClearChargingProfile, Outcome, Performers, PutProfile, RemoveProfiles
from csms.drafts import Draft, drafted, purposes_of, start_draft
from csms.errors import InvalidCommand
from csms.parties import PLATFORM, conditions_of, is_limit
from csms.profile_ids import (
    MOST_EVSES,
    NO_CLOUD,
    NOT_AUTHORIZED,
    PLATFORM_IDS,
    Reserved,
    is_reserved_for_targets,
    reserved_for,
)
from csms.profile_lint import Flaw, Place, flaws_of_any, flaws_of_ours, rivals
from csms.profile_words import Words, left_out, path_in, unsayable
from csms.removals import chosen, removal
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Fields
from csms.told import ACCEPTED, REJECTED, UNKNOWN, Told, accepted, outcome
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.station import Station

_CONDITIONAL_LEVEL = 1000  # as of power limits
_MOST = 50  # profiles of the operator on one charger
_MOST_NAMED = 100  # flaws
_FIRST_ID = PLATFORM_IDS.stop  # higher than what a 2.1 station keeps for others (K01.FR.80)
_PROFILE, _CRITERIA, _ID = "chargingProfile", "chargingProfileCriteria", "chargingProfileId"


async def put_profile(station: Station, command: PutProfile) -> Outcome:
    """Have a profile hold on an EVSE or the station; it is stored if the charger follows.

    Raises InvalidCommand, naming each field, where that cannot be; else as ``Profiles.put``.
    """
    if not 0 <= command.evse_id <= MOST_EVSES:
        beyond = f"There are at most {MOST_EVSES} EVSEs; 0 is the station."
        raise InvalidCommand(beyond, {Words.of(command.said_in).evse: [beyond]})
    running = await station.books.transactions.running(station.key)
    draft = drafted(command.profile, command.evse_id, running, station.books.clock.now())
    async with station.profiles.choosing():
        try:
            ready = await _ready(station, draft, command.meta)
        except InvalidCommand as invalid:
            raise _in_words_of(command.said_in, invalid) from None
        if told := _conflict(station, ready):
            return _told_in_full(station, outcome(REJECTED, [told]))
        settled = await station.profiles.put(ready.wish, instead_of=ready.rivals)
    replaced = [_at_the_same_level("Replaced", ready.rivals)] if ready.rivals else []
    return _told_in_full(station, accepted(settled, [*ready.told, *replaced]))


async def remove_profiles(station: Station, command: RemoveProfiles) -> Outcome:
    """Take back profiles of the operator and nothing else; Unknown where there was none.

    An id that is none of ours is asked of the charger: what is left there from before has it.
    Raises InvalidCommand where nothing is named.
    """
    if invalid := _objection(command):
        raise _in_words_of(command.said_in, invalid)
    purpose, id = command.purpose, command.profile_id
    purposes = (None,) if purpose is None else purposes_of(purpose, command.evse_id)
    named = [chosen(replace(command, purpose=one)) for one in purposes]
    removed = await station.profiles.remove(
        lambda one: _is_own(one) and any(matches(one) for matches in named)
    )
    if not removed and id is not None and await _is_foreign(station, id):
        return await station.perform(ClearChargingProfile(id))
    changed = purpose is not None and purposes != (purpose,)
    told = [Told("PurposeChanged", f"Read as {' or '.join(map(str, purposes))}.")]
    status = ACCEPTED if removed else UNKNOWN
    return _told_in_full(station, outcome(status, told if changed else ()))


def from_request(version: str, action: str, fields: Fields) -> PutProfile | RemoveProfiles:
    """Read a SetChargingProfile or a ClearChargingProfile that follows its schema."""
    words = Words.of(version)
    if action == "ClearChargingProfile":
        return replace(removal(words, fields), said_in=version)
    profile = words.read(fields[words.profile])
    return PutProfile(fields[words.evse], profile, said_in=version)


# ---- what is wanted ----


class Ready(NamedTuple):
    """A wish that the charger can be asked for, what was changed, and what it meets there."""

    wish: ChargingProfile
    told: tuple[Told, ...]
    rivals: Sequence[ChargingProfile]
    others: int
    can_fall_back: bool


async def ready_start(
    station: Station, evse_id: int, asked: Fields, meta: Mapping[str, Any]
) -> Ready:
    """Make the TxProfile that a start brings along of what was asked; EVSE 0 is any.

    It is for the transaction that is to come (K05.FR.02, F01.FR.11, 1.6 §5.16.2); its id is free
    within ``Profiles.choosing``. Raises InvalidCommand, naming each field, where the charger could
    not have it; LinkError; StorageError.
    """
    if meta.get("condition"):
        told = "What goes along with a start holds at once: put it by itself."
        raise InvalidCommand(told, {f"{_PROFILE}.condition": [told]})
    draft = start_draft(asked, evse_id, station.books.clock.now())
    return await _ready(station, draft, meta, starting=True)


async def _ready(
    station: Station, draft: Draft, meta: Mapping[str, Any], *, starting: bool = False
) -> Ready:
    now, abilities = station.books.clock.now(), await station.profiles.abilities(draft.evse_id)
    profile = {"stackLevel": _level(meta), **draft.profile}
    place = Place(draft.evse_id, profile, draft.transaction, abilities, starting, ours=True)
    _refuse(flaws_of_any(place))
    wishes = await station.profiles.wishes(PLATFORM)
    own = [one for one in wishes if _is_own(one)]
    rivaling = rivals((one for one in own if _conditions(meta) == conditions_of(one)), place)
    profile = {"id": _free_id(wishes, rivaling), **profile}
    place = place._replace(profile=profile)
    _refuse(
        [
            *flaws_of_ours(place, now),
            *unsayable(station.version, profile),
            *_id_flaws(place, wishes),
        ]
    )
    wish = _wish(station, place, meta)
    others = [one for one in own if one.profile_id != wish.profile_id]
    told = (*draft.told, *_told(station.version, place, draft.profile, meta))
    unlike = [one for one in rivaling if one in others]
    return Ready(wish, told, unlike, len(others) - len(unlike), abilities.can_fall_back)


def _wish(station: Station, place: Place, meta: Mapping[str, Any]) -> ChargingProfile:
    profile, transaction = place.profile, place.transaction
    return ChargingProfile(
        key=station.key,
        owner=PLATFORM,
        profile_id=profile["id"],
        evse_id=place.evse_id,
        purpose=profile["chargingProfilePurpose"],
        stack_level=profile["stackLevel"],
        transaction_id=transaction.transaction_id if transaction else None,
        profile=profile,
        meta=meta,
        created_at=station.books.clock.now(),
    )


def _is_own(wish: ChargingProfile) -> bool:
    return wish.owner == PLATFORM and not is_limit(wish)


def _free_id(wishes: Iterable[ChargingProfile], rivaling: Sequence[ChargingProfile]) -> int:
    """Return an id nobody has; a profile in the place of another has that one's."""
    taken = {one.profile_id for one in wishes}
    free = (id for id in count(_FIRST_ID) if id not in taken)
    return rivaling[0].profile_id if rivaling else next(free)


def _id_flaws(place: Place, wishes: Iterable[ChargingProfile]) -> Iterator[Flaw]:
    id, purpose = place.profile["id"], place.profile["chargingProfilePurpose"]
    kept = reserved_for(id)
    limited = (TX_DEFAULT if place.evse_id else STATION_MAX, TX)
    here = purpose in limited and kept == Reserved(place.evse_id, purpose == TX)
    if (kept is not None and not here) or is_reserved_for_targets(id):
        yield Flaw("id", "InvalidProfile", "This id is kept for something else.")
    elif any(is_limit(one) and one.profile_id == id for one in wishes):
        yield Flaw("id", "InvalidProfile", "This id is in use for a power limit.")


def _told(version: str, place: Place, asked: Fields, meta: Mapping[str, Any]) -> Iterator[Told]:
    profile, highest = place.profile, place.abilities.max_level
    if asked.get("stackLevel", 0) > highest:
        yield Told("Clamped", f"The highest stack level is {highest}.")
    if lost := left_out(version, profile):
        yield Told("LeftOut", f"OCPP {version} has no place for {', '.join(lost)}.")
    if NOT_AUTHORIZED in _conditions(meta):
        yield Told("Emulated", "Most chargers give no energy without authorization anyway.")
    if "id" not in asked:
        yield Told("IdAssigned", f"Its id is {profile['id']}.")


def _conditions(meta: Mapping[str, Any]) -> frozenset[str]:
    return frozenset({meta["condition"]} if meta.get("condition") else ())


def _level(meta: Mapping[str, Any]) -> int:
    """Return the stack level where none is asked for: a condition goes before what has none."""
    return _CONDITIONAL_LEVEL if _conditions(meta) else 0


def _refuse(flaws: Iterable[Flaw]) -> None:
    fields: dict[str, list[str]] = {}
    for flaw in islice(flaws, _MOST_NAMED):
        fields.setdefault(f"{_PROFILE}.{flaw.path}", []).append(flaw.sentence)
    if fields:
        raise InvalidCommand(next(iter(fields.values()))[0], fields)


def _in_words_of(version: str, invalid: InvalidCommand) -> InvalidCommand:
    fields = {path_in(version, path): told for path, told in invalid.fields.items()}
    return InvalidCommand(str(invalid), fields)


# ---- what became of it ----


def _told_in_full(station: Station, got: Outcome) -> Outcome:
    """Return an outcome whose response has what we tell too, where OCPP has a place for it."""
    if got.status_info is None or not Words.of(station.version).reasons:
        return got
    return replace(got, response={**got.response, "statusInfo": got.status_info})


def _conflict(station: Station, ready: Ready) -> Told | None:
    """Return why a profile cannot be had beside the others that the operator wants."""
    if NO_CLOUD in conditions_of(ready.wish) and not ready.can_fall_back:
        return Told("StackLevelTooLow", "Nothing can lie below what else holds there.")
    if ready.rivals and not station.replaces_rivals:
        return _at_the_same_level("DuplicateProfile", ready.rivals)  # K01.FR.06
    if ready.others >= _MOST:
        return Told("TooManyElements", f"The charger has {_MOST} profiles of its operator.")
    return None


def _at_the_same_level(code: str, rivaling: Iterable[ChargingProfile]) -> Told:
    ids = ", ".join(str(one.profile_id) for one in rivaling)
    return Told(code, f"At the same place and stack level there was profile {ids}.")


# ---- what is taken back ----


def _objection(command: RemoveProfiles) -> InvalidCommand | None:
    if command.purpose == "LocalGeneration":
        told = "What a station generates itself is no limit of ours."
        return InvalidCommand(told, {f"{_CRITERIA}.chargingProfilePurpose": [told]})
    if command == RemoveProfiles():
        told = "Name a profile by its id, or several by criteria."
        return InvalidCommand(told, {_ID: [told]})
    return None


async def _is_foreign(station: Station, id: int) -> bool:
    if reserved_for(id) or is_reserved_for_targets(id):
        return False
    installed = await station.books.profiles.installed(station.key)
    return all(one.profile["id"] != id for one in installed)


PERFORMERS: Performers = MappingProxyType(
    {PutProfile: put_profile, RemoveProfiles: remove_profiles}
)
