"""A message becomes one line that every reader of JSON takes, with its payload as it was said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.concealing import is_suspect
from csms.lines import render
from csms.secrecy import CONCEALED
from proxy import splice
from storage.records import ChargerKey, Message, MessageType
from tests.proxy import json_texts

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def message(frame: bytes, message_type: MessageType = "Call", **more: Any) -> Message:
    given: dict[str, Any] = {
        "seq": 7,
        "timestamp": MOMENT,
        "key": ChargerKey("organization-a", "CP 1"),
        "direction": "charger_to_platform",
        "ocpp_version": "1.6",
        "message_type": message_type,
        "message_id": "id-1",
        "action": "Heartbeat",
        "frame": frame,
        "proxy_configuration_id": 3,
    }
    return Message(**given | more)


def line(frame: bytes, message_type: MessageType = "Call", **more: Any) -> Any:
    return json.loads(render(message(frame, message_type, **more)))


def test_a_line_has_the_fields_of_the_contract_in_their_order() -> None:
    assert render(message(b'[2,"id-1","Heartbeat",{}]')) == (
        b'{"seq":7,"timestamp":"2026-03-01T12:00:00.000005Z","organization_uuid":"organization-a",'
        b'"charge_box_id":"CP 1","direction":"charger_to_platform","ocpp_version":"1.6",'
        b'"message_type":"Call","message_id":"id-1","action":"Heartbeat","payload":{},'
        b'"proxy_configuration_id":3}'
    )


def test_the_payload_stays_as_it_was_said() -> None:
    payload = b'{"limit": 6.0, "n":12345678901234567890123,"x":1e3, "u":"\\u00e9"}'

    assert b'"payload":' + payload + b"," in render(message(b'[2,"1","X", ' + payload + b"]"))


@pytest.mark.parametrize(
    ("frame", "message_type", "payload"),
    [
        (b'[3,"1",{"currentTime":"now"}]', "CallResult", {"currentTime": "now"}),
        (b'[6,"1","NotifyPeriodicEventStream",{"id":1}]', "Send", {"id": 1}),
        (
            b'[4,"1","NotImplemented","No.",{"a":1}]',
            "CallError",
            {"errorCode": "NotImplemented", "errorDescription": "No.", "errorDetails": {"a": 1}},
        ),
        (
            b'[4,"1","GenericError"]',
            "CallError",
            {"errorCode": "GenericError", "errorDescription": None, "errorDetails": None},
        ),
        (
            b'[5,"1","GenericError","",{}]',
            "CallResultError",
            {"errorCode": "GenericError", "errorDescription": "", "errorDetails": {}},
        ),
    ],
)
def test_each_type_of_message_has_its_payload(
    frame: bytes, message_type: MessageType, payload: Any
) -> None:
    said = line(frame, message_type)

    assert said["payload"] == payload
    assert said["message_type"] == message_type


@pytest.mark.parametrize(
    ("frame", "raw"),
    [
        (b"not json\n\x00", "not json\n\x00"),
        (b"\xff\xfe[2", "\\xff\\xfe[2"),
        (b'[2,"1","X",{"a":NaN}]', '[2,"1","X",{"a":NaN}]'),
        ("\u2028é🔌".encode(), "\u2028é🔌"),
        (b"", ""),
        (b'{"AuthorizationKey": "s3cret', CONCEALED),
    ],
)
def test_what_nobody_could_read_is_told_as_it_came(frame: bytes, raw: str) -> None:
    said = line(frame, "Unreadable", message_id=None, action=None)

    assert said["raw"] == raw
    assert "payload" not in said


def test_what_is_called_a_call_and_is_none_is_told_as_it_came() -> None:
    assert line(b'[2,"1"]')["raw"] == '[2,"1"]'


@pytest.mark.parametrize(
    ("payload", "raw"),
    [
        (b'{"a":"\xff"}', '{"a":"\\xff"}'),
        (b'{"a":"\xed\xa0\x80"}', '{"a":"\\xed\\xa0\\x80"}'),
        (b'{"a":1e999}', '{"a":1e999}'),
        (b'{"a":"\\ud800"}', None),
    ],
)
@pytest.mark.parametrize("kind", ["Call", "CallResult", "CallError"])
def test_what_readers_refuse_the_whole_file_for_is_told_as_text(
    kind: MessageType, payload: bytes, raw: str | None
) -> None:
    heads = {"Call": '[2,"1","X",', "CallResult": '[3,"1",', "CallError": '[4,"1","X","",'}
    said = orjson.loads(render(message(heads[kind].encode() + payload + b"]", kind)))

    assert "payload" not in said
    # Escapes by number are looked at closely where they can be read.
    assert said["raw"] == (CONCEALED if raw is None else heads[kind] + raw + "]")


def test_a_name_that_is_given_twice_is_written_once() -> None:
    assert b'"payload":{"a":2},' in render(message(b'[2,"1","X",{"a":1,"a":2}]'))


def test_an_unreadable_message_tells_no_token_that_is_to_be_hashed() -> None:
    said = json.loads(render(message(b"[2, 04A1B2C3", "Unreadable"), b"key"))

    assert said["raw"] == CONCEALED


@given(json_texts.listed(json_texts.members(json_texts.VALUES), "{}"), st.binary(max_size=32))
def test_every_payload_is_one_line_of_strict_json(payload: str, key: bytes) -> None:
    text = payload.encode(errors="replace")
    frame = b'[2,"1","X",' + text + b"]"

    written = render(message(frame), key or None)

    assert b"\n" not in written
    assert b"\r" not in written
    written.decode()
    if not is_suspect(text, tokens=bool(key)) and not splice.repeats_a_key(text):
        kept = text.replace(b"\n", b" ").replace(b"\r", b" ")
        assert b'"payload":' + kept.strip() + b"," in written


@given(st.binary(max_size=200))
def test_every_unreadable_frame_is_one_line_of_strict_json(frame: bytes) -> None:
    written = render(message(frame, "Unreadable"))

    assert b"\n" not in written
    assert isinstance(orjson.loads(written)["raw"], str)
