"""What one attack came to: a line with its figures, and whether they may be so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_INTRODUCTION = """\
# What attacks come to

`make attacks` attacks a server process from addresses of this machine (127.x.y.z), each attack a
fresh server on SQLite, and writes this page; `ARGS='--only guesses'` tries one attack and leaves
the page alone. Attackers, chargers and server share the machine's two cores, so times are those of
a server that is short of CPU as well. The exit code is 1 where something does not hold.
"""


@dataclass(slots=True)
class Result:
    """The figures of one attack, and what of them is not as it must be."""

    attack: str
    figures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def tell(self, figure: str) -> None:
        """Add a figure."""
        self.figures.append(figure)

    def must(self, held: bool, figure: str, bound: str) -> None:  # noqa: FBT001 - the condition itself
        """Add a figure that has a bound; fail where it does not hold."""
        self.figures.append(f"{figure} ({bound})")
        if not held:
            self.broken.append(f"{figure}, must be {bound}")

    @property
    def line(self) -> str:
        """Return the line."""
        verdict = "FAIL" if self.broken else "pass"
        return f"{verdict}  {self.attack}: {'; '.join(self.figures)}"


def page(meanings: dict[str, str], results: Sequence[Result]) -> str:
    """Write the page in Markdown."""
    rows = [
        f"| {one.attack} | {meanings[one.attack.split(',')[0]]} | {'<br>'.join(one.figures)} "
        f"| {'FAIL: ' + '; '.join(one.broken) if one.broken else 'pass'} |"
        for one in results
    ]
    head = "| attack | what is done | figures (and what they must be) | |\n|---|---|---|---|\n"
    return f"{_INTRODUCTION}\n{head}" + "\n".join(rows) + "\n"
