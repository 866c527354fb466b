"""What a store's answer means for its owner: by code, else by status, never by its words."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from storage.sinks import s3_faults
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.s3_faults import told

CANARY = "AKIACANARY"
SENTENCES = [value for name, value in vars(s3_faults).items() if name.isupper() and name[0] != "_"]


def answered(code: object, status: object, **more: str) -> dict[str, Any]:
    return {
        "Error": {"Code": code, "Message": f"{CANARY} {{right}} {{}}", **more},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {"x": CANARY}},
    }


# code, status: who has to act, and what he has to do
TOLD: Mapping[tuple[str, int], tuple[type[SinkError], str]] = {
    ("NoSuchBucket", 404): (SinkRefused, "create it, or correct bucket and region"),
    ("InvalidBucketName", 400): (SinkRefused, "correct bucket"),
    ("InvalidAccessKeyId", 403): (SinkRefused, "does not know access_key_id"),
    ("SignatureDoesNotMatch", 403): (SinkRefused, "secret_access_key does not belong"),
    ("AccessDenied", 403): (SinkRefused, "s3:PutObject"),
    ("ExpiredToken", 400): (SinkRefused, "lasting one"),
    ("AccountProblem", 403): (SinkRefused, "account"),
    ("PermanentRedirect", 301): (SinkRefused, "correct region"),
    ("AuthorizationHeaderMalformed", 400): (SinkRefused, "correct region"),
    ("IllegalLocationConstraintException", 400): (SinkRefused, "correct region"),
    ("RequestTimeTooSkewed", 403): (SinkRefused, "set the clock"),
    ("KMS.DisabledException", 400): (SinkRefused, "KMS"),
    ("EntityTooLarge", 400): (SinkRefused, "lower flush_bytes"),
    ("NotImplemented", 501): (SinkRefused, "S3 protocol in full"),
    ("QuotaExceeded", 403): (SinkRefused, "make room"),
    ("TemporaryRedirect", 307): (SinkUnavailable, "still setting the bucket up"),
    ("SlowDown", 503): (SinkUnavailable, "fewer requests"),
    ("ServiceUnavailable", 503): (SinkUnavailable, "fewer requests"),
    ("RequestTimeout", 400): (SinkUnavailable, "too slow"),
    ("BadDigest", 400): (SinkUnavailable, "damaged"),
    ("InternalError", 500): (SinkUnavailable, "HTTP status 500"),
    ("SomethingNew", 400): (SinkRefused, "HTTP status 400"),
    ("SomethingNew", 403): (SinkRefused, "s3:PutObject"),
    ("SomethingNew", 418): (SinkRefused, "HTTP status 418"),
    ("SomethingNew", 502): (SinkUnavailable, "HTTP status 502"),
    ("307", 307): (SinkRefused, "not followed"),
    ("404", 404): (SinkRefused, "no object store"),
    ("413", 413): (SinkRefused, "lower flush_bytes"),
    ("429", 429): (SinkUnavailable, "fewer requests"),
    ("503", 503): (SinkUnavailable, "fewer requests"),
    ("507", 507): (SinkRefused, "make room"),
    ("", 200): (SinkRefused, "no object store"),
    ("", 999): (SinkRefused, "no object store"),
}


@pytest.mark.parametrize(("answer", "meaning"), TOLD.items())
def test_an_answer_says_who_has_to_do_what(
    answer: tuple[str, int], meaning: tuple[type[SinkError], str]
) -> None:
    code, status = answer
    kind, words = meaning

    error = told(answered(code, status), "s3:PutObject")

    assert type(error) is kind
    assert words in str(error)
    assert CANARY not in str(error)


def test_the_right_that_is_missing_is_the_one_that_was_needed() -> None:
    assert "s3:DeleteObject" in str(told(answered("AccessDenied", 403), "s3:DeleteObject"))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Error": {}},
        {"Error": {"Code": ["NoSuchBucket"]}},
        answered({"NoSuchBucket": CANARY}, 400),
        answered(None, None),
        answered(17, "403"),
    ],
)
def test_an_answer_in_any_shape_is_told(answer: dict[str, Any]) -> None:
    assert isinstance(told(answer, "s3:PutObject"), SinkRefused)


def test_every_sentence_is_one_that_can_be_shown() -> None:
    assert len(SENTENCES) > 15
    for sentence in SENTENCES:
        fields = {field for _, field, *_ in string.Formatter().parse(sentence) if field}
        assert fields <= {"right", "status"}
        assert sentence.endswith(".")
        assert len(sentence) < 200


def test_every_sentence_is_explained_to_who_gets_it() -> None:
    page = (Path(__file__).parents[3] / "docs/connectors.md").read_text()
    section = page.split("\n## AWS S3\n")[1].split("\n## ")[0]
    explained = re.findall(r"^\| (?:… )?(.+?)(?: …)? \| ", section, re.MULTILINE)

    told = [sentence.format(right="s3:PutObject", status="") for sentence in SENTENCES]
    missing = [each for each in told if not any(each.startswith(words) for words in explained)]

    assert missing == []
