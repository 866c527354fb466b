"""What a charger has emitted, in a file that outlives every crash under test.

One JSON object a line: ``emitted`` is written before the first attempt to send, ``answered`` or
``given_up`` after it. Counting rules: lost = answered but not found at the other end, phantom =
found but never emitted.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Protocol

from simulators.watched import Fields


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
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        self._write(
            event="emitted",
            seq=seq,
            tx=tx,
            action=action,
            meter=round(meter_wh),
            timestamp=fields.get("timestamp"),
            sha=hashlib.sha256(text.encode()).hexdigest(),
        )

    def settled(self, seq: int, outcome: str) -> None:
        """Write down that an event was answered or given up."""
        self._write(event=outcome, seq=seq)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, **line: str | int | None) -> None:
        os.write(self._file, json.dumps({"charger": self._charger, **line}).encode() + b"\n")
