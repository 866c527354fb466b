"""Moments are told in UTC, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from storage.clock import SystemClock, timestamp


def test_a_moment_is_written_with_milliseconds_and_z() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)

    assert timestamp(moment) == "2026-03-01T12:00:00.999Z"


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp(moment) == "2026-03-01T12:00:00.000Z"


def test_the_clock_of_the_machine_is_aware() -> None:
    assert SystemClock().now().tzinfo is UTC
