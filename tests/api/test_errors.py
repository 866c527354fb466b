"""Every fault becomes an answer of one shape, by one table, and tells nothing of our inside."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from api import errors
from api.errors import (
    VERDICTS,
    ApiError,
    Forbidden,
    Invalid,
    InvalidJson,
    NotFound,
    NotJson,
    Offline,
    Refused,
    Silent,
    TooLarge,
    Unauthorized,
    Unavailable,
    answer_to,
)
from storage.errors import Conflict, StorageUnavailable


def body_of(answer: web.Response) -> dict[str, object]:
    assert isinstance(answer.body, bytes)
    body: dict[str, object] = orjson.loads(answer.body)
    return body


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (InvalidJson(), 400, "invalid_json"),
        (Unauthorized(), 401, "unauthorized"),
        (Forbidden(), 403, "forbidden"),
        (NotFound(), 404, "not_found"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("PUT", {"GET", "POST"}), 405, "method_not_allowed"),
        (Conflict(), 409, "conflict"),
        (Offline(), 409, "charger_offline"),
        (TooLarge(), 413, "too_large"),
        (web.HTTPRequestEntityTooLarge(1), 413, "too_large"),
        (NotJson(), 415, "unsupported_media_type"),
        (Invalid({"a": ["b"]}), 422, "invalid"),
        (Refused(), 502, "charger_error"),
        (Unavailable(), 503, "unavailable"),
        (StorageUnavailable("no room on /var/lib"), 503, "unavailable"),
        (Silent(), 504, "charger_timeout"),
    ],
)
def test_a_fault_has_its_status_and_code(fault: Exception, status: int, code: str) -> None:
    answer = answer_to(fault)
    body = body_of(answer)

    assert (answer.status, body["error"], body["success"]) == (status, code, False)
    assert answer.content_type == "application/json"
    assert str(body["message"]).endswith(".")
    assert "/var/lib" not in str(body)


def test_every_error_of_ours_has_a_verdict() -> None:
    leaves = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ApiError) and not kind.__subclasses__()
    }

    assert leaves <= set(VERDICTS)


def test_what_is_not_listed_is_our_fault_and_tells_nothing() -> None:
    with capture_logs() as logs:
        try:
            _ = 42 / 0
        except ZeroDivisionError as fault:
            fault.args = ("the secret is 42",)
            answer = answer_to(fault)

    assert answer.status == 500
    assert body_of(answer) == {
        "success": False,
        "error": "internal",
        "message": "Something went wrong here; it has been logged.",
    }
    assert logs[0]["event"] == "request_failed"
    assert "ZeroDivisionError at" in logs[0]["fault"]
    assert "42" not in str(logs)


def test_details_are_told_in_the_words_of_the_document() -> None:
    seen = datetime(2026, 11, 21, 10, tzinfo=UTC)
    told = body_of(answer_to(Offline(last_seen=seen, last_disconnect=None, command_id="c-1")))

    assert told["last_seen"] == "2026-11-21T10:00:00.000Z"
    assert told["last_disconnect"] is None
    assert told["command_id"] == "c-1"
    assert body_of(answer_to(Invalid({"a.b": ["No."]})))["fields"] == {"a.b": ["No."]}


def test_headers_help_the_caller() -> None:
    assert answer_to(Unauthorized()).headers["WWW-Authenticate"].startswith("Bearer")
    assert answer_to(Unavailable()).headers["Retry-After"] == "5"
    not_allowed = answer_to(web.HTTPMethodNotAllowed("PUT", {"POST", "GET"}))
    assert not_allowed.headers["Allow"] == "GET, POST"
