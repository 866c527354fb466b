"""What is counted in buckets, and a small run of what is done to them."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession

from bench.faults import lake, server, standins, stores
from bench.faults.__main__ import main
from bench.faults.books import Spoken
from bench.faults.connectors import Connector, Lags
from bench.faults.exports import judge_lags
from bench.faults.ground import Ground
from bench.faults.ills import ILLS
from bench.faults.stand import VERSIONS
from bench.faults.verdicts import Line
from csms import wiring
from simulators.faults import FaultProxy
from simulators.stores import Store
from storage.clock import SystemClock
from storage.records import SinkBatch
from storage.sinks.port import Door, Outside
from storage.store import open_storage
from tests.storage.records import sink

ROOT = Path(__file__).parent.parent.parent
ON_ITS_OWN_GROUND = pytest.mark.sqlite_only("the kit brings its own PostgreSQL: `make faults`")
PURE = pytest.mark.sqlite_only("no database takes part")
ORGANIZATION, SINK = "0a-1", "5b-2"
AT = datetime(2026, 11, 22, 23, 59, 58, tzinfo=UTC)
Record = dict[str, Any]
Listing = dict[str, list[Record]]


# ---- the count ----


def spoken(seq: int) -> Spoken:
    """Return a Heartbeat, by one of two chargers."""
    frame = b'[2,"m-%d","Heartbeat",{"n":%d}]' % (seq, seq)
    charger, at = f"CP-{seq % 2}", round(AT.timestamp() * 1e6)
    way = "charger_to_platform"
    return Spoken(seq, at, charger, way, "1.6", "Call", f"m-{seq}", "Heartbeat", frame, None)


def record(row: Spoken) -> Record:
    return {
        "seq": row.seq,
        "timestamp": "2026-11-22T23:59:58.000000Z",
        "organization_uuid": ORGANIZATION,
        "charge_box_id": row.charger,
        "direction": row.direction,
        "ocpp_version": row.version,
        "message_type": row.kind,
        "message_id": row.id,
        "action": row.action,
        "payload": {"n": row.seq},
        "proxy_configuration_id": None,
    }


def name(first: int, last: int, hour: str = "23", organization: str = ORGANIZATION) -> str:
    where = f"organization={organization}/date=2026-11-22/hour={hour}"
    return f"lake/{where}/{SINK}-{first}-{last}.jsonl.gz"


ROWS = [spoken(seq) for seq in range(1, 9)]


def good() -> Listing:
    return {
        name(1, 4): [record(row) for row in ROWS[:4]],
        name(5, 8): [record(row) for row in ROWS[4:]],
    }


def packed(listing: Listing) -> Mapping[str, bytes]:
    return {
        name: zlib.compress("".join(json.dumps(one) + "\n" for one in records).encode(), wbits=31)
        for name, records in listing.items()
    }


def counted(listing: Listing, end: int = 8) -> Line:
    """Return a line about CP-0 and CP-1."""
    line = Line("F-00", "1.6")
    rows = [row for row in ROWS if row.seq <= end]
    found = lake.count(rows, packed(listing), ORGANIZATION, end)
    found.add_to(line, {"CP-0", "CP-1"}, "a bucket")
    return line


def lose(listing: Listing) -> None:
    del listing[name(5, 8)][1]


def lose_an_object(listing: Listing) -> None:
    del listing[name(1, 4)]


def double(listing: Listing) -> None:
    listing[name(5, 8)].insert(0, record(ROWS[4]))


def store_again(listing: Listing) -> None:
    listing[name(1, 3)] = [record(row) for row in ROWS[:3]]


def swap(listing: Listing) -> None:
    records = listing[name(1, 4)]
    records[1], records[3] = records[3], records[1]


def invent(listing: Listing) -> None:
    listing[name(5, 8)].insert(1, record(spoken(5)) | {"seq": 0})


def alter(listing: Listing) -> None:
    listing[name(5, 8)][1]["payload"] = {"n": 7}


def leave_out(listing: Listing) -> None:
    del listing[name(5, 8)][1]["direction"]


def date_wrongly(listing: Listing) -> None:
    listing[name(5, 8)][1]["timestamp"] = "2026-11-22T23:59:58.010000Z"


@PURE
@pytest.mark.parametrize(
    ("harm", "counts"),
    [
        (lose, (1, 0, 0, 0)),
        (lose_an_object, (4, 0, 0, 0)),
        (double, (0, 1, 0, 0)),
        (store_again, (0, 3, 1, 0)),
        (swap, (0, 0, 1, 0)),
        (invent, (0, 0, 1, 1)),
        (alter, (0, 0, 0, 1)),
        (leave_out, (0, 0, 0, 1)),
        (date_wrongly, (0, 0, 0, 1)),
    ],
)
def test_a_planted_fault_of_each_kind_is_counted(
    harm: Callable[[Listing], None], counts: tuple[int, ...]
) -> None:
    listing = good()
    assert counted(listing).verdict == "pass"
    harm(listing)
    line = counted(listing)

    assert (line.lost, line.duplicates, line.reordered, line.phantom) == counts
    assert line.verdict.startswith("FAIL")


@PURE
@pytest.mark.parametrize(
    "wrong", ["lake/notes.txt", name(1, 5), name(1, 4, "22"), name(1, 4, organization="0a-9")]
)
def test_an_object_under_a_wrong_name_is_found(wrong: str) -> None:
    listing = good()
    listing[wrong] = listing.pop(name(1, 4))

    assert counted(listing).verdict.startswith("FAIL")


@PURE
def test_objects_behind_the_position_are_yet_to_be_counted() -> None:
    assert counted(good(), end=4).verdict == "pass"


# ---- what is told of connectors ----


@PURE
@pytest.mark.parametrize(
    ("lag", "differs", "told"),
    [
        (1.5, ["", ""], "pass"),
        (9.0, [""], "FAIL: a connector in good health was 9.0 s behind"),
        (1.5, ["", "lag 3 of 4"], "FAIL: lag 3 of 4"),
    ],
)
def test_lags_are_judged(lag: float, differs: list[str], told: str) -> None:
    line = Line("F-00", "1.6")
    judge_lags(line, Lags({"healthy": lag}), differs)

    assert line.verdict == told


@PURE
@pytest.mark.parametrize(
    ("lag", "counts", "said"),
    [
        ((4, 60.0), [4, 4, 4, 4], ""),
        ((4, 60.0), [3, 4, 4, 4], ""),  # one came meanwhile: it is looked at again
        ((5, 60.0), [4, 4], "one: lag 5 of 4"),
        ((4, 70.0), [4, 4], "one: lag 4 of 4, 70.00 of 60"),
    ],
)
async def test_a_lag_is_compared_at_a_quiet_moment(
    monkeypatch: pytest.MonkeyPatch, lag: tuple[int, float], counts: list[int], said: str
) -> None:
    async def status(_: Connector) -> Mapping[str, Any]:
        return {"last_delivered_seq": 7, "lag_records": lag[0], "lag_seconds": lag[1]}

    def behind(_: Connector, position: int) -> tuple[int, int, int]:
        assert position == 7
        return counts.pop(0), round((datetime.now(UTC).timestamp() - 60) * 1e6), 99

    monkeypatch.setattr(Connector, "status", status)
    monkeypatch.setattr(Connector, "behind", behind)
    differs = await Connector(cast("Any", None), "one", {}, {}).compare_lag()

    assert differs.startswith(said)
    assert bool(differs) is bool(said)


# ---- the server under test ----


async def test_pauses_and_deadlines_of_exports_are_compressed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wiring, "export_parts", wiring.export_parts)
    server.hurry_exports({"longest_pause": 3.0, "put_timeout": 1.5})
    async with open_storage(tmp_path, SystemClock()) as storage:
        parts = wiring.export_parts(storage, Outside(cast("Door", None)), SystemClock())

    assert (parts.first_pause, parts.longest_pause) == (1.0, 3.0)
    assert cast("Any", parts.open_sink).keywords["outside"].put_timeout == 1.5


async def test_every_point_on_the_way_of_an_object_is_passed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passed: list[str] = []
    for owner, name in server.WRAPPED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    for point, wrap in server.SINK_POINTS.items():
        wrap(partial(passed.append, point))
    async with open_storage(tmp_path, SystemClock()) as storage:
        organization = await storage.organizations.create("points")
        one = sink(organization.organization_uuid)
        await storage.sinks.create(one, earliest=True)
        batch = SinkBatch(first=1, last=2, records=2, object_name="x")
        await storage.sinks.begin(one, batch)
        assert passed == ["before put"]
        await storage.sinks.finish(one.id, batch, 7, SystemClock().now())

    assert passed == list(server.SINK_POINTS)


@PURE
def test_without_the_stand_ins_there_is_one_line_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(standins, "AZURITE", Path("/nowhere"))
    monkeypatch.setattr("sys.argv", ["faults", "--only", "F-11-real", "--engine", "sqlite"])

    assert main() == 0
    assert f"F-11-real on SQLite is skipped: {standins.NOT_INSTALLED}.\n" in capsys.readouterr().out


@PURE
async def test_a_line_works_again_after_each_of_its_faults() -> None:
    async with Store.listening("lake") as store, FaultProxy.to("127.0.0.1", store.port) as line:
        for fault in standins.FAULTS:
            await fault(line, 0.01, random.Random(1))
            line.reset()
            url = f"http://127.0.0.1:{line.port}/lake"
            async with ClientSession() as session, session.head(url) as answer:
                assert answer.status == 403  # nobody has signed


# ---- a small run ----


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server under test is started by module name, from the top of the tree."""
    monkeypatch.chdir(ROOT)


@ON_ITS_OWN_GROUND
async def test_stores_that_are_ill_in_small(here: None, tmp_path: Path) -> None:
    some = {way: ILLS[way] for way in ("lost-answer", "wrong-secret")}
    lines = await stores.ill(Ground(tmp_path), 1, scale=0.02, ills=some)

    assert [line.version for line in lines] == list(VERSIONS)
    assert [line.broken for line in lines] == [[], []]
    assert "2 ways to be ill" in lines[0].notes[0]
