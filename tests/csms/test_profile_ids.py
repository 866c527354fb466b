"""Which ids profiles have: none is that of another scope or owner (item 10)."""

from __future__ import annotations

from itertools import product

from csms.profile_ids import (
    CONDITIONS,
    MOST_EVSES,
    PLATFORM_IDS,
    Reserved,
    is_reserved_for_targets,
    limit_id,
    reserved_for,
    target_id,
)
from csms.schedules import STATION_MAX, TX, TX_DEFAULT


def test_each_scope_and_option_has_an_id_of_its_own() -> None:
    options = list(product((None, *CONDITIONS), (False, True)))
    ids = [
        limit_id(evse_id, condition, delayed=delayed, of_transaction=of_transaction)
        for evse_id in range(MOST_EVSES + 1)
        for of_transaction in (False, True)
        for condition, delayed in options
    ]

    assert len(ids) == len(set(ids))
    assert set(ids) <= set(PLATFORM_IDS)
    assert [limit_id(evse_id) for evse_id in (0, 1, 189)] == [3000, 3006, 4134]
    assert [limit_id(1, one) for one in CONDITIONS] == [3008, 3010]
    assert limit_id(1, delayed=True) == 3007
    assert limit_id(1, of_transaction=True) == 4146


def test_an_id_tells_whose_it_is() -> None:
    told = [reserved_for(id) for id in (2999, 3000, 3005, 3006, 4139, 4140, 4146, 5283)]
    assert told == [
        None,
        Reserved(0, of_transaction=False),
        Reserved(0, of_transaction=False),
        Reserved(1, of_transaction=False),
        Reserved(189, of_transaction=False),
        Reserved(0, of_transaction=True),
        Reserved(1, of_transaction=True),
        None,
    ]


def test_targets_have_ids_far_away() -> None:
    ids = {
        target_id(purpose, evse_id, n)
        for purpose in (TX_DEFAULT, TX, STATION_MAX)
        for evse_id in range(3)
        for n in (0, 1)
    }
    assert len(ids) == 18
    assert all(is_reserved_for_targets(id) for id in ids)
    assert not is_reserved_for_targets(5283)
