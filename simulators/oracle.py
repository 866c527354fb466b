"""What a charger has emitted, in a file that outlives every crash under test.

One JSON object a line: ``emitted`` is written before the first attempt to send, ``answered`` or
``given_up`` after it. How the lines are counted against what the other ends know: tally.py.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from simulators.watched import Fields

Outcome: TypeAlias = Literal["open", "answered", "given_up"]

_REGISTER = "Energy.Active.Import.Register"
# What is another at each end: a 1.6 transaction's id is its CSMS's, a reservation's and a remote
# start's are whose they are, and only who was told late was told of an offline charger.
_OTHERS = frozenset({"transactionId", "reservationId", "offline"})
_OTHERS_INFO = "remoteStartId"


def content(action: str, fields: Fields) -> str:
    """Return the hash of what is the same at every end: the payload without foreign ids."""
    same = {name: value for name, value in fields.items() if name not in _OTHERS}
    info = same.get("transactionInfo")
    if isinstance(info, dict):
        same["transactionInfo"] = {n: v for n, v in info.items() if n != _OTHERS_INFO}
    text = json.dumps([action, same], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def register_wh(fields: Fields) -> float | None:
    """Return the energy register that a transaction message tells, in Wh."""
    for name in ("meterStart", "meterStop"):
        if name in fields:
            return float(fields[name])
    values = (value for meter in fields.get("meterValue", ()) for value in _sampled(meter))
    return next((float(v["value"]) for v in values if v.get("measurand") == _REGISTER), None)


def _sampled(meter: Fields) -> list[Any]:
    values: list[Any] = meter.get("sampledValue", [])
    return values


def moment_of(action: str, fields: Fields) -> Literal["begin", "end"] | None:
    """Tell whether a message begins or ends a transaction."""
    if action == "StartTransaction" or fields.get("eventType") == "Started":
        return "begin"
    if action == "StopTransaction" or fields.get("eventType") == "Ended":
        return "end"
    return None


class Oracle(Protocol):
    """Be told of every transaction event."""

    def emitted(self, seq: int, tx: str, action: str, meter_wh: float, fields: Fields) -> None:
        """Write an event down before it is sent."""

    def settled(self, seq: int, outcome: str) -> None:
        """Write down that an event was answered or given up."""

    def close(self) -> None:
        """Write no more."""


class NoOracle:
    """Write nothing."""

    def emitted(self, seq: int, tx: str, action: str, meter_wh: float, fields: Fields) -> None:
        """Do nothing."""

    def settled(self, seq: int, outcome: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class OracleFile:
    """Append to one file per charger; every line is with the kernel before the call returns."""

    def __init__(self, directory: Path, charge_box_id: str) -> None:
        self._charger = charge_box_id
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{charge_box_id}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def emitted(self, seq: int, tx: str, action: str, meter_wh: float, fields: Fields) -> None:
        """Write an event down before it is sent."""
        self._write(
            event="emitted",
            seq=seq,
            tx=tx,
            action=action,
            meter=round(meter_wh),
            timestamp=fields.get("timestamp"),
            sha=content(action, fields),
            moment=moment_of(action, fields),
            wh=register_wh(fields),
        )

    def settled(self, seq: int, outcome: str) -> None:
        """Write down that an event was answered or given up."""
        self._write(event=outcome, seq=seq)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, **line: str | float | None) -> None:
        os.write(self._file, json.dumps({"charger": self._charger, **line}).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Emission:
    """One event as its charger wrote it down; ``wh`` is the register that the message tells."""

    charger: str
    seq: int
    tx: str
    action: str
    sha: str
    moment: Literal["begin", "end"] | None
    wh: float | None
    outcome: Outcome = "open"


def emissions(directory: Path) -> list[Emission]:
    """Read what all chargers have written into a directory, each in its order."""
    return [
        emission
        for path in sorted(directory.glob("*.jsonl"))
        for emission in _of_one_charger(map(json.loads, path.read_text().splitlines()))
    ]


def _of_one_charger(lines: Iterable[Fields]) -> Iterator[Emission]:
    found: dict[int, Emission] = {}
    for line in lines:
        seq = line["seq"]
        if line["event"] == "emitted":
            given = {name: line[name] for name in ("charger", "tx", "action", "sha")}
            found[seq] = Emission(seq=seq, moment=line["moment"], wh=line["wh"], **given)
        else:
            found[seq] = replace(found[seq], outcome=line["event"])
    return iter(found.values())
