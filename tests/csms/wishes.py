"""What owners may want of a charger, for the tests of plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.limits import Abilities, limit_profile
from csms.parties import PLATFORM
from csms.plans import Plan, plan
from csms.profile_ids import limit_id
from csms.scenes import Scene
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Rate
from simulators import profiles as charger
from storage.records import ChargerKey, ChargingProfile, Transaction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")


def limit(
    watts: float,
    evse_id: int = 1,
    *,
    id: int | None = None,
    level: int = 0,
    condition: str | None = None,
    delay: int = 0,
    transaction_id: str | None = None,
    age: int = 0,
) -> ChargingProfile:
    """Return a power limit of the platform; ``age`` is in s."""
    of_transaction = transaction_id is not None
    purpose = TX if of_transaction else TX_DEFAULT if evse_id else STATION_MAX
    own = limit_id(evse_id, condition, delayed=delay > 0, of_transaction=of_transaction)
    own = own if id is None else id
    created = NOW - timedelta(seconds=age)
    options = {"condition": condition, "delay": delay or None}
    return wish(
        PLATFORM,
        limit_profile(own, purpose, Rate(watts, "W"), created, transaction_id),
        evse_id,
        level=level,
        transaction_id=transaction_id,
        meta={
            "limit": {"acMaxPowerKw": watts / 1000},
            **{name: value for name, value in options.items() if value is not None},
        },
        created_at=created,
    )


def wish(
    owner: int,
    profile: Mapping[str, Any],
    evse_id: int = 1,
    *,
    level: int | None = None,
    transaction_id: str | None = None,
    meta: Mapping[str, Any] | None = None,
    created_at: datetime = NOW,
) -> ChargingProfile:
    """Return what an owner wants: a profile as it is."""
    return ChargingProfile(
        key=KEY,
        owner=owner,
        profile_id=profile["id"],
        evse_id=evse_id,
        purpose=profile["chargingProfilePurpose"],
        stack_level=profile["stackLevel"] if level is None else level,
        transaction_id=transaction_id,
        profile=profile,
        meta=meta or {},
        created_at=created_at,
    )


def constant(
    owner: int,
    watts: float,
    evse_id: int = 1,
    *,
    id: int = 1,
    level: int = 0,
    purpose: str = TX_DEFAULT,
    transaction_id: str | None = None,
    **meta: Any,
) -> ChargingProfile:
    """Return a profile that always says the same, of a target or of the operator."""
    profile = limit_profile(id, purpose, Rate(watts, "W"), NOW, transaction_id)
    profile = {**profile, "stackLevel": level}
    return wish(owner, profile, evse_id, transaction_id=transaction_id, meta=meta)


def transaction(
    id: str = "T", evse_id: int = 1, *, age: int = 0, token: str | None = "CARD"
) -> Transaction:
    """Return a transaction that has run for so many s."""
    return Transaction(
        key=KEY,
        transaction_id=id,
        evse_id=evse_id,
        id_token=token,
        started_at=NOW - timedelta(seconds=age),
        start_timestamp="",
    )


def running(*transactions: Transaction) -> dict[str, Transaction]:
    """Return transactions by their ids."""
    return {one.transaction_id: one for one in transactions}


def made(
    wishes: Sequence[ChargingProfile], abilities: Abilities, scene: Scene | None = None
) -> Plan:
    """Plan for a charger that is the same at every EVSE."""
    return plan(wishes, dict.fromkeys(range(5), abilities), scene or Scene(NOW))


def lies(plan: Plan) -> list[tuple[int, str, int, int]]:
    """Return EVSE, purpose, level and id of all that is planned."""
    return [(*one.place, one.profile["id"]) for one in plan.profiles]


def obeying(plan: Plan) -> charger.Profiles:
    """Return a charger on which a plan lies; it reads profiles by code of its own."""
    there = charger.Profiles()
    for one in plan.profiles:
        there.put(charger.read(one.place.evse_id, dict(one.profile), NOW))
    return there


def allowed(
    plan: Plan, after: float, session: Transaction | None = None, evse_id: int = 1
) -> float | None:
    """Return what a charger allows at an EVSE so many s from now, in W."""
    run = charger.Running(session.transaction_id, session.started_at) if session else None
    moment = NOW + timedelta(seconds=after)
    return obeying(plan).evse_w(evse_id, moment, run, charger.Supply())
