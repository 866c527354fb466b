"""What is counted while a database is away, and on what ground it happens."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import cluster
from bench.faults import descriptors
from bench.faults.__main__ import FAULTS, main
from bench.faults.disks import small_disk
from bench.faults.ground import NO_PROGRAMS, SQLITE, Ground, NotHere, ground
from bench.faults.verdicts import Line
from bench.faults.watch import Asked, Watch

BEGAN, ENDED = 100.0, 160.0
GOOD = (
    Asked("/healthz", 110.0, 0.01, 200, {}),
    Asked("/readyz", 110.0, 0.01, 503, {"message": "it is away"}),
    Asked("chargers", 110.0, 5.0, 503, {}),
    Asked("chargers", 170.0, 0.1, 200, {}),
)


def watch(*, answers: list[float] | None = None, lag: float = 0.01, **differently: Any) -> Watch:
    """Return what was seen of a server that did all as it must, but for what is different."""
    rig = SimpleNamespace(answers=[(at - 1.0, "Heartbeat", 1.0) for at in answers or [99, 161]])
    server = SimpleNamespace(lags=[(120.0, lag)])
    stand = cast("Any", SimpleNamespace(chargers=[rig], server=server))
    seen = Watch(
        stand, before_mib=100.0, pid=1, began=BEGAN, ended=ENDED, most_mib=110.0, lived=True
    )
    return replace(seen, **{"asked": list(GOOD), **differently})


def verdict(seen: Watch) -> str:
    line = Line("F-00", "1.6")
    seen.judge(line, reads_fail=True)
    return line.verdict


def without(what: str) -> list[Asked]:
    return [one for one in GOOD if one.what != what]


def test_a_server_that_bears_its_fault_passes() -> None:
    assert verdict(watch()) == "pass"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (lambda: watch(lived=False), "the server died"),
        (lambda: watch(faults={"answer_failed": 2}), "answer_failed"),
        (lambda: watch(most_mib=201.0), "grew by 101 MiB"),
        (lambda: watch(asked=without("/readyz")), "/readyz was never red"),
        (lambda: watch(asked=without("chargers")), "no read was told 503"),
        (lambda: watch(asked=[*GOOD, Asked("x", 110.0, 0.1, 500, {})]), "[('x', 500)]"),
        (lambda: watch(asked=[*GOOD, Asked("x", 110.0, 20.0, 0, None)]), "took 20.0 s"),
        (
            lambda: watch(asked=[*without("/readyz"), Asked("/readyz", 110.0, 0.1, 503, {})]),
            "/readyz gave no reason",
        ),
    ],
)
def test_each_breach_is_found(seen: Callable[[], Watch], told: str) -> None:
    assert verdict(seen()).startswith("FAIL")
    assert told in verdict(seen())


def test_a_loop_that_is_late_is_told() -> None:
    assert verdict(watch(lag=0.3)) == "pass, missed: the loop was 300 ms late"


def test_answers_are_commits_and_there_are_none_while_the_database_is_away() -> None:
    seen = watch(answers=[99.0, 130.0, 161.5, 170.0])

    assert seen.first_answer_s() == pytest.approx(1.5)
    assert seen.answered_meanwhile(0.2) == 1
    assert watch().answered_meanwhile(0.2) == 0


# ---- the ground ----


def test_without_the_programs_of_postgresql_there_is_one_line_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "binaries", lambda: None)
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-04"])

    assert main() == 0
    assert f"F-04 on PostgreSQL is skipped: {NO_PROGRAMS}.\n" in capsys.readouterr().out


def test_what_is_a_fault_of_postgresql_is_none_of_sqlite(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-05", "--engine", "sqlite"])

    assert main() == 0
    assert "F-05 on SQLite is skipped" in capsys.readouterr().out


def test_a_fault_takes_place_on_the_databases_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Ground] = []

    async def scenario(here: Ground, _seed: int, _scale: float) -> list[Line]:
        seen.append(here)
        return [Line("F-06", "1.6")]

    monkeypatch.setitem(FAULTS, "F-06", FAULTS["F-06"]._replace(scenario=scenario))
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-06", "--engine", "sqlite"])
    assert main() == 0
    assert [here.cluster for here in seen] == [None]


def test_the_ground_has_a_database_of_the_present_schema(tmp_path: Path) -> None:
    with ground(tmp_path, SQLITE) as here:
        here.prepare()

        assert here.data_dir.is_dir()
        assert here.books == here.url


def test_a_small_disk_is_full_when_it_is_filled(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", mib=1) as disk:
            disk.fill()
            with pytest.raises(OSError, match="No space left"):
                (tmp_path / "disk" / "more").write_bytes(bytes(10_000))
            disk.empty()
            (tmp_path / "disk" / "more").write_bytes(bytes(10_000))
    except NotHere as lacking:
        pytest.skip(str(lacking))


def test_descriptors_are_found_by_the_port_that_they_lead_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert descriptors._to_port(os.getpid(), port) == []
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert descriptors._to_port(os.getpid(), port) == [client.fileno()]
