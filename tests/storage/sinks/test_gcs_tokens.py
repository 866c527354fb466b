"""The token endpoint of service accounts, and what it may say."""

from __future__ import annotations

import json

import pytest

from storage.sinks.errors import SinkError, SinkUnavailable
from tests.storage.sinks.google import (
    BODY,
    HTML,
    JSON,
    NAME,
    STORED,
    TOKEN,
    against,
    in_turn,
    key_file,
    opened,
    told,
)
from tests.storage.sinks.strangers import (
    answer,
    saying,
    silence,
)
from tests.stores import GcpOAuth, GcsStore

BAD_TOKENS = {
    "busy": (answer("503 Busy"), "not available now (HTTP status 503)"),
    "broken": (answer("500 Broken"), "not available now (HTTP status 500)"),
    "too often": (answer("429 Slow"), "not available now (HTTP status 429)"),
    "a web page": (answer("200 OK", HTML, body=b"<html>"), "cannot be understood"),
    "a missing page": (answer("404 Not Found", HTML, body=b"<html>"), "RINGMAIN_GCP_TOKEN_URI"),
    "a list": (told("200 OK", [1]), "cannot be understood"),
    "an error in a list": (told("400 Bad", [1]), "cannot be understood"),
    "no token": (told("200 OK", {"expires_in": 1}), "cannot be understood"),
    "no time": (told("200 OK", {**TOKEN, "expires_in": None}), "cannot be understood"),
    "for ever": (told("200 OK", {**TOKEN, "expires_in": 10**400}), "cannot be understood"),
    "two lines": (told("200 OK", {**TOKEN, "access_token": "a\r\nb"}), "cannot be understood"),
    "not ASCII": (told("200 OK", {**TOKEN, "access_token": "\u20ac"}), "cannot be understood"),
    "a number": (told("200 OK", {**TOKEN, "access_token": 7}), "cannot be understood"),
    "deep": (answer("200 OK", JSON, body=b"[" * 50_000), "cannot be understood"),
    "endless": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20), "."),
}


@pytest.mark.parametrize(("said", "sentence"), BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_without_a_token_the_store_is_not_asked(said: bytes, sentence: str) -> None:
    async with against(silence, tokens=saying(said)) as (store, tokens, sink):
        with pytest.raises(SinkError) as caught:
            await sink.put(NAME, BODY)

    assert sentence in str(caught.value)
    assert (store.connections, tokens.connections) == (0, 1)


async def test_a_silent_token_endpoint_is_given_up_in_time() -> None:
    async with against(silence, tokens=silence, read_timeout=0.2) as (store, _, sink):
        with pytest.raises(SinkUnavailable, match="in time"):
            await sink.put(NAME, BODY)

    assert store.connections == 0


async def test_a_token_that_is_refused_is_fetched_anew() -> None:
    refused = told("401 Unauthorized", {"error": {}})
    async with against(in_turn(refused, STORED)) as (store, tokens, sink):
        await sink.put(NAME, BODY)

    assert (len(store.heads), len(tokens.heads)) == (2, 2)


async def test_only_the_right_to_read_and_write_objects_is_asked_for(
    gcs_store: GcsStore, gcp_oauth: GcpOAuth
) -> None:
    bucket = gcs_store.new_bucket()
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        await sink.put(NAME, BODY)

    assert gcp_oauth.assertions[0]["iss"] == json.loads(key_file())["client_email"]
    assert gcp_oauth.assertions[0]["scope"].endswith("/devstorage.read_write")
