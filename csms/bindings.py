"""Bind what is wanted of transactions to those that run; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from csms.parties import placed_at
from csms.schedules import TX
from storage.records import ChargingProfile, Transaction

_START_LASTS = timedelta(hours=1)  # a remote start that nothing came of

Running = Mapping[str, Transaction]


class Bound(NamedTuple):
    """What is wanted now; what of it has ``changed``, from what to what; and what has ended."""

    wishes: list[ChargingProfile]
    changed: list[tuple[ChargingProfile, ChargingProfile]]
    ended: list[ChargingProfile]


def bind(wishes: Iterable[ChargingProfile], running: Running, now: datetime) -> Bound:
    """Leave out what has ended with its transaction, and bind what has begun."""
    bound = Bound([], [], [])
    for wish in wishes:
        one = _bound(wish, running) if wish.purpose == TX else wish
        waits = one.transaction_id is None and now - one.created_at < _START_LASTS
        if one.purpose != TX or one.transaction_id in running or waits:
            bound.wishes.append(one)
        else:
            bound.ended.append(wish)
        if one != wish:
            bound.changed.append((wish, one))
    return bound


def _bound(wish: ChargingProfile, running: Running) -> ChargingProfile:
    if wish.transaction_id is not None:
        return _placed(wish, running.get(wish.transaction_id))
    for one in running.values():
        here = wish.evse_id in {0, one.evse_id} and one.evse_id
        older = one.transaction_id in wish.meta["before"]  # no charger's clock is asked
        if here and not older and one.id_token == wish.meta["id_token"]:
            return replace(wish, evse_id=one.evse_id, transaction_id=one.transaction_id)
    return wish


def _placed(wish: ChargingProfile, transaction: Transaction | None) -> ChargingProfile:
    """Give a wish the EVSE that its transaction has been without (K01.FR.16)."""
    if wish.evse_id or transaction is None or not transaction.evse_id:
        return wish
    return placed_at(transaction.evse_id, wish)
