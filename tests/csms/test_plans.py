"""What is to lie on a charger, for what its owners want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.limits import Abilities, limit_profile
from csms.parties import PLATFORM
from csms.plans import plan
from csms.profile_ids import limit_id
from csms.scenes import Scene
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Rate
from storage.records import ChargerKey, ChargingProfile, Transaction

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")
ROOMY, CRAMPED = Abilities(max_level=8), Abilities(max_level=0)


def limit(watts: float, evse_id: int = 1, *, id: int | None = None, level: int = 0) -> Any:
    purpose = TX_DEFAULT if evse_id else STATION_MAX
    own = limit_id(evse_id) if id is None else id
    profile = limit_profile(own, purpose, Rate(watts, "W"), NOW)
    made = wish(PLATFORM, own, evse_id, purpose, level, profile)
    return replace(made, meta={"limit": {"acMaxPowerKw": watts / 1000}})


def theirs(
    watts: float,
    evse_id: int = 1,
    *,
    id: int = 1,
    level: int = 0,
    purpose: str = TX_DEFAULT,
    transaction_id: str | None = None,
) -> ChargingProfile:
    profile = limit_profile(id, purpose, Rate(watts, "W"), NOW, transaction_id)
    return wish(1, id, evse_id, purpose, level, {**profile, "stackLevel": level}, transaction_id)


def wish(
    owner: int,
    id: int,
    evse_id: int,
    purpose: str,
    level: int,
    profile: dict[str, Any],
    transaction_id: str | None = None,
) -> ChargingProfile:
    return ChargingProfile(
        key=KEY,
        owner=owner,
        profile_id=id,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=level,
        transaction_id=transaction_id,
        profile=profile,
        created_at=NOW,
    )


def transaction(id: str = "T", evse_id: int = 1) -> Transaction:
    return Transaction(
        key=KEY, transaction_id=id, evse_id=evse_id, started_at=NOW, start_timestamp=""
    )


def planned(
    wishes: Sequence[ChargingProfile], abilities: Abilities = ROOMY, *running: Transaction
) -> list[tuple[int, str, int, int, list[float]]]:
    """Return EVSE, purpose, level, id and limits of all that is planned."""
    scene = Scene(NOW, running={one.transaction_id: one for one in running})
    made = plan(wishes, dict.fromkeys(range(5), abilities), scene)
    return [
        (
            *one.place,
            one.profile["id"],
            [
                period["limit"]
                for period in one.profile["chargingSchedule"][0]["chargingSchedulePeriod"]
            ],
        )
        for one in made.profiles
    ]


# ---- the platform alone ----


def test_a_limit_alone_is_what_lies_there() -> None:
    assert planned([limit(6000), limit(20_000, 0)]) == [
        (0, STATION_MAX, 0, 3000, [20_000.0]),
        (1, TX_DEFAULT, 0, 3006, [6000.0]),
    ]


def test_of_its_own_limits_the_highest_level_holds_and_of_equals_the_newest() -> None:
    low, high = limit(9000, id=7, level=5), limit(6000, level=2)
    assert planned([low, high]) == [(1, TX_DEFAULT, 0, 7, [9000.0])]

    newer = replace(high, stack_level=5, created_at=NOW + timedelta(seconds=1))
    assert planned([newer, low])[0][4] == [6000.0]


# ---- a target alone ----


def test_what_a_target_wants_goes_out_as_it_is() -> None:
    stack = [theirs(9000, id=41, level=3), theirs(7000, id=42, level=6)]

    assert planned(stack) == [
        (1, TX_DEFAULT, 0, 1_000_010, [9000.0]),
        (1, TX_DEFAULT, 1, 1_000_011, [7000.0]),
    ]
    [first, _] = plan(stack, {1: ROOMY}, Scene(NOW)).profiles
    assert first.profile == {**stack[0].profile, "id": 1_000_010, "stackLevel": 0}


def test_every_place_has_ids_of_its_own() -> None:
    stack = [
        theirs(9000, evse_id, id=10 * evse_id + n, level=n, purpose=purpose)
        for n in (0, 1)
        for evse_id, purpose in ((0, STATION_MAX), (0, TX_DEFAULT), (1, TX_DEFAULT))
    ]
    stack.append(theirs(9000, purpose=TX, transaction_id="T", id=99))
    ids = [one[3] for one in planned(stack, ROOMY, transaction())]

    assert len(ids) == len(set(ids)) == 6


def test_where_there_is_no_room_it_becomes_one() -> None:
    stack = [theirs(9000, id=41), theirs(7000, id=42, level=6)]

    assert planned(stack, CRAMPED) == [(1, TX_DEFAULT, 0, 1_000_010, [7000.0])]
    assert planned([*stack, theirs(5000, id=43, level=7)]) == [
        (1, TX_DEFAULT, 0, 1_000_010, [5000.0])
    ]


def test_what_holds_for_every_connector_lies_below_the_connectors_own() -> None:
    stack = [theirs(9000, 0, level=2), theirs(7000, id=2, level=4)]

    assert planned(stack) == [
        (0, TX_DEFAULT, 0, 1_000_000, [9000.0]),
        (1, TX_DEFAULT, 1, 1_000_010, [7000.0]),
    ]


def test_a_connectors_own_that_is_lower_in_rank_is_merged() -> None:
    stack = [theirs(9000, 0, level=4), theirs(7000, id=2, level=2)]

    assert planned(stack) == [
        (0, TX_DEFAULT, 0, 1_000_000, [9000.0]),
        (1, TX_DEFAULT, 1, 1_000_010, [9000.0]),
    ]


# ---- both ----


@pytest.mark.parametrize("abilities", [ROOMY, CRAMPED])
def test_with_a_limit_there_is_one_profile_under_the_platforms_id(abilities: Abilities) -> None:
    stack = [limit(6000), theirs(9000, id=41, level=3), theirs(5000, id=42, level=6)]

    assert planned(stack, abilities) == [(1, TX_DEFAULT, 0, 3006, [5000.0])]
    assert planned(stack[:2], abilities) == [(1, TX_DEFAULT, 0, 3006, [6000.0])]


def test_what_holds_for_every_connector_counts_at_a_limited_one() -> None:
    stack = [limit(6000), theirs(5000, 0, level=3)]

    assert planned(stack) == [
        (0, TX_DEFAULT, 0, 1_000_000, [5000.0]),
        (1, TX_DEFAULT, 1, 3006, [5000.0]),
    ]
    # On one level the connector's own goes before that of all.
    assert [one[2] for one in planned(stack, CRAMPED)] == [0, 0]


def test_a_transactions_profile_keeps_to_its_connectors_limit() -> None:
    own = theirs(9000, purpose=TX, transaction_id="T", level=4)

    assert planned([limit(6000), own], ROOMY, transaction()) == [
        (1, TX_DEFAULT, 0, 3006, [6000.0]),
        (1, TX, 0, 4146, [6000.0]),
    ]
    assert planned([own], ROOMY, transaction()) == [(1, TX, 0, 1_000_012, [9000.0])]
    [only] = plan([own], {1: ROOMY}, Scene(NOW, running={"T": transaction()})).profiles
    assert only.profile["transactionId"] == "T"


def test_a_profile_without_its_transaction_is_not_there() -> None:
    assert planned([theirs(9000, purpose=TX, transaction_id="T")]) == []
    assert planned([theirs(9000, purpose=TX)], ROOMY, transaction()) == []
    lost = transaction(evse_id=0)
    assert planned([theirs(9000, purpose=TX, transaction_id="T")], ROOMY, lost) == []


def test_what_recurs_in_several_layers_is_to_be_planned_again() -> None:
    daily = theirs(9000, id=2, level=1)
    daily = replace(
        daily,
        profile={
            **daily.profile,
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily",
            "chargingSchedule": [{**daily.profile["chargingSchedule"][0], "duration": 3600}],
        },
    )
    made = plan([limit(6000), theirs(5000), daily], {1: ROOMY}, Scene(NOW))

    assert made.exact_until is not None
    assert made.exact_until > NOW + timedelta(hours=12)
