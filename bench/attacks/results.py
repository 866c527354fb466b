"""What one attack came to: a line with its figures, and whether they may be so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_INTRODUCTION = """\
# What attacks come to

`make attacks` attacks a server process from addresses of this machine (127.x.y.z), each attack a
fresh server on SQLite, and writes this page; `ARGS='--only guesses'` tries one attack and leaves
the page alone. Attackers, chargers and server share the machine's two cores, so times are those of
a server that is short of CPU as well. The exit code is 1 where something does not hold. Why the
limits are as they are is in docs/adr/0034-limits-at-the-door.md; that they are kept is tried in
tests/security (docs/security.md).

| at the door for chargers | limit | beyond it |
|---|---|---|
| failures of an address at one charger | 5, then 1 s doubling to 60 s | refused unevaluated (401) |
| failures of an address | 20/s, 100 at once | refused unevaluated (401) |
| unauthenticated sockets of an address; in all | 500; 1,500 | the oldest is closed |
| head of a request | 10 s, 32 KiB | closed; 431 |
| takeovers of a charger from other addresses | 6 a minute | the newcomer is closed, 1008 |
| a frame | 1 MiB, 32 deep, 255 characters of id | CALLERROR; above 2 MiB 1009 |
| CALLs of a charger | 200/s, 2,000 at once | read later |
| pings, pongs and fragments of a charger | 200/s, 2,000 at once | read later |
| fragments of one text | 10,000 | cut off |
| bytes of a charger | 1 MB/s, 4 MB at once | read later |
| commands that wait for a charger | 64 | 503 |

An address is one of IPv4, or 64 bits of IPv6. Whoever was in from an address within 24 hours is
always evaluated; sockets of `RINGMAIN_TRUSTED_PROXIES` are not counted. With TLS
a socket is counted before it says anything.
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
