"""What the doctor finds: how a thing is, in a sentence, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from csms.terminal import printable

State = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is; ``advice`` is what to do, where something is to be done."""

    state: State
    told: str
    advice: str = ""


def ok(told: str) -> Finding:
    """Return that all is well."""
    return Finding("ok", told)


def warning(told: str, advice: str) -> Finding:
    """Return that something will not do for long, or not for everybody."""
    return Finding("warning", told, advice)


def failure(told: str, advice: str) -> Finding:
    """Return that something does not work."""
    return Finding("failure", told, advice)


def skipped(why: str) -> Finding:
    """Return that something was not looked at."""
    return Finding("skipped", why)


def sentence(fault: Exception) -> str:
    """Return what went wrong; of a file which one it is."""
    if isinstance(fault, OSError) and fault.strerror and fault.filename:
        return f"{fault.filename}: {fault.strerror}."
    return str(fault)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check has found."""

    check: str
    finding: Finding

    def data(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"check": self.check, **asdict(self.finding)}


# A symbol, and its colour; the word stands beside it.
_SHOWN: Mapping[State, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failure": ("✗", "red"),
    "skipped": ("-", "dim"),
}


def tell(found: Found, console: Console) -> None:
    """Show a finding and below it what is to be done; where nobody looks no line is broken."""
    symbol, style = _SHOWN[found.finding.state]
    state = Text(f"{symbol} {found.finding.state:7}", style)
    check, told = Text(f"{found.check:14}", "bold"), Text(printable(found.finding.told))
    if found.finding.advice:
        advice = Text(f"→ {printable(found.finding.advice)}", style)
        told = Text("\n").join([told, advice])
    if console.is_terminal:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(state, check, told)
        console.print(grid)
        return
    indent = " " * (state.cell_len + check.cell_len + 2)
    plain = f"{state} {check} {told}".replace("\n", f"\n{indent}")
    console.print(Text(plain), soft_wrap=True)


def sum_of(found: Sequence[Found]) -> str:
    """Return how many there are of each, in words."""
    states = [each.finding.state for each in found]
    counted = {state: states.count(state) for state in ("failure", "warning")}
    if not any(counted.values()):
        return "Nothing is wrong."
    return ", ".join(
        f"{count} {state}{'s' * (count > 1)}" for state, count in counted.items() if count
    )
