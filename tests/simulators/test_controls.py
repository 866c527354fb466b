from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulators import controls
from simulators.charger import Charger
from simulators.target import Target
from simulators.watched import utc_now
from tests.simulators.stage import NAME, Clock, broken_rules, limit, playing


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def charger(clock: Clock) -> Charger:
    return Charger("ws://127.0.0.1:1", NAME, version="2.0.1", now=clock)


async def test_an_evse_is_free_unless_it_is_in_use_or_kept_for_another(
    charger: Charger, clock: Clock
) -> None:
    later = clock() + timedelta(hours=1)
    charger.begin(1, "A", "Central")
    controls.reserve(charger, 5, 2, "B", later)

    assert controls.free_evse(charger, 1, "B") is None
    assert controls.free_evse(charger, None, "A") is None
    assert controls.free_evse(charger, None, "B") is charger.hardware.evses[2]
    assert controls.free_evse(charger, 7, "B") is None


async def test_a_reservation_with_a_known_id_moves(charger: Charger, clock: Clock) -> None:
    later = clock() + timedelta(hours=1)
    first = controls.reserve(charger, 5, 1, "A", later)
    second = controls.reserve(charger, 5, 2, "A", later)

    assert (first, second) == ("Accepted", "Accepted")
    assert [charger.hardware.state(id) for id in (1, 2)] == ["Available", "Reserved"]
    assert controls.cancel_reservation(charger, 5)
    assert not controls.cancel_reservation(charger, 5)


@pytest.mark.parametrize(
    ("evse_id", "verdict"), [(1, "Unavailable"), (2, "Occupied"), (7, "Rejected")]
)
async def test_a_reservation_is_refused_for_its_reason(
    charger: Charger, evse_id: int, verdict: str
) -> None:
    charger.hardware.set_operative(1, operative=False)
    charger.begin(2, "A", "Central")
    later = datetime(2099, 1, 1, tzinfo=UTC)

    assert controls.reserve(charger, 5, evse_id, "B", later) == verdict


async def test_of_two_starts_for_one_evse_the_first_charges(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        charger.settings.put("AuthCtrlr.AuthorizeRemoteStart", "true")
        taken = [await controls.remote_start(charger, 1, token, "Central") for token in "AB"]
        await target.until(lambda t: len(t.calls("Authorize")) == 2)
        await charger.call("Heartbeat", {})

    assert taken == [True, True]
    assert [own.id_token for own in charger.transactions] == ["A"]


@pytest.mark.parametrize(
    "profile",
    [
        limit(5000),
        limit(5000, purpose="TxProfile", transactionId="x"),
        limit(5000, purpose="TxProfile", stackLevel=99),
    ],
)
async def test_a_start_is_refused_for_its_profile(
    target: Target, profile: dict[str, object]
) -> None:
    async with playing(target, "2.0.1") as charger:
        assert not await controls.remote_start(charger, 1, "A", "Central", 1, profile)


# ---- reservations that end by themselves (2.0.1 H04) ----

UPDATE = "ReservationStatusUpdate"


async def test_a_reservation_whose_time_has_run_out_is_told(target: Target, version: str) -> None:
    clock = Clock()
    async with playing(target, version, now=clock) as charger:
        controls.reserve(charger, 5, 1, "A", clock() + timedelta(hours=1))
        await charger.until(lambda c: not c.statuses.untold())
        clock.advance(3600)
        charger.changed()
        await charger.until(lambda c: not c.statuses.untold())
        if version != "1.6":  # there the StatusNotification tells it
            await target.until(lambda t: t.calls(UPDATE))

    told = [one.fields for one in target.calls(UPDATE)]
    place = "'connectorId': 1" if version == "1.6" else "'evseId': 1"
    states = [str(one.fields) for one in target.calls("StatusNotification")]
    states = [one for one in states if place in one]
    expired = {"reservationId": 5, "reservationUpdateStatus": "Expired"}
    assert told == ([] if version == "1.6" else [expired])
    assert "Reserved" in states[-2]
    assert "Available" in states[-1]
    assert broken_rules(target, version) == []


async def test_it_expires_by_the_time_of_the_machine_too(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        controls.reserve(charger, 5, 1, "A", utc_now() + timedelta(seconds=0.05))

        await target.until(lambda t: t.calls(UPDATE))
        assert charger.hardware.state(1) == "Available"


async def test_a_reservation_goes_with_its_evse(target: Target) -> None:
    """H01.FR.15: out of service, the reservation is removed."""
    async with playing(target, "2.0.1") as charger:
        controls.reserve(charger, 5, 1, "A", utc_now() + timedelta(hours=1))
        controls.set_availability(charger, 1, operative=False)
        [told] = await target.until(lambda t: t.calls(UPDATE))
        controls.set_availability(charger, 1, operative=True)

        assert told.fields["reservationUpdateStatus"] == "Removed"
        assert charger.hardware.state(1) == "Available"


async def test_one_that_is_used_or_given_up_is_not_told_of(target: Target) -> None:
    async with playing(target, "2.0.1") as charger:
        later = utc_now() + timedelta(hours=1)
        controls.reserve(charger, 5, 1, "A", later)
        controls.reserve(charger, 6, 2, "A", later)
        await charger.start(1, "A")
        controls.cancel_reservation(charger, 6)
        await charger.call("Heartbeat", {})

    assert target.calls(UPDATE) == []
