"""Signatures are checked against those of the library that makes them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from simulators.signatures import Request, Signature

SECRET = "a-secret"


def signed(url: str, method: str = "GET", body: bytes = b"") -> Request:
    """Return a request as the library signs it."""
    request = AWSRequest(method, url, data=body, headers={"X-Amz-Meta-Note": "two   words"})
    S3SigV4Auth(Credentials("KEY", SECRET), "s3", "eu-north-1").add_auth(request)
    prepared, parts = request.prepare(), urlsplit(url)
    headers = {name: str(value) for name, value in prepared.headers.items()}
    headers = {name: value.removeprefix("b'").removesuffix("'") for name, value in headers.items()}
    return Request(method, parts.path, parts.query, {"host": parts.netloc, **lowered(headers)})


def lowered(headers: dict[str, str]) -> dict[str, str]:
    names = {"Authorization": "Authorization"}
    return {names.get(name, name.lower()): value for name, value in headers.items()}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/lake",
        "http://127.0.0.1:9/lake/organization%3D1/a%20b%2B%C3%BC.gz",
        "http://127.0.0.1:9/lake?list-type=2&prefix=b%2F&max-keys=3&encoding-type=url&empty=",
    ],
)
def test_what_the_library_signs_fits_and_nothing_else_does(url: str) -> None:
    request = signed(url)
    signature = Signature.of(request)

    assert signature is not None
    assert signature.key_id == "KEY"
    assert signature.fits(request, SECRET)
    assert not signature.fits(request, "another")
    assert not signature.fits(replace(request, path="/other"), SECRET)
    assert not signature.fits(replace(request, query="more=1"), SECRET)
    assert not signature.fits(replace(request, method="PUT"), SECRET)
    assert not signature.fits(replace(request, headers={**request.headers, "host": "x"}), SECRET)


@pytest.mark.parametrize("header", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=KEY"])
def test_what_is_no_signature_is_none(header: str) -> None:
    assert Signature.of(Request("GET", "/", "", {"Authorization": header})) is None
