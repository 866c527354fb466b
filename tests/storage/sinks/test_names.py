"""What is a name at each provider, and what would smuggle something else into a host or a path."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sinks import names
from storage.sinks.errors import SinkRefused
from storage.sinks.names import Rule

HOST_PARTS: dict[str, Rule] = {
    "S3 bucket": names.s3_bucket,
    "Spaces bucket": names.spaces_bucket,
    "GCS bucket": names.gcs_bucket,
    "account": names.azure_account,
    "container": names.azure_container,
    "AWS region": names.aws_region,
    "Spaces region": names.spaces_region,
    "any region": names.any_region,
}
SECRETS: dict[str, Rule] = {
    "access_key_id": names.access_key_id,
    "secret_access_key": names.secret_access_key,
    "account_key": names.account_key,
}
RULES: dict[str, Rule] = {**HOST_PARTS, "prefix": names.prefix, **SECRETS}

# What each is called by those who have one.
NAMES: dict[str, tuple[str, ...]] = {
    "S3 bucket": (
        "abc",
        "your-s3-bucket-name",
        "a.b-c.9",
        "1" * 63,
        "xn-a",
        "example-eu-west-1-an",
    ),
    "Spaces bucket": ("abc", "your-spaces-name", "a.b", "9" * 63, "sthree-a", "a-s3alias"),
    "GCS bucket": (
        "abc",
        "your-gcs-bucket-name",
        "under_score",
        "ocpp.example.com",
        "a" * 63,
        ".".join(["b" * 63, "c" * 63, "d" * 63, "e" * 30]),
        "my-goog",
    ),
    "account": ("abc", "devstoreaccount1", "0" * 24),
    "container": ("abc", "ocpp-logs", "1-2-3", "c" * 63),
    "AWS region": (
        "us-east-1",
        "ap-southeast-5",
        "us-gov-west-1",
        "cn-northwest-1",
        "us-isob-east-1",
        "eusc-de-east-1",
        "il-central-1",
    ),
    "Spaces region": ("nyc3", "fra1", "sfo3", "ams3", "blr1", "syd1"),
    "any region": ("auto", "fsn1", "fr-par", "us-east-1", "r" * 32, "1"),
    "prefix": ("", "a", "lake/ocpp", "env=prod/x", "v1.2/A_b-c", "updated=1", "p" * 200),
    "access_key_id": (
        "AKIAIOSFODNN7EXAMPLE",
        "DO00ABC",
        "minio",
        "testing",
        "a.b:c@d-e_f",
        "k" * 128,
    ),
    "secret_access_key": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a+b=", "s" * 256),
    "account_key": (b64encode(bytes(64)).decode(), b64encode(b"\xff" * 32).decode(), "YWJj"),
}


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, each in NAMES.items() for n in each])
def test_a_name_of_the_provider_is_accepted(kind: str, name: str) -> None:
    assert RULES[kind](name) is None


# ---- what would leave the host or the path ----

INJECTIONS = (
    "",
    "127.0.0.1/?",
    "127.0.0.1",
    "127.0.0.1:8080",
    "evil.com/#",
    "evil.com#",
    "evil.com?",
    "evil.com\\",
    "user@evil.com",
    "abc@",
    "//evil.com",
    "../abc",
    "abc/../def",
    "..",
    "abc..def",
    ".",
    "abc.",
    "-abc",
    "abc-",
    "%2e%2e",
    "abc%00",
    "abc\x00",
    "abc\n",
    "\nabc",
    "abc\r\nHost: evil.com",
    "abc ",
    " abc",
    "abc\tdef",
    "abc\u2028",
    "ABC",
    "Abc",
    "abc\uff11\uff12",
    "abc\u2460",
    "abc\u0663",
    "äbc",
    "\u0430bc",
    "abc\u3002def",
    "\u200babc",
    "\ud800",
    "{abc}",
    "$web",
    "$root",
    "[::1]",
    "ab",
)
# Names after all, where a provider says so.
HARMLESS = {("any region", name) for name in ("ab", "-abc", "abc-")}


@pytest.mark.parametrize("injection", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("kind", HOST_PARTS)
def test_what_would_lead_elsewhere_is_no_part_of_a_host(kind: str, injection: str) -> None:
    assert (HOST_PARTS[kind](injection) is None) == ((kind, injection) in HARMLESS)


@given(st.text("ab1.-_/@?#:%\\\n\x00\uff11", min_size=1, max_size=8))
def test_no_text_that_is_let_into_a_host_has_a_character_that_ends_it(text: str) -> None:
    accepted = [kind for kind, rule in HOST_PARTS.items() if rule(text) is None]

    assert not accepted or re.fullmatch(r"[ab1._-]+", text)


# ---- what the providers refuse ----

NO_NAMES: dict[str, tuple[str, ...]] = {
    "S3 bucket": (
        "a" * 64,
        "under_score",
        "192.168.5.4",
        "xn--bcher-kva",
        "sthree-configurator-a",
        "sthree-a",
        "amzn-s3-demo-bucket",
        "a-s3alias",
        "a--ol-s3",
        "a.mrap",
        "a--use1-az4--x-s3",
        "a--table-s3",
    ),
    "Spaces bucket": ("a" * 64, "under_score", "10.0.0.1"),
    "GCS bucket": (
        "a" * 64,
        "a" * 64 + ".b",
        "-".join(["a" * 60] * 2),
        ".".join(["a" * 63] * 4),
        "googled",
        "my-google-bucket",
        "g00gle-logs",
        "_abc",
        "10.0.0.1",
    ),
    "account": ("a" * 25, "my-account", "my_account", "abc.blob.core.windows.net"),
    "container": ("c" * 64, "a--b", "a.b", "a_b", "$logs"),
    "AWS region": (
        "eu",
        "us-east",
        "us-east-1a",
        "useast1",
        "us--1",
        "us-east-0",
        "aws-global",
        "fra1",
    ),
    "Spaces region": ("nyc", "nyc0", "new-york", "us-east-1", "ny3", "nyc333"),
    "any region": ("r" * 33, "eu_west", "eu.west"),
    "prefix": (
        "/",
        "/a",
        "a/",
        "a//b",
        "a/./b",
        "a/../b",
        "_spark",
        "a/_b",
        "a/.b",
        ".well-known/acme-challenge",
        "a./b",
        "a.",
        "a b",
        "a\\b",
        "a*",
        "a?b",
        "[a]",
        "a%20b",
        "a#b",
        "a:b",
        "a&b",
        "ä",
        "a\n",
        "a/\n",
        "\x7f",
        "=a",
        "a=",
        "a=b=c",
        "date=2026-01-01",
        "x/Hour=1",
        "ORGANIZATION=mine",
        "p" * 201,
    ),
    "access_key_id": (
        "",
        "k" * 129,
        "a b",
        "a\n",
        "\na",
        "a/b",
        "a,b",
        "a=b",
        "ключ",
        "a\x7f",
        "a\x00",
    ),
    "secret_access_key": ("", "s" * 257, "a b", "a\n", " a", "пароль", "a\r\nX: y", "a\x00"),
    "account_key": (
        "",
        "not-base64",
        "YWJ",
        b64encode(bytes(64)).decode().rstrip("="),
        b64encode(bytes(64)).decode() + "\n",
        b64encode(bytes(129)).decode(),
        "ä" * 88,
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=AAAA;EndpointSuffix=core.windows.net",
        "?sv=2022-11-02&sig=AAAA",
    ),
}


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, each in NO_NAMES.items() for n in each])
def test_what_the_provider_takes_for_no_name_is_refused_in_one_sentence(
    kind: str, name: str
) -> None:
    reason = RULES[kind](name)

    assert reason
    assert re.fullmatch(r"[A-Za-z][^\n]{20,160}\.", reason)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_reason_does_not_repeat_what_was_given(rule: Rule) -> None:
    assert "Sesame" not in (rule("Open, Sesame/=\n") or "")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_text_of_any_length_is_judged_at_once(rule: Rule) -> None:
    """A pattern that backtracks would hold everybody up: this one would take for ever."""
    assert rule("a-" * 500_000 + "!") is not None


@pytest.mark.parametrize("given", [{}, {"region": None}, {"region": 1}, {"region": "127.0.0.1/?"}])
def test_what_a_sink_is_opened_with_is_judged_again(given: dict[str, Any]) -> None:
    assert names.checked({"region": "fra1"}, "region", names.spaces_region) == "fra1"
    with pytest.raises(SinkRefused, match="region"):
        names.checked(given, "region", names.spaces_region)
