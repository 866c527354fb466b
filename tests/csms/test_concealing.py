"""No credential leaves for a bucket, wherever it stands, and no token where they are hashed."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from csms.concealing import Concealing, is_suspect
from csms.secrecy import CONCEALED
from proxy import splice
from tests import schema_payloads
from tests.proxy import json_texts

CANARY = "hunter2canary"
KEY = b"the key of one sink"
PLAIN, HASHING = Concealing(), Concealing(KEY)
NAMES = [
    "AuthorizationKey",
    "authorization_key",
    "Auth-Key",
    "BasicAuthPassword",
    "passwd",
    "PASSWORD",
    "client secret",
    "Credentials",
    "private.key",
    "WifiPassphrase",
    "WPA-PSK",
    "pre_shared_key",
    "X-Api-Key",
    "accessToken",
]


def told(payload: Any, concealing: Concealing = PLAIN) -> Any:
    return orjson.loads(concealing.payload(json.dumps(payload).encode()))


def hidden(payload: Any) -> bool:
    """Tell that nothing is left of the canary, in whatever way the payload is written."""
    texts = [json.dumps(payload), json.dumps(payload, ensure_ascii=False, indent=1)]
    return not any(CANARY.encode() in PLAIN.payload(text.encode()) for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_below_the_name_of_a_credential_is_concealed(name: str) -> None:
    assert told({name: CANARY, "other": 1}) == {name: CONCEALED, "other": 1}
    assert hidden({"a": [{"b": {name: {"c": [CANARY]}}}]})
    assert hidden([{name: CANARY}])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "shape",
    [
        lambda name: {"key": name, "value": CANARY},
        lambda name: {"configurationKey": [{"key": name, "readonly": False, "value": CANARY}]},
        lambda name: {"component": {"name": name}, "attributeValue": CANARY},
        lambda name: {"variable": {"name": name}, "attributeValue": CANARY},
        lambda name: {"variable": {"name": name}, "variableAttribute": [{"value": CANARY}]},
        lambda name: {"vendorId": "v", "messageId": name, "data": CANARY},
        lambda name: {"vendorId": "v", "messageId": name, "data": {"value": [CANARY]}},
        lambda name: {"vendorId": "v", "data": json.dumps({name: CANARY})},
        lambda name: {"vendorId": "v", "data": json.dumps({"a": json.dumps({name: CANARY})})},
        lambda name: {"vendorId": "v", "data": f"{name}={CANARY};x=1"},
        lambda name: {"info": f"{name}: {CANARY}"},
        lambda name: {"info": f'{{"{name}": "{CANARY}"'},
        lambda name: {"eventData": [{"variable": {"name": name}, "actualValue": CANARY}]},
        lambda name: {"data": json.dumps([{"Key": name, "Value": CANARY}])},
        lambda name: {"data": f"SET {name} {CANARY}"},
        lambda name: {"data": f"{name};{CANARY}"},
        lambda name: {"data": f"<item name='{name}'>{CANARY}</item>"},
        lambda name: {"data": f"<{name}>{CANARY}</{name}>"},
        lambda name: {f"{name}={CANARY}": 1},
        lambda name: {"errorDescription": f'Refused: "{name}" = "{CANARY}".'},
    ],
)
def test_a_credential_is_concealed_in_every_shape_that_peers_have_for_it(
    name: str, shape: Any
) -> None:
    assert hidden(shape(name))


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://user:{CANARY}@example.com/logs",
        f"https://{CANARY}@example.com",
        f"sftp://u:{CANARY}/with@slash@example.com/x",
        f"see wss://u:{CANARY}@example.com, or not",
    ],
)
def test_what_lets_one_in_through_a_url_is_concealed(url: str) -> None:
    assert hidden({"anything": url})
    assert "example.com" in told({"anything": url})["anything"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"\\u0070assword":"hunter2canary"}',
        b'{"pass\\u0077ord":"hunter2canary"}',
        b'{"password":"hunter2canary","password":"x"}',
        b'{"a":{"password":"hunter2canary"},"a":1}',
        b'{"password":"x","password":"hunter2canary"}',
        b'{"u":"https:\\/\\/u:hunter2canary@example.com"}',
        b'{"password": "hunter2canary", "n": 12345678901234567890123456789}',
        b'{"key":"AuthorizationKey","value":"hunter2canary","key":"HeartbeatInterval"}',
        b'{"data":"{\\"key\\":\\"AuthorizationKey\\",\\"value\\":\\"hunter2canary\\",\\"key\\":1}"}',
        b'{"data":"x {\\"\\u0070assword\\":\\"hunter2canary\\"}"}',
        b'{"data":"x {\\"\\\\u0070assword\\":\\"hunter2canary\\"}"}',
    ],
)
def test_no_way_of_writing_json_tells_it(text: bytes) -> None:
    assert CANARY.encode() not in PLAIN.payload(text)


def test_numbers_beside_a_credential_stay_what_they_are() -> None:
    text = b'{"password":"x","n":12345678901234567890123,"f":6.0}'

    assert PLAIN.payload(text) == b'{"password":"(concealed)","n":12345678901234567890123,"f":6.0}'


def test_names_alone_tell_nothing() -> None:
    payload = {"key": ["AuthorizationKey", "HeartbeatInterval"], "type": "PasswordChanged"}

    assert told(payload) == payload


@given(st.sampled_from(NAMES), schema_payloads.JSON, st.integers(0, 6))
def test_beside_anything_and_at_any_depth(name: str, beside: Any, depth: int) -> None:
    payload: Any = {name: CANARY, "beside": beside}
    for _ in range(depth):
        payload = {"within": [json.dumps(payload)], "beside": [beside]}

    assert hidden(payload)


def test_the_secrets_of_networks_are_concealed() -> None:
    """What NetworkConnectionProfileType of 2.x holds, whose VPN calls its secret a key."""
    vpn = {"server": "s", "user": "u", "password": CANARY, "key": CANARY, "type": "IKEv2"}
    payload = {"connectionData": {"vpn": vpn, "apn": {"apn": "a", "simPin": 12345678}}}
    said = told(payload)["connectionData"]

    hid = {"password": CONCEALED, "key": CONCEALED}
    assert said == {"vpn": vpn | hid, "apn": {"apn": "a", "simPin": CONCEALED}}


# What the standard itself calls by a secret's name.
TELLING = {("SetNetworkProfile", "request"), ("NotifyNetworkProfile", "request")}
PAYLOADS = [
    (version, name.removesuffix("Request").removesuffix("Response"), side)
    for version, module in schema_payloads.VERSIONS.items()
    for name in sorted(
        file.name.removesuffix(".json")
        for file in files(module).joinpath("schemas").iterdir()
        if file.name.endswith(".json")
    )
    # A request of 1.6 and a Send of 2.1 have no ending.
    for side in ("response" if name.endswith("Response") else "request",)
]


@pytest.mark.parametrize("version", schema_payloads.VERSIONS)
def test_what_is_no_credential_stays_byte_for_byte(version: str) -> None:
    payloads = [(action, side) for of, action, side in PAYLOADS if of == version]
    assert {side for _, side in payloads} == {"request", "response"}
    assert len(payloads) > 50
    for action, side in payloads:
        if (action, side) not in TELLING:
            full = schema_payloads.full(version, action, side)
            text = json.dumps(full, indent=1).encode()
            assert PLAIN.payload(text) == text, (action, side)


@pytest.mark.parametrize(
    "payload",
    [
        {"certificate": f"-----BEGIN CERTIFICATE-----\n{'MIIBpwdA/pwd+x' * 4}\nPwd=\n-----END"},
        {"exiRequest": "gJkPwd/9+pwd==", "issuerKeyHash": "pwdpwd+pwd/pwd="},
        {"info": "[E12] see https://example.com:8443/help?mail=a@b"},
        {"location": "ftp://example.com/a", "keyType": "Rsa", "authorizationStatus": "Accepted"},
        {"attributeStatus": "Accepted", "variable": {"name": "BasicAuthPassword"}},
        {"sampledValue": [{"value": 'OCMF|{"a":1}|{"SD":"3045"}', "format": "SignedData"}]},
        {"hybridKey": "x", "text": "stra\u00dfe \u2028 \u0000"},
    ],
)
def test_what_only_looks_like_a_credential_stays_byte_for_byte(payload: Any) -> None:
    for text in (json.dumps(payload), json.dumps(payload, ensure_ascii=False, indent=1)):
        assert PLAIN.payload(text.encode()) == text.encode()


# ---- tokens ----


@pytest.mark.parametrize(
    "payload",
    [
        {"idTag": "04a1B2"},
        {"idTagInfo": {"parentIdTag": "04a1B2"}},
        {"localAuthorizationList": [{"idTag": "04a1B2"}]},
        {"idToken": {"idToken": "04a1B2", "type": "ISO14443"}},
        {"groupIdToken": {"idToken": "04a1B2", "type": "Central"}},
        {"additionalInfo": [{"additionalIdToken": "04a1B2", "type": "x"}]},
        {"vendorId": "v", "data": '{"id_tag":"04a1B2"}'},
        {"data": "idTag=04a1B2"},
        {"emaid": "04a1B2"},
        {"idTags": ["04a1B2", "x"]},
        {"key": "FreevendIdTag", "value": "04a1B2"},
        {"customerIdentifier": "04a1B2"},
        {"exiRequest": "04a1B2"},
        {"certificate": "04a1B2", "idToken": {"idToken": "x", "type": "eMAID"}},
        {"vendorId": "v", "data": '{"tagId":"04a1B2"}'},
        {"errorDescription": "The idTag 04a1B2 is not known."},
    ],
)
def test_tokens_are_hashed_where_the_owner_wants_it(payload: Any) -> None:
    assert "04a1B2" not in json.dumps(told(payload, HASHING))
    assert told(payload) == payload


def test_the_same_token_has_the_same_hash_whatever_its_case() -> None:
    one = told({"idTag": "04a1b2", "parentIdTag": "04A1B2"}, HASHING)

    assert one["idTag"] == one["parentIdTag"]
    assert told({"idToken": "04A1B2"}, HASHING)["idToken"] == one["idTag"]
    assert told({"idTag": "04A1B2"}, Concealing(b"another"))["idTag"] != one["idTag"]
    assert told({"idTag": "04A1B3"}, HASHING)["idTag"] != one["idTag"]


def test_a_token_that_is_none_stays() -> None:
    payload = {"idTag": "", "idToken": {"idToken": "", "type": "NoAuthorization"}}

    assert told(payload, HASHING) == payload


def test_most_messages_are_not_looked_at_twice() -> None:
    assert not is_suspect(b'{"connectorId":1,"idTag":"04A1B2C3"}', tokens=False)
    assert is_suspect(b'{"connectorId":1,"idTag":"04A1B2C3"}', tokens=True)


# ---- names that are given twice ----


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (b'{"a": 1, "b":6.0, "a": 2}', b'{"a":2,"b":6.0}'),
        (b'{"a":[{"b":"\xc3\xa9","b":"\\""}]}', b'{"a":[{"b":"\\""}]}'),
        (b'{"a":1,"\\u0061":12345678901234567890123}', b'{"a":12345678901234567890123}'),
        (b'{"":0,"":0}', b'{"":0}'),
    ],
)
def test_of_a_name_that_is_given_twice_the_last_goes_on(text: bytes, written: bytes) -> None:
    assert PLAIN.payload(text) == written
    assert HASHING.payload(text) == written


REPEATING = st.recursive(
    json_texts.LEAVES,
    lambda inner: (
        json_texts.listed(inner, "[]")
        | json_texts.listed(
            json_texts.members(inner)
            | st.builds(lambda name, value: f'"{name}":{value}', st.sampled_from("ab"), inner),
            "{}",
        )
    ),
    max_leaves=12,
)


@given(REPEATING)
def test_what_goes_on_gives_no_name_twice_and_is_read_as_before(written: str) -> None:
    text = written.encode(errors="replace")
    assume(all(sign not in text for sign in (b"\\u", b"://")))  # nothing to conceal by chance
    names: list[list[str]] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names.append([name for name, _ in items])
        return dict(items)

    read = json.loads(PLAIN.payload(text), object_pairs_hook=pairs)

    assert read == json.loads(text)
    assert all(len(set(given)) == len(given) for given in names)


@given(json_texts.objects())
def test_what_gives_each_name_once_stays_byte_for_byte(text: bytes) -> None:
    assume(not splice.repeats_a_key(text))
    assume(not is_suspect(text, tokens=False))

    assert PLAIN.payload(text) == text


@pytest.mark.parametrize(
    "text", [b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":NaN}', b'{"a":1e999}', b"{", b""]
)
def test_what_readers_would_refuse_the_file_for_is_none(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PLAIN.payload(text)


def test_what_is_too_deep_to_be_written_twice_is_told() -> None:
    text = b"[" * 300 + b'{"a":1}' + b"]" * 300

    assert PLAIN.payload(text) == text
