"""Platform and targets never choose the same number."""

from __future__ import annotations

import pytest

from csms.numbers import OF_TARGETS, OF_THE_PLATFORM, draw

LARGEST = 2**31 - 1


def test_nobody_draws_from_another_s_range() -> None:
    assert OF_THE_PLATFORM.stop <= OF_TARGETS.start


@pytest.mark.parametrize("numbers", [OF_THE_PLATFORM, OF_TARGETS])
def test_every_number_is_positive_and_of_31_bits(numbers: range) -> None:
    assert draw(numbers, lambda _: 0) >= 1
    assert draw(numbers, lambda count: count - 1) <= LARGEST
    assert draw(numbers) in numbers
