"""What is merged is never above what any owner allows, at any second; the charger's own rules tell.

The simulator reads profiles by code of its own: it is the judge of what a charger would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.limits import Abilities, Merged, below_minimum, limit_profile
from csms.merging import HORIZON, capped, merge
from csms.parties import Party, steady_party
from csms.schedules import TX, TX_DEFAULT, Curve, Rate, Supply, read
from simulators import profiles as charger
from storage.clock import timestamp
from storage.records import ChargerKey, ChargingProfile

NOW = datetime(2026, 11, 21, 10, 0, 30, 250_000, tzinfo=UTC)
BOTH = Abilities(frozenset({"A", "W"}), max_level=8)
SLACK = 1e-6


def profile(
    *periods: tuple[int, float],
    unit: str = "W",
    level: int = 0,
    purpose: str = TX_DEFAULT,
    kind: str = "Absolute",
    start: timedelta | None = timedelta(minutes=-5),
    duration: int | None = None,
    phases: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a profile; ``start`` is from now on."""
    said = {} if phases is None else {"numberPhases": phases}
    schedule: dict[str, Any] = {
        "id": 1,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": at, "limit": limit, **said} for at, limit in periods
        ],
    }
    if start is not None and kind != "Relative":
        schedule["startSchedule"] = timestamp(NOW + start)
    if duration is not None:
        schedule["duration"] = duration
    return {
        "id": 1,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
        **more,
    }


def curves(stack: Sequence[dict[str, Any]]) -> list[Curve]:
    return [read(one, (one["stackLevel"], 1, n), NOW) for n, one in enumerate(stack)]


def merged(
    stack: Sequence[dict[str, Any]], cap: Rate | None, abilities: Abilities = BOTH
) -> Merged:
    wishes = tuple(
        ChargingProfile(
            key=ChargerKey("org", "CP-1"),
            owner=1,
            profile_id=n + 1,
            evse_id=1,
            purpose=one["chargingProfilePurpose"],
            stack_level=one["stackLevel"],
            profile=one,
            created_at=NOW,
        )
        for n, one in enumerate(stack)
    )
    parties = [Party(tuple(curves(stack)), wishes, wishes)]
    parties += [] if cap is None else [steady_party(cap, NOW)]
    purpose = stack[0]["chargingProfilePurpose"]
    return merge(parties, purpose, abilities, NOW, relative=True)


def on_charger(
    stack: Sequence[dict[str, Any]], moment: datetime, running: charger.Running | None
) -> float | None:
    """Return what a charger with only these would allow, in W."""
    there = charger.Profiles()
    for n, one in enumerate(stack):
        fields = {"stackLevel": 0, **one, "id": n + 1}
        there.put(charger.read(1, fields, NOW))
    return there.evse_w(1, moment, running, charger.Supply())


# ---- a power limit ----


def test_a_limit_began_a_minute_ago_and_does_not_end() -> None:
    assert limit_profile(3006, TX_DEFAULT, Rate(16, "A"), NOW) == {
        "id": 3006,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 3006,
                "startSchedule": "2026-11-21T09:59:30.250Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("rate", "phases", "paused"),
    [
        (Rate(6, "A"), 3, False),
        (Rate(5.9, "A"), 3, True),
        (Rate(4140, "W"), 3, False),
        (Rate(4100, "W"), None, True),
        (Rate(1400, "W", 1), 1, False),
    ],
)
def test_charging_pauses_below_six_amperes(rate: Rate, phases: int | None, paused: bool) -> None:  # noqa: FBT001 - the verdict
    assert below_minimum(rate, Supply(phases)) is paused


# ---- one profile of a target under a limit ----


def test_what_is_below_the_limit_stays_to_the_letter() -> None:
    own = profile((0, 16), (60, 8), unit="A", customData={"vendorId": "x"})

    assert merged([own], Rate(32, "A")).profile == own


def test_what_is_above_is_cut() -> None:
    [schedule] = merged([profile((0, 16), (60, 8), unit="A")], Rate(10, "A")).profile[
        "chargingSchedule"
    ]

    assert [period["limit"] for period in schedule["chargingSchedulePeriod"]] == [10.0, 8]


def test_a_limit_in_the_other_unit_is_said_in_amperes() -> None:
    [schedule] = capped(profile((0, 32), unit="A"), Rate(6000, "W"), BOTH)["chargingSchedule"]

    assert schedule["chargingRateUnit"] == "A"
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 8.6}]


def test_a_limit_of_direct_current_stays_in_watts() -> None:
    cap = Rate(50_000, "W", direct=True)
    [schedule] = capped(profile((0, 125), unit="A"), cap, BOTH)["chargingSchedule"]

    assert schedule["chargingRateUnit"] == "W"
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 50_000.0}]


def test_the_phases_that_a_profile_names_are_kept_and_counted() -> None:
    own = profile((0, 32), unit="A", phases=1)
    [schedule] = capped(own, Rate(3700, "W"), BOTH)["chargingSchedule"]

    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16.0, "numberPhases": 1}
    ]


def test_a_charger_that_takes_only_power_gets_power() -> None:
    only = Abilities(frozenset({"W"}))
    [schedule] = capped(profile((0, 9000)), Rate(4140, "W"), only)["chargingSchedule"]

    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 4140.0}]


def test_a_daily_profile_stays_daily_and_is_filled() -> None:
    own = profile(
        (0, 9000), kind="Recurring", recurrencyKind="Daily", duration=3600, start=timedelta(hours=1)
    )
    got = merged([own], Rate(6000, "W"))
    [schedule] = got.profile["chargingSchedule"]

    assert got.exact_until is None
    assert schedule["startSchedule"] == timestamp(NOW - timedelta(hours=23))
    assert "duration" not in schedule
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 6000.0},
        {"startPeriod": 3600, "limit": 6000.0},
    ]


def test_a_profile_of_a_transaction_is_only_cut() -> None:
    own = profile((0, 9000), purpose=TX, duration=60)
    [schedule] = merged([own], Rate(6000, "W")).profile["chargingSchedule"]

    assert schedule["duration"] == 60


# ---- the rule, for whatever targets think up ----

WHOLE = st.integers(0, 200).map(lambda tens: tens * 100)
AMPERES = st.integers(0, 320).map(lambda tenths: tenths / 10)


@st.composite
def stacked(draw: st.DrawFn, level: int) -> dict[str, Any]:
    unit = draw(st.sampled_from(["A", "W"]))
    starts = [0, *sorted(draw(st.sets(st.integers(1, 7200), max_size=3)))]
    values = WHOLE if unit == "W" else AMPERES
    kind = draw(st.sampled_from(["Absolute", "Absolute", "Recurring", "Relative"]))
    more: dict[str, Any] = {}
    if kind == "Recurring":
        more["recurrencyKind"] = draw(st.sampled_from(["Daily", "Weekly"]))
    if draw(st.booleans()):
        more["validTo"] = timestamp(NOW + timedelta(seconds=draw(st.integers(-60, 90_000))))
    if draw(st.booleans()):
        more["validFrom"] = timestamp(NOW + timedelta(seconds=draw(st.integers(-90_000, 7200))))
    return profile(
        *((start, draw(values)) for start in starts),
        unit=unit,
        level=level,
        kind=kind,
        start=timedelta(milliseconds=draw(st.integers(-90_000_000, 7_200_000))),
        duration=draw(st.none() | st.integers(1, 20_000)),
        phases=draw(st.sampled_from([None, None, 1, 3])),
        **more,
    )


STACKS = st.integers(1, 3).flatmap(lambda n: st.tuples(*(stacked(level) for level in range(n))))
CAPS = st.one_of(WHOLE.map(lambda w: Rate(w, "W")), AMPERES.map(lambda a: Rate(a, "A")))
UNITS = st.sampled_from([frozenset("A"), frozenset("W"), frozenset("AW")])
MOMENTS = st.lists(st.integers(0, 400_000_000), min_size=1, max_size=20).map(
    lambda found: [NOW + timedelta(milliseconds=one) for one in found]
)


@given(STACKS, CAPS, UNITS, MOMENTS, st.none() | st.integers(0, 7200), st.integers(2, 24))
@settings(max_examples=100, deadline=None)
def test_what_is_installed_is_never_above_any_owner(
    stack: tuple[dict[str, Any], ...],
    cap: Rate,
    units: Any,
    moments: list[datetime],
    started: int | None,
    max_periods: int,
) -> None:
    got = merged(stack, cap, Abilities(units, max_periods=max_periods))
    running = None if started is None else charger.Running("1", NOW + timedelta(seconds=started))
    platform = cap.value if cap.unit == "W" else cap.value * 230 * 3
    edges = [moment for one in curves(stack) for moment in one.edges(NOW, NOW + HORIZON, None)]

    for moment in [*moments, *(edge for edge in edges if edge >= NOW)]:
        if running is not None and moment < running.started_at:
            continue
        installed = on_charger([got.profile], moment, running)
        theirs = on_charger(stack, moment, running)
        assert installed is not None, "a limit of the platform always holds"
        assert installed <= platform + SLACK
        assert theirs is None or installed <= theirs + SLACK


@given(st.tuples(stacked(0), stacked(1)), MOMENTS)
@settings(max_examples=60, deadline=None)
def test_in_one_unit_it_is_the_lower_of_both_where_it_is_exact(
    stack: tuple[dict[str, Any], ...], moments: list[datetime]
) -> None:
    watts = [in_watts(one) for one in stack]
    got = merged(watts, Rate(6000, "W"))

    for moment in moments:
        late = got.exact_until is not None and moment >= got.exact_until
        near = any(
            abs(moment - edge) < timedelta(seconds=1)
            for one in curves(watts)
            for edge in one.edges(NOW, moment + timedelta(days=8), None)
        )
        if late or near or any(one.kind == "Relative" for one in curves(watts)):
            continue
        theirs = on_charger(watts, moment, None)
        assert on_charger([got.profile], moment, None) == pytest.approx(
            min(6000, 6000 if theirs is None else theirs)
        )


def in_watts(one: dict[str, Any]) -> dict[str, Any]:
    periods = [
        {"startPeriod": period["startPeriod"], "limit": round(period["limit"])}
        for period in one["chargingSchedule"][0]["chargingSchedulePeriod"]
    ]
    schedule = {
        **one["chargingSchedule"][0],
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": periods,
    }
    return {**one, "chargingSchedule": [schedule]}


def test_a_profile_that_says_nothing_for_a_while_lets_a_charger_go_on() -> None:
    gap = [
        profile((0, 7000), duration=600, start=timedelta(0)),
        profile((0, 5000), level=1, start=timedelta(hours=1), duration=600),
    ]
    got = merged(gap, None)

    assert on_charger([got.profile], NOW + timedelta(minutes=5), None) == 7000
    assert (on_charger([got.profile], NOW + timedelta(minutes=30), None) or 0) > 100_000
    assert on_charger([got.profile], NOW + timedelta(minutes=65), None) == 5000
    assert on_charger([got.profile], NOW + timedelta(hours=2), None) is None
