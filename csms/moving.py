"""Move an installation to another database: `ringmain db copy`, with its progress."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from storage.copying import Phase, Tell, copy
from storage.engines import parse_url, shown
from storage.moving import both_ends

LEFT_BEHIND = (
    "Not in the database, so not copied: keyring.json and the files of the data directory."
    " What is sealed cannot be opened without the key ring: take the directory along."
)


def move(origin: str, destination: str, console: Console) -> dict[str, Any]:
    """Copy one database into the other and return what became of each table."""
    source, target = parse_url(origin), parse_url(destination)
    with both_ends(source, target) as ends, _told(console) as tell:
        copied = copy(*ends, tell)
    return {
        "from": shown(source),
        "to": shown(target),
        "rows": sum(each.target.rows for each in copied),
        "copied": sum(each.copied for each in copied),
        "tables": [asdict(each) for each in copied],
        "note": LEFT_BEHIND,
    }


@contextlib.contextmanager
def _told(console: Console) -> Iterator[Tell]:
    """Show how far it is: a bar for each phase, or a line where nobody watches."""
    if not console.is_terminal:
        yield _Lines(console).tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[table]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress).tell


class _Bars:
    """One bar for each phase, in a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Phase, Any] = {}

    def tell(self, phase: Phase, table: str, rows: int, total: int) -> None:
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(phase, total=total, table=table)
        self._progress.update(self._tasks[phase], advance=rows, table=table)


class _Lines:
    """A line for each phase, at its beginning and with each tenth that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done: dict[Phase, int] = {}

    def tell(self, phase: Phase, table: str, rows: int, total: int) -> None:
        before = self._done.get(phase, 0)
        done = self._done[phase] = before + rows
        if not before or done * 10 // total > before * 10 // total:
            self._console.print(f"{phase}: {done} of {total} rows ({table})", highlight=False)
