"""What the stations of every OCPP version share: the library's ChargePoint on our Link.

A station answers what one charger calls and asks what the platform wants of it. Handlers are
ordinary ``@on`` methods and requests are the library's dataclasses, but frames come from the
Link: the library's own loop, queue and validation are not used (ADR 0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from inspect import unwrap
from types import CoroutineType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import orjson
import structlog
from ocpp import routing
from ocpp.charge_point import ChargePoint

from csms import frames, resets
from csms.availability import Availability
from csms.books import Books
from csms.commands import Command, Outcome, Performers, RemoteStart, RemoteStop
from csms.endings import WITHOUT_TRANSACTION
from csms.errors import BadAnswer, InvalidCommand, NotStored, NotSupported
from csms.frames import Call, CallError, CallResult, Dialect, Reply, Send
from csms.limits import Abilities
from csms.link import Link
from csms.payloads import arguments, wire_fields
from csms.performers import PERFORMERS
from csms.profiles import HEARD, JUDGED, Profiles
from csms.readings import word
from csms.resets import Resets
from csms.schemas import Schemas, Violation
from csms.turns import PATIENCE, Urgency
from storage.clock import timestamp
from storage.errors import StorageError
from storage.records import ChargerKey

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = structlog.get_logger("ringmain.station")

_BOTH_WAYS = frozenset({"DataTransfer"})  # a charger and its system may both send it
_LONGEST_NAME = 50  # what any version allows for vendor, model, serial number or firmware (S-08)

Handler: TypeAlias = Callable[..., Any]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


def on(action: str) -> Callable[[AnyHandler], AnyHandler]:
    """Mark a method as the handler of an action: the library's decorator, with its type."""
    mark: Callable[[AnyHandler], AnyHandler]
    mark = routing.on(action)  # type: ignore[no-untyped-call]  # the library has no types here
    return mark


def always(result: DataclassInstance) -> Handler:
    """Make the handler that gives an action of the result's name always this result."""
    action = type(result).__name__

    def handler(_self: Station, _message: Call, /, **_fields: Any) -> DataclassInstance:
        return result

    (name,) = arguments({action: None})
    handler.__name__ = f"on_{name}"  # the library finds handlers by name
    return on(action)(handler)


class Station(ChargePoint):
    """Answer one charger and ask it; the subclass of its OCPP version has the words.

    A handler is called with the CALL and, by name, the top level of its payload, unchecked for
    actions that are ``always_answered``. It returns the library's result.
    """

    version: ClassVar[str]
    subprotocol: ClassVar[str]
    dialect: ClassVar[Dialect]
    schemas: ClassVar[Schemas]
    # Real chargers break the schemas of these, and lose data or stop when they are refused.
    always_answered: ClassVar[frozenset[str]]
    performers: ClassVar[Performers]
    # A charging profile takes the place of another with its purpose and level (1.6 §3.13.2);
    # otherwise there must be none there (2.0.1 K01.FR.06).
    replaces_rivals: ClassVar[bool] = False
    # It can be asked which charging profiles it has, else only what follows from them.
    reports_profiles: ClassVar[bool] = True
    # What is known of the mains is known of each EVSE.
    supply_by_evse: ClassVar[bool] = True
    handlers: ClassVar[Mapping[str, Handler]] = MappingProxyType({})
    # What may be asked of a charger: what the version has and a charger does not call.
    asked: ClassVar[frozenset[str]] = frozenset()
    # What results without fields read on the wire, once one was checked.
    _unvarying: ClassVar[dict[type[DataclassInstance], bytes]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the handlers once per class; the library does so for each charger (12 KB)."""
        super().__init_subclass__()
        cls._unvarying = {}
        routes = routing.create_route_map(cls)  # type: ignore[no-untyped-call]  # as above
        cls.handlers = MappingProxyType(
            {str(action): unwrap(route["_on_action"]) for action, route in routes.items()}
        )
        known = cls.schemas.actions - cls.schemas.sends
        cls.asked = known - cls.handlers.keys() | _BOTH_WAYS

    def __init__(self, key: ChargerKey, books: Books, link: Link) -> None:
        # Not the library's: it would hold a queue, a lock and a route map that nothing uses.
        self.id = key.charge_box_id
        self.key = key
        self.books = books
        self.link = link
        self.profiles = Profiles(self)
        self.availability = Availability(key, self.version, books.availability)
        self.resets = Resets(self)
        self.listing = asyncio.Lock()  # of who writes the local list
        self.stopping = asyncio.Lock()  # of who has a transaction stopped
        self.securing = asyncio.Lock()  # of who changes what it comes in with

    @property
    def now(self) -> str:
        """Write the present moment as OCPP wants it: RFC 3339 in UTC."""
        return timestamp(self.books.clock.now())

    async def answer(self, call: Call | Send, _position: int = 0) -> Reply:
        """Answer what the charger called; raise NotStored where the books cannot be read."""
        handler = self.handlers.get(call.action)
        if handler is None:
            return self._not_ours(call)
        violation = self.schemas.request(call.action, call.fields)
        if violation is not None and not self._tolerable(call, violation):
            return frames.call_error(call.id, violation.code, violation.message)
        try:
            result = handler(self, call, **arguments(call.fields))
            if isinstance(result, CoroutineType):
                result = await result
        except StorageError as cause:
            raise NotStored from cause
        self.heard(call)
        reply = self._reply(call, result)
        if call.action in JUDGED and isinstance(reply, CallResult):
            self.profiles.judged(call.fields, reply.fields)
        return reply

    def heard(self, call: Call | Send) -> None:
        """Tell whoever wants to hear of it what the charger has called."""
        for hear in self.books.hearing.get(call.action, ()):
            hear(self.key, call)
        if call.action in HEARD:
            self.profiles.heard(call.action, call.fields)
        if call.action in resets.HEARD:
            self.resets.heard(call.action, call.fields)

    async def witness(self, call: Call, answer: CallResult) -> None:
        """Note what another system has answered, as if the answer were ours.

        Raises NotStored where the books cannot be read.
        """
        await self.answer(call)
        if call.action in JUDGED:
            self.profiles.judged(call.fields, answer.fields)

    def note_boot(
        self, call: Call, *, vendor: Any, model: Any, serial_number: Any, firmware_version: Any
    ) -> None:
        """Note what the charger says it is; whether to believe it is the repository's choice."""
        self.books.chargers.note_boot(
            self.key,
            vendor_name=word(vendor, _LONGEST_NAME),
            model_name=word(model, _LONGEST_NAME),
            serial_number=word(serial_number, _LONGEST_NAME),
            firmware_version=word(firmware_version, _LONGEST_NAME),
            boot_payload=call.payload,
        )

    async def admission(self) -> tuple[int, str]:
        """Return what a boot is answered with: the interval in s, and Accepted or Pending.

        Whoever is held back sends nothing but what we ask for, and boots again (1.6 §4.2, B02).
        """
        charger = await self.books.chargers.get(self.key)
        if charger is not None and charger.boot_policy == "pending":
            return self.books.pending_interval, "Pending"
        await self.books.transactions.booted(self.key)
        return self.books.heartbeat_interval, "Accepted"

    def note_seen(self) -> None:
        """Note that the charger is alive."""
        self.books.chargers.note_seen(self.key, self.books.clock.now())

    def note_status(
        self,
        call: Call,
        evse_id: int | None,
        connector_id: int | None,
        status: Any,
        error_code: Any = None,
    ) -> None:
        """Note a connector's status, unless it does not say which connector or which status."""
        state = word(status)
        if evse_id is None or connector_id is None or state is None:
            return
        self.books.chargers.note_status(
            self.key, evse_id, connector_id, state, call.payload, word(error_code)
        )
        if state in WITHOUT_TRANSACTION:
            self.books.transactions.idle(self.key, evse_id, connector_id)

    async def perform(self, command: Command) -> Outcome:
        """Let the charger carry out a command; raise CommandError or LinkError."""
        performer = self.performers.get(type(command)) or PERFORMERS.get(type(command))
        if performer is None:
            raise NotSupported
        try:
            return await performer(self, command)
        except StorageError as cause:
            raise NotStored from cause

    async def remote_start(self, command: RemoteStart) -> Outcome:
        """Ask the charger to start, with the profile that is to lie there; raise as ``ask``."""
        raise NotImplementedError

    async def remote_stop(self, command: RemoteStop) -> Outcome:
        """Ask the charger to stop a transaction; raise as ``ask``."""
        raise NotImplementedError

    async def abilities(self, evse_id: int) -> Abilities:
        """Ask what charging schedules for an EVSE may be made of; raise LinkError.

        A charger that will not say has the least abilities.
        """
        raise NotImplementedError

    async def ask(
        self,
        request: DataclassInstance,
        urgency: Urgency = Urgency.OWNER,
        patience: float = PATIENCE,
    ) -> Outcome:
        """Send one of the library's requests and return the charger's own answer.

        ``patience`` bounds the wait for our turn, in s. Raises InvalidCommand where the request
        breaks its schema, BadAnswer where the answer has no status, and the errors of
        ``Link.call``.
        """
        action, fields = type(request).__name__, wire_fields(request)
        broken = self.schemas.request(action, fields)
        if broken is not None:
            raise InvalidCommand(broken.message)
        payload = orjson.dumps(fields)
        answer = await self.link.call(action, payload, urgency=urgency, patience=patience)
        return self.outcome(action, answer)

    def outcome(self, action: str, answer: CallResult) -> Outcome:
        """Return the charger's own answer; raise BadAnswer where it has no status."""
        return _outcome(answer.fields, self.schemas.response(action, answer.fields))

    async def close(self) -> None:
        """Look after nothing any more: the link has ended."""
        await self.profiles.close()
        await self.resets.close()

    def _not_ours(self, call: Call | Send) -> CallError:
        if self.schemas.knows(call.action):
            return frames.call_error(call.id, "NotSupported", "a charger does not call this")
        return frames.call_error(call.id, "NotImplemented", "action is not known")

    def _tolerable(self, call: Call | Send, violation: Violation) -> bool:
        if call.action not in self.always_answered or not isinstance(call.fields, dict):
            return False
        log.debug(
            "schema_violation",
            charge_box_id=self.id,
            action=call.action,
            code=violation.code,  # its message quotes what was said, such as a token
        )
        return True

    def _reply(self, call: Call | Send, result: DataclassInstance | None) -> Reply:
        if result is None:  # to a Send, and nobody hears it
            return frames.call_result(call.id, b"{}", {})
        unvarying = self._unvarying.get(type(result))
        if unvarying is not None:
            return frames.call_result(call.id, unvarying, {})
        fields = wire_fields(result)
        broken = self.schemas.response(call.action, fields)
        if broken is not None:
            log.error("answer_breaks_schema", action=call.action, code=broken.code)
            return frames.call_error(call.id, "InternalError", "The answer broke its schema.")
        payload = orjson.dumps(fields)
        if not type(result).__dataclass_fields__:
            self._unvarying[type(result)] = payload
        return frames.call_result(call.id, payload, fields)


def _outcome(fields: Any, violation: Violation | None) -> Outcome:
    status = fields.get("status") if isinstance(fields, dict) else None
    if not isinstance(status, str):
        raise BadAnswer(violation.message if violation else "")
    info = fields.get("statusInfo")
    return Outcome(status, fields, info if isinstance(info, dict) else None)
