"""
Declare each operation once: its route, who may call it, what goes in and what comes out.

An `Operation` is the whole truth about one route. aiohttp serves it, the authentication asks it
for its scope, webargs validates by its schemas and the OpenAPI document is written from it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from aiohttp import web
from marshmallow import RAISE, Schema

from api.answers import JsonResponse
from api.callers import Caller
from api.errors import Invalid, NotFound
from api.parsing import Parser
from api.parts import CALLER, PARTS, RECORD_ID, ApiParts
from api.schemas.fields import CHARGE_BOX_ID
from storage.records import ChargerKey, Scope


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was let in: who asks, and the validated path, query and body."""

    http: web.Request
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def parts(self) -> ApiParts:
        """Return what the application is made of."""
        return self.http.app[PARTS]

    @property
    def caller(self) -> Caller:
        """Return who asks."""
        return self.http[CALLER]

    @property
    def organization_uuid(self) -> str:
        """Return the caller's organization; another one in the path never gets this far."""
        return self.caller.organization_uuid

    @property
    def charger_key(self) -> ChargerKey:
        """Return the charger that the path names."""
        name = "stationId" if "stationId" in self.path else "charge_box_id"
        return ChargerKey(self.organization_uuid, self.path[name])

    def record_id(self) -> str:
        """Return the id of a command, batch or job that is made now.

        It is the one that is remembered with the Idempotency-Key, once.
        """
        remembered: str | None = self.http.get(RECORD_ID)
        if remembered is None:
            return self.parts.new_id()
        del self.http[RECORD_ID]
        return remembered


class Other(NamedTuple):
    """A good answer of another status than the usual one."""

    status: int
    fields: Mapping[str, Any]


_PARSER = Parser()

Answer: TypeAlias = Mapping[str, Any] | Other | web.StreamResponse
Handler: TypeAlias = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `scope` None is open to everybody; `answer` None is free-form."""

    method: str
    path: str
    tag: str
    scope: Scope | None
    answer: Schema | None
    # About all organizations of who asks: none has to be picked.
    of_all: bool = False
    status: int = 200
    body: Schema | None = None
    query: Schema | None = None
    # Other good answers, by status: the handler gives an `Other`.
    also: Mapping[int, Schema] = field(default_factory=dict)
    # What its answer is a stream of, by name; none where it is one answer.
    events: Mapping[str, Schema] = field(default_factory=dict)
    # What its good answer is where it is no JSON.
    media: str = "application/json"
    # Statuses of errors beside those that its inputs and its scope imply.
    errors: tuple[int, ...] = ()
    # Who reads its body.
    parser: Parser = field(default=_PARSER, repr=False)
    handler: Handler = field(repr=False)

    @property
    def name(self) -> str:
        """Return its name, unique in the document."""
        return self.handler.__name__

    @property
    def picks_organization(self) -> bool:
        """Tell whether a person has to say as a member of which organization he asks."""
        named = any(f"{{{name}}}" in self.path for name in ORGANIZATIONS)
        return self.scope is not None and not self.of_all and not named

    @property
    def served_path(self) -> str:
        """Return its path as the router tells it apart from others.

        `/chargingStations/commands/Reset` is about many stations, `…/commands/reset` about the one
        that is called "commands": an action begins with a capital.
        """
        many = self.path.count("{") == 1
        return self.path.replace("{Action}", "{Action:[A-Z][^/]*}") if many else self.path

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Load, call the handler, dump."""
        pretty = _pretty(request)
        asked = Request(
            http=request,
            path=path_values(request.match_info),
            # A filter that is misspelt would let everything through.
            query=await _PARSER.parse(self.query, request, location="query", unknown=RAISE)
            if self.query
            else {},
            body=await self.parser.parse(self.body, request, location="json") if self.body else {},
        )
        answer = await self.handler(asked)
        if isinstance(answer, web.StreamResponse):
            return answer
        status, schema = self.status, self.answer
        if isinstance(answer, Other):
            status, schema, answer = answer.status, self.also[answer.status], answer.fields
        return JsonResponse(
            schema.dump(answer) if schema else answer,
            status,
            pretty=pretty,
        )


def _pretty(request: web.Request) -> bool:
    if not request.query_string:
        return False
    said = request.query.getall("pretty", ["false"])
    if said not in (["true"], ["false"]):
        raise Invalid({"pretty": ["Not a valid boolean."]})
    return said == ["true"]


def route(
    method: str,
    path: str,
    *,
    tag: str,
    scope: Scope | None,
    answer: Schema | None,
    of_all: bool = False,
    status: int = 200,
    body: Schema | None = None,
    query: Schema | None = None,
    also: Mapping[int, Schema] | None = None,
    events: Mapping[str, Schema] | None = None,
    media: str = "application/json",
    errors: tuple[int, ...] = (),
    parser: Parser = _PARSER,
) -> Callable[[Handler], Operation]:
    """Make an operation of the handler below; its docstring becomes its description."""

    def declare(handler: Handler) -> Operation:
        return Operation(
            method=method,
            path=path,
            tag=tag,
            scope=scope,
            answer=answer,
            of_all=of_all,
            status=status,
            body=body,
            query=query,
            also=also or {},
            events=events or {},
            media=media,
            errors=errors,
            parser=parser,
            handler=handler,
        )

    return declare


class PathParameter(NamedTuple):
    """What may stand at one place of a path, percent-decoded once."""

    pattern: str
    description: str
    kind: type[str | int] = str
    longest: int = 64

    @property
    def schema(self) -> Mapping[str, Any]:
        """Return what the document says of it."""
        if self.kind is int:
            return {"type": "integer", "minimum": 1, "maximum": 10**self.longest - 1}
        bounds = {"minLength": 1, "maxLength": self.longest}
        return {"type": "string", **bounds, "pattern": f"^(?:{self.pattern})$"}

    def read(self, text: str) -> str | int:
        """Return the value; raise NotFound for what cannot exist."""
        if not 1 <= len(text) <= self.longest or not re.fullmatch(self.pattern, text):
            raise NotFound
        return self.kind(text)


# What names the organization in a path: the seeds have two words for it.
ORGANIZATIONS = ("organization_uuid", "operatorId")
# What picks one of a person's organizations where none is in the path.
PICKED = "X-Organization"

PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "organization_uuid": PathParameter(r"[0-9A-Za-z-]{1,64}", "The organization."),
    "operatorId": PathParameter(r"[0-9A-Za-z-]{1,64}", "The operator: the organization_uuid."),
    "serialNumber": PathParameter(
        r"[^\x00-\x1f\x7f]{1,255}",
        "The charger, by its serial number or else its charge_box_id.",
        longest=255,
    ),
    "site_id": PathParameter(r"[0-9A-Za-z-]{1,64}", "The site."),
    "siteId": PathParameter(r"[0-9A-Za-z-]{1,64}", "The site."),
    "rolloutId": PathParameter(r"[0-9A-Za-z-]{1,64}", "The rollout."),
    "charge_box_id": PathParameter(CHARGE_BOX_ID, "The charger.", longest=48),
    "stationId": PathParameter(CHARGE_BOX_ID, "The charger's charge_box_id.", longest=48),
    "id": PathParameter(r"[1-9][0-9]{0,17}", "The proxy configuration.", int, 18),
    "entry": PathParameter(r"[1-9][0-9]{0,17}", "The message, by its `seq` in the log.", int, 18),
    "transaction_id": PathParameter(r"[\x20-\x7e]{1,36}", "The transaction.", longest=36),
    "transactionId": PathParameter(r"[\x20-\x7e]{1,36}", "The transaction.", longest=36),
    "evseId": PathParameter(r"[1-9][0-9]{0,4}", "The EVSE; on OCPP 1.6 the connector.", int, 5),
    "reservationId": PathParameter(r"[1-9][0-9]{0,9}", "The reservation.", int, 10),
    "jobId": PathParameter(r"[0-9A-Za-z-]{1,64}", "The job."),
    "upload": PathParameter(
        r"[0-9A-Za-z_-]{43}", "The secret of a URL that works once.", longest=43
    ),
    "upload_name": PathParameter(r"[^/]{1,255}", "What the charger calls the file.", longest=255),
    "Action": PathParameter(r"[A-Z][0-9A-Za-z]{0,63}", "The action, as OCPP spells it."),
    "batchId": PathParameter(r"[0-9A-Za-z-]{1,64}", "The batch."),
    "command_id": PathParameter(r"[0-9A-Za-z-]{1,64}", "The command."),
    "id_token": PathParameter(r"[\x20-\x7e]{1,255}", "The token, in any case.", longest=255),
    "connector_id": PathParameter(r"[0-9A-Za-z-]{1,64}", "The data connector."),
    "certificate_id": PathParameter(r"[0-9A-Za-z-]{1,64}", "The client certificate."),
    "key_id": PathParameter(r"[0-9A-Za-z-]{1,64}", "The API key, by its id."),
    "sha256": PathParameter(r"[0-9a-f]{64}", "The certificate, by its SHA-256 in lower case hex."),
    "identity_id": PathParameter(
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "The member, by the Kratos identity's UUID.",
        longest=36,
    ),
}


def path_values(found: Mapping[str, str]) -> dict[str, Any]:
    """Check and convert what stands in the path; what cannot exist is not found."""
    values: dict[str, Any] = {}
    for name, text in found.items():
        values[name] = PATH_PARAMETERS[name].read(text)
    return values
