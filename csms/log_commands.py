"""The command line of the message log: `ringmain log tail | export`, also beside a server."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console

from csms import arguments
from csms.completing import ORGANIZATIONS
from csms.examples import examples
from csms.log_export import export, into, span_of
from csms.log_lines import Lines
from csms.log_tail import Tail
from csms.playing import play
from csms.progress import shown
from csms.terminal import UnknownName, known, on_storage, printable, until_closed, with_storage
from storage.records import ChargerKey, Direction
from storage.repositories.log import Log, Wanted
from storage.statements.parts import AMONG
from storage.store import Storage
from storage.tenancy import EVERYBODY, on_behalf_of

log = typer.Typer(no_args_is_help=True, help="The message log: every frame of every link.")


def _few(names: list[str] | None) -> list[str] | None:
    if names and len(names) > AMONG:
        raise typer.BadParameter(f"wanted are {AMONG} chargers at most")
    return names


Org = Annotated[
    str | None,
    typer.Option(help="Only this organization's, by its UUID.", autocompletion=ORGANIZATIONS),
]
Chargers = Annotated[
    list[str] | None,
    typer.Option("--charger", callback=_few, help="Only this charger's; may be given repeatedly."),
]
Action = Annotated[str | None, typer.Option(help="Only of this action, its answers too.")]
Way = Annotated[Direction | None, typer.Option(help="Only what was said this way.")]
MessageId = Annotated[str | None, typer.Option(help="Only with this id: a call and its answer.")]
Errors = Annotated[
    bool, typer.Option("--errors", help="Only CALLERRORs, and what could not be read.")
]
_AGO = "a time in UTC, or how long ago: 15m, 2h, 3d."
Since = Annotated[
    Any, typer.Option(parser=str, callback=arguments.moment, metavar="TIME", help=f"From {_AGO}")
]
Until = Annotated[
    Any, typer.Option(parser=str, callback=arguments.moment, metavar="TIME", help=f"Before {_AGO}")
]
Grep = Annotated[
    Any,
    typer.Option(
        parser=str,
        callback=arguments.pattern,
        metavar="PATTERN",
        help="Only lines in which this regular expression is found.",
    ),
]


def _wanted(
    org: str | None,
    charger: list[str] | None,
    action: str | None,
    direction: Direction | None,
    message_id: str | None,
    errors: bool,  # noqa: FBT001 - in the order of the options
    since: datetime | None,
    until: datetime | None,
) -> Wanted:
    if since is not None and until is not None and since >= until:
        raise typer.BadParameter("what is wanted ends before it begins", param_hint="--until")
    return Wanted(
        organization_uuid=org,
        charge_box_ids=tuple(charger or ()),
        action=action,
        direction=direction,
        message_id=message_id,
        errors=errors,
        since=since,
        until=until,
    )


@contextlib.asynccontextmanager
async def _opened(storage: Storage, wanted: Wanted) -> Any:
    """Yield the log on behalf of whose it is; raise UnknownName for whoever is not there."""
    if (org := wanted.organization_uuid) is not None:
        await known(storage, org)
    with on_behalf_of(org or EVERYBODY):
        for name in wanted.charge_box_ids:
            await _known_charger(storage, org, name)
        yield Log(storage.database)


async def _known_charger(storage: Storage, org: str | None, name: str) -> None:
    orgs = [org] if org else [one.organization_uuid for one in await storage.organizations.list()]
    for each in orgs:
        key = ChargerKey(each, name)
        # One that was deleted has left what it said.
        if await storage.chargers.get(key) or await storage.journal.exchanges(key, limit=1):
            return
    raise UnknownName(
        f"There is no charger {printable(name)}{' in this organization' * bool(org)}."
    )


# ---- tail ----


@log.command(
    "tail",
    epilog=examples(
        "ringmain log tail",
        'ringmain log tail --org "$ORG" --charger CP-1 --charger CP-2 --lines 50',
        "ringmain log tail --action BootNotification --since 2h --no-follow",
        "ringmain log tail --errors --full",
        "ringmain log tail --direction target_to_platform --grep Rejected",
    ),
)
def tail(
    org: Org = None,
    charger: Chargers = None,
    action: Action = None,
    direction: Way = None,
    message_id: MessageId = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    lines: Annotated[int, typer.Option(min=0, max=10_000, help="How many of the past first.")] = 20,
    *,
    errors: Errors = False,
    follow: Annotated[
        bool, typer.Option(help="Go on with what comes; with --until there is an end.")
    ] = True,
    full: Annotated[bool, typer.Option("--full", help="The whole payload, on many lines.")] = False,
) -> None:
    """Show frames as they are logged, a line each, until Ctrl-C."""
    wanted = _wanted(org, charger, action, direction, message_id, errors, since, until)
    with until_closed():
        play(_tail(wanted, grep, lines, follow=follow and until is None, full=full))


async def _tail(
    wanted: Wanted, grep: re.Pattern[str] | None, lines: int, *, follow: bool, full: bool
) -> None:
    async def work(storage: Storage) -> None:
        async with _opened(storage, wanted) as log:
            shown_as = _lines(Console(), full=full)
            tail = Tail(log, wanted, shown_as, _say, _complain, grep)
            head = await tail.past(lines)
            if follow:
                await tail.follow(head)

    await on_storage(work)


def _lines(console: Console, *, full: bool) -> Lines:
    colours = console.color_system is not None and not console.no_color
    width = console.width if console.is_terminal else None
    return Lines(width=width, colours=colours, full=full)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the data asked for


def _complain(told: str) -> None:
    print(f"ringmain: {told}", file=sys.stderr)  # noqa: T201 - not the data asked for


# ---- export ----


@log.command(
    "export",
    epilog=examples(
        "ringmain log export > log.jsonl",
        "ringmain log export --since 2026-11-01 --until 2026-12-01 --output november.jsonl.gz",
        'ringmain log export --org "$ORG" --charger CP-1 --errors',
    ),
)
def export_(
    org: Org = None,
    charger: Chargers = None,
    action: Action = None,
    direction: Way = None,
    message_id: MessageId = None,
    since: Since = None,
    until: Until = None,
    grep: Grep = None,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="A file; .gz is compressed.")
    ] = None,
    *,
    errors: Errors = False,
) -> None:
    """Write frames as JSON Lines, oldest first, as data connectors do; credentials are left out."""
    wanted = _wanted(org, charger, action, direction, message_id, errors, since, until)

    async def work(storage: Storage) -> None:
        async with _opened(storage, wanted) as log:
            span = await span_of(log, wanted)
            with _output(output) as to, shown("exporting", span.through - span.after) as advance:
                await export(log, wanted, span, to, advance, grep)

    with until_closed():
        with_storage(work)


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        return
    with into(path) as to:
        yield to
