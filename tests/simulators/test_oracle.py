from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.oracle import OracleFile, content, emissions
from simulators.target import Target
from simulators.watched import Fields
from tests.simulators.stage import NAME, TOKEN, playing


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / f"{NAME}.jsonl").read_text().splitlines()]


async def test_an_event_is_written_before_it_is_sent_and_marked_when_answered(
    target: Target, version: str, tmp_path: Path
) -> None:
    async with playing(target, version, oracle=tmp_path) as charger:
        own = await charger.start(1, TOKEN)
        await charger.stop(1)

    written = lines(tmp_path)
    assert [(line["event"], line["seq"]) for line in written] == [
        ("emitted", 1),
        ("answered", 1),
        ("emitted", 2),
        ("answered", 2),
    ]
    assert {line["charger"] for line in written} == {NAME}
    assert {line["tx"] for line in written if "tx" in line} == {own.reference}
    assert all(len(line["sha"]) == 64 for line in written if line["event"] == "emitted")


async def test_an_event_that_nobody_answers_is_written_once_and_not_marked(
    target: Target, version: str, tmp_path: Path
) -> None:
    async with playing(target, version, oracle=tmp_path) as charger:
        await charger.until(lambda c: not c.statuses.untold())
        target.conduct.mute = True
        charger.begin(1, TOKEN, "Central")
        action = "StartTransaction" if version == "1.6" else "TransactionEvent"
        await target.until(lambda t: t.calls(action))
        await charger.drop()
        await target.until(lambda t: len(t.calls(action)) == 2)

    assert [line["event"] for line in lines(tmp_path)] == ["emitted"]


async def test_an_event_that_is_given_up_says_so(target: Target, tmp_path: Path) -> None:
    target.conduct.errors["StartTransaction"] = "InternalError"
    async with playing(target, oracle=tmp_path, time_factor=1000.0) as charger:
        charger.begin(1, TOKEN, "")
        await charger.until(lambda c: not c.waiting)

    # Meter values may have followed; the story of the start is told by its own lines.
    told = lines(tmp_path)
    start = [line["event"] for line in told if line["seq"] == told[0]["seq"]]
    assert start == ["emitted", "given_up"]


async def test_a_second_run_appends(target: Target, tmp_path: Path) -> None:
    for _ in range(2):
        async with playing(target, oracle=tmp_path) as charger:
            await charger.start(1, TOKEN)

    assert [line["event"] for line in lines(tmp_path)] == ["emitted", "answered"] * 2


async def test_a_file_is_read_as_it_was_written(
    target: Target, version: str, tmp_path: Path
) -> None:
    async with playing(target, version, oracle=tmp_path) as charger:
        own = await charger.start(1, TOKEN)
        await charger.stop(1)

    begin, end = emissions(tmp_path)
    assert (begin.charger, begin.tx, begin.moment, begin.outcome) == (
        NAME,
        own.reference,
        "begin",
        "answered",
    )
    assert (end.seq, end.moment, end.outcome) == (2, "end", "answered")
    assert begin.wh is not None
    assert end.wh is not None
    assert end.wh >= begin.wh


def test_an_event_without_an_outcome_is_open(tmp_path: Path) -> None:
    oracle = OracleFile(tmp_path, NAME)
    oracle.emitted(1, "tx", "StartTransaction", 0.0, {"meterStart": 7})
    oracle.close()

    (one,) = emissions(tmp_path)
    assert (one.outcome, one.wh) == ("open", 7.0)


STOP = {"transactionId": 1, "meterStop": 5, "timestamp": "2026-11-21T10:00:00Z"}
INFO = {"transactionId": "T", "remoteStartId": 1}
EVENT = {"eventType": "Started", "seqNo": 0, "transactionInfo": INFO}


@pytest.mark.parametrize(
    ("fields", "change", "same"),
    [
        (STOP, {"transactionId": 2}, True),
        (STOP, {"meterStop": 6}, False),
        (EVENT, {"transactionInfo": {"transactionId": "T", "remoteStartId": 2}}, True),
        (EVENT, {"transactionInfo": {"transactionId": "U", "remoteStartId": 1}}, False),
        (EVENT, {"offline": True}, True),
        (EVENT, {"seqNo": 1}, False),
    ],
)
def test_content_is_what_no_end_may_change(fields: Fields, change: Fields, *, same: bool) -> None:
    assert (content("A", fields) == content("A", {**fields, **change})) is same


def test_content_of_another_action_is_another() -> None:
    assert content("StopTransaction", STOP) != content("MeterValues", STOP)
