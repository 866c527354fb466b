from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.faults import books, targets
from bench.faults.__main__ import FAULTS, main
from bench.faults.ground import Ground
from bench.faults.page import page
from bench.faults.process import ServerProcess
from bench.faults.server import POINTS, WRAPPED, crash_at
from bench.faults.stand import VERSIONS, Stand, percentile, standing
from bench.faults.verdicts import HEAD, Line, judge_counts, merged
from bench.faults.wire import Session, masked
from csms import settings, wiring
from simulators.charger import Charger
from simulators.target import Target
from storage import records
from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.secrets import digest_secret
from tests.doubles import until

ROOT = Path(__file__).parent.parent.parent
PASSWORD = "a-password-of-20-cha"
ON_ITS_OWN_GROUND = pytest.mark.sqlite_only("the kit brings its own PostgreSQL: `make faults`")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server under test is started by module name, from the top of the tree."""
    monkeypatch.chdir(ROOT)


async def one_transaction(stand: Stand) -> None:
    """Let one charger of each version charge, and wait until its target knows."""
    target = await stand.target()
    rigs = await stand.fleet(2, target.url)
    await stand.ready(rigs)
    for rig in rigs:
        await rig.start(1, "TOKEN")
        rig.read_meters()
    assert await stand.wind_up()
    assert await stand.delivered()


# ---- the kit itself ----


@ON_ITS_OWN_GROUND
async def test_a_planted_fault_of_each_kind_is_found(here: None, tmp_path: Path) -> None:
    async with standing(Ground(tmp_path), 1) as stand:
        await one_transaction(stand)
        clean = [stand.line("none", version) for version in VERSIONS]
        (target,) = stand.targets
        events = [one for one in target.received if one.action in books.ACTIONS]
        by_version = [[e for e in events if e.charge_box_id == f"CP-00{n}"] for n in (0, 1)]

        for version, (first, *_, last) in zip(VERSIONS, by_version, strict=True):
            target.received.remove(last)
            assert stand.line("lost", version).lost == 1
            target.received.insert(target.received.index(first), last)
            assert stand.line("reordered", version).reordered > 0
            target.received.append(first)
            assert stand.line("twice", version).verdict.count("not flagged") == 1
            first.fields["timestamp"] = "2000-01-01T00:00:00Z"
            assert stand.line("phantom", version).phantom > 0

    assert [line.verdict for line in clean] == ["pass", "pass"]
    assert all(line.peak_mib > 10 for line in clean)
    assert all(line.worst_s for line in clean)


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the passings of all points in this process; what they wrap is restored afterwards."""
    passed: Counter[str] = Counter()
    for owner, name in WRAPPED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    for point, wrap in POINTS.items():
        wrap(partial(passed.update, [point]))
    return passed


async def test_every_point_is_passed_on_the_way_of_one_event(
    points: Counter[str], tmp_path: Path
) -> None:
    chosen = settings.read(ServerProcess(Ground(tmp_path), {}, None).environment)
    async with Target.listening() as target, wiring.running(chosen) as server:
        charger = Charger(await enrolled(server, target), "CP-1", PASSWORD)
        async with charger.running():
            await charger.wait_connected()
            await target.until(lambda t: t.calls("StatusNotification"))
            points.clear()
            await charger.start(1, "TOKEN")
            await charger.stop(1)
            await until(lambda: points["before cursor"] >= 2)

    assert set(points) == set(POINTS)
    assert points["before forward"] == points["after forward"] == 2


async def enrolled(server: wiring.Running, target: Target) -> str:
    """Enrol CP-1 towards a target and return the URL without its id."""
    now = SystemClock().now()
    organization = await server.storage.organizations.create("points")
    key = ChargerKey(organization.organization_uuid, "CP-1")
    digest = digest_secret(PASSWORD.encode())
    enrolling = records.Charger(
        key=key, charger_name="CP-1", password_digest=digest, created_at=now
    )
    configuration = records.ProxyConfiguration(
        key=key,
        target_platform_identifier="Target",
        target_websocket_url=f"{target.url}/{{charge_box_id}}",
        target_authentication_method="None",
        created_at=now,
        updated_at=now,
    )
    await server.storage.chargers.enroll(enrolling, configuration)
    return f"ws://{server.ocpp}/{key.organization_uuid}/ocpp"


def test_the_process_dies_at_the_nth_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[Callable[[], None]] = []
    killed: list[tuple[int, int]] = []
    monkeypatch.setitem(POINTS, "here", wrapped.append)
    monkeypatch.setattr(os, "kill", lambda *how: killed.append(how))

    crash_at("here", 3)
    for _ in range(2):
        wrapped[0]()
    assert killed == []
    wrapped[0]()
    assert killed == [(os.getpid(), signal.SIGKILL)]


@ON_ITS_OWN_GROUND
async def test_one_scenario_in_small(here: None, tmp_path: Path) -> None:
    lines = await targets.away(Ground(tmp_path), 1, scale=0.1)

    assert [line.version for line in lines] == list(VERSIONS)
    assert [(line.lost, line.reordered, line.phantom) for line in lines] == [(0, 0, 0)] * 2
    assert all("answered" in line.notes[0] for line in lines)


# ---- verdicts and the page ----


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ({}, "pass"),
        ({"lost": 1}, "FAIL: 1 lost"),
        ({"reordered": 2}, "FAIL: 2 reordered"),
        ({"phantom": 3}, "FAIL: 3 phantom"),
        ({"duplicates": 3, "flagged": 3}, "pass"),
        ({"duplicates": 3, "flagged": 1}, "FAIL: 2 duplicates not flagged"),
    ],
)
def test_counts_are_judged(figures: dict[str, Any], verdict: str) -> None:
    line = Line("F-00", "1.6", **figures)
    judge_counts(line)

    assert line.verdict == verdict


def test_a_missed_goal_is_told_and_does_not_fail() -> None:
    line = Line("F-00", "1.6")
    line.must(held=True, otherwise="never")
    line.goal(held=False, otherwise="quick")

    assert line.verdict == "pass, missed: quick"
    assert line.broken == []


def test_rounds_are_added_up_and_the_worst_is_told() -> None:
    whole = merged(
        [
            Line("F-00", "1.6", lost=1, recovery_s=2.0, peak_mib=100, notes=["first"]),
            Line("F-00", "1.6", lost=2, worst_s=0.5, peak_mib=90, notes=["second"]),
        ]
    )

    assert (whole.lost, whole.recovery_s, whole.worst_s, whole.peak_mib) == (3, 2.0, 0.5, 100)
    assert whole.notes == ["second"]


def test_the_page_has_a_row_for_every_line_and_a_word_for_every_fault() -> None:
    line = Line("F-01", "1.6", lost=7, duplicates=2, flagged=2, notes=["a|b"])
    written = page({"F-01": "What is done."}, [line], [4, 5])

    assert "| F-01 | What is done. |" in written
    assert "seeds 4, 5" in written
    assert "| F-01 | 1.6 | SQLite | 7 | 2 (2) | 0 | 0 | - | - | 0 | pass | a/b |" in written
    assert len(line.cells()) == len(HEAD)


def test_every_fault_of_the_kit_is_listed() -> None:
    assert list(FAULTS) == [
        *("F-01", "F-03", "F-04", "F-04-fd", "F-05", "F-06", "F-07", "F-08", "F-09", "F-10"),
        *("F-11", "F-11-away", "F-11-kill", "F-11-real"),
        *("F-14", "F-16", "F-17", "F-18", "F-19", "F-20", "F-22"),
    ]


@pytest.mark.parametrize("broken", [True, False])
def test_the_exit_code_tells_whether_a_must_is_broken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, broken: bool
) -> None:
    async def scenario(_ground: Ground, _seed: int, _scale: float) -> list[Line]:
        line = Line("F-07", "1.6")
        line.must(not broken, "it broke")
        return [line]

    monkeypatch.setitem(FAULTS, "F-07", FAULTS["F-07"]._replace(scenario=scenario))
    to = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-07", "--write", str(to)])

    assert main() == int(broken)
    assert ("FAIL: it broke" in to.read_text()) is broken


def test_a_scenario_that_breaks_is_a_line_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(_ground: Ground, _seed: int, _scale: float) -> list[Line]:
        raise RuntimeError("no server")

    monkeypatch.setitem(FAULTS, "F-07", FAULTS["F-07"]._replace(scenario=scenario))
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-07"])

    assert main() == 1
    assert "FAIL: RuntimeError: no server" in capsys.readouterr().out


# ---- small parts ----


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([3, 1, 2], 0.5) == 2


@pytest.mark.parametrize("length", [5, 125, 126, 300])
def test_a_frame_of_any_length_holds_its_text(length: int) -> None:
    frame = masked(b"x" * length)

    assert frame.endswith(b"x" * length)
    assert len(frame) == length + (6 if length < 126 else 8)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_two_messages_of_a_session_are_alike(version: str) -> None:
    session = Session(version, "CP", 1)
    said = [session.begin()]
    session.took({"transactionId": 7})
    said += [session.meter(), session.meter(), session.end()]

    assert len({str(fields) for _, fields in said}) == 4
