"""What a plan looks at, and what a profile tells of when it was made."""

from __future__ import annotations

from datetime import timedelta

from csms.limits import limit_profile
from csms.scenes import between, made_at, unbound
from csms.schedules import TX_DEFAULT, Rate
from storage.clock import timestamp
from tests.csms.wishes import NOW

HOUR = timedelta(hours=1)
PROFILE = limit_profile(3006, TX_DEFAULT, Rate(6000, "W"), NOW, "T")


def test_a_profile_tells_when_it_was_made() -> None:
    assert made_at(PROFILE) == NOW
    windowed = between(PROFILE, NOW + HOUR - timedelta(seconds=300), NOW + 2 * HOUR)
    assert made_at(windowed) == NOW + HOUR
    [schedule] = PROFILE["chargingSchedule"]
    timeless = {name: value for name, value in schedule.items() if name != "startSchedule"}
    assert made_at({**PROFILE, "chargingSchedule": [timeless]}) is None


def test_a_profile_counts_no_longer_than_it_did() -> None:
    own = {**PROFILE, "validTo": timestamp(NOW + HOUR)}

    assert between(own, NOW, NOW + 2 * HOUR)["validTo"] == timestamp(NOW + HOUR)
    assert between(own, NOW, None)["validFrom"] == timestamp(NOW)
    assert between(PROFILE, None, None) == PROFILE
    assert between(own, None, NOW)["validTo"] == timestamp(NOW)


def test_a_profile_without_its_transaction_is_the_same_profile() -> None:
    assert unbound(PROFILE) == unbound({**PROFILE, "transactionId": "U"})
