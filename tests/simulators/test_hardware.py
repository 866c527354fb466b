from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from simulators.hardware import Hardware, Reservation
from simulators.profiles import Supply, read
from simulators.watched import timestamp
from tests.simulators.stage import Clock, limit


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hardware(clock: Clock) -> Hardware:
    return Hardware(2, clock)


def obey(hardware: Hardware, clock: Clock, evse_id: int, watts: float, **more: Any) -> None:
    hardware.profiles.put(read(evse_id, limit(watts, **more), clock()))


def test_energy_is_power_by_time(hardware: Hardware, clock: Clock) -> None:
    hardware.begin(1, "A", "Central", None)
    clock.advance(3600)

    assert hardware.energy_wh(1) == 11_000
    assert hardware.energy_wh(2) == 0


def test_a_time_factor_makes_energy_flow_faster(clock: Clock) -> None:
    hardware = Hardware(1, clock, time_factor=60.0)
    hardware.begin(1, "A", "Central", None)
    clock.advance(60)

    assert hardware.energy_wh(1) == 11_000


def test_a_change_of_power_counts_from_its_moment(hardware: Hardware, clock: Clock) -> None:
    hardware.begin(1, "A", "Central", None)
    clock.advance(3600)
    hardware.settle()
    obey(hardware, clock, 1, 5000)
    hardware.settle()
    clock.advance(3600)

    assert hardware.energy_wh(1) == 16_000


def test_a_transaction_knows_its_meter_at_both_ends(hardware: Hardware, clock: Clock) -> None:
    own = hardware.begin(1, "A", "Central", None)
    clock.advance(3600)
    hardware.end(own, "Local")
    clock.advance(3600)

    assert (own.meter_start_wh, own.meter_stop_wh) == (0, 11_000)
    assert hardware.energy_wh(1) == 11_000
    assert not own.running


def test_the_profiles_of_a_transaction_go_with_it(hardware: Hardware, clock: Clock) -> None:
    own = hardware.begin(1, "A", "Central", None)
    obey(hardware, clock, 1, 5000, purpose="TxProfile")
    obey(hardware, clock, 2, 6000, id=2)
    hardware.end(own, "Local")

    assert [profile.id for profile in hardware.profiles] == [2]


def test_a_limit_of_the_station_is_shared(hardware: Hardware, clock: Clock) -> None:
    obey(hardware, clock, 0, 11_000, purpose="ChargingStationMaxProfile")
    hardware.begin(1, "A", "Central", None)
    alone = hardware.power_w(1)
    hardware.begin(2, "B", "Central", None)

    assert alone == 11_000
    assert (hardware.power_w(1), hardware.power_w(2)) == (5500, 5500)


@pytest.mark.parametrize(("watts", "flows"), [(4140, 4140), (4139, 0)])
def test_less_than_six_amperes_a_phase_is_a_pause(
    hardware: Hardware, clock: Clock, watts: float, flows: float
) -> None:
    hardware.begin(1, "A", "Central", None)
    obey(hardware, clock, 1, watts)

    assert hardware.power_w(1) == flows
    assert hardware.state(1) == ("Charging" if flows else "SuspendedEVSE")


def test_one_phase_needs_less_for_six_amperes(clock: Clock) -> None:
    hardware = Hardware(1, clock, supply=Supply(phases=1))
    hardware.begin(1, "A", "Central", None)
    obey(hardware, clock, 1, 1400 * 3)  # W without numberPhases are on three (K01.FR.49)

    assert hardware.power_w(1) == 1400


def test_an_evse_passes_through_its_states(hardware: Hardware) -> None:
    states = [hardware.state(1)]
    hardware.plug(1, plugged=True)
    states.append(hardware.state(1))
    own = hardware.begin(1, "A", "Central", None)
    states.append(hardware.state(1))
    hardware.end(own, "Local")
    states.append(hardware.state(1))
    hardware.plug(1, plugged=False)
    states.append(hardware.state(1))

    assert states == ["Available", "Preparing", "Charging", "Finishing", "Available"]


def test_a_reservation_expires(hardware: Hardware, clock: Clock) -> None:
    hardware.evses[1].reservation = Reservation(1, "A", clock() + timedelta(seconds=60))
    before = hardware.state(1)
    clock.advance(60)

    assert (before, hardware.state(1)) == ("Reserved", "Available")


def test_a_transaction_uses_its_reservation_up(hardware: Hardware, clock: Clock) -> None:
    hardware.evses[1].reservation = Reservation(5, "A", clock() + timedelta(seconds=60))
    own = hardware.begin(1, "A", "Central", None)

    assert own.reservation_id == 5
    assert hardware.evses[1].reservation is None


def test_out_of_service_waits_for_the_end_of_a_transaction(hardware: Hardware) -> None:
    own = hardware.begin(1, "A", "Central", None)

    assert not hardware.set_operative(0, operative=False)
    assert (hardware.state(1), hardware.state(2)) == ("Charging", "Unavailable")
    hardware.end(own, "Local")
    assert hardware.state(1) == "Unavailable"
    assert hardware.set_operative(0, operative=True)
    assert hardware.state(1) == "Finishing"


# ---- limits that begin and end by themselves ----


def test_energy_counts_a_limit_from_the_moment_at_which_it_begins(
    hardware: Hardware, clock: Clock
) -> None:
    hardware.begin(1, "A", "Central", None)
    half = timestamp(clock() + timedelta(minutes=30))
    obey(hardware, clock, 1, 5000, validFrom=half)
    hardware.settle()
    clock.advance(3600)

    assert hardware.energy_wh(1) == 11_000 / 2 + 5000 / 2


def test_the_next_edge_is_that_of_a_running_transaction(hardware: Hardware, clock: Clock) -> None:
    end = clock() + timedelta(minutes=30)
    obey(hardware, clock, 1, 5000, validTo=timestamp(end))
    before = hardware.next_edge()
    hardware.begin(1, "A", "Central", None)
    during = hardware.next_edge()
    clock.advance(1800)

    assert (before, during, hardware.next_edge()) == (None, end, None)


def fallback(hardware: Hardware, clock: Clock, purpose: str, evse_id: int = 1) -> None:
    """Lay 5 kW under 8 kW that hold for half an hour (smart-charging item 8)."""
    live = {"id": 2, "stackLevel": 1, "validTo": timestamp(clock() + timedelta(minutes=30))}
    obey(hardware, clock, evse_id, 5000, purpose=purpose)
    obey(hardware, clock, evse_id, 8000, purpose=purpose, **live)


@pytest.mark.parametrize(
    ("purpose", "evse_id"), [("TxDefaultProfile", 1), ("ChargingStationMaxProfile", 0)]
)
def test_a_fallback_acts_once_the_live_limit_is_over(
    hardware: Hardware, clock: Clock, purpose: str, evse_id: int
) -> None:
    hardware.begin(1, "A", "Central", None)
    fallback(hardware, clock, purpose, evse_id)
    powers = [hardware.power_w(1)]
    clock.advance(1799)
    powers.append(hardware.power_w(1))
    clock.advance(1)
    powers.append(hardware.power_w(1))

    assert powers == [8000, 8000, 5000]


def test_a_fallback_does_not_act_under_a_transactions_profile_that_stays(
    hardware: Hardware, clock: Clock
) -> None:
    """K02.FR.08: why every TxProfile carries the same validity."""
    hardware.begin(1, "A", "Central", None)
    fallback(hardware, clock, "TxDefaultProfile")
    obey(hardware, clock, 1, 7000, id=3, purpose="TxProfile")
    clock.advance(3600)

    assert hardware.power_w(1) == 7000


@pytest.mark.parametrize(("final", "after"), [(False, 8000), (True, 5000)])
def test_a_limit_may_end_with_the_patience_of_an_offline_charger(
    hardware: Hardware, clock: Clock, *, final: bool, after: float
) -> None:
    """2.1 K01.FR.101 to .105."""
    patience = {"maxOfflineDuration": 60, "invalidAfterOfflineDuration": final}
    hardware.begin(1, "A", "Central", None)
    obey(hardware, clock, 1, 5000)
    obey(hardware, clock, 1, 8000, id=2, stackLevel=1, **patience)
    hardware.link_changed(up=False)
    clock.advance(59)
    powers = [hardware.power_w(1)]
    clock.advance(1)
    powers.append(hardware.power_w(1))
    hardware.link_changed(up=True)
    powers.append(hardware.power_w(1))

    assert powers == [8000, 5000, after]


def test_direct_current_does_not_pause_at_six_amperes(clock: Clock) -> None:
    hardware = Hardware(1, clock, supply=Supply(phases=0, voltage=400.0))
    hardware.begin(1, "A", "Central", None)
    obey(hardware, clock, 1, 500)

    assert hardware.power_w(1) == 500
