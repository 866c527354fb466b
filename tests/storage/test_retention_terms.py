"""How long things are kept, and how old they are where a clock was wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from storage.records import Keep, Organization
from storage.retention_terms import DEFAULT, Terms, believed, in_force
from tests.storage.doubles import NOON

DAY = timedelta(days=1)
TERMS = Terms("organization", NOON, NOON, in_force(Keep(messages=7)))


def organization(swept_at: datetime | None) -> Organization:
    return Organization(organization_uuid="o", name="O", created_at=NOON, swept_at=swept_at)


def test_what_is_said_holds_and_the_server_s_default_for_the_rest() -> None:
    days = in_force(Keep(messages=7, audit=30), Keep(messages=60, meter_values=100))

    assert days["messages"] == 7
    assert days["meter_values"] == 100
    assert days["commands"] == DEFAULT.commands
    assert days["audit"] == 30


@pytest.mark.parametrize(
    ("swept_at", "logged_at", "now", "at"),
    [
        (None, None, NOON, NOON),
        (NOON, None, NOON + DAY / 24, NOON + DAY / 24),
        (NOON, None, NOON + 3650 * DAY, NOON + DAY),
        (NOON, None, NOON - 3650 * DAY, NOON - 3650 * DAY),
        (None, NOON, NOON + 3650 * DAY, NOON + DAY),
        (NOON, NOON - 30 * DAY, NOON + DAY / 2, NOON + DAY / 2),
    ],
)
def test_the_clock_is_believed_a_day_at_a_time(
    swept_at: datetime | None, logged_at: datetime | None, now: datetime, at: datetime
) -> None:
    assert believed(organization(swept_at), now, logged_at) == at


@pytest.mark.parametrize(
    ("ages", "over"),
    [
        ([], 0),
        ([8, 7.1, 7], 2),  # days
        ([8, 2, 8], 1),  # nothing behind what is kept is looked at
        ([8, -3650, 8, 2], 3),  # the future is of unknown age
        ([-3650, 2], 1),
        ([2, 8], 0),
    ],
)
def test_the_oldest_are_over_as_far_as_the_first_that_is_kept(
    ages: Sequence[float], over: int
) -> None:
    rows = [{"moment": NOON - age * DAY} for age in ages]

    assert TERMS.over("messages", rows) == rows[:over]


def test_what_is_gone_already_is_over() -> None:
    assert TERMS.over("messages", [{"moment": None}]) == [{"moment": None}]
    assert TERMS.is_known({"moment": None})
    assert not TERMS.is_known({"moment": NOON + DAY})
