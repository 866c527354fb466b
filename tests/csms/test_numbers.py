"""Platform and targets never choose the same number."""

from __future__ import annotations

import uuid
from itertools import islice

import pytest

from csms.numbers import OF_TARGETS, OF_THE_PLATFORM, draw, message_ids

LARGEST = 2**31 - 1


def test_nobody_draws_from_another_s_range() -> None:
    assert OF_THE_PLATFORM.stop <= OF_TARGETS.start


@pytest.mark.parametrize("numbers", [OF_THE_PLATFORM, OF_TARGETS])
def test_every_number_is_positive_and_of_31_bits(numbers: range) -> None:
    assert draw(numbers, lambda _: 0) >= 1
    assert draw(numbers, lambda count: count - 1) <= LARGEST
    assert draw(numbers) in numbers


def test_message_ids_are_uuids_and_none_comes_twice() -> None:
    ids = [id for _ in range(50) for id in islice(message_ids(), 50)]

    assert len(set(ids)) == 2_500
    assert all(str(uuid.UUID(id)) == id and uuid.UUID(id).version == 4 for id in ids)
