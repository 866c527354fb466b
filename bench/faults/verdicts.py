"""One line per fault and OCPP version: what was counted, and whether it may be so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HEAD = (
    "fault",
    "OCPP",
    "database",
    "lost",
    "dup (flagged)",
    "reordered",
    "phantom",
    "recovery s",
    "worst answer ms",
    "peak MiB",
    "verdict",
    "also",
)


@dataclass(slots=True)
class Line:
    """What one fault did to the chargers of one version; times in s, None where not measured."""

    fault: str
    version: str
    lost: int = 0
    duplicates: int = 0
    flagged: int = 0
    reordered: int = 0
    phantom: int = 0
    recovery_s: float | None = None
    worst_s: float | None = None
    peak_mib: float = 0.0
    broken: list[str] = field(default_factory=list)  # musts
    missed: list[str] = field(default_factory=list)  # goals
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # the details of what is broken
    database: str = "SQLite"

    def must(self, held: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition itself
        """Fail where this does not hold."""
        if not held:
            self.broken.append(otherwise)

    def goal(self, held: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition itself
        """Remark where this does not hold."""
        if not held:
            self.missed.append(otherwise)

    @property
    def verdict(self) -> str:
        """Say whether it passed."""
        if self.broken:
            return "FAIL: " + "; ".join(self.broken)
        return "pass, missed: " + "; ".join(self.missed) if self.missed else "pass"

    def cells(self) -> tuple[str, ...]:
        """Return what is printed under HEAD."""
        return (
            self.fault,
            self.version,
            self.database,
            str(self.lost),
            f"{self.duplicates} ({self.flagged})",
            str(self.reordered),
            str(self.phantom),
            "-" if self.recovery_s is None else f"{self.recovery_s:.1f}",
            "-" if self.worst_s is None else f"{1000 * self.worst_s:.0f}",
            f"{self.peak_mib:.0f}",
            self.verdict,
            "; ".join(self.notes),
        )


def judge_counts(line: Line) -> None:
    """Apply what must hold whatever the fault was."""
    line.must(line.lost == 0, f"{line.lost} lost")
    line.must(line.reordered == 0, f"{line.reordered} reordered")
    line.must(line.phantom == 0, f"{line.phantom} phantom")
    unflagged = line.duplicates - line.flagged
    line.must(unflagged == 0, f"{unflagged} duplicates not flagged")


def row(cells: Iterable[str]) -> str:
    """Write one line of the table."""
    widths = (7, 5, 10, 4, 13, 9, 7, 10, 15, 8)
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, *list(cells)[len(widths) :]])


def merged(rounds: Sequence[Line]) -> Line:
    """Join the lines of one fault and version over several seeds: sums and worst cases."""
    first = rounds[0]
    whole = Line(first.fault, first.version, database=first.database)
    for name in ("lost", "duplicates", "flagged", "reordered", "phantom"):
        setattr(whole, name, sum(getattr(line, name) for line in rounds))
    for name in ("recovery_s", "worst_s"):
        known = [value for line in rounds if (value := getattr(line, name)) is not None]
        setattr(whole, name, max(known) if known else None)
    whole.peak_mib = max(line.peak_mib for line in rounds)
    for name in ("broken", "missed", "problems"):
        getattr(whole, name).extend(one for line in rounds for one in getattr(line, name))
    whole.notes = list(rounds[-1].notes)
    return whole
