"""Serve what a target asks of the charger: by policy, under the ids that each side knows.

The charger's answer goes back under the target's own message id. What several parties own at once
(the table below) is served by its own module, which asks the charger where it has to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from csms import frames
from csms.errors import CallRefused, LinkBusy, LinkError
from csms.frames import Call, CallError, CallResult, Reply
from csms.turns import Urgency
from proxy import authority, keys, verdicts
from proxy.asked import Ask, Asked, Serve
from proxy.auditing import UNKNOWN, TargetAudit, names_told
from proxy.authority import under
from proxy.availability import TargetAvailability
from proxy.profiles import VirtualProfiles
from proxy.resets import TargetResets
from proxy.settings import Settings
from proxy.settings16 import Settings16
from proxy.settings201 import Settings201
from proxy.unsent import Unsent
from proxy.verdicts import Answer, Refuse, Triggered
from proxy.wishes import Wishes
from storage.errors import StorageError
from storage.records import Origin

if TYPE_CHECKING:
    from csms.registry import Connection
    from proxy.parts import RelayParts
    from proxy.target import TargetLink

log = structlog.get_logger("ringmain.orders")


class Orders:
    """Answer what a target calls, for one connected charger."""

    def __init__(self, connection: Connection, parts: RelayParts, audit: TargetAudit) -> None:
        self._connection = connection
        key, version = connection.key, connection.station.version
        self._version = version
        self._tokens = parts.storage.id_tokens
        self._clock = parts.clock
        self._timings = parts.timings
        self._audit = audit
        station = connection.station
        self._availability = TargetAvailability(station, self._ask)
        # Who serves an action that is not simply the charger's to answer.
        self._served: Mapping[str, Serve] = {
            **served(Settings(key, version, parts, audit), version, self._ask),
            "ChangeAvailability": self._availability.serve,
            "GetTransactionStatus": Unsent(parts.storage, self._ask).serve,
            "Reset": TargetResets(station, audit).serve,
            **VirtualProfiles(connection, parts.clock, self._forwarded).served,
        }

    async def reconcile(self) -> None:
        """Take back what targets have left behind that are deleted or disabled."""
        await asyncio.sleep(self._timings.settling)  # the link may be about to begin
        self._connection.station.profiles.look()
        try:
            await self._availability.release()
        except (LinkError, StorageError) as failure:  # at the next occasion
            key = self._connection.key
            log.warning("not_released", charge_box_id=key.charge_box_id, reason=str(failure))

    async def answer(self, call: Call, target: TargetLink, position: int) -> Reply:
        """Answer the target, with the charger's answer where the policy lets its CALL pass."""
        configuration = target.configuration
        overrides = Wishes.of(configuration.policy).actions
        match verdicts.verdict(self._version, call, configuration.role, overrides):
            case Answer(payload):
                self._denied(call, target, "policy")
                return frames.call_result(call.id, payload)
            case Refuse(code, description):
                self._denied(call, target, code)
                return frames.call_error(call.id, code, description)
            case Triggered(message, payload):
                target.trigger(message)
                return frames.call_result(call.id, payload)
            case _:
                return await self._passed(Asked(call, target, position))

    def _denied(self, call: Call, target: TargetLink, reason: str) -> None:
        # What no version knows shares one minute: a target can make up names without end.
        action = call.action if call.action in verdicts.ACTIONS else UNKNOWN
        fields = call.fields if isinstance(call.fields, dict) else {}
        settings = keys.settings_in(action, fields)
        named = {"keys": names_told([name for name, _ in settings])} if settings else {}
        self._audit.note(target.configuration, action, "denied", reason=reason, **named)

    async def _passed(self, asked: Asked) -> Reply:
        call, serve = asked.call, self._served.get(asked.call.action)
        try:
            reply = await serve(asked) if serve is not None else None
            return await self._forwarded(asked) if reply is None else reply
        except CallRefused as refused:
            return under(call.id, refused.error)
        except LinkError as failure:
            return _no_answer(call.id, failure)

    async def _forwarded(self, asked: Asked) -> Reply:
        call = asked.call
        payload = await asked.target.delivery.ids.to_charger(call.action, call.payload)
        if payload is None:
            self._denied(call, asked.target, "unknown_id")
            return frames.call_result(call.id, verdicts.refusal(self._version, call.action))
        token = authority.id_token(self._version, call.action, call.fields)
        if token is not None:  # before it is sent, as some chargers start at once
            now = self._clock.now()
            self._tokens.note_accepted(self._connection.key, token, "remote_start", now)
        result = await self._ask(call.action, payload, asked.position)
        told = keys.conceal(call.action, result.payload, result.fields)
        return frames.call_result(call.id, told)

    async def _ask(self, action: str, payload: bytes, origin: int | None = None) -> CallResult:
        timings = self._timings
        return await self._connection.link.call(
            action,
            payload,
            timeout=timings.command,
            patience=timings.patience,
            urgency=Urgency.TARGET,
            note=None if origin is None else Origin(origin),
        )


def served(settings: Settings, version: str, ask: Ask) -> Mapping[str, Serve]:
    """Return who serves the configuration keys of an OCPP version."""
    if version == "1.6":
        in16 = Settings16(settings, ask)
        return {"ChangeConfiguration": in16.change, "GetConfiguration": in16.get}
    in201 = Settings201(settings, ask)
    return {"GetVariables": in201.get, "SetVariables": in201.set}


def _no_answer(id: str, failure: LinkError) -> CallError:
    # Its place in our line is our affair, its silence is the charger's.
    code = "InternalError" if isinstance(failure, LinkBusy) else "GenericError"
    return frames.call_error(id, code, "The charger did not answer in time.")
