"""What a start brings along is never above what others want (items 1, 8, 13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from csms.limits import Abilities, limit_profile
from csms.profile_ids import NO_CLOUD
from csms.scenes import Scene
from csms.schedules import TX, Rate
from csms.starts import start_profile
from storage.records import ChargingProfile
from tests.csms.wishes import NOW, constant, limit

ASKED = limit_profile(55, TX, Rate(9000, "W"), NOW)


def sent(owner: int, wishes: Sequence[ChargingProfile], evse_id: int = 1) -> Any:
    abilities = dict.fromkeys(range(4), Abilities(max_level=8))
    return start_profile(ASKED, owner, evse_id, wishes, abilities, Scene(NOW))


def told(profile: Any) -> tuple[int, float]:
    [period] = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
    return profile["id"], period["limit"]


@pytest.mark.parametrize(
    ("owner", "wishes", "expected"),
    [
        (0, [], (55, 9000.0)),
        (7, [], (1_000_012, 9000.0)),
        (0, [limit(6000)], (4146, 6000.0)),
        (7, [limit(6000), limit(5000, 2)], (4146, 6000.0)),
        (7, [limit(20_000, 0)], (1_000_012, 9000.0)),
        # A TxProfile overrules what its owner wants of the connector, and nobody else's.
        (7, [constant(7, 4000)], (1_000_012, 9000.0)),
        (0, [constant(7, 4000)], (4146, 4000.0)),
        (7, [constant(0, 4000, id=50)], (4146, 4000.0)),
    ],
)
def test_it_keeps_to_the_limits_of_its_connector(
    owner: int, wishes: list[ChargingProfile], expected: tuple[int, float]
) -> None:
    assert told(sent(owner, wishes)) == expected


def test_on_any_connector_it_keeps_to_the_lowest() -> None:
    assert told(sent(7, [limit(6000), limit(5000, 2)], evse_id=0)) == (4140, 5000.0)


def test_above_a_fallback_it_has_an_end() -> None:
    profile = sent(7, [limit(6000), limit(4000, condition=NO_CLOUD)])

    assert profile["validTo"] > profile["validFrom"]
    assert told(profile) == (4146, 6000.0)
    assert "validTo" not in sent(7, [limit(6000), limit(4000, 2, condition=NO_CLOUD)])
