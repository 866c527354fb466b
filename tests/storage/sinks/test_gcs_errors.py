"""What answers of Google Cloud Storage, and of what is not, come to."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from google.api_core.exceptions import from_http_status
from requests import Response

from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.gcs_errors import translated
from tests.storage.sinks.google import (
    BODY,
    BUCKET,
    HTML,
    JSON,
    NAME,
    against,
    resource,
    told,
)
from tests.storage.sinks.strangers import (
    answer,
    saying,
)

# ---- what a store says ----


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        ("400 Bad Request", SinkRefused, "check the bucket's name"),
        ("401 Unauthorized", SinkRefused, "does not accept the service account"),
        ("403 Forbidden", SinkRefused, "storage.objects.create"),
        ("404 Not Found", SinkRefused, "There is no bucket logs"),
        ("408 Request Timeout", SinkUnavailable, "too much to do"),
        ("409 Conflict", SinkUnavailable, "changed by somebody else"),
        ("413 Too Large", SinkRefused, "flush_bytes"),
        ("418 I'm a teapot", SinkRefused, "no object store"),
        ("429 Too Many Requests", SinkUnavailable, "too much to do"),
        ("500 Internal Server Error", SinkUnavailable, "not available now"),
        ("503 Service Unavailable", SinkUnavailable, "not available now"),
    ],
)
async def test_a_status_decides(status: str, kind: type[SinkError], sentence: str) -> None:
    said = told(status, {"error": {"message": "Open, Sesame!", "errors": [{"reason": "Sesame"}]}})
    async with against(saying(said)) as (_, _, sink):
        with pytest.raises(kind, match=sentence) as caught:
            await sink.put(NAME, BODY)

    assert caught.type is kind
    assert "Sesame" not in str(caught.value)


GARBAGE = {
    "no HTTP": b"220 mail.example.com ESMTP\r\n",
    "noise": bytes(range(256)) * 20,
    "a web page": answer("200 OK", HTML, body=b"<html>Welcome"),
    "nothing": answer("200 OK"),
    "null": told("200 OK", None),
    "a list": told("200 OK", [1]),
    "another object": told("200 OK", {}),
    "other bytes": told("200 OK", resource(b"other")),
    "no size": told("200 OK", {**resource(BODY), "size": "many"}),
    "a strange size": told("200 OK", {**resource(BODY), "size": [1]}),
    "deep": answer("200 OK", JSON, body=b"[" * 100_000),
    "not UTF-8": answer("200 OK", JSON, body=b"\xff\xfe\x00"),
    "endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20),
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
    "an endless head": b"HTTP/1.1 200 OK\r\nETag: " + b"x" * (1 << 20),
    "many heads": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
}


@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_store_stores_nothing(said: bytes) -> None:
    async with against(saying(said)) as (_, _, sink):
        with pytest.raises(SinkError, match=r"no object store|cut the connection off"):
            await sink.put(NAME, BODY)


BOMB = gzip.compress(bytes(20 << 20), 1)[:-1]
UNREAD = {
    "a bomb": answer("503 Busy", "Content-Encoding: gzip", HTML, body=BOMB),
    "deep": answer("503 Busy", JSON, body=b"[" * 100_000),
    "endless": b"HTTP/1.1 503 Busy\r\n\r\n" + b"x" * (2 << 20),
    "cut short": b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nx",
    "broken JSON": answer("503 Busy", JSON, body=b"{"),
    "strange JSON": told("503 Busy", {"error": {"errors": 7, "message": []}}),
    "another charset": answer("503 Busy", "Content-Type: text/xml; charset=zlib", body=b"\xff"),
}


@pytest.mark.parametrize("said", UNREAD.values(), ids=UNREAD)
async def test_nothing_that_a_body_holds_hides_what_the_status_says(said: bytes) -> None:
    async with against(saying(said)) as (_, _, sink):
        with pytest.raises(SinkUnavailable, match="not available now"):
            await sink.put(NAME, BODY)


# ---- what a store says of a status ----


failed: Any = from_http_status  # not annotated


def refusal(status: int, said: object) -> SinkError:
    response = Response()
    response.status_code = status
    response._content = json.dumps(said).encode()
    return translated(failed(status, "Sesame", response=response), BUCKET, "some.right")


@pytest.mark.parametrize(
    ("reason", "kind", "sentence"),
    [
        ("rateLimitExceeded", SinkUnavailable, "too much to do"),
        ("userRateLimitExceeded", SinkUnavailable, "too much to do"),
        ("quotaExceeded", SinkUnavailable, "too much to do"),
        ("accountDisabled", SinkRefused, "enable billing"),
        ("accessNotConfigured", SinkRefused, "Cloud Storage API is switched off"),
        ("retentionPolicyNotMet", SinkRefused, "retention policy"),
        ("objectUnderActiveHold", SinkRefused, "a hold"),
        ("forbidden", SinkRefused, "grant it a role with some.right on the bucket logs"),
        ("insufficientPermissions", SinkRefused, "grant it a role with"),
    ],
)
def test_why_something_is_forbidden_is_told(
    reason: str, kind: type[SinkError], sentence: str
) -> None:
    told_so = refusal(403, {"error": {"message": "Sesame", "errors": [{"reason": reason}]}})

    assert type(told_so) is kind
    assert sentence in str(told_so)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [("BILLING_DISABLED", "enable billing"), ("SERVICE_DISABLED", "switched off")],
)
def test_googles_newer_errors_are_understood_too(reason: str, sentence: str) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]

    assert sentence in str(refusal(403, {"error": {"code": 403, "details": details}}))


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "Sesame",
        {"error": "Sesame"},
        {"error": None},
        {"error": {"errors": "Sesame"}},
        {"error": {"errors": [7]}},
        {"error": {"errors": [{"reason": ["rateLimitExceeded"]}]}},
        {"error": {"errors": [{}], "details": 7}},
    ],
)
def test_a_reason_that_cannot_be_read_is_none(said: object) -> None:
    assert "grant it a role with" in str(refusal(403, said))


def test_what_the_owner_has_named_is_no_format() -> None:
    failure = failed(404, "")

    assert "{right}" in str(translated(failure, "{right}", "some.right"))


def test_every_sentence_is_one_for_the_owner() -> None:
    statuses = [*range(300, 600)]
    told_so = {str(translated(failed(each, "Sesame"), BUCKET, "r")) for each in statuses}

    assert len(told_so) > 8
    assert [each for each in told_so if not each.endswith(".") or "Sesame" in each] == []
    assert [each for each in told_so if "{" in each or "\n" in each] == []
