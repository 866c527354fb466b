from __future__ import annotations

import json
import uuid
from itertools import islice
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csms import frames
from csms.errors import MalformedFrame
from csms.frames import (
    OCPP16,
    OCPP21,
    OCPP201,
    Call,
    CallError,
    CallResult,
    CallResultError,
    Dialect,
    Limits,
    Send,
    parse,
)
from tests.hostile import BROKEN_ANSWERS, HOSTILE_CALLS, UNKNOWN

DIALECTS = {"1.6": OCPP16, "2.0.1": OCPP201, "2.1": OCPP21}
every_dialect = pytest.mark.parametrize("version", DIALECTS)

PAYLOADS = {
    "float with a zero": b'{"value":6.0}',
    "exponents": b'{"a":1e3,"b":1E+3,"c":-0,"d":-0.0,"e":1e-400}',
    "20 digits": b'{"value":12345678901234567890}',
    "60 digits": b'{"value":123456789012345678901234567890123456789012345678901234567890}',
    "shortest float": b'{"a":0.1,"b":0.10000000000000000555}',
    "duplicate keys": b'{"a":1,"a":2}',
    "escapes": rb'{"a":"\u0041\/\n\ud83d\ude00\u0000"}',
    "unicode": '{"a":"Zürich 😀 充电"}'.encode(),
    "whitespace": b'{ "a" :\t[ 1 ,\r\n2 ] }',
    "nulls": b'{"a":null,"b":[null]}',
    "empty": b"{}",
    "not an object": b"[1,2]",
    "null": b"null",
    "brackets in a string": b'{"a":"]}[{\\""}',
}


@every_dialect
@pytest.mark.parametrize("name", HOSTILE_CALLS)
def test_hostile_call_is_refused_with_its_id_and_the_version_s_code(
    name: str, version: str
) -> None:
    text, id, codes = HOSTILE_CALLS[name]

    with pytest.raises(MalformedFrame) as refused:
        parse(text, DIALECTS[version])

    assert (refused.value.id, refused.value.code) == (id, codes[version])
    assert refused.value.answerable


@every_dialect
@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_broken_answer_is_refused_and_never_answered(name: str, version: str) -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(BROKEN_ANSWERS[name], DIALECTS[version])

    assert not refused.value.answerable


@every_dialect
def test_unknown_message_type_is_ignored_in_1_6_and_answered_since_2_0_1(version: str) -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(b'[9,"id-1","Heartbeat",{}]', DIALECTS[version])

    assert (refused.value.id, refused.value.code) == ("id-1", UNKNOWN[version])
    assert refused.value.answerable == (version != "1.6")


@pytest.mark.parametrize("text", [b'[5,"id-1","X","",{}]', b'[6,"id-1","X",{}]'])
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_message_types_of_2_1_are_unknown_before_it(version: str, text: bytes) -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(text, DIALECTS[version])

    assert refused.value.code == UNKNOWN[version]


@pytest.mark.parametrize(
    "text",
    [
        b'[5,"id-1"]',
        b'[5,"id-1",null]',
        b'[6,"id-1","X"]',
        b'[6,"id-1",null,{}]',
        b'[6,null,"X",{}]',
        b'[6,"id-1","X",{"value":NaN}]',
    ],
)
def test_broken_callresulterror_or_send_of_2_1_is_never_answered(text: bytes) -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(text, OCPP21)

    assert not refused.value.answerable


@every_dialect
@pytest.mark.parametrize("name", PAYLOADS)
def test_payload_is_kept_byte_for_byte(name: str, version: str) -> None:
    payload = PAYLOADS[name]
    text = b' [ 2 , "id-1" , "DataTransfer" , ' + payload + b" ] "

    call = parse(text, DIALECTS[version])

    assert isinstance(call, Call)
    assert call.payload == payload
    assert call.text == text
    assert call.fields == orjson.loads(payload)


@pytest.mark.parametrize("name", PAYLOADS)
def test_answer_s_payload_is_kept_byte_for_byte(name: str) -> None:
    result = parse(b'[3,"id-1",' + PAYLOADS[name] + b"]")
    error = parse(b'[4,"id-1","InternalError","",' + PAYLOADS[name] + b"]")

    assert isinstance(result, CallResult)
    assert result.payload == PAYLOADS[name]
    assert isinstance(error, CallError)
    assert error.details == PAYLOADS[name]


@pytest.mark.parametrize(
    ("text", "description", "details"),
    [
        (b'[4,"id-1","NotSupported"]', "", b"{}"),
        (b'[4,"id-1","NotSupported","no"]', "no", b"{}"),
        (b'[4,"id-1","NotSupported",null,null]', "", b"null"),
        (b'[4,"id-1","NotSupported","' + b"x" * 5_000 + b'",{}]', "x" * 5_000, b"{}"),
    ],
)
def test_callerror_may_leave_out_its_end(text: bytes, description: str, details: bytes) -> None:
    error = parse(text)

    assert error == CallError("id-1", "NotSupported", description, details, text)


def test_error_code_that_cannot_be_printed_is_escaped() -> None:
    error = parse(b'[4,"id-1","\\u001b[2J\\n","",{}]')

    assert isinstance(error, CallError)
    assert error.code == "'\\x1b[2J\\n'"


def test_id_of_255_characters_is_accepted() -> None:
    id = "ü" * 255

    assert parse(frames.call(id, "Heartbeat", b"{}").text).id == id
    with pytest.raises(MalformedFrame) as refused:
        parse(frames.call(id, "Heartbeat", b"{").text)
    assert refused.value.id == id


def test_frame_that_is_too_large_is_refused_by_what_it_says_not_by_how_it_is_spelled() -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(rb'[2,"\u0061","Heartbeat",[[[]]]]', limits=Limits(max_depth=3))

    assert refused.value.id == "a"


def test_message_types_of_2_1() -> None:
    complaint = b'[5,"id-1","FormatViolation","no",{}]'
    send = b'[6,"id-1","NotifyPeriodicEventStream",{"id":1}]'

    assert parse(complaint, OCPP21) == CallResultError(
        "id-1", "FormatViolation", "no", b"{}", complaint
    )
    assert parse(send, OCPP21) == Send(
        "id-1", "NotifyPeriodicEventStream", b'{"id":1}', {"id": 1}, send
    )


def test_limits_are_kept_to_the_byte_the_level_and_the_value() -> None:
    limits = Limits(max_bytes=60, max_depth=4, max_nodes=10)
    fits = {
        "bytes": frames.call("id-1", "X", b'"%b"' % (b"x" * 43)).text,
        "levels": frames.call("id-1", "X", b"[[[]]]").text,
        "values": frames.call("id-1", "X", b"[1,2,3,4,5,6]").text,
        "commas in a string": frames.call("id-1", "X", b'",,,,,,,,,,,,,,,,"').text,
        "brackets in a string": frames.call("id-1", "X", b'"[[[[[[[[{{{{{{{"').text,
    }
    exceeds = {
        "bytes": frames.call("id-1", "X", b'"%b"' % (b"x" * 44)).text,
        "levels": frames.call("id-1", "X", b"[[[[]]]]").text,
        "values": frames.call("id-1", "X", b"[1,2,3,4,5,6,7]").text,
        "keys": frames.call("id-1", "X", b'{"a":[{},{},{}],"b":{"c":[1,2]}}').text,
    }

    for text in fits.values():
        parse(text, limits=limits)
    for text in exceeds.values():
        with pytest.raises(MalformedFrame):
            parse(text, limits=limits)


def test_callerror_s_description_is_cut_to_255_characters() -> None:
    assert frames.call_error("id-1", "InternalError", "ü" * 300).description == "ü" * 255


# ---- properties ----

printable = st.characters(codec="utf-8", exclude_categories=("C", "Z"))
names = st.text(printable, min_size=1, max_size=255)
plain_names = names.filter(lambda name: not set(name) & set('"\\'))
blanks = st.sampled_from([b"", b"", b" ", b"\t", b"\r\n "])
strings = st.tuples(st.text(st.characters(codec="utf-8")), st.booleans()).map(
    lambda drawn: json.dumps(drawn[0], ensure_ascii=drawn[1]).encode()
)
numbers = st.one_of(
    st.integers().map(lambda number: str(number).encode()),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    st.sampled_from([b"6.0", b"1e3", b"1E-9", b"-0", b"12345678901234567890", b"0.10"]),
)
scalars = st.one_of(st.sampled_from([b"null", b"true", b"false"]), numbers, strings)


def _array(parts: list[bytes], blank: bytes) -> bytes:
    return b"[" + blank + (blank + b"," + blank).join(parts) + blank + b"]"


def _object(pairs: list[tuple[bytes, bytes]], blank: bytes) -> bytes:
    members = [key + blank + b":" + blank + member for key, member in pairs]
    return b"{" + blank + (b"," + blank).join(members) + blank + b"}"


def _containers(inside: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.builds(_array, st.lists(inside, max_size=5), blanks),
        st.builds(_object, st.lists(st.tuples(strings, inside), max_size=5), blanks),
    )


json_texts = st.recursive(scalars, _containers, max_leaves=12)
dialects = st.sampled_from(list(DIALECTS.values()))


@given(names, names, json_texts, dialects)
def test_parse_reads_what_call_writes(
    id: str, action: str, payload: bytes, dialect: Dialect
) -> None:
    call = frames.call(id, action, payload, orjson.loads(payload))

    assert parse(call.text, dialect) == call


@given(names, json_texts, dialects)
def test_parse_reads_what_call_result_writes(id: str, payload: bytes, dialect: Dialect) -> None:
    result = frames.call_result(id, payload, orjson.loads(payload))

    assert parse(result.text, dialect) == result


@given(names, names, st.text(st.characters(codec="utf-8")), json_texts, dialects)
def test_parse_reads_what_call_error_writes(
    id: str, code: str, description: str, details: bytes, dialect: Dialect
) -> None:
    error = frames.call_error(id, code, description, details)

    assert parse(error.text, dialect) == error


written_names = st.tuples(names, st.booleans()).map(
    lambda drawn: json.dumps(drawn[0], ensure_ascii=drawn[1]).encode()
)
heads = st.one_of(
    st.tuples(st.just(b"2"), written_names, written_names), st.tuples(st.just(b"3"), written_names)
)


@given(heads, json_texts, blanks, blanks, dialects)
def test_payload_is_cut_as_a_json_parser_cuts_it(
    head: tuple[bytes, ...], payload: bytes, blank: bytes, around: bytes, dialect: Dialect
) -> None:
    text = around + _array([*head, payload], blank) + around

    frame = parse(text, dialect)

    decoded = orjson.loads(text)
    assert isinstance(frame, Call | CallResult)
    assert [frame.id, frame.payload, frame.fields] == [decoded[1], payload, decoded[-1]]
    assert frame.payload == bytes(msgspec.json.decode(text, type=list[msgspec.Raw])[-1])
    assert not isinstance(frame, Call) or frame.action == decoded[2]


@pytest.mark.parametrize("name", [rb"\u0041", rb"a\"b", rb"a\\", b"\xc3\xbc", b"]", b"[2,", b"a,b"])
@pytest.mark.parametrize("kind", [2, 3])
def test_names_that_are_not_plain_are_read_like_others(name: bytes, kind: int) -> None:
    head = [b"%d" % kind] + [b'"%b"' % name] * (4 - kind)

    frame = parse(_array([*head, b"{}"], b""))

    assert isinstance(frame, Call | CallResult)
    assert (frame.id, frame.payload) == (orjson.loads(head[1]), b"{}")


@pytest.mark.parametrize(
    "text", [b'[2,"a","b"]', b'[2,"a","b",{},{}]', b'[3,"a"]', b'[3,"a",{},{}]', b'[3,"a","b",{}]']
)
def test_plain_names_do_not_make_up_for_too_few_or_too_many_elements(text: bytes) -> None:
    with pytest.raises(MalformedFrame) as refused:
        parse(text)

    assert refused.value.id == "a"


def _read(text: bytes, dialect: Dialect) -> Any:
    try:
        return parse(text, dialect)
    except MalformedFrame as refused:
        return refused


@given(st.binary(), dialects)
def test_no_bytes_raise_anything_but_malformed_frame(text: bytes, dialect: Dialect) -> None:
    _read(text, dialect)


@given(st.lists(json_texts, max_size=6), st.sampled_from([b"2", b"3", b"4", b"5", b"6"]), dialects)
def test_no_array_raises_anything_but_malformed_frame(
    elements: list[bytes], kind: bytes, dialect: Dialect
) -> None:
    _read(b"[" + b",".join([kind, *elements]) + b"]", dialect)


@given(plain_names, names, json_texts, st.data(), dialects)
def test_call_broken_behind_its_id_is_refused_with_that_id(
    id: str, action: str, payload: bytes, data: st.DataObject, dialect: Dialect
) -> None:
    text = frames.call(id, action, payload).text
    head = len(b'[2,"",') + len(id.encode())
    place = data.draw(st.integers(head, len(text)))
    cut = data.draw(st.integers(place, len(text)))
    broken = text[:place] + data.draw(st.binary(max_size=4)) + text[cut:]

    refused = _read(broken, dialect)

    assume(isinstance(refused, MalformedFrame))
    assert refused.id == id
    assert refused.answerable


def test_message_ids_are_uuids_and_none_comes_twice() -> None:
    ids = [id for _ in range(50) for id in islice(frames.message_ids(), 50)]

    assert len(set(ids)) == 2_500
    assert all(str(uuid.UUID(id)) == id and uuid.UUID(id).version == 4 for id in ids)
