"""The pace of one peer: a burst at once, then so much a second, and nothing in between lost."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from csms.frames import OCPP16
from csms.link import Link
from csms.pace import FRAME_BYTES, Allowance, Pace, PaceLimits, no_pace
from tests.doubles import conversation, socket_pair


@dataclass
class Watch:
    """A monotonic clock that is told the time."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def take(allowance: Allowance) -> int:
    """Take one by one until there is a pause."""
    taken = 0
    while allowance.pause() == 0:
        allowance.left -= 1
        taken += 1
    return taken


def test_a_burst_is_taken_at_once_and_then_so_much_a_second(watch: Watch) -> None:
    allowance = Allowance(200.0, 2000.0, watch)

    assert take(allowance) == 2000
    watch.now += 1.0
    taken = take(allowance)
    for _ in range(9):
        watch.now += 1.0
        taken += take(allowance)
    assert taken == pytest.approx(2000, abs=1)


def test_who_has_rested_for_long_has_no_more_than_a_burst(watch: Watch) -> None:
    allowance = Allowance(200.0, 2000.0, watch)
    allowance.left -= 1
    watch.now += 3600.0

    assert take(allowance) <= 2000


def test_after_its_pause_there_is_something_to_take(watch: Watch) -> None:
    allowance = Allowance(200.0, 2000.0, watch)
    for debt in (0, 1, 50, 1900):
        take(allowance)
        allowance.left -= debt
        pause = allowance.pause()
        assert pause > 0
        watch.now += pause * 1.001

        assert allowance.pause() == 0


def test_the_longest_pause_counts(watch: Watch) -> None:
    pace = Pace(PaceLimits(), watch)
    take(pace.calls)
    pace.bytes.left -= 10_000_000

    assert pace.pause() == pytest.approx(6.1)


def test_whoever_has_no_pace_never_pauses() -> None:
    pace = no_pace()
    pace.calls.left -= 1e9

    assert pace.pause() == 0


# ---- at a link ----


def hear(link: Link, text: bytes, most: int) -> int:
    """Hand over texts as the socket does while the reader waits; return how many were taken."""
    return next((count for count in range(most) if not link._hear(text)), most)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        pytest.param(b'[2,"1","Heartbeat",{}]', 2000, id="CALLs"),
        pytest.param(b'[2,"1"]', 2000, id="what is no OCPP"),
        pytest.param(b'[3,"1",{}]', 4_000_000 // (FRAME_BYTES + 10), id="unsolicited answers"),
        pytest.param(b" " * 100_000, 40, id="keep-alives of spaces"),
    ],
)
async def test_a_link_takes_a_burst_and_no_more(watch: Watch, text: bytes, taken: int) -> None:
    link = Link(socket_pair()[0], dialect=OCPP16, max_inbox=10_000, pace=Pace(PaceLimits(), watch))

    assert hear(link, text, 20_000) == pytest.approx(taken, rel=0.001)
    assert not link._hear(text)
    watch.now += 1.0
    assert link._hear(text)


async def test_what_comes_too_fast_is_answered_later_and_all_of_it() -> None:
    limits = PaceLimits(calls=2000.0, calls_at_once=300.0)
    async with conversation(pace=Pace(limits)) as talk:
        for number in range(600):
            await talk.peer.calls("Heartbeat", id=str(number))
        answered = [(await talk.peer.hears())[1] for _ in range(600)]

    assert answered == [str(number) for number in range(600)]
