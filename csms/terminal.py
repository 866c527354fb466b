"""What commands of the command line share: the storage that they work on, and how data is shown.

Data is JSON on standard output. Where that is a terminal a list is a table instead, unless one
asks for JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from csms import settings
from csms.errors import RingmainError
from csms.playing import run
from storage import engines
from storage.clock import SystemClock, timestamp
from storage.store import Storage

OneLine = Annotated[bool, typer.Option("--json", help="All on one line, for programs.")]
# Who did what the command line does.
COMMAND_LINE = "command-line"


_LEAST = 4  # cells of a column, however narrow a terminal is


class UnknownName(RingmainError):
    """There is no such thing."""


class NoStorage(RingmainError):
    """There is nothing where the settings say that everything is."""


def chosen_settings() -> settings.Settings:
    """Return what the environment says."""
    return settings.read(os.environ)


def show(data: Any, *, one_line: bool) -> None:
    """Print data as JSON, which is all that standard output carries."""
    indent = None if one_line else 2
    with until_closed():
        print(json.dumps(data, indent=indent, default=_plain), flush=True)  # noqa: T201 - the data asked for


def show_list(
    rows: Sequence[Any], *, one_line: bool, none: str, console: Console | None = None
) -> None:
    """Print a list: a table for people at a terminal, else JSON; ``none`` says that it is empty."""
    console = console or Console()
    if one_line or not console.is_terminal:
        show(rows, one_line=one_line)
    elif rows:
        console.print(table([_fields(row) for row in rows]))
    else:
        console.print(Text(none))


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return rows as a table, without the columns in which there is nothing."""
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    made = Table(box=None, header_style="bold")
    for name in names:
        # An id that is cut off, or in two, names nobody.
        whole = name.endswith(("id", "uuid"))
        made.add_column(name.replace("_", " "), no_wrap=whole, overflow="fold", min_width=_LEAST)
        if whole:
            made.columns[-1].min_width = max(len(_cell(row[name])) for row in rows)
    for row in rows:
        # Text, because names may look like markup, and may hold what moves the cursor.
        made.add_row(*(Text(printable(_cell(row[name]))) for name in names))
    return made


def printable(text: str) -> str:
    """Return a text without what moves a cursor, changes colours or turns the direction."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return repr(character)[1:-1]


@contextlib.contextmanager
def until_closed() -> Iterator[None]:
    """End quietly with 0 when nobody reads standard output any more, as `| head` does not."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None


def with_storage(work: Callable[[Storage], Awaitable[Any]], *, new: bool = False) -> Any:
    """Do work on the storage that the settings name, also beside a running server.

    Only who may begin a ``new`` one makes it: in a wrong directory all would be empty, and nobody
    told why. Raises NoStorage.
    """
    return run(on_storage(work, new=new))


async def on_storage(work: Callable[[Storage], Awaitable[Any]], *, new: bool = False) -> Any:
    """Do the same on a loop that runs already."""
    from csms import keeping  # noqa: PLC0415 - all of the storage: help and completion do not wait

    chosen = chosen_settings()
    if not new:
        _refuse_nothing(chosen)
    async with keeping.storage_of(chosen, SystemClock()) as storage:
        return await work(storage)


def _refuse_nothing(chosen: settings.Settings) -> None:
    url = chosen.database_url or engines.default_url(chosen.data_dir)
    path = Path(url.database or "").absolute()
    if url.get_backend_name() == "sqlite" and not path.exists():
        raise NoStorage(
            f"There is no database at {path}: RINGMAIN_DATA_DIR (or RINGMAIN_DATABASE_URL) "
            "must be the server's. `ringmain org create NAME` begins a new one."
        )


async def known(storage: Storage, organization_uuid: str) -> None:
    """Raise UnknownName unless there is this organization."""
    if await storage.organizations.get(organization_uuid) is None:
        raise UnknownName(f"There is no organization {printable(organization_uuid)}.")


def _fields(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else asdict(row)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return json.dumps(value) if isinstance(value, bool | list | tuple | dict) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
