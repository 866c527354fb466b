"""
Errors of the REST API, drawn on one page, and the table that turns every fault into an answer.

    ApiError                  the request could not be served
    ├── BadRequest            the request is no HTTP that we understand
    ├── InvalidJson           the body is not JSON
    ├── Unauthorized          no valid API key or session
    ├── SessionsUnavailable   it cannot be found out whose session it is
    ├── Forbidden             the key may not do this
    ├── NotFound              no such object, or another organization's
    ├── MethodNotAllowed      the path exists, the method does not
    ├── TooSlow               the body did not arrive in time
    ├── Taken                 something else has this identity
    ├── TooLarge              the body is too large
    ├── NotJson               the body is of another media type
    ├── Invalid               a value cannot be used; `fields` names each
    ├── TooMany               it is asked more often than it may be; `retry_after` says when again
    └── CommandFailed         a charger did not do what it was asked
        ├── Offline           it is not connected
        │   └── Lost          it went before it answered: nobody knows whether it did it
        ├── Refused           it answered with a CALLERROR, or with what is no answer
        ├── Unavailable       it has too much to do, or what it is asked cannot be stored
        └── Silent            it did not answer in time

An error's docstring is its default message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from api.answers import JsonResponse
from api.schemas.common import Problem
from csms.errors import place_of
from storage.errors import Conflict, Missing, StorageUnavailable

log = structlog.get_logger("ringmain.api")

Fields = Mapping[str, list[str]]


class ApiError(Exception):
    """The request could not be served."""

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message)
        self.details = details

    def __str__(self) -> str:
        return super().__str__() or _sentence(type(self))


class BadRequest(ApiError):
    """The request is not understood."""


class InvalidJson(ApiError):
    """The body is not valid JSON."""


class Unauthorized(ApiError):
    """A valid API key (x-api-key or Authorization: Bearer) or session is needed."""


class SessionsUnavailable(ApiError):
    """Sessions cannot be checked at the moment. API keys work."""


class Forbidden(ApiError):
    """This needs another scope."""


class NotFound(ApiError):
    """There is no such object."""


class MethodNotAllowed(ApiError):
    """This path does not know the method."""


class TooSlow(ApiError):
    """The body did not arrive in time."""


class Taken(ApiError):
    """The object exists already."""


class TooLarge(ApiError):
    """The body is larger than 1 MiB."""


class NotJson(ApiError):
    """The body must be sent with Content-Type: application/json."""


class Invalid(ApiError):
    """Some values cannot be used."""

    def __init__(self, fields: Fields, message: str = "") -> None:
        super().__init__(message, fields_=fields)


class TooMany(ApiError):
    """Too many requests at once; come again in some seconds."""

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def about(kind: type[NotFound | Taken], field: str, told: str) -> NotFound | Taken:
    """Return an error that names the field of the body or the path that it is about."""
    return kind(told, fields_={field: [told]})


class CommandFailed(ApiError):
    """The charger did not carry out the command."""


class Offline(CommandFailed):
    """The charger is not connected."""


class Lost(Offline):
    """The charger went before it answered: whether it has done it is not known."""


class Refused(CommandFailed):
    """The charger refused the command."""


class Unavailable(CommandFailed):
    """This is not possible at the moment."""


class Silent(CommandFailed):
    """The charger did not answer in time."""


class Verdict(NamedTuple):
    """How a fault is told to the caller."""

    status: int
    code: str


# The first class of a fault's ancestry that is listed decides.
VERDICTS: Mapping[type[Exception], Verdict] = {
    BadRequest: Verdict(400, "bad_request"),
    InvalidJson: Verdict(400, "invalid_json"),
    web.RequestPayloadError: Verdict(400, "bad_request"),
    Unauthorized: Verdict(401, "unauthorized"),
    SessionsUnavailable: Verdict(503, "unavailable"),
    Forbidden: Verdict(403, "forbidden"),
    NotFound: Verdict(404, "not_found"),
    web.HTTPNotFound: Verdict(404, "not_found"),
    Missing: Verdict(404, "not_found"),  # deleted by somebody else, a moment ago
    MethodNotAllowed: Verdict(405, "method_not_allowed"),
    web.HTTPMethodNotAllowed: Verdict(405, "method_not_allowed"),
    TooSlow: Verdict(408, "too_slow"),
    Taken: Verdict(409, "conflict"),
    Conflict: Verdict(409, "conflict"),
    Offline: Verdict(409, "charger_offline"),
    Lost: Verdict(409, "charger_offline"),
    TooLarge: Verdict(413, "too_large"),
    web.HTTPRequestEntityTooLarge: Verdict(413, "too_large"),
    NotJson: Verdict(415, "unsupported_media_type"),
    web.HTTPExpectationFailed: Verdict(417, "bad_request"),
    Invalid: Verdict(422, "invalid"),
    TooMany: Verdict(429, "rate_limited"),
    Refused: Verdict(502, "charger_error"),
    Unavailable: Verdict(503, "unavailable"),
    StorageUnavailable: Verdict(503, "unavailable"),
    Silent: Verdict(504, "charger_timeout"),
    Exception: Verdict(500, "internal"),
}
# What aiohttp raises says no more than its status: it is told in our words.
_OUR_WORDS: Mapping[type[Exception], type[ApiError]] = {
    web.RequestPayloadError: BadRequest,
    web.HTTPNotFound: NotFound,
    web.HTTPMethodNotAllowed: MethodNotAllowed,
    web.HTTPRequestEntityTooLarge: TooLarge,
    web.HTTPExpectationFailed: BadRequest,
}
HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="ringmain"'},
    408: {"Connection": "close"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "5"},
}


_PROBLEM = Problem()


@web.middleware
async def answer_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever the handlers raise by the table; nothing unlisted tells what it was."""
    try:
        return await handler(request)
    except Exception as fault:  # noqa: BLE001 - the one place where faults become answers
        return answer_to(fault, pretty=request.query.get("pretty") == "true")


def answer_to(fault: Exception, *, pretty: bool = False) -> web.Response:
    """Return the answer to a fault, in the one shape that all errors have."""
    verdict = verdict_on(fault)
    details = fault.details if isinstance(fault, ApiError) else {}
    said = {"success": False, **told_of(fault), **details}
    headers = _headers(fault, verdict)
    return JsonResponse(_PROBLEM.dump(said), verdict.status, pretty=pretty, headers=headers)


def told_of(fault: Exception) -> dict[str, str]:
    """Return the code and the sentence of a fault; one of ours is logged."""
    kind = _kind(fault)
    verdict = VERDICTS[kind]
    if verdict.status == 500:
        log.error("request_failed", fault=place_of(fault))
    return {"error": verdict.code, "message": _message(fault, kind)}


def verdict_on(fault: Exception) -> Verdict:
    """Return how a fault is told."""
    return VERDICTS[_kind(fault)]


def _kind(fault: Exception) -> type[Exception]:
    return next(kind for kind in type(fault).__mro__ if kind in VERDICTS)


def _message(fault: Exception, kind: type[Exception]) -> str:
    if isinstance(fault, ApiError):
        return str(fault)
    if kind is Exception:
        return "Something went wrong here; it has been logged."
    return _sentence(_OUR_WORDS.get(kind, kind))


def _sentence(kind: type[Exception]) -> str:
    return (kind.__doc__ or "").strip()


def _headers(fault: Exception, verdict: Verdict) -> dict[str, str]:
    headers = dict(HEADERS.get(verdict.status, {}))
    if isinstance(fault, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(fault.allowed_methods))
    if isinstance(fault, TooMany):
        headers["Retry-After"] = str(fault.retry_after)
    return headers
