"""Serve a target's charging profiles from a stack of its own, which the charger never sees.

What lies on the charger is made of all owners' stacks (`csms/profiles.py`), so a target can neither
lift a power limit of the platform nor see one in its own reads (ADR 0015).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from csms import frames
from csms.commands import Outcome
from csms.errors import CallRefused, LinkBusy
from csms.frames import Call, CallError, CallResult, Reply
from csms.profile_lint import Place, rivals
from csms.profile_words import Words
from csms.readings import mapping
from csms.schedules import TX, Fields
from proxy import authority, splice
from proxy.asked import Asked, Serve
from proxy.profile_rules import chosen_by, flaw_of
from storage.records import ChargingProfile

if TYPE_CHECKING:
    from csms.registry import Connection
    from csms.station import Station
    from storage.clock import Clock

Forward: TypeAlias = Callable[[Asked], Awaitable[Reply]]

_ACCEPTED, _REJECTED, _UNKNOWN, _NONE = "Accepted", "Rejected", "Unknown", "NoProfiles"
_SOURCE = "CSO"
_PROFILE = "chargingprofile"
_MOST = 50  # profiles of one target on one charger
_LONGEST = 64 << 10  # bytes of a request with a profile
_MOST_OWED = 256 << 10  # bytes of reports that the target has not taken yet


class VirtualProfiles:
    """Answer what a target asks about charging profiles, for one connected charger."""

    def __init__(self, connection: Connection, clock: Clock, forward: Forward) -> None:
        self._station: Station = connection.station
        self._profiles = connection.station.profiles
        self._words = Words.of(connection.station.version)
        self._clock = clock
        self._forward = forward

    @property
    def served(self) -> Mapping[str, Serve]:
        """Return who serves which action."""
        return {
            "ClearChargingProfile": self.clear,
            "GetChargingProfiles": self.report,
            "SetChargingProfile": self.set,
            self._words.start: self.start,
        }

    async def set(self, asked: Asked) -> Reply:
        """Keep a profile if the charger accepts what follows from it."""
        call, words = asked.call, self._words
        if refusal := self._unreadable(call):
            return refusal
        payload = await asked.target.delivery.ids.to_charger(call.action, call.payload)
        if payload is None:
            return self._says(asked, _REJECTED, "TxNotFound")
        fields = orjson.loads(payload)
        place = await self._place(fields[words.evse], words.read(fields[words.profile]))
        own = await self._profiles.wishes(asked.configuration.id)
        others = [one for one in own if one.profile_id != place.profile["id"]]
        flaw = flaw_of(place) or ("TooManyElements" if len(others) >= _MOST else None)
        rivaling = [] if flaw else rivals(others, place)
        if rivaling and not self._station.replaces_rivals:
            flaw = "DuplicateProfile"
        if flaw is not None:
            return self._says(asked, _REJECTED, flaw)
        settled = await self._profiles.put(self._wish(asked, place), instead_of=rivaling)
        return (
            self._settled(asked, settled.refusal)
            if settled.choice
            else self._says(asked, _ACCEPTED)
        )

    def _unreadable(self, call: Call) -> CallError | None:
        if len(call.payload) > _LONGEST:
            told = f"A request with a profile is too long beyond {_LONGEST} bytes."
            return frames.call_error(call.id, "PropertyConstraintViolation", told)
        violation = self._station.schemas.request(call.action, call.fields)
        if violation is None:
            return None
        return frames.call_error(call.id, violation.code, violation.message)

    async def clear(self, asked: Asked) -> Reply:
        """Take profiles out of the target's own stack, and out of nothing else."""
        owner, chosen = asked.configuration.id, chosen_by(self._words, asked.call.fields)
        removed = await self._profiles.remove(lambda one: one.owner == owner and chosen(one))
        return self._says(asked, _ACCEPTED if removed else _UNKNOWN)

    async def report(self, asked: Asked) -> Reply:
        """Report the target's own stack, one message for each EVSE (K09)."""
        if asked.target.owed > _MOST_OWED:
            told = "What was asked for before has to be taken first."
            return frames.call_error(asked.call.id, "InternalError", told)
        fields = mapping(asked.call.fields)
        criteria = mapping(fields.get("chargingProfile"))
        chosen = chosen_by(self._words, {"chargingProfileCriteria": {**criteria, **fields}})
        ids = criteria.get("chargingProfileId")
        found = [
            one
            for one in await self._profiles.wishes(asked.configuration.id)
            if chosen(one) and (not ids or one.profile_id in ids)
        ]
        if not found or _SOURCE not in criteria.get("chargingLimitSource", [_SOURCE]):
            return self._says(asked, _NONE)
        for message in _reports(found, fields.get("requestId")):
            asked.target.tell("ReportChargingProfiles", orjson.dumps(message))
        return self._says(asked, _ACCEPTED)

    async def start(self, asked: Asked) -> Reply | None:
        """Let a start bring its profile along, no higher than the connector's limit."""
        call, words = asked.call, self._words
        if not any(name.casefold() == _PROFILE for name in mapping(call.fields)):
            return None
        # A charger may be more lenient than its schema: none gets a profile that we cannot read.
        if refusal := self._unreadable(call):
            return refusal
        profile = words.read(call.fields["chargingProfile"])
        profile.pop("transactionId", None)  # there is none yet (F01.FR.11, 1.6 §5.16.2)
        evse_id = call.fields.get(words.evse) or 0
        abilities = await self._profiles.abilities(evse_id)
        place = Place(evse_id, profile, None, abilities, starting=True)
        if profile["chargingProfilePurpose"] != TX or flaw_of(place):
            return self._says(asked, _REJECTED, "InvalidProfile")
        sent = await self._profiles.starting(asked.configuration.id, evse_id, profile)
        wish = self._wish(asked, place, {"id_token": self._token(asked), "sent": sent})
        await self._profiles.expect(wish)
        # Where no answer comes the charger may start all the same, and then has the profile.
        try:
            reply = await self._forward(self._with(asked, sent))
        except (CallRefused, LinkBusy):
            await self._profiles.expect_no_more(wish)
            raise
        if not _accepts(reply):
            await self._profiles.expect_no_more(wish)
        return reply

    def _with(self, asked: Asked, profile: Fields) -> Asked:
        text = orjson.dumps(self._words.write(profile))
        payload = splice.replace(asked.call.payload, ("chargingProfile",), lambda _: text)
        call = asked.call
        return replace(asked, call=frames.call(call.id, call.action, payload, call.fields))

    def _token(self, asked: Asked) -> str | None:
        return authority.id_token(self._station.version, asked.call.action, asked.call.fields)

    async def _place(self, evse_id: int, profile: dict[str, Any]) -> Place:
        """Say where a profile is meant to be, with the transaction that it is for."""
        transaction = None
        if profile["chargingProfilePurpose"] == TX:
            running = await self._station.books.transactions.running(self._station.key)
            here = [one for one in running if one.evse_id == evse_id]
            named = profile.get("transactionId")
            transaction = next((one for one in here if named in {None, one.transaction_id}), None)
        else:
            profile.pop("transactionId", None)
        return Place(evse_id, profile, transaction, await self._profiles.abilities(evse_id))

    def _wish(
        self, asked: Asked, place: Place, meta: Mapping[str, Any] | None = None
    ) -> ChargingProfile:
        profile = place.profile
        return ChargingProfile(
            key=self._station.key,
            owner=asked.configuration.id,
            profile_id=profile["id"],
            evse_id=place.evse_id,
            purpose=profile["chargingProfilePurpose"],
            stack_level=profile["stackLevel"],
            transaction_id=place.transaction.transaction_id if place.transaction else None,
            profile=profile,
            meta=meta or {},
            created_at=self._clock.now(),
        )

    def _settled(self, asked: Asked, refusal: Outcome | Exception | None) -> Reply:
        if isinstance(refusal, CallRefused):
            raise refusal
        if isinstance(refusal, Outcome):
            told = {"statusInfo": refusal.status_info} if refusal.status_info else {}
            return _result(asked, {"status": refusal.status, **told})
        return self._says(asked, _REJECTED, "InvalidProfile")

    def _says(self, asked: Asked, status: str, reason: str | None = None) -> CallResult:
        told = {"statusInfo": {"reasonCode": reason}} if reason and self._words.reasons else {}
        return _result(asked, {"status": status, **told})


def _result(asked: Asked, fields: Mapping[str, Any]) -> CallResult:
    return frames.call_result(asked.call.id, orjson.dumps(fields))


def _accepts(reply: Reply) -> bool:
    if not isinstance(reply, CallResult):
        return False
    return mapping(orjson.loads(reply.payload)).get("status") == _ACCEPTED


def _reports(found: list[ChargingProfile], request_id: Any) -> list[Fields]:
    places = sorted({one.evse_id for one in found})
    return [
        {
            "requestId": request_id,
            "chargingLimitSource": _SOURCE,
            "evseId": place,
            "chargingProfile": [one.profile for one in found if one.evse_id == place],
            "tbc": place != places[-1],
        }
        for place in places
    ]
