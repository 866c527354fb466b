"""The kit that attacks a server: what it tells, and how it measures."""

from __future__ import annotations

import os
import socket

import pytest

from bench.attacks.__main__ import ATTACKS
from bench.attacks.bombs import BODIES, FRAMES
from bench.attacks.holders import KINDS, accepted_at
from bench.attacks.results import Result, page
from bench.attacks.stage import Watch
from bench.faults.process import cpu_s, memory_mib
from csms.attempts import Attempts


def test_a_figure_that_is_not_as_it_must_be_fails_the_attack() -> None:
    result = Result("guesses")
    result.tell("10,000 guesses")
    evaluated, most = 5, 20
    result.must(evaluated <= most, "5 evaluated", "at most 20")
    assert result.line == "pass  guesses: 10,000 guesses; 5 evaluated (at most 20)"

    result.must(most <= evaluated, "p99 1200 ms", "below 1 s")
    assert result.line.startswith("FAIL  guesses: ")
    assert result.broken == ["p99 1200 ms, must be below 1 s"]


def test_the_page_tells_what_was_done_and_what_came_of_it() -> None:
    meanings = {name: attack.meaning for name, attack in ATTACKS.items()}
    results = [Result("slow, REST", ["2,000 sockets"]), Result("clones", [], ["7 switches"])]

    written = page(meanings, results)

    assert f"| slow, REST | {meanings['slow']} | 2,000 sockets | pass |" in written
    assert written.rstrip().endswith("| FAIL: 7 switches |")


async def _refused(watch: Watch) -> None:
    async with watch.time():
        raise OSError("refused")


async def test_what_fails_is_counted_and_not_timed() -> None:
    watch = Watch()
    async with watch.time():
        pass
    await _refused(watch)

    assert (len(watch.times), watch.failed) == (1, 1)


def test_a_socket_that_was_accepted_is_told_from_one_that_was_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            own = client.getsockname()[1]
            assert own not in accepted_at(port)
            with listener.accept()[0]:
                assert own in accepted_at(port)


def test_the_kernel_tells_of_a_process() -> None:
    assert cpu_s(os.getpid()) > 0
    assert memory_mib(os.getpid(), "VmHWM") >= memory_mib(os.getpid(), "VmRSS") > 0


@pytest.mark.parametrize("name", [name for name in FRAMES if "256 MiB" not in name])
def test_bombs_for_chargers_are_small(name: str) -> None:
    assert sum(map(len, FRAMES[name]())) < 20 << 20


def test_there_are_attacks_on_both_listeners() -> None:
    assert len(FRAMES) >= 5
    assert len(BODIES) >= 5
    assert len(KINDS) == 5
    assert callable(Attempts.allows)  # which the server under attack wraps
