"""Write the OpenAPI document from the operations that are served, and serve it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from aiohttp import web
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from api.described import bounds
from api.errors import HEADERS
from api.exampled import problem_example, shown
from api.idempotency import HEADER, KEY, METHODS
from api.introduction import INTRODUCTION, TAGS
from api.links import links_of
from api.routing import PATH_PARAMETERS, PICKED, Operation, Request, route
from api.schemas.common import OfKinds, Problem

DOCUMENT = web.AppKey("DOCUMENT", Mapping[str, Any])

_PRETTY = {
    "in": "query",
    "name": "pretty",
    "description": "Indent the answer.",
    "schema": {"type": "boolean", "default": False},
}
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": HEADER,
    "description": "With the same key, within 24 hours, the same request is not carried out again: "
    "its first answer comes back, with `Idempotency-Replayed: true`. While it is being carried out "
    "that is 409, and for another body 422. What says that nothing was done is not kept.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{KEY}$"},
}
_CREDENTIALS = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "sessionToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Session-Token",
        "description": "A session of Ory Kratos, where the server is set up with one.",
    },
    "sessionCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "ory_kratos_session",
        "description": "The same, of a browser. Writes need an `Origin` (or `Referer`) of this "
        "server and `Content-Type: application/json`, also without a body. "
        "RINGMAIN_KRATOS_COOKIE may give it another name.",
    },
}
_ANY_CREDENTIAL: list[dict[str, list[str]]] = [{name: []} for name in _CREDENTIALS]
_ORGANIZATION = {
    "in": "header",
    "name": PICKED,
    "description": "With a session: as a member of which organization, where it is of several. "
    "A key has one.",
    "schema": PATH_PARAMETERS["organization_uuid"].schema,
}
_REASONS = {
    400: "The request or its JSON is broken.",
    401: "No valid API key or session.",
    403: "The key or the member has not the scope; or the session is not enough.",
    404: "No such object.",
    408: "The body did not arrive in time.",
    409: "In conflict with what is there, or the charger is not connected.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "Some values cannot be used; `fields` names them.",
    429: "Too many requests; come again after `Retry-After` seconds.",
    500: "A fault of ours.",
    502: "The charger answered with an error.",
    503: "Not available; try again after `Retry-After` seconds.",
    504: "The charger did not answer in time; `command_id` names the record.",
}


@route("GET", "/openapi.json", tag="Operations", scope=None, answer=None)
async def show_document(request: Request) -> Mapping[str, Any]:
    """Return this document."""
    return request.http.app[DOCUMENT]


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document of these operations."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_schema_name)
    spec = APISpec(
        title="Ringmain",
        version=version("ringmain"),
        openapi_version="3.1.0",
        info={"description": INTRODUCTION, "license": _LICENSE},
        plugins=[marshmallow],
    )
    marshmallow.converter.add_attribute_function(bounds)  # type: ignore[union-attr]  # made above
    for name, about in TAGS.items():
        spec.tag({"name": name, "description": about})
    for name, scheme in _CREDENTIALS.items():
        spec.components.security_scheme(name, scheme)
    spec.components.parameter("pretty", "query", _PRETTY)
    spec.components.parameter("idempotencyKey", "header", _IDEMPOTENCY_KEY)
    spec.components.parameter("organization", "header", _ORGANIZATION)
    for status, reason in _REASONS.items():
        spec.components.response(f"Error{status}", _problem(status, reason))
    known = tuple(operations)
    for schema in {type(each): each for one in known for each in one.events.values()}.values():
        spec.components.schema(_schema_name(schema), schema=schema)
    for operation in known:
        described = _operation(operation)
        if links := links_of(operation, known):
            described["responses"][str(operation.status)]["links"] = links
        spec.path(operation.path, operations={operation.method.lower(): described})
    return spec.to_dict()


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _schema_name(schema: Any) -> str:
    return str((schema if isinstance(schema, type) else type(schema)).__name__)


def _problem(status: int, reason: str) -> dict[str, Any]:
    headers = {name: {"schema": {"type": "string"}} for name in HEADERS.get(status, {})}
    body = {"schema": Problem(), "example": problem_example(status)}
    return {"description": reason, "headers": headers, "content": {"application/json": body}}


def _operation(operation: Operation) -> dict[str, Any]:
    summary, _, description = (operation.handler.__doc__ or "").strip().partition("\n\n")
    body = {"requestBody": _body(operation.body)} if operation.body else {}
    return {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": summary.removesuffix("."),
        "description": " ".join(description.split()),
        "security": _ANY_CREDENTIAL if operation.scope else [],
        "parameters": _parameters(operation),
        **body,
        "responses": _responses(operation),
    }


def _body(schema: Schema) -> dict[str, Any]:
    needed = any(field.required for field in schema.fields.values())
    return {"required": isinstance(schema, OfKinds) or needed, **_json(schema)}


def _parameters(operation: Operation) -> list[Any]:
    path = [_path_parameter(name) for name in re.findall(r"\{(\w+)\}", operation.path)]
    query = [{"in": "query", "schema": operation.query}] if operation.query else []
    picked = ["organization"] if operation.picks_organization else []
    once = ["idempotencyKey"] if is_remembered(operation) else []
    return [*path, *query, *picked, "pretty", *once]


def is_remembered(operation: Operation) -> bool:
    """Tell whether a request for it may have an Idempotency-Key."""
    return operation.scope is not None and operation.method in METHODS


def _path_parameter(name: str) -> dict[str, Any]:
    parameter = PATH_PARAMETERS[name]
    return {
        "in": "path",
        "name": name,
        "required": True,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(operation: Operation) -> dict[str, Any]:
    done = {"description": "Done.", **(_events(operation) or _good(operation))}
    also = {
        str(status): {"description": type(schema).__doc__, **_json(schema)}
        for status, schema in operation.also.items()
    }
    errors = sorted({*_implied(operation), *operation.errors})
    told = {str(status): f"Error{status}" for status in errors}
    return {str(operation.status): done, **also, **told}


def _implied(operation: Operation) -> set[int]:
    statuses = {400, 422, 500, 503}  # 400 and 422 also for a head or a `pretty` that is none
    if operation.scope is not None:
        statuses |= {429}
        statuses |= {401, 403}
        # Of a cookie's write: every other content type could be sent by a form of any site.
        statuses |= {415} if operation.method != "GET" else set()
    if "{" in operation.path:
        statuses |= {404}
    if is_remembered(operation):
        statuses |= {408, 409, 413}
    if operation.body is not None:
        statuses |= {408, 413, 415}
    return statuses


def _events(operation: Operation) -> dict[str, Any]:
    """Say what a stream consists of: OpenAPI 3.1 has no words for events."""
    if not operation.events:
        return {}
    told = {"description": "Server-sent events; the data of each is JSON.", "type": "string"}
    schemas = {
        name: f"#/components/schemas/{_schema_name(schema)}"
        for name, schema in operation.events.items()
    }
    events = {name: {"$ref": place} for name, place in schemas.items()}
    return {"content": {"text/event-stream": {"schema": told, "x-events": events}}}


def _good(operation: Operation) -> dict[str, Any]:
    if operation.media == "application/json":
        return _json(operation.answer)
    return {"content": {operation.media: {"schema": {"type": "string"}}}}


def _json(schema: Schema | None) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": _described(schema), **shown(schema)}}}


def _described(schema: Schema | None) -> Any:
    if isinstance(schema, OfKinds):
        return {"anyOf": list(schema.kinds.values())}
    return schema or {"type": "object"}
