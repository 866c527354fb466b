"""What is published is read as it was meant, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.errors import InvalidJson
from api.mending import MendingParser, unquoted, without_comments

PARSER = MendingParser(unquoted)
COMMENTED = MendingParser(without_comments)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=20), inside, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=20), VALUES, min_size=1, max_size=5)
BLANKS = st.text(" \t\r\n", max_size=3)
KEY_FILE = {"type": "service_account", "private_key": '-----BEGIN\n"{ }"\\n\n'}


def sent(file: str, before: str = "") -> str:
    """Return what the published line sends: the key file between quotes."""
    return f"""{{
"name": "my-gcp-storage-connector",
"credentials": {{
"service_account_json":{before} "{file}"
}}
}}"""


def meant(file: Any) -> Any:
    """Return the same body, had it been sent as an object."""
    credentials = {"service_account_json": file}
    return {"name": "my-gcp-storage-connector", "credentials": credentials}


@given(OBJECTS, BLANKS, BLANKS, st.sampled_from([None, 2]))
@example(KEY_FILE, "", "", 2)
@example({"a": '}"'}, " ", " ", None)
def test_a_key_file_between_quotes_is_the_object_that_it_is(
    file: dict[str, Any], before: str, after: str, indent: int | None
) -> None:
    text = json.dumps(file, indent=indent, ensure_ascii=indent is None)
    body = sent(f"{before}{text}{after}", before).encode()

    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)
    assert PARSER.decoded(body) == meant(file)


@given(VALUES)
@example({"service_account_json": '"service_account_json": "{ "a": 1 }"'})
@example(meant(json.dumps(KEY_FILE)))
@example(meant(KEY_FILE))
def test_a_valid_body_is_never_touched(value: Any) -> None:
    body = json.dumps(value).encode()

    assert PARSER.decoded(body) == orjson.loads(body)


@given(st.binary(max_size=200) | st.text('"{}[]:,\\ \n1', max_size=60))
@example('{ "": 1 }')
def test_only_quotes_and_blanks_are_taken_away(noise: bytes | str) -> None:
    text = noise if isinstance(noise, bytes) else sent(noise).encode()
    mended = unquoted(text)

    assert mended is None or bare(mended) == bare(text)
    assert mended is None or mended.count(b'"') == text.count(b'"') - 2


def bare(text: bytes) -> bytes:
    return text.translate(None, b'" \t\r\n')


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        '{"a": "{ "b": 1 }"}',
        sent('{ "a": 1 '),
        sent('{ "a": 1 } x'),
        sent('{ "a": 1 }').replace('"service', '"Service'),
        sent('[ "a" ]'),
        sent('{ "a": "\n" }'),
        sent('{ "a": NaN }'),
        sent('{ "a": 1 }') + ",",
        sent('{ "a": 1 }').replace("}\n}", '}, "service_account_json": "{ "b": 2 }"}'),
        sent("{" + '"a":{' * 100_000),
        sent('{ "a": ' + "9" * 10_000 + " }"),
    ],
)
def test_what_is_broken_in_another_way_stays_broken(broken: str) -> None:
    with pytest.raises(InvalidJson):
        PARSER.decoded(broken.encode())


def test_what_is_no_text_stays_broken() -> None:
    with pytest.raises(InvalidJson):
        PARSER.decoded(sent('{ "a": "\u00e9" }').encode("latin-1"))


# ---- comments ----


@settings(max_examples=40)
@given(OBJECTS, st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=8), min_size=1))
@example({"url": "wss://example.com//a", 'a"//': "\\"}, ['"', " what // this is", "\\"])
def test_comments_at_the_ends_of_lines_are_passed_over(
    value: dict[str, Any], remarks: list[str]
) -> None:
    lines = json.dumps(value, indent=2).splitlines()
    body = "\n".join(f"{line} //{remarks[n % len(remarks)]}" for n, line in enumerate(lines))

    assert COMMENTED.decoded(body.encode()) == value


@given(VALUES)
@example({"url": "wss://example.com"})
def test_a_body_without_comments_is_never_touched(value: Any) -> None:
    body = json.dumps(value).encode()

    assert COMMENTED.decoded(body) == orjson.loads(body)
    assert without_comments(body) is None


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "//",
        '{"a": 1 / 2}',
        '{"a": 1} /* b */',
        '{"a": 1, // b\n}',
        '{"a": "wss://b',
        '{"a": "b // c\n"}',
        '{"a": 1} // b\n{',
        '"' + '\\"' * 500_000,
        '["//' * 300_000,
    ],
)
def test_what_is_broken_otherwise_stays_broken_in_spite_of_comments(broken: str) -> None:
    with pytest.raises(InvalidJson):
        COMMENTED.decoded(broken.encode())
