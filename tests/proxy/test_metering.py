"""Nobody gets less metering than it asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metering import is_legal, joined, metering_key, with_wish

INTERVAL, MEASURANDS = "MeterValueSampleInterval", "MeterValuesSampledData"
SECONDS = st.integers(0, 10**6).map(str)


@pytest.mark.parametrize(
    ("wishes", "effective"),
    [
        (["60", "900"], "60"),
        (["0", "900"], "900"),
        (["0", "0"], "0"),
        ([" 60 ", "90"], "60"),
        ([], None),
    ],
)
def test_the_shortest_interval_holds_and_off_is_the_longest(
    wishes: list[str], effective: str | None
) -> None:
    assert joined({n: {INTERVAL: wish} for n, wish in enumerate(wishes)}, INTERVAL) == effective


def test_every_measurand_is_named_once_the_platform_s_first() -> None:
    wishes = {4: {MEASURANDS: "SoC, Power.Offered,"}, 0: {MEASURANDS: "Voltage,SoC"}}

    assert joined(wishes, MEASURANDS) == "Voltage,SoC,Power.Offered"


@given(st.dictionaries(st.integers(0, 5), SECONDS, min_size=1))
def test_the_effective_interval_is_no_longer_than_any_wish(wishes: dict[int, str]) -> None:
    effective = int(joined({n: {INTERVAL: wish} for n, wish in wishes.items()}, INTERVAL) or 0)
    wished = [int(wish) for wish in wishes.values() if int(wish)]

    assert effective == min(wished, default=0)


def test_a_wish_takes_the_place_of_the_owner_s_last_one() -> None:
    wishes = {0: {INTERVAL: "60"}, 1: {INTERVAL: "10", MEASURANDS: "SoC"}}

    assert with_wish(wishes, 1, INTERVAL, "30") == {
        0: {INTERVAL: "60"},
        1: {INTERVAL: "30", MEASURANDS: "SoC"},
    }
    assert wishes[1][INTERVAL] == "10"


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e2", "abc", "9" * 10, "٣"])
def test_an_interval_is_whole_seconds(value: str) -> None:
    assert not is_legal(INTERVAL, value)
    assert is_legal(MEASURANDS, value)


def test_a_list_has_an_end() -> None:
    assert not is_legal(MEASURANDS, "x" * 2501)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("metervaluesampleinterval", INTERVAL),
        ("SAMPLEDDATACTRLR.TxUpdatedInterval", "SampledDataCtrlr.TxUpdatedInterval"),
        ("SampledDataCtrlr.Enabled", None),
        ("LightIntensity", None),
    ],
)
def test_letter_case_does_not_count(name: str, stored: str | None) -> None:
    assert metering_key(name) == stored
