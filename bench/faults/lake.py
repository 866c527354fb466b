"""What lies in a bucket, record by record, against what the message log says."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.faults.books import Spoken
from bench.faults.verdicts import Line

_NAME = re.compile(
    r"(?:.+/)?organization=([0-9a-f-]+)/date=(\d{4}-\d\d-\d\d)/hour=(\d\d)/"
    r"([0-9a-f-]+)-(\d+)-(\d+)\.jsonl\.gz"
)
# Where the payload is in a frame of each type.
_PAYLOADS = {"Call": 3, "CallResult": 2, "Send": 3}
_GZIP = 31


@dataclass(slots=True)
class Count:
    """What a bucket has against the log, by charger; ``problems`` must be none."""

    lost: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    reordered: Counter[str] = field(default_factory=Counter)
    phantom: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    objects: int = 0
    records: int = 0
    bytes: int = 0

    def add_to(self, line: Line, chargers: Collection[str], where: str) -> None:
        """Add what concerns these chargers to a line."""
        for name in ("lost", "duplicates", "reordered", "phantom"):
            counted = sum(n for charger, n in getattr(self, name).items() if charger in chargers)
            setattr(line, name, getattr(line, name) + counted)
            line.must(not counted, f"{counted} {name} in {where}")
        line.must(not self.problems, f"{where}: {len(self.problems)} problems")
        line.problems += [f"{where}: {problem}" for problem in self.problems[:5]]


class _Object(NamedTuple):
    first: int
    last: int
    hour: str
    name: str
    organization: str
    octets: int
    lines: Sequence[Mapping[str, Any]]


def count(
    spoken: Sequence[Spoken], listing: Mapping[str, bytes], organization: str, end: int
) -> Count:
    """Count every record of a listing up to a position; objects behind it are not looked at."""
    counted, said = Count(), {row.seq: row for row in spoken}
    seen: set[int] = set()
    newest: dict[str, int] = {}
    for one in _objects(listing, counted.problems):
        if one.first > end:
            continue
        counted.objects, counted.bytes = counted.objects + 1, counted.bytes + one.octets
        counted.problems += _misfits(one, organization)
        for record in one.lines:
            seq, charger = record["seq"], record["charge_box_id"]
            counted.records += 1
            counted.duplicates[charger] += seq in seen
            counted.reordered[charger] += seq < newest.get(charger, 0)
            wrong = _difference(said.get(seq), record, organization)
            counted.phantom[charger] += bool(wrong)
            counted.problems += [f"record {seq}: {wrong}"] if wrong else []
            seen.add(seq)
            newest[charger] = max(seq, newest.get(charger, 0))
    counted.lost.update(row.charger for row in spoken if row.seq not in seen)
    counted.problems += _holes(spoken, seen)
    return counted


def _objects(listing: Mapping[str, bytes], problems: list[str]) -> Iterable[_Object]:
    found = []
    for name, body in listing.items():
        if (parts := _NAME.fullmatch(name)) is None:
            problems.append(f"a name that none should have: {name}")
            continue
        organization, date, hour, _, first, last = parts.groups()
        lines = [json.loads(line) for line in _text(body).splitlines()]
        hour = f"{date}T{hour}"
        size = len(body)
        found.append(_Object(int(first), int(last), hour, name, organization, size, lines))
    return sorted(found)


def _text(body: bytes) -> bytes:
    return zlib.decompress(body, wbits=_GZIP)


def _misfits(one: _Object, organization: str) -> Iterator[str]:
    """Say where the name of an object is not true."""
    seqs = [record["seq"] for record in one.lines]
    if not seqs or (seqs[0], seqs[-1]) != (one.first, one.last):
        yield f"{one.name} has {seqs[:1]} to {seqs[-1:]}"
    if one.organization != organization:
        yield f"{one.name} is another organization's"
    if any(not record["timestamp"].startswith(one.hour) for record in one.lines):
        yield f"{one.name} has records of another hour"


def _difference(row: Spoken | None, record: Mapping[str, Any], organization: str) -> str:
    """Say what of a record is not as it was logged; nothing where all is."""
    if row is None:
        return "nobody said it"
    told = _as_told(row, organization)
    wrong = [name for name, value in told.items() if record.get(name, value) != value]
    missing = sorted(told.keys() - {"payload"} - record.keys())
    if "payload" not in record and "raw" not in record:
        missing.append("payload")
    at = datetime.fromisoformat(record["timestamp"])
    if abs((at - datetime.fromtimestamp(row.at / 1e6, UTC)).total_seconds()) >= 0.001:
        wrong.append("timestamp")
    return ", ".join([*wrong, *(f"no {name}" for name in missing)])


def _as_told(row: Spoken, organization: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "organization_uuid": organization,
        "charge_box_id": row.charger,
        "direction": row.direction,
        "ocpp_version": row.version,
        "message_type": row.kind,
        "message_id": row.id,
        "proxy_configuration_id": row.configuration,
    }
    if row.kind in _PAYLOADS:
        told["payload"] = json.loads(row.frame)[_PAYLOADS[row.kind]]
    return told


def _holes(spoken: Sequence[Spoken], seen: Collection[int]) -> list[str]:
    missing = [row.seq for row in spoken if row.seq not in seen]
    return [f"{len(missing)} missing, first {missing[:5]}"] if missing else []
