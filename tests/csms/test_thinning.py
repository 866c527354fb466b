from __future__ import annotations

from csms.thinning import Thinning


def test_of_the_same_so_many_pass_and_the_rest_is_counted() -> None:
    now = 0.0
    thinning = Thinning(most=2, window=60.0, monotonic=lambda: now)
    assert [thinning.passes("a") for _ in range(5)] == [0, 0, None, None, None]
    assert thinning.passes("b") == 0

    now = 60.0

    assert [thinning.passes("a") for _ in range(3)] == [3, 0, None]


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    thinning = Thinning(most=1, most_kept=3)
    for name in range(10):
        thinning.passes(name)

    assert thinning.passes(9) is None
    assert thinning.passes(0) == 0  # forgotten
