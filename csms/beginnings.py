"""How a transaction begins: the record that the first message of it makes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import orjson

from csms.readings import items, mapping, moment, number, whole, word
from storage.records import ChargerKey, Transaction

_LONGEST_TIMESTAMP = 64
_DIGITS = 12


def started(
    key: ChargerKey, now: datetime, *, evse_id: Any, id_token: Any, timestamp: Any, meter: Any
) -> Transaction:
    """Return what a 1.6 StartTransaction tells; it has no id yet."""
    return Transaction(
        key=key,
        transaction_id="",
        evse_id=whole(evse_id) or 0,
        connector_id=1,
        id_token=word(id_token),
        started_at=moment(timestamp, now),
        meter_start_wh=number(meter),
        start_timestamp=word(timestamp, _LONGEST_TIMESTAMP) or "",
    )


def told(
    key: ChargerKey, now: datetime, *, timestamp: Any, info: Any, evse: Any, id_token: Any
) -> Transaction | None:
    """Return what a 2.x TransactionEvent tells, None where it does not say of which transaction."""
    transaction_id = word(mapping(info).get("transactionId"))
    if transaction_id is None:
        return None
    return Transaction(
        key=key,
        transaction_id=transaction_id,
        evse_id=whole(mapping(evse).get("id")) or 0,
        connector_id=whole(mapping(evse).get("connectorId")),
        id_token=word(mapping(id_token).get("idToken")),
        started_at=moment(timestamp, now),
        remote_start_id=whole(mapping(info).get("remoteStartId")),
        start_timestamp=word(timestamp, _LONGEST_TIMESTAMP) or "",
    )


def orphan(
    key: ChargerKey,
    transaction_id: str,
    at: datetime,
    *,
    evse_id: Any = None,
    id_token: Any = None,
) -> Transaction:
    """Return the record of a transaction that is first heard of in its middle or at its end."""
    return Transaction(
        key=key,
        transaction_id=transaction_id,
        evse_id=whole(evse_id) or 0,
        connector_id=1 if whole(evse_id) else None,
        id_token=word(id_token),
        started_at=at,
        state="orphan",
        start_timestamp="",
    )


def name_of_nameless(timestamp: Any, meter_stop: Any, id_token: Any) -> str:
    """Return an id for what ends without one: the same where the same end is told again."""
    said = orjson.dumps([timestamp, meter_stop, id_token])
    return f"lost-{hashlib.sha256(said).hexdigest()[:_DIGITS]}"


def first_moment(meter_value: Any, otherwise: datetime) -> datetime:
    """Return the first moment that meter values tell."""
    groups = map(mapping, items(meter_value))
    return min((moment(one.get("timestamp"), otherwise) for one in groups), default=otherwise)
