"""Which limit holds now, whose it is, and whether the meter obeys it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.composite import Lying
from csms.effective import Effective, Measured, effective, measured, obeys
from csms.limits import limit_profile
from csms.schedules import STATION_MAX, TX, TX_DEFAULT, Rate, Supply, Unit
from storage.clock import timestamp
from storage.operation_records import StationLimit
from storage.records import ChargingProfile, InstalledProfile, MeterValue, Transaction
from tests.storage.doubles import ALICE, NOON

THREE = Supply()
SESSION = Transaction(key=ALICE, transaction_id="T", evse_id=1, started_at=NOON, start_timestamp="")
LATER = NOON + timedelta(hours=1)


def lies(
    value: float, unit: Unit = "W", *, id: int = 3006, at: datetime = NOON, **more: Any
) -> InstalledProfile:
    purpose, evse_id = more.get("purpose", TX_DEFAULT), more.get("evse_id", 1)
    profile = limit_profile(id, purpose, Rate(value, unit), at, more.get("transaction_id"))
    return InstalledProfile(
        key=ALICE,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=more.get("level", 0),
        profile={**profile, **more.get("fields", {})},
        installed_at=at,
    )


def wants(value: float, unit: Unit = "W", *, owner: int = 0, id: int = 3006, **more: Any) -> Any:
    purpose, evse_id = more.get("purpose", TX_DEFAULT), more.get("evse_id", 1)
    transaction_id = more.get("transaction_id")
    return ChargingProfile(
        key=ALICE,
        owner=owner,
        profile_id=id,
        evse_id=evse_id,
        purpose=purpose,
        stack_level=0,
        transaction_id=transaction_id,
        profile=limit_profile(id, purpose, Rate(value, unit), NOON, transaction_id),
        meta=more.get("meta", {}),
        created_at=NOON,
    )


LIMIT: dict[str, Any] = {"meta": {"limit": {"acMaxPowerKw": 6}}}


def told(watts: float) -> StationLimit:
    schedule = {
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
    payload = {"chargingLimit": {"chargingLimitSource": "SO"}, "chargingSchedule": [schedule]}
    return StationLimit(key=ALICE, evse_id=0, source="SO", payload=payload, updated_at=NOON)


def holds(lying: Lying, *wishes: ChargingProfile, evse_id: int = 1) -> Effective | None:
    return effective(lying, wishes, evse_id, LATER, THREE)


# ---- whose it is ----


@pytest.mark.parametrize(
    ("lying", "wishes", "source", "id"),
    [
        ([lies(6000)], [wants(6000, **LIMIT)], "platform", 3006),
        ([lies(6000, id=77)], [wants(6000, id=77)], "profile", 77),
        # A target's profile below the platform's limit, and above it: one profile for both.
        ([lies(4000)], [wants(6000, **LIMIT), wants(4000, owner=1, id=8)], "target", 8),
        ([lies(6000)], [wants(6000, **LIMIT), wants(9000, owner=1, id=8)], "platform", 3006),
        ([lies(6000)], [wants(6000, owner=1, id=8), wants(6000, **LIMIT)], "platform", 3006),
        # Said in the charger's own unit.
        ([lies(8.6, "A")], [wants(6000, **LIMIT), wants(9000, owner=1, id=8)], "platform", 3006),
        # Nobody says so any more: by its id.
        ([lies(6000)], [], "platform", 3006),
        ([lies(6000, id=1_000_010)], [], "target", 1_000_010),
        ([lies(6000, id=77)], [wants(9000, **LIMIT)], "profile", 77),
        # On another EVSE, or of another purpose.
        ([lies(6000, id=77)], [wants(6000, evse_id=2, **LIMIT)], "profile", 77),
        ([lies(6000, id=77)], [wants(6000, purpose=STATION_MAX, **LIMIT)], "profile", 77),
    ],
)
def test_who_is_behind_a_limit(lying: Any, wishes: Any, source: str, id: int) -> None:
    found = holds(Lying.of(lying), *wishes)

    assert found is not None
    assert (found.source, found.profile_id, found.rate) == (source, id, said(lying))


def said(lying: list[InstalledProfile]) -> Rate:
    schedule = lying[0].profile["chargingSchedule"][0]
    return Rate(schedule["chargingSchedulePeriod"][0]["limit"], schedule["chargingRateUnit"])


def test_a_transactions_profile_may_be_the_connectors_limit() -> None:
    session = lies(6000, id=4146, purpose=TX, transaction_id="T")
    theirs = wants(9000, owner=1, id=8, purpose=TX, transaction_id="T")
    lying = Lying.of([session, lies(6000)], running=[SESSION])
    found = holds(lying, theirs, wants(6000, **LIMIT))

    assert found is not None
    assert (found.source, found.profile_id) == ("platform", 3006)


def test_what_the_charger_has_told_has_the_name_it_gave() -> None:
    found = holds(Lying.of([lies(6000)], [told(5000)]), wants(6000, **LIMIT))

    assert found == Effective(Rate(5000.0, "W"), "SO", None)


def test_the_station_has_its_own() -> None:
    lying = Lying.of([lies(20_000, purpose=STATION_MAX, evse_id=0, id=3000), lies(6000)])
    limit = wants(20_000, purpose=STATION_MAX, evse_id=0, id=3000, **LIMIT)

    assert holds(lying, limit, evse_id=0) == Effective(Rate(20_000.0, "W"), "platform", 3000)
    assert holds(Lying.of([lies(6000)]), evse_id=0) is None


def test_it_is_known_until_when() -> None:
    valid = {"validTo": timestamp(LATER + timedelta(seconds=1800))}
    lying = Lying.of([lies(2000), lies(6000, id=3007, level=1, fields=valid)])
    found = holds(lying)

    assert found is not None
    assert (found.rate.value, found.until) == (6000, LATER + timedelta(seconds=1800))


# ---- what is measured ----


def value(
    measurand: str, value: float, unit: str, phase: str | None = None, after: float = 0
) -> MeterValue:
    return MeterValue(
        key=ALICE,
        transaction_id="T",
        evse_id=1,
        taken_at=LATER + timedelta(seconds=after),
        measurand=measurand,
        value=value,
        unit=unit,
        phase=phase,
    )


POWER, CURRENT, REGISTER = "Power.Active.Import", "Current.Import", "Energy.Active.Import.Register"


@pytest.mark.parametrize(
    ("values", "watts", "amperes"),
    [
        ([value(POWER, 3000, "W")], 3000, None),
        ([value(POWER, 3, "kW"), value(CURRENT, 4.3, "A")], 3000, 4.3),
        ([value(POWER, 1000, "W", f"L{n}") for n in (1, 2, 3)], 3000, None),
        ([value(POWER, 1000, "W", "L1"), value(POWER, 2900, "W")], 2900, None),
        ([value(CURRENT, 10, "A", "L1"), value(CURRENT, 6, "A", "L2")], 3680, 10),
        ([value(CURRENT, 10, "A")], 6900, 10),
        ([value(REGISTER, 1000, "Wh"), value(REGISTER, 1.1, "kWh", after=60)], 6000, None),
    ],
)
def test_power_is_read_from_what_there_is(
    values: list[MeterValue], watts: float, amperes: float | None
) -> None:
    found = measured(values, THREE)

    assert found is not None
    assert found.watts == pytest.approx(watts)
    assert found.amperes == amperes


@pytest.mark.parametrize(
    "values",
    [
        [],
        [value(REGISTER, 1000, "Wh")],
        [value(REGISTER, 1000, "Wh"), value(REGISTER, 900, "Wh", after=60)],
        [value(POWER, 3000, "VA"), value("SoC", 3, "Percent")],
        [value(POWER, 3000, "W")._replace(location="Inlet")],
    ],
)
def test_without_power_current_or_energy_nothing_is_known(values: list[MeterValue]) -> None:
    assert measured(values, THREE) is None


def test_the_newest_power_counts_and_how_often_it_comes() -> None:
    values = [value(POWER, n, "W", after=n) for n in (0, 60, 120)]
    values += [value("SoC", 5, "Percent", after=180)]

    assert measured(values, THREE) == Measured(
        120, None, LATER + timedelta(seconds=120), timedelta(seconds=60)
    )


# ---- the one against the other ----


def taking(watts: float, amperes: float | None = None, ago: float = 0, **more: Any) -> Measured:
    return Measured(watts, amperes, LATER - timedelta(seconds=ago), **more)


@pytest.mark.parametrize(
    ("limit", "session", "verdict"),
    [
        (lies(6000), taking(6000), True),
        (lies(6000), taking(6300), True),  # 5 %
        (lies(6000), taking(6301), False),
        (lies(500), taking(600), True),  # 100 W
        (lies(500), taking(601), False),
        (lies(0), taking(0), True),
        (lies(16, "A"), taking(11_040, 16.8), True),
        (lies(16, "A"), taking(11_040, 16.9), False),
        (lies(6, "A"), taking(0, 6.5), True),  # 0.5 A
        (lies(6, "A"), taking(4347), True),
        (lies(6, "A"), taking(4348), False),
        (lies(6000), taking(9000, ago=900), False),
        (lies(6000), taking(9000, ago=901), None),  # too old
        (lies(6000), taking(9000, ago=1700, interval=timedelta(seconds=600)), False),
        (lies(6000), taking(9000, ago=1801, interval=timedelta(seconds=600)), None),
        (lies(6000, at=LATER - timedelta(seconds=59)), taking(9000), None),  # still new
        (lies(6000, at=LATER - timedelta(seconds=60)), taking(9000), False),
        (lies(6000, at=LATER - timedelta(seconds=59)), taking(6000), True),
        (lies(6000, at=LATER), taking(6000, ago=1), None),  # measured before it came
        (lies(6000, evse_id=2), taking(9000), None),  # no limit
    ],
)
def test_whether_a_charger_obeys(limit: InstalledProfile, session: Measured, verdict: Any) -> None:
    assert obeys(Lying.of([limit]), 1, [session], LATER, THREE) is verdict


def test_a_step_down_has_its_grace_too() -> None:
    periods = [{"startPeriod": 0, "limit": 9000}, {"startPeriod": 3600, "limit": 3000}]
    limit = lies(0)
    schedule = {**limit.profile["chargingSchedule"][0], "chargingSchedulePeriod": periods}
    limit = replace(limit, profile={**limit.profile, "chargingSchedule": [schedule]})
    lying = Lying.of([limit])  # from 59 s before LATER on

    assert obeys(lying, 1, [taking(9000, ago=10)], LATER, THREE) is None
    assert obeys(lying, 1, [taking(9500, ago=10)], LATER, THREE) is False
    later = LATER + timedelta(seconds=30)
    assert obeys(lying, 1, [Measured(9000, None, later)], later, THREE) is False


def test_without_a_session_nobody_knows() -> None:
    lying = Lying.of([lies(6000)])

    assert obeys(lying, 1, [], LATER, THREE) is None
    assert obeys(lying, 1, [None], LATER, THREE) is None


def test_a_station_is_judged_by_all_its_sessions() -> None:
    lying = Lying.of([lies(9000, purpose=STATION_MAX, evse_id=0)])

    assert obeys(lying, 0, [taking(4000), taking(5000)], LATER, THREE) is True
    assert obeys(lying, 0, [taking(4000), taking(6000)], LATER, THREE) is False
    assert obeys(lying, 0, [taking(4000), None], LATER, THREE) is None
    assert obeys(lying, 0, [taking(10_000), None], LATER, THREE) is False


@given(st.floats(0, 50_000), st.floats(0, 50_000), st.floats(0, 50_000))
def test_who_takes_more_never_obeys_better(limit: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    lying = Lying.of([lies(limit)])
    verdicts = [obeys(lying, 1, [taking(watts)], LATER, THREE) for watts in (less, more)]

    assert verdicts in ([True, True], [True, False], [False, False])
    assert less > limit or verdicts[0] is True


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=4), st.floats(0, 40_000))
def test_a_station_obeys_exactly_where_the_sum_of_its_sessions_does(
    watts: list[float], limit: float
) -> None:
    lying = Lying.of([lies(limit, purpose=STATION_MAX, evse_id=0)])
    together = obeys(lying, 0, [taking(sum(watts))], LATER, THREE)

    assert obeys(lying, 0, [taking(one) for one in watts], LATER, THREE) is together
