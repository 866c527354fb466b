"""The page that tells what the last whole run has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.faults.verdicts import HEAD, Line

_INTRODUCTION = """\
# What faults do

`make faults` breaks things on purpose, counts what came of it, and writes this page. Every fault is
tried on OCPP 1.6 and 2.0.1 against a real server process, with simulated chargers and targets over
real sockets; time is compressed, and every run prints its seeds. `ARGS='--only F-07'` tries one
fault, `--seed N --seeds K` tries K seeds from N on, `--scale 0.1` takes a small stand; what is not
a whole run leaves this page alone. The exit code is 1 where a must is broken.

A charger writes each transaction event down before it sends it, and again when it is answered. The
target keeps every CALL in its order, with the answer that it gave. The server's ledger and message
log are read from its database. `--engine postgresql` tries faults on PostgreSQL that are tried on
SQLite otherwise; without PostgreSQL's programs, or the right to mount a tmpfs (F-06), what needs
them is skipped with one line.

| counted | is |
|---|---|
| lost | answered to the charger, and not at its target or not in our log |
| dup (flagged) | at the target again; those that were sent as perhaps a repetition: all must be |
| reordered | at the target after a later event of the same charger |
| phantom | at the target or in our ledger, and never said, or under another transaction's id |
| recovery s | until all chargers were back, or all was delivered |
| worst answer ms | the slowest answer to any CALL of any charger |
| peak MiB | the most memory that the server's process had |

Besides, the sums of meterStop - meterStart must be the same at the chargers, in our ledger and at
the target; every transaction must be in the ledger once, and ended; nothing may be given up that
the target would have taken.

While a database is away (F-04, F-05, F-06), commands are sent and the REST API is read all the
time: what cannot be read or stored is 503 within 5 s, never 500; `/readyz` is red and says why; no
charger has an answer; the server logs no fault of its own and grows by less than 100 MiB. The first
commit comes at most 2 s after the database is back, 5 s after there is room. Chargers stay
connected or are closed unanswered.

While object stores are ill or away, or the server dies on the way to them (F-11), every bucket is
counted record by record against the message log as well: lost is in the log and in no object, dup
twice in the listing, reordered behind a later record of the same charger, phantom never said or
said otherwise. Names of objects must be true of what is in them, and their bytes the same at every
attempt; the status of each connector must tell the objects, records and bytes that are there, and
the lag that the database counts; an owner whose store takes nothing must be told so (`error`) and
why, and no secret; connectors in good health, one of them another organization's, stay at most 5 s
behind (they flush every second); what came during an outage is caught up with at 5 times the rate
at which it came, and the server grows by less than 100 MiB.
"""


def page(meanings: Mapping[str, str], lines: Sequence[Line], seeds: Sequence[int]) -> str:
    """Write the page in Markdown."""
    faults = [f"| {name} | {meaning} |" for name, meaning in meanings.items()]
    cells = [" | ".join(map(_plain, line.cells())) for line in lines]
    parts = [
        _INTRODUCTION,
        "| fault | what is done |\n|---|---|\n" + "\n".join(faults),
        f"One run on a shared 2-core machine, seeds {', '.join(map(str, seeds))}:",
        f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}\n" + "\n".join(f"| {c} |" for c in cells),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _plain(cell: str) -> str:
    return cell.replace("|", "/").replace("\n", " ") or " "
