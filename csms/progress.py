"""How far long work is: a bar on standard error where that is a terminal, else nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

# Told how much more is done, and what there is to say of it.
Advance: TypeAlias = Callable[[float, str], None]


@contextlib.contextmanager
def shown(what: str, total: float | None, console: Console | None = None) -> Iterator[Advance]:
    """Show a bar until the context ends; without a total it only shows that something goes on."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _told: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    # What is on standard output is none of ours: it may be the same terminal.
    options = {"redirect_stdout": False, "redirect_stderr": False, "transient": True}
    with Progress(*columns, console=console, **options) as progress:  # type: ignore[arg-type]  # of Progress
        task = progress.add_task(what, total=total, told="")
        yield lambda done, told: progress.update(task, advance=done, told=told)
