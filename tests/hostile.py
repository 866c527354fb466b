"""What attackers and broken chargers send: frames by name, and paths that are nearly right."""

from __future__ import annotations

ORGANIZATION = "5b7e2f0c-3f0a-4a51-9d0e-2b7a3f8c1d11"

# What a refusal is called: the two typos of 1.6 are official (errata §5).
VIOLATION = {"1.6": "FormationViolation", "2.0.1": "FormatViolation", "2.1": "FormatViolation"}
FRAMEWORK = {"1.6": "FormationViolation", "2.0.1": "RpcFrameworkError", "2.1": "RpcFrameworkError"}
UNKNOWN = {
    "1.6": "FormationViolation",
    "2.0.1": "MessageTypeNotSupported",
    "2.1": "MessageTypeNotSupported",
}

CALL = b'[2,"id-1","Heartbeat",{}]'
LONG = b"x" * 256


def deep(levels: int) -> bytes:
    return b'[2,"id-1","Heartbeat",' + b"[" * levels + b"]" * levels + b"]"


def value(text: bytes) -> bytes:
    return b'[2,"id-1","MeterValues",{"value":' + text + b"}]"


# name: (frame, id to answer, how the refusal is called)
HOSTILE_CALLS: dict[str, tuple[bytes, str, dict[str, str]]] = {
    "action is a list": (b'[2,"id-1",["x"],{}]', "id-1", VIOLATION),
    "action is an object": (b'[2,"id-1",{"x":1},{}]', "id-1", VIOLATION),
    "action is null": (b'[2,"id-1",null,{}]', "id-1", VIOLATION),
    "action is empty": (b'[2,"id-1","",{}]', "id-1", VIOLATION),
    "action of 256 characters": (b'[2,"id-1","%b",{}]' % LONG, "id-1", VIOLATION),
    "NUL in the action": (b'[2,"id-1","Heart\\u0000beat",{}]', "id-1", VIOLATION),
    "newline in the action": (b'[2,"id-1","Heart\\nbeat",{}]', "id-1", VIOLATION),
    "ANSI escape in the action": (b'[2,"id-1","\\u001b[2J",{}]', "id-1", VIOLATION),
    "U+2028 in the action": (b'[2,"id-1","\\u2028",{}]', "id-1", VIOLATION),
    "5,000 levels deep": (deep(5_000), "id-1", VIOLATION),
    "100,000 levels deep": (deep(100_000), "id-1", VIOLATION),
    "integer of 5,000 digits": (value(b"9" * 5_000), "id-1", VIOLATION),
    "NaN": (value(b"NaN"), "id-1", VIOLATION),
    "Infinity": (value(b"Infinity"), "id-1", VIOLATION),
    "-Infinity": (value(b"-Infinity"), "id-1", VIOLATION),
    "1e400000": (value(b"1e400000"), "id-1", VIOLATION),
    "lone high surrogate escape": (value(rb'"\ud800"'), "id-1", VIOLATION),
    "lone low surrogate escape": (value(rb'"\udc00"'), "id-1", VIOLATION),
    "surrogate in UTF-8": (value(b'"\xed\xa0\x80"'), "id-1", VIOLATION),
    "bad UTF-8": (value(b'"\xff"'), "id-1", VIOLATION),
    "overlong UTF-8": (value(b'"\xc0\x80"'), "id-1", VIOLATION),
    "raw control character": (value(b'"\x00"'), "id-1", VIOLATION),
    "value left out": (value(b""), "id-1", VIOLATION),
    "truncated": (CALL[:-3], "id-1", VIOLATION),
    "something after the end": (CALL + b"]", "id-1", VIOLATION),
    "too few elements": (b'[2,"id-1","Heartbeat"]', "id-1", VIOLATION),
    "only type and id": (b'[2,"id-1"]', "id-1", VIOLATION),
    "too many elements": (b'[2,"id-1","Heartbeat",{},{}]', "id-1", VIOLATION),
    "60,000-element list": (
        b'[2,"id-1","Heartbeat",[' + b"0," * 59_999 + b"0]]",
        "id-1",
        VIOLATION,
    ),
    "1 MiB and one byte": (
        b'[2,"id-1","Heartbeat",{"data":"%b"}]' % (b"x" * ((1 << 20) - 32)),
        "id-1",
        VIOLATION,
    ),
    "UTF-16": (CALL.decode().encode("utf-16"), "-1", FRAMEWORK),
    "byte order mark": (b"\xef\xbb\xbf" + CALL, "-1", FRAMEWORK),
    "not JSON": (b"hello", "-1", FRAMEWORK),
    "an object": (b'{"id":"id-1"}', "-1", FRAMEWORK),
    "a string": (b'"Heartbeat"', "-1", FRAMEWORK),
    "an empty list": (b"[]", "-1", FRAMEWORK),
    "only a type": (b"[2]", "-1", FRAMEWORK),
    "no id to be seen": (b"[2,", "-1", FRAMEWORK),
    "id is null": (b'[2,null,"Heartbeat",{}]', "-1", FRAMEWORK),
    "id is a number": (b'[2,17,"Heartbeat",{}]', "-1", FRAMEWORK),
    "id is a list": (b'[2,["id-1"],"Heartbeat",{}]', "-1", FRAMEWORK),
    "id is empty": (b'[2,"","Heartbeat",{}]', "-1", FRAMEWORK),
    "id of 256 characters": (b'[2,"%b","Heartbeat",{}]' % LONG, "-1", FRAMEWORK),
    "id of 256 characters, broken behind": (b'[2,"%b","Heartbeat",{' % LONG, "-1", FRAMEWORK),
    "id of 1 MB": (b'[2,"%b","Heartbeat",{}]' % (b"x" * 1_000_000), "-1", FRAMEWORK),
    "id of 2 MB": (b'[2,"%b","Heartbeat",{}]' % (b"x" * 2_000_000), "-1", FRAMEWORK),
    "NUL in the id": (b'[2,"id\\u0000","Heartbeat",{}]', "-1", FRAMEWORK),
    "newline in the id": (b'[2,"id\\n","Heartbeat",{}]', "-1", FRAMEWORK),
    "DEL in the id": (b'[2,"id\x7f","Heartbeat",{}]', "-1", FRAMEWORK),
    "DEL in the id, broken behind": (b'[2,"id\x7f","Heartbeat",{', "-1", FRAMEWORK),
    "bad UTF-8 in the id": (b'[2,"id\xff","Heartbeat",{}]', "-1", FRAMEWORK),
    "type is a string": (b'["2","id-1","Heartbeat",{}]', "id-1", FRAMEWORK),
    "type is true": (b'[true,"id-1","Heartbeat",{}]', "id-1", FRAMEWORK),
    "type is 2.0": (b'[2.0,"id-1","Heartbeat",{}]', "id-1", FRAMEWORK),
    "type is null, as the id": (b'[null,null,"Heartbeat",{}]', "-1", FRAMEWORK),
    "type is a list": (b'[[],"id-1","Heartbeat",{}]', "id-1", FRAMEWORK),
    "type is wider than 64 bit": (b'[%b,"id-1","X",{}]' % (b"2" * 30), "id-1", FRAMEWORK),
    "type is wider, broken behind": (b'[%b,"id-1","X",{' % (b"2" * 30), "-1", FRAMEWORK),
}

BROKEN_ANSWERS = {
    "CALLRESULT without payload": b'[3,"id-1"]',
    "CALLRESULT with too much": b'[3,"id-1",{},{}]',
    "CALLRESULT with a null id": b"[3,null,{}]",
    "CALLRESULT with a long id": b'[3,"%b",{}]' % LONG,
    "CALLRESULT with NaN": b'[3,"id-1",{"value":NaN}]',
    "CALLRESULT with NaN and an escaped id": rb'[3,"\u0041",{"value":NaN}]',
    "CALLRESULT in bad UTF-8": b'[3,"id-1",{"value":"\xff"}]',
    "CALLRESULT too deep": deep(5_000).replace(b"[2", b"[3", 1),
    "CALLRESULT of 2 MB": b'[3,"id-1","%b"]' % (b"x" * 2_000_000),
    "CALLRESULT truncated": b'[3,"id-1"',
    "CALLERROR without code": b'[4,"id-1"]',
    "CALLERROR with a null code": b'[4,"id-1",null,"",{}]',
    "CALLERROR with a list as code": b'[4,"id-1",["x"],"",{}]',
    "CALLERROR with too much": b'[4,"id-1","InternalError","",{},{}]',
    "CALLERROR truncated": b'[4,"id-1","InternalErr',
}

# CP01 is enrolled; the only ways to it are /ORGANIZATION/ocpp/CP01 and …/ocpp_proxy/CP01.
WRONG_PATHS = [
    "",
    "/",
    "/CP01",
    f"/{ORGANIZATION}",
    f"/{ORGANIZATION}/ocpp",
    f"/{ORGANIZATION}/ocpp/",
    f"/{ORGANIZATION}/ocpp/CP01/",
    f"/{ORGANIZATION}/ocpp/CP01/CP01",
    f"/{ORGANIZATION}/ocpp//CP01",
    f"//{ORGANIZATION}/ocpp/CP01",
    f"/{ORGANIZATION}/ocpp/CP01?",
    f"/{ORGANIZATION}/ocpp/CP01?key=1",
    f"/{ORGANIZATION}/ocpp/CP01#a",
    f"/{ORGANIZATION}/ocpp/CP01\n",
    f"/{ORGANIZATION}/ocpp/../ocpp/CP01",
    f"/{ORGANIZATION}/OCPP/CP01",
    f"/{ORGANIZATION}/ocpp_proxy2/CP01",
    f"/{ORGANIZATION.upper()}/ocpp/CP01",
    f"/{ORGANIZATION}0/ocpp/CP01",
    f"/x/{ORGANIZATION}/ocpp/CP01",
    f"http://localhost/{ORGANIZATION}/ocpp/CP01",
    f"/{ORGANIZATION}/ocpp/CP%2F01",
    f"/{ORGANIZATION}/ocpp/CP%252F01",
    f"/{ORGANIZATION}/ocpp/%2e%2e%2fCP01",
    f"/{ORGANIZATION}/ocpp/CP%00",
    f"/{ORGANIZATION}/ocpp/CP%0A01",
    f"/{ORGANIZATION}/ocpp/CP%3A01",
    f"/{ORGANIZATION}/ocpp/CP:01",
    f"/{ORGANIZATION}/ocpp/CP%",
    f"/{ORGANIZATION}/ocpp/CP%zz",
    f"/{ORGANIZATION}/ocpp/%C3%BC",
    f"/{ORGANIZATION}/ocpp/ü",
    f"/{ORGANIZATION}/ocpp/{'x' * 49}",
    f"/{ORGANIZATION}/ocpp/{{charge_box_id}}",
]
