"""Join the target's answer with ours, where both were asked.

`merge` is for a target that answered, `fallback` for one that did not; where the target's answer
says nothing of the token, ours stands, so hand ours to `merge` as `fallback` made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson
from ocpp.v16.enums import AuthorizationStatus
from ocpp.v21.enums import AuthorizationStatusEnumType as AuthorizationStatus21
from ocpp.v201.enums import AuthorizationStatusEnumType as AuthorizationStatus201

from csms import frames
from csms.frames import CallError, CallResult, Reply
from proxy import policy, splice
from proxy.splice import Path

Merge: TypeAlias = Callable[[CallResult, CallResult], CallResult]

_TOKEN: Mapping[tuple[str, str], Path] = {
    ("1.6", "Authorize"): ("idTag",),
    ("1.6", "StartTransaction"): ("idTag",),
    ("1.6", "StopTransaction"): ("idTag",),
    ("1.6", "RemoteStartTransaction"): ("idTag",),
    **{
        (version, action): ("idToken", "idToken")
        for version in ("2.0.1", "2.1")
        for action in ("Authorize", "TransactionEvent", "RequestStartTransaction")
    },
}
_STATUS: Mapping[tuple[str, str], Path] = {
    ("1.6", "Authorize"): ("idTagInfo", "status"),
    ("1.6", "StartTransaction"): ("idTagInfo", "status"),
    ("1.6", "StopTransaction"): ("idTagInfo", "status"),
    **{
        (version, action): ("idTokenInfo", "status")
        for version in ("2.0.1", "2.1")
        for action in ("Authorize", "TransactionEvent")
    },
}

# What a charger of each version can read.
_WORDS: Mapping[str, frozenset[str]] = {
    "1.6": frozenset(AuthorizationStatus),
    "2.0.1": frozenset(AuthorizationStatus201),
    "2.1": frozenset(AuthorizationStatus21),
}


def consults(version: str, action: str, fields: Any) -> bool:
    """Tell whether the target is asked before this CALL is answered.

    A TransactionEvent without a token leaves nothing to decide.
    """
    if action in policy.OURS[version]:
        return False
    return action != "TransactionEvent" or id_token(version, action, fields) is not None


def merge(version: str, action: str, ours: CallResult, theirs: CallResult) -> CallResult:
    """Return the answer for the charger, under the message id of ours."""
    if not isinstance(_fields(theirs), dict):
        return ours  # no answer of OCPP, and some chargers choke on it
    if (version, action) in _STATUS and verdict_of(version, action, _fields(theirs)) is None:
        return ours  # the target owes the verdict (E01.FR.12)
    return _MERGES.get((version, action), _theirs)(ours, readable(version, action, theirs))


def readable(version: str, action: str, theirs: CallResult) -> CallResult:
    """Return the target's answer with a word on the token that the charger's version has.

    Any other word (another version's, or a vendor's) becomes Invalid: it accepts nothing.
    """
    word = verdict_of(version, action, _fields(theirs))
    if word is None or word in _WORDS[version]:
        return theirs
    invalid = splice.replace(theirs.payload, _STATUS[version, action], lambda _: b'"Invalid"')
    return _result(theirs.id, invalid)


def fallback(version: str, action: str, ours: CallResult, accepted: bool) -> CallResult:  # noqa: FBT001 - the verdict itself
    """Return ours with the token Accepted or Invalid, unchanged where no token is judged."""
    path = _STATUS.get((version, action))
    if path is None:
        return ours
    status = b'"Accepted"' if accepted else b'"Invalid"'
    if splice.values_at(ours.payload, path):
        return _result(ours.id, splice.replace(ours.payload, path, lambda _: status))
    info = {path[0]: {path[1]: orjson.Fragment(status)}}
    return _result(ours.id, orjson.dumps({**_fields(ours), **info}))


def under(id: str, reply: Reply) -> Reply:
    """Return a reply under another message id."""
    if isinstance(reply, CallError):
        return frames.call_error(id, reply.code, reply.description, reply.details)
    return frames.call_result(id, reply.payload, reply.fields)


def id_token(version: str, action: str, fields: Any) -> str | None:
    """Return the token that a request presents, None where it presents none."""
    return _text_at(fields, _TOKEN.get((version, action)))


def verdict_of(version: str, action: str, fields: Any) -> str | None:
    """Return an answer's word on the token (Accepted, Invalid, Blocked …), None without one."""
    return _text_at(fields, _STATUS.get((version, action)))


def _theirs(ours: CallResult, theirs: CallResult) -> CallResult:
    return frames.call_result(ours.id, theirs.payload, theirs.fields)


def _under_our_transaction_id(ours: CallResult, theirs: CallResult) -> CallResult:
    path = ("transactionId",)
    minted = splice.values_at(ours.payload, path)[0]
    if splice.values_at(theirs.payload, path):
        return _result(ours.id, splice.replace(theirs.payload, path, lambda _: minted))
    return _result(ours.id, orjson.dumps({**_fields(theirs), path[0]: orjson.Fragment(minted)}))


_MERGES: Mapping[tuple[str, str], Merge] = {
    ("1.6", "StartTransaction"): _under_our_transaction_id,
}


def _result(id: str, payload: bytes) -> CallResult:
    return frames.call_result(id, payload, orjson.loads(payload))


def _fields(result: CallResult) -> Any:
    return orjson.loads(result.payload) if result.fields is None else result.fields


def _text_at(fields: Any, path: Path | None) -> str | None:
    value = None if path is None else fields
    for key in path or ():
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None
