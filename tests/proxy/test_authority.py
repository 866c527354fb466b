"""The target's word reaches the charger under our ids, and ours where the target says nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms import frames
from csms.frames import CallResult
from csms.schemas import Schemas
from proxy.authority import consults, fallback, id_token, merge, readable, verdict_of


def result(payload: bytes, id: str = "theirs") -> CallResult:
    return frames.call_result(id, payload, orjson.loads(payload))


def ours(payload: bytes) -> CallResult:
    return frames.call_result("charger-1", payload)


START = ours(b'{"transactionId":815,"idTagInfo":{"status":"Accepted"}}')
EVENT = ours(b'{"idTokenInfo":{"status":"Accepted"}}')


# ---- who is asked ----


@pytest.mark.parametrize(
    ("version", "action", "fields", "asked"),
    [
        ("1.6", "Authorize", {"idTag": "A"}, True),
        ("1.6", "StartTransaction", {"idTag": "A"}, True),
        ("1.6", "StopTransaction", {"idTag": "A"}, False),
        ("1.6", "DataTransfer", {"vendorId": "v"}, True),
        ("1.6", "Heartbeat", {}, False),
        ("2.0.1", "TransactionEvent", {"idToken": {"idToken": "A", "type": "Central"}}, True),
        ("2.0.1", "TransactionEvent", {"eventType": "Updated"}, False),
        ("2.0.1", "TransactionEvent", {"idToken": None}, False),
        ("2.0.1", "Get15118EVCertificate", {}, True),
    ],
)
def test_the_target_is_asked_where_it_has_something_to_decide(
    version: str, action: str, fields: dict[str, Any], *, asked: bool
) -> None:
    assert consults(version, action, fields) is asked


# ---- merging ----


@pytest.mark.parametrize(
    ("version", "action", "theirs"),
    [
        ("1.6", "Authorize", b'{ "idTagInfo":{"status":"Blocked","x":6.0} }'),
        ("1.6", "DataTransfer", b'{"status" : "Accepted","data":"\\u00e9"}'),
        ("1.6", "VendorAction", b'{"a":1e3,"a":2}'),
        ("2.0.1", "Authorize", b'{"idTokenInfo":{"status":"Expired"},"customData":{"n":1.10}}'),
        ("2.0.1", "TransactionEvent", b'{"totalCost":6.0,"idTokenInfo":{"status":"Invalid"}}'),
        ("2.0.1", "Get15118EVCertificate", b'{"status":"Accepted","exiResponse":"AAAA"}'),
    ],
)
def test_the_targets_answer_passes_byte_for_byte_under_the_chargers_message_id(
    version: str, action: str, theirs: bytes
) -> None:
    merged = merge(version, action, EVENT, result(theirs))

    assert (merged.id, merged.payload) == ("charger-1", theirs)
    assert merged.text == b'[3,"charger-1",%b]' % theirs


@pytest.mark.parametrize("payload", [b"[]", b"null", b"7", b'"x"'])
@pytest.mark.parametrize(
    "action", ["DataTransfer", "Authorize", "StartTransaction", "VendorAction"]
)
def test_an_answer_that_is_none_leaves_ours_standing(action: str, payload: bytes) -> None:
    assert merge("1.6", action, START, result(payload)) is START


def test_a_start_keeps_our_transaction_id_and_takes_their_verdict() -> None:
    theirs = (
        b'{ "idTagInfo" : {"status":"Blocked", "parentIdTag":"P"},"transactionId": 42 , "x":6.0}'
    )

    merged = merge("1.6", "StartTransaction", START, result(theirs))

    assert merged.payload == theirs.replace(b"42", b"815")
    assert merged.fields["transactionId"] == 815


def test_a_start_answered_without_an_id_gets_ours() -> None:
    merged = merge("1.6", "StartTransaction", START, result(b'{"idTagInfo":{"status":"Invalid"}}'))

    assert merged.fields == {"idTagInfo": {"status": "Invalid"}, "transactionId": 815}


@pytest.mark.parametrize(
    ("version", "action", "mine", "theirs"),
    [
        ("1.6", "Authorize", EVENT, b"{}"),
        ("1.6", "StartTransaction", START, b'{"transactionId":42}'),
        ("1.6", "StartTransaction", START, b'{"transactionId":42,"idTagInfo":null}'),
        ("1.6", "StartTransaction", START, b"[]"),
        ("2.0.1", "TransactionEvent", EVENT, b'{"totalCost":1}'),
        ("2.0.1", "TransactionEvent", EVENT, b'{"idTokenInfo":{"status":7}}'),
    ],
)
def test_an_answer_without_a_verdict_leaves_ours_standing(
    version: str, action: str, mine: CallResult, theirs: bytes
) -> None:
    assert merge(version, action, mine, result(theirs)) is mine


# ---- words that the charger's version has not ----

EVERY_WORD = {
    "1.6": {"Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid"},
    "2.0.1": {
        *("Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid", "NoCredit", "Unknown"),
        *("NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime"),
    },
}
EVERY_WORD["2.1"] = EVERY_WORD["2.0.1"]
JUDGED = [
    ("1.6", "Authorize", b'{ "x":6.0,"idTagInfo" : {"status": "%b","parentIdTag":"P"}}'),
    ("1.6", "StartTransaction", b'{"transactionId":815, "idTagInfo":{"status":"%b"} }'),
    ("2.0.1", "Authorize", b'{"idTokenInfo":{"status":"%b"},"certificateStatus": "Accepted"}'),
    ("2.0.1", "TransactionEvent", b'{"totalCost":6.0,"idTokenInfo":{"status" :"%b"}}'),
    ("2.1", "Authorize", b'{"tariff": {"tariffId":"T"},"idTokenInfo":{"status":"%b"}}'),
    ("2.1", "TransactionEvent", b'{"transactionLimit":{ },"idTokenInfo":{"status" :"%b"}}'),
]


@pytest.mark.parametrize(
    "word", [*sorted(EVERY_WORD["2.0.1"]), "accepted", "", "NoWord", "\\u0041"]
)
@pytest.mark.parametrize(("version", "action", "payload"), JUDGED)
def test_a_word_that_the_charger_s_version_has_not_becomes_invalid(
    version: str, action: str, payload: bytes, word: str
) -> None:
    merged = merge(version, action, START, result(payload % word.encode()))

    told = word if word in EVERY_WORD[version] else "Invalid"
    assert merged.payload == payload % told.encode()
    assert verdict_of(version, action, merged.fields) == told


@pytest.mark.parametrize("version", EVERY_WORD)
def test_each_word_of_a_version_is_valid_in_it(version: str) -> None:
    info = "idTagInfo" if version == "1.6" else "idTokenInfo"
    for word in EVERY_WORD[version]:
        assert Schemas(version).response("Authorize", {info: {"status": word}}) is None


@pytest.mark.parametrize("payload", [b'{"idTagInfo":{"status":"Blocked"}}', b"{}", b"[]"])
def test_an_answer_whose_word_is_known_or_missing_is_the_same_object(payload: bytes) -> None:
    theirs = result(payload)

    assert readable("1.6", "StopTransaction", theirs) is theirs


# ---- without the target ----


@pytest.mark.parametrize(("accepted", "status"), [(True, "Accepted"), (False, "Invalid")])
@pytest.mark.parametrize(
    ("version", "action", "mine"),
    [
        ("1.6", "Authorize", b'{"idTagInfo":{"status":"Blocked"}}'),
        ("1.6", "StartTransaction", b'{"transactionId":815,"idTagInfo":{"status":"Blocked"}}'),
        ("2.0.1", "Authorize", b'{"idTokenInfo":{"status":"Blocked"}}'),
        ("2.0.1", "TransactionEvent", b'{"totalCost":6.0,"idTokenInfo":{"status":"Blocked"}}'),
        ("2.0.1", "TransactionEvent", b"{}"),
    ],
)
def test_the_fallback_judges_the_token(
    version: str, action: str, mine: bytes, *, accepted: bool, status: str
) -> None:
    fallen = fallback(version, action, ours(mine), accepted)

    assert verdict_of(version, action, fallen.fields) == status
    assert fallen.id == "charger-1"
    assert Schemas(version).response(action, orjson.loads(fallen.payload)) is None


def test_the_fallback_changes_nothing_but_the_verdict() -> None:
    fallen = fallback("1.6", "StartTransaction", START, accepted=False)

    assert fallen.payload == START.payload.replace(b"Accepted", b"Invalid")


def test_an_answer_that_judges_no_token_stays_as_it_is() -> None:
    unknown = ours(b'{"status":"UnknownVendorId"}')

    assert fallback("1.6", "DataTransfer", unknown, accepted=False) is unknown


# ---- reading ----


@pytest.mark.parametrize(
    ("version", "action", "fields", "token"),
    [
        ("1.6", "Authorize", {"idTag": "A"}, "A"),
        ("1.6", "RemoteStartTransaction", {"idTag": "B"}, "B"),
        ("1.6", "MeterValues", {"idTag": "A"}, None),
        ("1.6", "Authorize", {"idTag": 7}, None),
        ("1.6", "Authorize", [], None),
        ("2.0.1", "Authorize", {"idToken": {"idToken": "C"}}, "C"),
        ("2.0.1", "RequestStartTransaction", {"idToken": {"idToken": "D"}}, "D"),
        ("2.0.1", "TransactionEvent", {"idToken": "C"}, None),
        ("2.0.1", "TransactionEvent", {}, None),
    ],
)
def test_the_token_of_a_request(version: str, action: str, fields: Any, token: str | None) -> None:
    assert id_token(version, action, fields) == token


@pytest.mark.parametrize(
    ("version", "action", "fields", "word"),
    [
        ("1.6", "Authorize", {"idTagInfo": {"status": "Accepted"}}, "Accepted"),
        ("1.6", "StopTransaction", {"idTagInfo": {"status": "Expired"}}, "Expired"),
        ("1.6", "StopTransaction", {}, None),
        ("1.6", "DataTransfer", {"status": "Accepted"}, None),
        ("2.0.1", "TransactionEvent", {"idTokenInfo": {"status": "Invalid"}}, "Invalid"),
        ("2.0.1", "Authorize", None, None),
    ],
)
def test_the_word_of_an_answer(version: str, action: str, fields: Any, word: str | None) -> None:
    assert verdict_of(version, action, fields) == word
