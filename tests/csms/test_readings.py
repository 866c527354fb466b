from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from csms.readings import (
    energy_registers,
    items,
    mapping,
    meter_values,
    moment,
    number,
    whole,
    word,
)
from storage.records import ChargerKey, MeterValue
from tests.schema_payloads import JSON, hostile

KEY = ChargerKey("org", "CP1")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def read(*sampled: Any, at: Any = "2026-08-01T11:00:00Z") -> list[MeterValue]:
    return meter_values(KEY, "7", 1, [{"timestamp": at, "sampledValue": list(sampled)}], NOW)


# ---- numbers and words ----


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (6, 6.0),
        (0.1, 0.1),
        ("6.0", 6.0),
        (" 12,5 ", 12.5),
        ("1e3", 1000.0),
        ("-4", -4.0),
        ("", None),
        ("12 kWh", None),
        ("1.234,5", None),
        ("NaN", None),
        ("-Infinity", None),
        (1e30, None),
        ("9" * 100_000, None),
        (True, None),
        (None, None),
        ([6], None),
    ],
)
def test_a_number_is_read_or_left_out(written: Any, meant: float | None) -> None:
    assert number(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [(0, 0), (7, 7), ("7", 7), (7.0, 7), (2**31 - 1, 2**31 - 1)],
)
def test_a_whole_number_is_read(written: Any, meant: int) -> None:
    assert whole(written) == meant


@pytest.mark.parametrize("written", [-1, "-1", 7.5, 2**31, 2**64 - 1, True, None, "", {}])
def test_a_whole_number_that_not_every_database_takes_is_left_out(written: Any) -> None:
    assert whole(written) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [("TAG", "TAG"), (1234, "1234"), ("A\0B", "AB"), ("x" * 300, "x" * 255)],
)
def test_a_word_is_text_that_every_database_takes(written: Any, meant: str) -> None:
    assert word(written) == meant


@pytest.mark.parametrize("written", ["", "\0", None, True, 1.5, [], {}])
def test_what_is_no_word_is_left_out(written: Any) -> None:
    assert word(written) is None


def test_what_is_no_object_and_no_array_is_an_empty_one() -> None:
    assert (mapping({"a": 1}), mapping([1]), mapping(None)) == ({"a": 1}, {}, {})
    assert (items([1]), items({"a": 1}), items("text")) == ([1], [], [])


# ---- moments ----


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-08-01T10:00:00Z", datetime(2026, 8, 1, 10, tzinfo=UTC)),
        ("2026-08-01T10:00:00.123456789Z", datetime(2026, 8, 1, 10, 0, 0, 123456, UTC)),
        ("2026-08-01T12:00:00+02:00", datetime(2026, 8, 1, 10, tzinfo=UTC)),
        ("2026-08-01T10:00:00", datetime(2026, 8, 1, 10, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-08-02T02:00:00Z", datetime(2026, 8, 2, 2, tzinfo=UTC)),
    ],
)
def test_a_moment_is_in_utc(written: str, meant: datetime) -> None:
    assert moment(written, NOW) == meant
    assert moment(written, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "222222017-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1970-01-01T00:00:00Z",
        "2000-01-01T00:00:00Z",
        "2026-08-03T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "yesterday",
        "",
        None,
        1754049600,
        {},
    ],
)
def test_no_credible_moment_is_now(written: Any) -> None:
    assert moment(written, NOW) == NOW


# ---- meter values ----


def test_a_bare_value_is_the_energy_register() -> None:
    assert read({"value": "1500"}) == [
        MeterValue(
            key=KEY,
            transaction_id="7",
            evse_id=1,
            taken_at=NOW - timedelta(hours=1),
            measurand="Energy.Active.Import.Register",
            value=1500.0,
            unit="Wh",
        )
    ]


def test_both_versions_say_the_same() -> None:
    said16 = {"measurand": "Voltage", "phase": "L1", "value": "231.5", "unit": "V"}
    said201 = {
        "measurand": "Voltage",
        "phase": "L1",
        "value": 231.5,
        "unitOfMeasure": {"unit": "V"},
    }

    assert read(said16) == read(said201)


def test_a_multiplier_is_a_power_of_ten() -> None:
    assert [value.value for value in read({"value": 2, "unitOfMeasure": {"multiplier": 3}})] == [
        2e3
    ]
    assert [value.value for value in read({"value": 2, "unitOfMeasure": {"multiplier": 9e9}})] == [
        2e12
    ]


def test_signed_data_is_never_parsed() -> None:
    assert read({"value": "1500", "format": "SignedData"}, {"value": "1501", "format": "Raw"}) == (
        read({"value": "1501"})
    )


def test_what_cannot_be_read_does_not_hide_its_neighbours() -> None:
    neighbours = read({"value": ""}, None, 7, {}, {"value": {}}, {"value": "12,5", "unit": 4})

    assert [(value.value, value.unit) for value in neighbours] == [(12.5, "4")]


def test_energy_registers_are_in_wh_and_of_the_whole_outlet() -> None:
    values = read(
        {"value": "1"},
        {"value": "2", "unit": "kWh", "location": "Outlet"},
        {"value": "3", "phase": "L1"},
        {"value": "4", "location": "Inlet"},
        {"value": "5", "measurand": "Energy.Active.Export.Register"},
        {"value": "6", "unit": "furlong"},
    )

    assert energy_registers(values) == [1.0, 2000.0]


@given(JSON | hostile("1.6", "MeterValues").map(lambda fields: fields.get("meterValue")))
def test_anything_is_read(wire: Any) -> None:
    for value in meter_values(KEY, "7", 1, wire, NOW):
        assert abs(value.value) < 1e30
        assert value.taken_at <= NOW + timedelta(days=1)
