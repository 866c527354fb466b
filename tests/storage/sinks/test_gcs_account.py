"""Key files of service accounts, of which nothing is believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from storage.sinks.errors import SinkRefused
from storage.sinks.gcs_account import LONGEST, read_service_account
from tests.certificates import key_pem
from tests.stores import Words

OURS = "https://tokens.example.com/token"
DEEP = "[" * 8000 + "]" * 8000


@pytest.fixture(scope="module")
def other_keys(service_account: Words) -> Mapping[str, str]:
    pem = service_account["private_key"]
    return {
        "none": "canary",
        "cut off": pem[: len(pem) // 2],
        "a changed one": pem.replace("M", "N", 20),
        "a public one": pem.replace("PRIVATE", "PUBLIC"),
        "not ASCII": "\ud800",
        "of another kind": key_pem(ec.generate_private_key(ec.SECP256R1())),
        "sealed": key_pem(rsa.generate_private_key(65537, 1024), b"password"),
        "too long": pem + " " * 4000,
    }


def refusal(text: str) -> str:
    with pytest.raises(SinkRefused) as refused:
        read_service_account(text, OURS)
    sentence = str(refused.value)
    assert sentence.startswith("service_account_json is no key of a Google service account: ")
    assert sentence.endswith(".")
    assert "canary" not in sentence
    return sentence


def test_what_google_makes_is_taken(service_account: Words) -> None:
    account = read_service_account(json.dumps(service_account), OURS)

    assert account.email == service_account["client_email"]
    assert account.private_key_id == service_account["private_key_id"]
    assert account.private_key.key_size == 2048


def test_the_key_is_not_shown(service_account: Words) -> None:
    account = read_service_account(json.dumps(service_account), OURS)

    assert "rsa" not in repr(account).lower()
    assert "private_key=" not in repr(account)


def test_line_breaks_that_a_shell_has_made_of_the_escapes_are_no_matter(
    service_account: Words,
) -> None:
    text = json.dumps(service_account).replace(r"\n", "\n")

    assert read_service_account(text, OURS).private_key.key_size == 2048


@pytest.mark.parametrize(
    "token_uri",
    ["https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token", OURS],
)
def test_a_token_endpoint_is_googles_or_ours(service_account: Words, token_uri: str) -> None:
    assert read_service_account(json.dumps({**service_account, "token_uri": token_uri}), OURS)


@pytest.mark.parametrize(
    "token_uri",
    [
        "http://127.0.0.1:8080/token",
        "http://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com/token/",
        "https://oauth2.googleapis.com:8443/token",
        "https://oauth2.googleapis.com@canary.example.com/token",
        "https://oauth2.googleapis.com.canary.example.com/token",
        "HTTPS://OAUTH2.GOOGLEAPIS.COM/token",
        " https://oauth2.googleapis.com/token",
        "file:///etc/passwd",
    ],
)
def test_a_token_endpoint_elsewhere_is_refused(service_account: Words, token_uri: str) -> None:
    said = refusal(json.dumps({**service_account, "token_uri": token_uri}))

    assert "its token_uri is not Google's" in said


def test_no_setting_makes_another_server_the_token_endpoint(service_account: Words) -> None:
    refusal(json.dumps({**service_account, "token_uri": f"{OURS}x"}))


@pytest.mark.parametrize("name", ["client_email", "private_key", "token_uri"])
@pytest.mark.parametrize("value", [None, "", 7, ["canary"], {"canary": 1}, True])
def test_what_is_needed_and_not_there_is_named(
    service_account: Words, name: str, value: object
) -> None:
    assert f"it lacks {name}" in refusal(json.dumps({**service_account, name: value}))
    left = {key: each for key, each in service_account.items() if key != name}
    assert f"it lacks {name}" in refusal(json.dumps(left))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "authorized_user"}, "its type is not service_account"),
        ({"type": "external_account"}, "its type is not service_account"),
        ({"type": None}, "its type is not service_account"),
        ({"client_email": "canary"}, "its client_email is no e-mail address"),
        ({"client_email": "a@b\r\nX-Header: canary"}, "its client_email is no e-mail address"),
        ({"client_email": "\ud800@example.com"}, "its client_email is no e-mail address"),
        ({"private_key_id": "canary\n"}, "its private_key_id is none"),
        ({"private_key_id": 7}, "its private_key_id is none"),
        ({"universe_domain": "canary.example.com"}, "its universe_domain is not googleapis.com"),
        ({"universe_domain": None}, "its universe_domain is not googleapis.com"),
    ],
)
def test_what_is_wrong_is_named(
    service_account: Words, change: Mapping[str, Any], reason: str
) -> None:
    assert reason in refusal(json.dumps({**service_account, **change}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no JSON"),
        ("canary", "it is no JSON"),
        ("{canary", "it is no JSON"),
        ("/path/to/key.json", "it is no JSON"),
        ("[]", "it is no JSON object"),
        ("null", "it is no JSON object"),
        ('"canary"', "it is no JSON object"),
        (DEEP, "it is no JSON"),
        ('{"a": ' + "9" * 5000 + "}", "it is no JSON"),
        ("{}" + " " * LONGEST, "it is longer than 16384 characters"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_key_file_is_refused(text: str, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize(
    "key",
    [
        "none",
        "cut off",
        "a changed one",
        "a public one",
        "not ASCII",
        "of another kind",
        "sealed",
        "too long",
    ],
)
def test_what_is_no_private_key_is_refused(
    service_account: Words, other_keys: Mapping[str, str], key: str
) -> None:
    said = refusal(json.dumps({**service_account, "private_key": other_keys[key]}))

    assert "its private_key is no RSA key in PEM of at most 4096 bits" in said


def test_the_numbers_of_a_key_are_looked_at_only_the_first_time(service_account: Words) -> None:
    numbers = read_service_account(json.dumps(service_account), OURS).private_key.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.d + 2,
        numbers.dmp1,
        numbers.dmq1,
        numbers.iqmp,
        numbers.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    text = json.dumps({**service_account, "private_key": key_pem(wrong)})

    assert "its private_key is no RSA key" in refusal(text)
    assert read_service_account(text, OURS, known=True).private_key.key_size == 2048


def test_what_is_known_is_no_less_judged(
    service_account: Words, other_keys: Mapping[str, str]
) -> None:
    changes = [{"token_uri": f"{OURS}x"}, *({"private_key": pem} for pem in other_keys.values())]
    for change in changes:
        # In one of them only the numbers are wrong.
        if change != {"private_key": other_keys["a changed one"]}:
            with pytest.raises(SinkRefused):
                read_service_account(json.dumps({**service_account, **change}), OURS, known=True)
