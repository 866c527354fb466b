"""Answers are JSON, indented where asked for, and are kept by nobody on the way."""

from __future__ import annotations

import orjson

from api.answers import JsonResponse


def test_an_answer_is_compact_json() -> None:
    answer = JsonResponse({"a": 1}, 201)

    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_pretty_answer_is_indented_and_keeps_numbers_as_they_were_written() -> None:
    payload = orjson.Fragment(b'{"limit":6.0,"id":12345678901234567890123}')
    answer = JsonResponse({"payload": payload}, pretty=True)

    assert answer.body == (
        b'{\n  "payload": {\n    "limit": 6.0,\n    "id": 12345678901234567890123\n  }\n}\n'
    )
