"""A site is moved in small; what the count and the verdict say is tried on what is planted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import commissioning
from bench.commissioning import AGAIN, COLUMNS, KILLED, MOVE, Round, judge, moved, report, run
from bench.faults.ground import Ground, NotHere, allow_descriptors
from bench.faults.stand import QUICK
from bench.moves import Felt, Links, Move
from simulators import tally
from simulators.connections import Received
from simulators.oracle import Emission, content
from simulators.watched import utc_now

ROOT = Path(__file__).parent.parent.parent
CHARGERS = 8
FELT = Felt(calls=1, p99=0.1, worst=0.2, late=(0.01, 0.02), cpu=1.5)


@pytest.mark.sqlite_only("the kit brings its own PostgreSQL: `make bench`")
async def test_a_small_site_is_moved_taken_back_and_moved_through_a_kill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)  # the server is started by module name, from the top of the tree
    monkeypatch.setattr(commissioning, "CALM_S", 0.1)
    monkeypatch.setattr(commissioning, "ORDINARY", QUICK)

    done = await moved(Ground(tmp_path), "keep", CHARGERS)

    assert (done.line.broken, done.line.problems) == ([], [])
    links = [move.links.dials for move in done.moves]
    assert links[:5] == [CHARGERS, CHARGERS, 0, CHARGERS, 0]
    assert done.moves[-1].links.connects >= CHARGERS  # the server was killed indeed
    assert "lost 0" in report(done, CHARGERS)


# ---- the verdict ----


def a_move(what: str, dials: int = 1, connects: int = 0, **other: Any) -> Move:
    move = Move(
        what=what,
        answered=0.1,
        applied=0.2,
        ready=0.3,
        steps=Counter(applied=1),
        links=Links(dials, 0, connects),
        peak=1,
        mean=1.0,
        slowest=(0.3, "CP-0000"),
        felt=FELT,
        all_ready=True,
    )
    return replace(move, **other)


GOOD = [
    a_move(MOVE),
    a_move(MOVE),
    a_move(AGAIN, 0),
    a_move(MOVE),
    a_move(AGAIN, 0),
    a_move(KILLED, connects=2),
]


def verdict(moves: list[Move], stop_reason: str = "Local", turned_away: int = 0) -> str:
    done = Round("SQLite", "keep", FELT, moves)
    session = SimpleNamespace(stop_reason=stop_reason)
    rig = SimpleNamespace(transactions=[session], turned_away=turned_away)
    judge(done, SimpleNamespace(rigs=[rig]))  # type: ignore[arg-type] # all that is looked at
    return done.line.verdict


def test_a_site_that_was_moved_well_passes() -> None:
    assert verdict(GOOD) == "pass"


@pytest.mark.parametrize(
    ("place", "planted", "told"),
    [
        (1, {"steps": Counter(applied=0, failed=1)}, "steps"),
        (1, {"all_ready": False}, "not all links are ready"),
        (3, {"links": Links(1, 1, 1)}, "1 links cut"),
        (2, {"links": Links(1, 0, 0)}, "it was not left alone"),
        (4, {"links": Links(0, 1, 0)}, "it was not left alone"),
        (5, {"steps": Counter(applied=0)}, "steps"),
    ],
)
def test_a_move_that_went_wrong_fails(place: int, planted: dict[str, Any], told: str) -> None:
    moves = [*GOOD]
    moves[place] = replace(moves[place], **planted)

    assert verdict(moves).startswith("FAIL: ")
    assert told in verdict(moves)


def test_a_session_that_no_driver_ended_and_a_driver_who_was_refused_fail() -> None:
    assert "sessions interrupted: {'DeAuthorized': 1}" in verdict(GOOD, "DeAuthorized")
    assert "1 drivers turned away" in verdict(GOOD, turned_away=1)
    assert verdict(GOOD, "EVDisconnected").startswith("pass, missed: 1 drivers did not wait")


def test_every_column_is_told_of_every_move() -> None:
    done = Round("SQLite", "keep", FELT, GOOD)
    _, title, head, *rows = report(done, 1).splitlines()

    assert title == "1 chargers, SQLite, on_change keep"
    assert all(name in head for name, _ in COLUMNS)
    assert {len(row) for row in rows[: len(GOOD)]} == {len(head)}


async def test_a_round_that_breaks_fails_and_the_others_are_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def on(engine: str, policy: str, _chargers: int) -> Round:
        if engine == "lacking":
            raise NotHere("it is not here")
        if policy == "keep":
            raise RuntimeError("no server")
        return Round(engine, policy, FELT, GOOD)

    monkeypatch.setattr(commissioning, "_on", on)

    assert await run(1, ["SQLite"]) == 1
    assert await run(1, ["lacking"]) == 0
    told = capsys.readouterr().out
    assert "FAIL: RuntimeError('no server')" in told
    assert "on_change drain" in told
    assert "is skipped: it is not here" in told


# ---- the count over two targets ----


def at(id: int | None, **answer: int) -> Received:
    """One meter value under a transaction's id, or the start that was given one."""
    action = "StartTransaction" if answer else "MeterValues"
    fields = {"connectorId": 1} if id is None else {"connectorId": 1, "transactionId": id}
    return Received(utc_now(), "CP", 1, "m", action, fields, b"", b"", dict(answer))


START, METER = at(None, transactionId=7), at(7)
EMITTED = [
    Emission("CP", seq, "tx", one.action, content(one.action, one.fields), None, None, "answered")
    for seq, one in enumerate((START, METER), 1)
]


@pytest.mark.parametrize(
    ("policy", "named", "phantoms"),
    [
        ("keep", 7, 0),
        ("keep", -1, 1),  # it is the same system, which has given 7
        ("drain", 7, 1),  # it is another system, which has given nothing
        ("drain", -1, 0),
    ],
)
def test_an_id_is_held_against_the_target_that_gave_it(
    policy: str, named: int, phantoms: int
) -> None:
    old, new = (SimpleNamespace(received=some) for some in ([START], [at(named)]))
    targets: Any = (old, new)

    counted = tally.count(EMITTED, commissioning.arrived(targets, policy))

    assert (counted.lost, counted.duplicates) == (0, 0)
    assert commissioning.phantoms(policy, targets, EMITTED, counted)[0] == phantoms


# ---- descriptors ----


def test_more_descriptors_than_there_may_be_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.getrlimit", lambda _what: (100, 1_000))
    monkeypatch.setattr("resource.setrlimit", lambda _what, limits: given.append(limits))

    with pytest.raises(NotHere, match="1000 files only"):
        allow_descriptors(1_001)
    allow_descriptors(500)
    allow_descriptors(50)

    assert given == [(500, 1_000), (100, 1_000)]
